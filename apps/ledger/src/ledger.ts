// The appender. Statements are judged one after another; those that passed while the disk was busy make the next group.
// A group is durable (statements and tiles, then the checkpoint) before any of its callers hears of it. When a write fails
// nothing of the group was acknowledged, and the ledger takes itself up from the disk again before it appends more. When a
// flush fails it appends nothing more at all: only a new process may say what stands.
import { type Bytes, bytesEqual, hexEncode, utf8Encode } from '@sealroom/bytes';
import type { KeyText, Signer } from '@sealroom/cose';
import { ledgerEntry, signCheckpoint, TILE_WIDTH, tilePath } from '@sealroom/tlog';
import type { Admission } from './admission.ts';
import type { Disk } from './disk.ts';
import { growEdge, HASHES, hashLeaf, sha256Now } from './edge.ts';
import { LedgerError } from './error.ts';
import { CHECKPOINT, recover, type Recovered } from './recovery.ts';
import { type Head, headOf, type State } from './state.ts';
import { readGroup, readStatement, statementsFile } from './statements.ts';

export type LedgerOptions = {
  readonly disk: Disk;
  readonly signer: Signer;
  readonly origin: string;
  /** A fresh record, folded from nothing; asked for whenever the log is taken up from the disk. */
  readonly createAdmission: () => Admission;
};

export type Appended = {
  readonly index: number;
  /** True when the statement stood in the log before. */
  readonly repeated: boolean;
};

export type Ledger = {
  readonly origin: string;
  readonly key: KeyText;
  readonly signer: Signer;
  /** Everything up to the last durable checkpoint. */
  head(): Head;
  /**
   * Adds a statement, and answers when it is durable.
   * @throws what the admission throws · ledger/storage-failed · ledger/disk-lost · ledger/busy · ledger/stopping
   */
  append(bytes: Uint8Array): Promise<Appended>;
  /** Resolves with the reason when the disk lost something: nothing is appended any more, and the process should end. */
  readonly lost: Promise<LedgerError>;
  /** Leaf of a statement by the SHA-256 of its COSE bytes (hex). */
  find(coseDigestHex: string): number | undefined;
  /** The COSE bytes of a statement. @throws ledger/unknown-statement · ledger/statement-missing */
  statement(coseDigestHex: string): Promise<Bytes>;
  /** Calls back after each group that became durable. */
  onGrown(listener: () => void): void;
  /** Takes no more, finishes what waits. */
  close(): Promise<void>;
};

type Waiting = {
  readonly bytes: Bytes;
  readonly digest: string;
  readonly done: PromiseWithResolvers<Appended>;
};
type Ready = Waiting & { readonly entry: Bytes };

const MAX_GROUP = 256;
const MAX_GROUP_BYTES = 8 * 1024 * 1024;
/** Bytes of statements that may wait to be judged. */
const MAX_WAITING = 64 * 1024 * 1024;

function isLost(error: unknown): error is LedgerError {
  return error instanceof LedgerError && error.code === 'ledger/disk-lost';
}

function storageFailed(cause: unknown): LedgerError {
  if (isLost(cause)) return cause;
  const message =
    'The ledger could not store the statement; nothing was acknowledged. Try again; if it goes on, look at its disk.';
  return new LedgerError('ledger/storage-failed', message, { cause });
}

/** Judges all statements on disk again, in leaf order, so that the record is the log's. */
async function replay(disk: Disk, admission: Admission, { groups, entries }: Recovered): Promise<void> {
  let index = 0;
  for (const [at, first] of groups.entries()) {
    if (first !== index) break;
    const end = groups[at + 1] ?? entries.length;
    for (const bytes of await readGroup(disk, first, end - first)) {
      try {
        const admitted = await admission.admit(bytes);
        const entry = await ledgerEntry(admitted.subjectKey, bytes, HASHES);
        if (!bytesEqual(entry, entries[index] ?? new Uint8Array())) throw new Error('The entry is another.');
        await admitted.commit(index);
      } catch (cause) {
        const message = `The statement of leaf ${index} is no longer admitted; its file was changed, or this version is older.`;
        throw new LedgerError('ledger/replay-refused', message, { cause });
      }
      index += 1;
    }
  }
  if (index === entries.length) return;
  throw new LedgerError(
    'ledger/statement-missing',
    'Statements that the log holds are not on the disk; restore the statements folder.',
  );
}

