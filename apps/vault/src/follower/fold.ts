// What the followed entries say (docs/protocol.md sections 4 and 5): for each subject whose key the vault has, every entry
// is tested; what matches must have bytes that hash to it, and is folded in leaf order with the public entries. An entry
// of a followed subject without bytes stops the fold (`record/withheld`); bytes that may not stand there are void.
import { createHash, createHmac } from 'node:crypto';
import { type Bytes, bytesEqual, type Digest, digestString, hexEncode } from '@sealroom/bytes';
import {
  admitStatement,
  applyStatement,
  ContractError,
  createRecord,
  type LedgerRecord,
  subjectSalt,
} from '@sealroom/contract';
import { PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';
import type { VaultDatabase } from '../db.ts';
import { refuse } from '../error.ts';
import { createTurns } from '../turns.ts';
import { fetchStatement, type LedgerPlace } from './ledger.ts';
import { loadContracts, loadStatements, saveContract, saveStatements } from './store.ts';

const KEPT_FOLDS = 64;
const KEPT_SUBJECTS = 512;

/** One subject's entries, found so far. */
type Subject = {
  readonly key: Bytes;
  readonly salt: Bytes | undefined;
  scanned: number;
  readonly leaves: number[];
};
type Fold = { readonly record: LedgerRecord; folded: number };

/** COSE bytes that a caller brought, by their digest. They count only where an entry commits to them. */
export type Brought = ReadonlyMap<Digest, Bytes>;

export type Records = {
  /**
   * Folds the public entries and those of the given subjects as far as the log copy goes, and lends the record: nobody
   * changes it while `use` runs. @param salts of the first versions of the contracts to follow
   * @throws record/withheld
   */
  lend<Result>(
    salts: readonly Bytes[],
    brought: Brought,
    use: (record: LedgerRecord) => Promise<Result>,
  ): Promise<Result>;
  /** Salts of the contracts that some record has shown before. */
  knownSalt(contract: Digest): Bytes | undefined;
};

export function digestsOf(statements: readonly Bytes[]): Map<Digest, Bytes> {
  return new Map(
    statements.map((cose) => [digestString(createHash('sha256').update(cose).digest()), cose] as const),
  );
}

function scan(subject: Subject, entries: readonly Bytes[]): void {
  for (; subject.scanned < entries.length; subject.scanned++) {
    const entry = entries[subject.scanned];
    if (!entry) return;
    const tag = createHmac('sha256', subject.key).update(entry.subarray(32)).digest();
    if (bytesEqual(tag, entry.subarray(0, 32))) subject.leaves.push(subject.scanned);
  }
}

type Match = { readonly leaf: number; readonly subject: Subject; readonly digest: Digest };

function matchesFrom(from: number, subjects: readonly Subject[], entries: readonly Bytes[]): Match[] {
  return subjects
    .flatMap((subject) => subject.leaves.filter((leaf) => leaf >= from).map((leaf) => ({ leaf, subject })))
    .toSorted((a, b) => a.leaf - b.leaf)
    .map(({ leaf, subject }) => ({
      leaf,
      subject,
      digest: digestString(entries[leaf]?.subarray(32) ?? new Uint8Array()),
    }));
}

/** A statement under another subject's tag than its own is void, like one that may not stand. */
async function foldOne(record: LedgerRecord, { leaf, subject }: Match, cose: Bytes): Promise<void> {
  try {
    const admitted = await admitStatement(record, cose);
    const own = admitted.subject === 'public' ? undefined : admitted.subject;
    const same = own && subject.salt ? bytesEqual(own, subject.salt) : own === subject.salt;
    if (same) await applyStatement(record, admitted, leaf);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
  }
}

type Sources = { readonly db: VaultDatabase; readonly ledger: LedgerPlace };

async function bytesFor(
  { db, ledger }: Sources,
  { digest, subject }: Match,
  kept: ReadonlyMap<Digest, Bytes>,
  brought: Brought,
): Promise<Bytes> {
  const own = kept.get(digest);
  if (own) return own;
  const given = brought.get(digest);
  if (given) return given;
  const found = await fetchStatement(ledger, digest, subject.key);
  if (!found) {
    throw refuse(
      'record/withheld',
      'The ledger holds a statement about this contract whose bytes nobody shows; nothing is released until they appear.',
    );
  }
  await saveStatements(db, new Map([[digest, found]]));
  return found;
}

async function foldOn(
  sources: Sources,
  fold: Fold,
  subjects: readonly Subject[],
  entries: readonly Bytes[],
  brought: Brought,
): Promise<void> {
  for (const subject of subjects) scan(subject, entries);
  const size = Math.min(...subjects.map((subject) => subject.scanned));
  const matches = matchesFrom(fold.folded, subjects, entries).filter((match) => match.leaf < size);
  const kept = await loadStatements(
    sources.db,
    matches.map((match) => match.digest),
  );
  const given = matches.flatMap(({ digest }) => {
    const bytes = kept.has(digest) ? undefined : brought.get(digest);
    return bytes ? [[digest, bytes] as const] : [];
  });
  await saveStatements(sources.db, new Map(given));
  for (const match of matches) {
    await foldOne(fold.record, match, await bytesFor(sources, match, kept, brought));
    fold.folded = match.leaf + 1;
  }
  fold.folded = size;
}

/** Callers name subjects, so what is kept of them is bounded: the one used longest ago is forgotten and made again. */
function keepLast<Value>(kept: Map<string, Value>, name: string, value: Value, most: number): Value {
  kept.delete(name);
  kept.set(name, value);
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break;
    kept.delete(oldest);
  }
  return value;
}

