// What must hold after any number of kills, judged on a history alone: its own count of places and bits, its own tree of
// the ledger's entries. The fold of statements is the product's (packages/contract); that it agrees with a second count of
// reservations and with what the vaults' databases hold is what is checked.
import { type Bytes, type Digest, digestString } from '@sealroom/bytes';
import {
  admitStatement,
  applyStatement,
  createRecord,
  isOfType,
  type LedgerRecord,
  readStatement,
  type Statement,
} from '@sealroom/contract';
import { Frontier, openCheckpoint, splitEntry, verifyTlogProof } from '@sealroom/tlog';
import type { History } from './history.ts';
import { nodeHash, leafHashOf } from './tree.ts';
import { checkReleases } from './releases.ts';
import { checkRuns } from './runs.ts';
import { checkVaults } from './vaults.ts';

export type Violation = { readonly invariant: string; readonly facts: string };

/** A statement of the log with its leaf. */
export type Leaf = { readonly index: number; readonly statement: Statement };

/** What the checks share: the log as statements, and how to say that something is broken. */
export type Judged = {
  readonly history: History;
  readonly leaves: readonly Leaf[];
  readonly record: LedgerRecord;
  /** Sizes of the checkpoints seen, by the digest of their notes. */
  readonly sizes: ReadonlyMap<Digest, number>;
  readonly broken: (invariant: string, facts: string) => void;
};

type Broken = Judged['broken'];

/** Every checkpoint that anybody saw is a beginning of the log as it is now. */
async function checkTree(history: History, broken: Broken): Promise<Map<Digest, number>> {
  const { origin, key } = history.ledger;
  const wanted = new Map<number, { digest: Digest | 'last'; root: Bytes }[]>();
  const sizes = new Map<Digest, number>();
  for (const [digest, note] of [...history.notes, ['last', history.note] as const]) {
    const opened = await openCheckpoint(note, { origin, key }).catch(() => undefined);
    if (!opened) {
      broken('ledger/checkpoint', `the checkpoint ${digest} is not signed by the ledger`);
      continue;
    }
    if (digest !== 'last') sizes.set(digest, opened.size);
    wanted.set(opened.size, [...(wanted.get(opened.size) ?? []), { digest, root: opened.root }]);
  }
  const tree = new Frontier(0, [], nodeHash);
  for (let size = 0; size <= history.entries.length; size++) {
    const root = wanted.has(size) ? await tree.root() : undefined;
    for (const seen of wanted.get(size) ?? [])
      if (root && Buffer.compare(root, seen.root) !== 0)
        broken('ledger/checkpoint', `the checkpoint ${seen.digest} of ${size} entries is of another history`);
    const entry = history.entries[size];
    if (entry) await tree.add(leafHashOf(entry));
  }
  for (const [size, seen] of wanted)
    if (size > history.entries.length)
      broken(
        'ledger/checkpoint',
        `the checkpoint ${seen[0]?.digest} of ${size} entries is longer than the log`,
      );
  return sizes;
}

/** What the ledger acknowledged stands where it said. */
async function checkReceipts({ ledger, receipts, entries }: History, broken: Broken): Promise<void> {
  const { origin, key } = ledger;
  for (const { cose, index, proof } of receipts) {
    const entry = entries[index];
    const same = entry !== undefined && digestString(splitEntry(entry).coseDigest) === cose;
    const proved = same && (await verifyTlogProof(proof, { entry, origin, key }).catch(() => undefined));
    if (!proved || proved.index !== index)
      broken('ledger/receipt', `the acknowledged statement ${cose} does not stand at leaf ${index}`);
  }
}

/** Every entry is a statement that somebody sent, once, and the record takes them all in their order. */
async function foldLog({ ledger, sent, entries }: History, broken: Broken) {
  const record = createRecord(ledger.origin);
  const leaves: Leaf[] = [];
  const seen = new Map<Digest, number>();
  for (const [index, entry] of entries.entries()) {
    const cose = digestString(splitEntry(entry).coseDigest);
    const bytes = sent.get(cose);
    if (seen.has(cose))
      broken('ledger/twice', `the statement ${cose} stands at ${seen.get(cose)} and ${index}`);
    seen.set(cose, index);
    if (!bytes) {
      broken('ledger/unknown-entry', `nobody sent the statement ${cose} of leaf ${index}`);
      continue;
    }
    try {
      const admitted = await admitStatement(record, bytes);
      await applyStatement(record, admitted, index);
      leaves.push({ index, statement: admitted.statement });
    } catch (error) {
      broken(
        'ledger/fold',
        `leaf ${index} may not stand there: ${error instanceof Error ? error.message : ''}`,
      );
      leaves.push({ index, statement: await readStatement(bytes) });
    }
  }
  return { record, leaves };
}

/** No budget is spent and nothing is said twice. */
function checkOnce({ leaves, broken }: Judged): void {
  const seen = new Map<string, number>();
  for (const { index, statement } of leaves) {
    const about = isOfType(statement, 'key.reserved')
      ? `${statement.type} ${statement.payload.run} ${statement.kid} ${statement.payload.room.sign}`
      : isOfType(statement, 'output.cleared')
        ? `${statement.type} ${statement.payload.run} ${statement.kid}`
        : isOfType(statement, 'run.finished')
          ? `${statement.type} ${statement.payload.run}`
          : undefined;
    if (about === undefined) continue;
    const first = seen.get(about);
    if (first !== undefined) broken('ledger/twice', `${about} stands at ${first} and ${index}`);
    seen.set(about, index);
  }
}

/** What a person was told stands does. */
function checkTold({ history, leaves, broken }: Judged): void {
  const standing = new Set(leaves.map(({ statement }) => statement.digest));
  for (const digest of history.told)
    if (!standing.has(digest)) broken('told/lost', `a person was told that ${digest} stands`);
}

/** All that is broken in a history; none when it is as it should be. */
export async function violationsIn(history: History): Promise<Violation[]> {
  const found: Violation[] = [];
  const broken: Broken = (invariant, facts) => void found.push({ invariant, facts });
  const sizes = await checkTree(history, broken);
  await checkReceipts(history, broken);
  const judged: Judged = { history, sizes, broken, ...(await foldLog(history, broken)) };
  checkOnce(judged);
  checkTold(judged);
  await checkReleases(judged);
  await checkVaults(judged);
  await checkRuns(judged);
  for (const facts of history.leftovers) broken('left-over', facts);
  return found;
}