async function takeUp({
  disk,
  signer,
  origin,
  createAdmission,
}: LedgerOptions): Promise<State & { admission: Admission }> {
  const recovered = await recover(disk, signer, origin);
  const admission = createAdmission();
  await replay(disk, admission, recovered);
  const { note, root, edge, frontier, leaves, groups } = recovered;
  return { note, root, edge, frontier, leaves, groups, admission };
}

/** Takes up the log in a data directory that this process has locked. @throws what {@link recover} throws · ledger/replay-refused */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { disk, signer, origin } = options;
  const appender = new Appender(options, await takeUp(options));
  return {
    origin,
    key: signer.key,
    signer,
    head: () => appender.head,
    append: (bytes) => appender.append(bytes),
    lost: appender.lost,
    find: (digest) => appender.find(digest),
    async statement(digest) {
      const leaf = appender.find(digest);
      if (leaf !== undefined) return readStatement(disk, appender.groups, leaf);
      throw new LedgerError('ledger/unknown-statement', 'There is no such statement here for this caller.');
    },
    onGrown: (listener) => {
      appender.listener = listener;
    },
    close: () => appender.close(),
  };
}

/** How many of those that are ready make the next group. */
function groupLength(ready: readonly Ready[]): number {
  let bytes = 0;
  const over = ready.findIndex((one, at) => (bytes += one.bytes.length) > MAX_GROUP_BYTES && at > 0);
  return Math.min(over < 0 ? ready.length : over, MAX_GROUP);
}

class Appender {
  readonly #options: LedgerOptions;
  readonly #pending = new Map<string, Promise<Appended>>();
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #ready: Ready[] = [];
  #state: State;
  #admission: Admission;
  #head: Head;
  /** Leaves given out, durable or not. */
  #next: number;
  #judging = false;
  /** Kept when nothing is being written. */
  #written: Promise<void> = Promise.resolve();
  #writing = false;
  #closed = false;
  /** Set while the record is ahead of the disk after a failed write. */
  #failure: Error | undefined;
  readonly #lost = Promise.withResolvers<LedgerError>();
  #tidying: Promise<unknown> = Promise.resolve();
  listener: () => void = () => undefined;

  constructor(options: LedgerOptions, { admission, ...state }: State & { admission: Admission }) {
    this.#options = options;
    this.#state = state;
    this.#admission = admission;
    this.#next = state.edge.size;
    this.#head = headOf(state, options.disk);
  }

  get head(): Head {
    return this.#head;
  }

  get lost(): Promise<LedgerError> {
    return this.#lost.promise;
  }

  find(digest: string): number | undefined {
    const index = this.#state.leaves.get(digest);
    return index !== undefined && index < this.#head.size ? index : undefined;
  }

