// Reads the ledger for what was said about this hub's contracts past it: a suspension told to a vault alone, a vault's
// reservation, an approval whose answer was lost in a crash. Public statements come by their own routes, with what belongs
// beside them; a run's end comes from its room, with its output. Not checked: that the ledger shows every entry (vaults
// do, and nothing is released without them).
import { bytesEqual, type Bytes, type Digest, digestString } from '@sealroom/bytes';
import {
  ContractError,
  type LedgerRecord,
  readStatement,
  type Statement,
  subjectSalt,
} from '@sealroom/contract';
import { entryTag, subjectKey } from '@sealroom/tlog';
import type { Db } from '../db.ts';
import type { Book, Taking } from './book.ts';
import type { Entry } from './ledger.ts';
import { knownAmong, loadView, saveView } from './store.ts';

export type FollowParts = {
  readonly db: Db;
  readonly book: Book;
  /** What a statement that was found means for the hub's own tables. */
  readonly takingOf: (statement: Statement) => Promise<Taking>;
};

type Keys = Map<Digest, Bytes>;

/** The subject keys of all contracts, one a family of versions. */
async function subjectKeys(record: LedgerRecord, known: Keys): Promise<Keys> {
  for (const { digest, contract } of record.contracts.values()) {
    const first = contract.first ?? digest;
    if (!known.has(first)) known.set(first, await subjectKey(subjectSalt(record, digest)));
  }
  return known;
}

async function keyFor({ tag, coseDigest }: Entry, keys: Keys): Promise<Bytes | undefined> {
  for (const key of keys.values()) if (bytesEqual(await entryTag(key, coseDigest), tag)) return key;
  return undefined;
}

async function learnEntry({ book, takingOf }: FollowParts, entry: Entry, keys: Keys): Promise<boolean> {
  const key = await keyFor(entry, keys);
  const bytes = key && (await book.ledger.statement(digestString(entry.coseDigest), key));
  if (!bytes) return false;
  try {
    const statement = await readStatement(bytes);
    if (statement.type === 'run.finished') return false;
    await book.learn(bytes, await takingOf(statement));
    return true;
  } catch (error) {
    // Said by a key that this hub does not know yet: it hears of it when the key's organisation comes here.
    if (error instanceof ContractError) return false;
    throw error;
  }
}

/**
 * A function that reads on to the ledger's newest checkpoint, and gives how many statements it found.
 * @throws (from the call) hub/ledger-unreachable · hub/ledger-answer when the ledger is not the one it was
 */
export function followLedger(parts: FollowParts): () => Promise<number> {
  const { db, book } = parts;
  const cached: Keys = new Map();
  return async () => {
    const view = await loadView(db);
    const seen = await book.ledger.checkpoint(view);
    let position = view?.position ?? 0;
    let found = 0;
    while (position < seen.size) {
      const keys = await subjectKeys(book.record, cached);
      const entries = await book.ledger.entries(position, seen.size);
      const last = entries.at(-1);
      if (!last) break;
      const known = await knownAmong(
        db,
        entries.map(({ coseDigest }) => digestString(coseDigest)),
      );
      for (const entry of entries) {
        if (known.has(digestString(entry.coseDigest))) continue;
        if (await learnEntry(parts, entry, keys)) found++;
      }
      position = last.index + 1;
      await saveView(db, { ...seen, position });
    }
    return found;
  };
}