/** Records over a copy of the log. @param entries the copy's entries, which grow */
export async function openRecords(sources: Sources, entries: readonly Bytes[]): Promise<Records> {
  const turns = createTurns();
  const subjects = new Map<string, Subject>();
  const folds = new Map<string, Fold>();
  const contracts = await loadContracts(sources.db);
  const open: Subject = { key: PUBLIC_SUBJECT_KEY, salt: undefined, scanned: 0, leaves: [] };

  const subjectOf = async (name: string, salt: Bytes): Promise<Subject> => {
    const known = subjects.get(name) ?? { key: await subjectKey(salt), salt, scanned: 0, leaves: [] };
    return keepLast(subjects, name, known, KEPT_SUBJECTS);
  };
  const foldOf = (name: string): Fold => {
    const fold = folds.get(name) ?? { record: createRecord(sources.ledger.origin), folded: 0 };
    return keepLast(folds, name, fold, KEPT_FOLDS);
  };
  const learn = async (record: LedgerRecord): Promise<void> => {
    for (const digest of record.contracts.keys()) {
      if (contracts.has(digest)) continue;
      const salt = subjectSalt(record, digest);
      await saveContract(sources.db, digest, salt);
      contracts.set(digest, salt);
    }
  };
  return {
    knownSalt: (contract) => contracts.get(contract),
    lend: async (salts, brought, use) => {
      const named = new Map(salts.map((salt) => [hexEncode(salt), salt]));
      const found = await Promise.all(
        [...named].map(async ([id, salt]) => ({ id, subject: await subjectOf(id, salt) })),
      );
      for (const { subject } of found) scan(subject, entries);
      // A salt that nothing stands under makes no fold: callers name salts, and each fold reads every public entry.
      const standing = found.filter(({ subject }) => subject.leaves.length > 0);
      const followed = standing.map(({ subject }) => subject);
      const name = standing
        .map(({ id }) => id)
        .toSorted()
        .join(' ');
      return turns(name, async () => {
        const fold = foldOf(name);
        await foldOn(sources, fold, [open, ...followed], entries, brought);
        await learn(fold.record);
        return use(fold.record);
      });
    },
  };
}