  get groups(): { readonly groups: readonly number[]; readonly size: number } {
    return { groups: this.#state.groups, size: this.#state.edge.size };
  }

  async append(input: Uint8Array): Promise<Appended> {
    const bytes = new Uint8Array(input);
    // Synchronous, so that whoever called before `close` is known to it.
    const digest = hexEncode(sha256Now(bytes));
    const index = this.find(digest);
    if (index !== undefined) return { index, repeated: true };
    const under = this.#pending.get(digest);
    if (under) return { ...(await under), repeated: true };
    if (this.#closed)
      throw new LedgerError('ledger/stopping', 'The ledger is stopping; try again in a moment.');
    if (this.#waitingBytes + bytes.length > MAX_WAITING) {
      throw new LedgerError('ledger/busy', 'Too many statements wait for the disk; try again in a moment.');
    }
    const done = Promise.withResolvers<Appended>();
    this.#waitingBytes += bytes.length;
    this.#pending.set(digest, done.promise);
    try {
      this.#waiting.push({ bytes, digest, done });
      void this.#judge();
      return await done.promise;
    } finally {
      this.#pending.delete(digest);
      this.#waitingBytes -= bytes.length;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#pending.values());
    await this.#tidying;
  }

  /** Judges what waits, one statement after another. */
  async #judge(): Promise<void> {
    if (this.#judging) return;
    this.#judging = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        if (this.#failure) await this.#recover();
        await this.#judgeOne(next);
      }
    } finally {
      this.#judging = false;
    }
  }

  async #judgeOne(waiting: Waiting): Promise<void> {
    if (this.#failure) return waiting.done.reject(storageFailed(this.#failure));
    const admission = this.#admission;
    try {
      const admitted = await admission.admit(waiting.bytes);
      const entry = await ledgerEntry(admitted.subjectKey, waiting.bytes, HASHES);
      if (this.#failure) throw storageFailed(this.#failure);
      try {
        await admitted.commit(this.#next);
      } catch (cause) {
        // The record may be half changed; only the disk knows now what it should be.
        this.#fail(cause instanceof Error ? cause : new Error('The record failed.'), []);
        throw cause;
      }
      // A group that failed meanwhile has taken its leaves back, and this one with them.
      if (this.#failure) throw storageFailed(this.#failure);
      this.#next += 1;
      this.#ready.push({ ...waiting, entry });
    } catch (error) {
      waiting.done.reject(error);
    }
    // Those that have arrived already go along in one group; nobody is waited for.
    if (this.#waiting.length === 0 || this.#ready.length >= MAX_GROUP) this.#startWriting();
  }

  #startWriting(): void {
    if (!this.#writing) this.#written = this.#write();
  }

  /** Writes groups until nothing is ready. */
  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#ready.length > 0) {
      const group = this.#ready.splice(0, groupLength(this.#ready));
      try {
        await this.#writeGroup(group);
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error('The disk failed.'), group);
      }
    }
    this.#writing = false;
  }

  async #writeGroup(group: readonly Ready[]): Promise<void> {
    const { disk, signer, origin } = this.#options;
    const { edge, tiles } = growEdge(
      this.#state.edge,
      group.map(({ entry }) => entry),
    );
    const frontier = this.#state.frontier.copy();
    for (const { entry } of group) await frontier.add(hashLeaf(entry));
    const root = await frontier.root();
    const first = this.#state.edge.size;
    const note = await signCheckpoint(signer, { origin, size: edge.size, root });
    const statements = statementsFile(
      first,
      group.map(({ bytes }) => bytes),
    );
    const files = tiles.map(({ name, bytes }) => ({ path: tilePath(name), bytes }));
    await disk.write([statements, ...files], { path: CHECKPOINT, bytes: utf8Encode(note) });

    const { leaves, groups } = this.#state;
    for (const [at, { digest }] of group.entries()) leaves.set(digest, first + at);
    groups.push(first);
    this.#state = { note, root, edge, frontier, leaves, groups };
    this.#head = headOf(this.#state, disk);
    for (const [at, { done }] of group.entries()) done.resolve({ index: first + at, repeated: false });
    for (const { name } of tiles) if (name.width === TILE_WIDTH) this.#tidy(`${tilePath(name)}.p`);
    this.listener();
  }

  /** Narrow tiles are not needed once the full one stands; what stays is removed at the next start. */
  #tidy(path: string): void {
    this.#tidying = this.#tidying.then(() => this.#options.disk.remove(path)).catch(() => undefined);
  }

  #fail(cause: Error, group: readonly Ready[]): void {
    this.#failure = cause;
    if (isLost(cause)) this.#lost.resolve(cause);
    const error = storageFailed(cause);
    for (const { done } of [...group, ...this.#ready]) done.reject(error);
    this.#ready = [];
  }

  /** After a failure: the disk decides what stands, and the record is folded anew. */
  async #recover(): Promise<void> {
    await this.#written;
    if (isLost(this.#failure)) return;
    try {
      const { admission, ...state } = await takeUp(this.#options);
      this.#state = state;
      this.#admission = admission;
      this.#next = state.edge.size;
      this.#head = headOf(state, this.#options.disk);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error('The disk failed.');
      if (isLost(error)) this.#lost.resolve(error);
    }
  }
}
