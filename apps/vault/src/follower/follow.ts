// Follows the ledger (docs/protocol.md section 5): every entry is kept, and a newer checkpoint counts only when the entries
// held before and the new ones together make its signed root. A log that forks or goes back therefore shows itself.
// Not here: what the entries say (fold.ts), whether witnesses saw the same checkpoint (releases/rules.ts).
import { createHash } from 'node:crypto';
import { type Bytes, bytesEqual } from '@sealroom/bytes';
import { Frontier, type OpenedCheckpoint, openCheckpoint } from '@sealroom/tlog';
import type { VaultDatabase } from '../db.ts';
import { refuse, type VaultCode } from '../error.ts';
import { fetchCheckpoint, fetchEntries, type LedgerPlace } from './ledger.ts';
import { loadCheckpoint, loadEntries, saveConflict, saveGrowth } from './store.ts';

export type Followed = OpenedCheckpoint & {
  /** When the vault fetched it, in milliseconds since 1970. */
  readonly seenAt: number;
  /** The latest time this vault's clock has shown when it followed, also before a restart. */
  readonly latest: number;
};

export type LogCopy = {
  /** The entries held, 64 bytes each, in leaf order. */
  readonly entries: readonly Bytes[];
  /** The newest checkpoint that fits; undefined before the first. */
  held(): Followed | undefined;
  /** Why the last attempt failed; undefined when it did not. */
  problem(): VaultCode | undefined;
  /**
   * Fetches the newest checkpoint and what is missing. Calls that wait share the next attempt, which begins after them.
   * @throws record/unreachable · record/forked · record/rolled-back
   */
  follow(): Promise<Followed>;
};

type State = {
  readonly db: VaultDatabase;
  readonly ledger: LedgerPlace;
  readonly clock: () => number;
  readonly entries: Bytes[];
  frontier: Frontier;
  held: Followed | undefined;
  problem: VaultCode | undefined;
};

const sha256 = (...parts: readonly Uint8Array[]): Bytes => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
// RFC 9162 hashes without WebCrypto's detour: a log of a million entries is taken up in seconds.
const leafHash = (entry: Uint8Array): Bytes => sha256(Uint8Array.of(0), entry);
const nodeHash = (left: Uint8Array, right: Uint8Array): Bytes => sha256(Uint8Array.of(1), left, right);
const emptyTree = (): Frontier => new Frontier(0, [], nodeHash);

async function grown(frontier: Frontier, entries: readonly Bytes[]): Promise<Frontier> {
  const next = frontier.copy();
  for (const entry of entries) await next.add(leafHash(entry));
  return next;
}

async function conflict(
  state: State,
  code: 'record/forked' | 'record/rolled-back',
  shown: OpenedCheckpoint,
): Promise<never> {
  const at = new Date(state.clock());
  await saveConflict(state.db, { note: shown.note, code, held: state.held?.note ?? '', at });
  const what =
    code === 'record/forked'
      ? 'The ledger shows a history that does not contain the one this vault has seen'
      : 'The ledger shows an older state than this vault has seen';
  throw refuse(code, `${what}; nothing is released until it shows that one again.`);
}

/** The tree over the first `size` entries held has this root. */
async function hadRoot(state: State, { size, root }: OpenedCheckpoint): Promise<boolean> {
  const before = await grown(emptyTree(), state.entries.slice(0, size));
  return bytesEqual(await before.root(), root);
}

async function advance(state: State): Promise<Followed> {
  const shown = await fetchCheckpoint(state.ledger);
  const seenAt = state.clock();
  const size = state.frontier.size;
  if (shown.size < size) {
    return conflict(state, (await hadRoot(state, shown)) ? 'record/rolled-back' : 'record/forked', shown);
  }
  const fresh = await fetchEntries(state.ledger, size, shown.size);
  if (fresh.some((entry) => entry.length !== 64)) {
    throw refuse('record/unreachable', 'The ledger gave entries that are not 64 bytes long; try again.');
  }
  const next = await grown(state.frontier, fresh);
  if (!bytesEqual(await next.root(), shown.root)) return conflict(state, 'record/forked', shown);
  const latest = Math.max(seenAt, state.held?.latest ?? seenAt);
  const followed = { ...shown, seenAt, latest };
  if (fresh.length > 0 || !state.held)
    await saveGrowth(state.db, size, fresh, { size: shown.size, note: shown.note, seenAt: latest });
  state.frontier = next;
  for (const entry of fresh) state.entries.push(entry);
  state.held = followed;
  return followed;
}

async function load(state: State): Promise<void> {
  const kept = await loadCheckpoint(state.db);
  if (!kept) return;
  const opened = await openCheckpoint(kept.note, state.ledger);
  for await (const page of loadEntries(state.db)) for (const entry of page) state.entries.push(entry);
  state.frontier = await grown(emptyTree(), state.entries);
  const whole = state.entries.length === opened.size && bytesEqual(await state.frontier.root(), opened.root);
  if (!whole)
    throw refuse('record/forked', 'The vault’s own copy of the ledger is damaged; restore its database.');
  state.held = { ...opened, seenAt: kept.seenAt, latest: kept.seenAt };
}

/** Takes up the copy of the log where the database has it. */
export async function openLogCopy(
  db: VaultDatabase,
  ledger: LedgerPlace,
  clock: () => number,
): Promise<LogCopy> {
  const state: State = {
    db,
    ledger,
    clock,
    entries: [],
    frontier: emptyTree(),
    held: undefined,
    problem: undefined,
  };
  await load(state);
  let running: Promise<unknown> = Promise.resolve();
  let waiting: Promise<Followed> | undefined;
  const attempt = async (): Promise<Followed> => {
    waiting = undefined;
    try {
      const followed = await advance(state);
      state.problem = undefined;
      return followed;
    } catch (error) {
      state.problem = codeOfFailure(error);
      throw error;
    }
  };
  return {
    entries: state.entries,
    held: () => state.held,
    problem: () => state.problem,
    follow: () => {
      if (waiting) return waiting;
      waiting = running.then(attempt, attempt);
      running = waiting;
      return waiting;
    },
  };
}

function codeOfFailure(error: unknown): VaultCode {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'record/forked' || code === 'record/rolled-back' ? code : 'record/unreachable';
}
