// Small files, whole, many in one job: what a worker does to a batch. Nothing here waits for the event loop, and a file
// costs system calls and little else. The same checks as for large files (job.ts): a segment is hashed against its leaf,
// and the leaves against the tree of the inventory, before it is decrypted.
import { closeSync, fstatSync, openSync, readFileSync, type Stats, writeSync } from 'node:fs';
import { bytesEqual, type Digest, digestBytes } from '@sealroom/bytes';
import {
  headerLength,
  newHeader,
  parseHeader,
  SealError,
  sealedSize,
  segmentCount,
  TINK_1MB,
  TREE_SUFFIX,
} from '@sealroom/seal';
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { segmentKeySync } from './cipher.ts';
import { changed, INPUT_FLAGS, inputError, notRegular, SealingError } from './error.ts';
import { HASH_LENGTH, leafOf, readAt, runJob } from './job.ts';

/** The most segments of a file in a batch; the tree over two leaves is one hash. */
export const SMALL_SEGMENTS = 2;

export type FileTask = {
  readonly input: string;
  readonly output: string;
  readonly path: string;
  /** When opening and checking: what the inventory, or the journal, lists. */
  readonly listed?: { readonly size: number; readonly sealedSize: number; readonly tree: Digest };
};

export type FilesJob = {
  readonly mode: 'seal' | 'open' | 'check';
  /** The file key of the asset. */
  readonly key: Uint8Array;
  /** What is written is not flushed to disk; whoever gave the job does that for all files at the end (flush.ts). */
  readonly files: readonly FileTask[];
};

/** What tells that a file is still the one that was sealed. */
export type SourceState = {
  readonly size: number;
  readonly inode: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
};

export function sourceState({ size, ino, mtimeMs, ctimeMs }: Stats): SourceState {
  return { size, inode: ino, mtimeMs, ctimeMs };
}

/** `source` is of the input, `salt` of the sealed file, `leaves` its leaf hashes. */
export type FileMade = {
  readonly source: SourceState;
  readonly salt: Uint8Array;
  readonly leaves: Uint8Array;
};

/** Opens as `openInput`, without a promise. */
function openInputSync(path: string): { fd: number; stats: Stats } {
  let fd: number;
  try {
    fd = openSync(path, INPUT_FLAGS);
  } catch (error) {
    throw inputError(error, path);
  }
  const stats = fstatSync(fd);
  if (stats.isFile()) return { fd, stats };
  closeSync(fd);
  throw notRegular(path);
}

function withFile<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function sealFileSync({ input, output, path }: FileTask, key: KeyObject): FileMade {
  const { fd, stats } = openInputSync(input);
  return withFile(fd, () => {
    const { size } = stats;
    const segments = segmentCount(sealedSize(size));
    if (segments > SMALL_SEGMENTS) throw changed(input);
    const header = newHeader();
    const job = {
      mode: 'seal',
      inputFd: fd,
      key: segmentKeySync(key, path, header.salt),
      header: header.bytes,
      size,
      segments,
      from: 0,
      to: segments,
      leaves: true,
    } as const;
    const leaves = withFile(openSync(output, 'wx'), (outputFd) => runJob({ ...job, outputFd }));
    withFile(openSync(`${output}${TREE_SUFFIX}`, 'wx'), (tree) => writeSync(tree, leaves));
    const after = fstatSync(fd);
    if (after.size !== size || after.mtimeMs !== stats.mtimeMs) throw changed(input);
    return { source: sourceState(stats), salt: header.salt, leaves };
  });
}

function rootOf(leaves: Uint8Array): Uint8Array {
  if (leaves.length === HASH_LENGTH) return leaves;
  return createHash('sha256').update(Uint8Array.of(1)).update(leaves).digest();
}

/** The leaf hashes beside a sealed file of one or two segments. @throws seal/bad-leaves · sealing/missing-file */
function readLeaves(path: string, count: number, tree: Digest): Uint8Array {
  const { fd, stats } = openInputSync(path);
  const leaves = withFile(fd, () =>
    stats.size === count * HASH_LENGTH ? new Uint8Array(readFileSync(fd)) : undefined,
  );
  if (leaves?.length === count * HASH_LENGTH && bytesEqual(rootOf(leaves), digestBytes(tree))) return leaves;
  throw new SealError(
    'seal/bad-leaves',
    'The leaf hashes beside the sealed file are not those of its inventory; fetch both again.',
  );
}

/** @throws seal/truncated · seal/extended when a sealed file has not the bytes that its inventory lists */
export function checkListedSize(path: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new SealError(
    found < wanted ? 'seal/truncated' : 'seal/extended',
    `${JSON.stringify(path)} has ${found} sealed bytes instead of ${wanted}; fetch it again.`,
  );
}

function openFileSync(task: FileTask, key: KeyObject): FileMade {
  const { input, output, path, listed } = task;
  if (!listed) throw new TypeError('A file is opened as its inventory lists it.');
  const { fd, stats } = openInputSync(input);
  return withFile(fd, () => {
    checkListedSize(path, stats.size, listed.sealedSize);
    const segments = segmentCount(listed.sealedSize);
    const leaves = readLeaves(`${input}${TREE_SUFFIX}`, segments, listed.tree);
    const header = parseHeader(new Uint8Array(readAt(fd, headerLength(), 0)));
    const job = {
      mode: 'open',
      inputFd: fd,
      key: segmentKeySync(key, path, header.salt),
      header: header.bytes,
      size: listed.size,
      segments,
      from: 0,
      to: segments,
      leaves,
    } as const;
    withFile(openSync(output, 'wx', 0o600), (outputFd) => runJob({ ...job, outputFd }));
    return { source: sourceState(stats), salt: header.salt, leaves };
  });
}

/** The same error, saying which file it is about. */
export function about(path: string, error: unknown): unknown {
  if (!(error instanceof SealError) || error.message.includes(JSON.stringify(path))) return error;
  return new SealError(error.code, `${JSON.stringify(path)}: ${error.message}`, { cause: error });
}

const NOTHING = new Uint8Array();

/** Hashes a sealed file of any size; its leaf hashes, if the same lie beside it, else none. */
function checkFileSync({ input, listed }: FileTask): FileMade {
  const { fd, stats } = openInputSync(input);
  return withFile(fd, () => {
    const source = sourceState(stats);
    const size = listed?.sealedSize ?? 0;
    const damaged = { source, salt: NOTHING, leaves: NOTHING };
    if (stats.size !== size) return damaged;
    const { segmentSize } = TINK_1MB;
    const leaves = Buffer.alloc(segmentCount(size) * HASH_LENGTH);
    for (let at = 0, index = 0; at < size; at += segmentSize, index++) {
      leafOf(readAt(fd, Math.min(segmentSize, size - at), at)).copy(leaves, index * HASH_LENGTH);
    }
    const tree = openInputSync(`${input}${TREE_SUFFIX}`);
    const same = withFile(tree.fd, () => leaves.equals(readFileSync(tree.fd)));
    if (!same) return damaged;
    const { salt } = parseHeader(readAt(fd, headerLength(), 0));
    return { source, salt, leaves: new Uint8Array(leaves) };
  });
}

const WORK = {
  seal: sealFileSync,
  open: openFileSync,
  check: checkFileSync,
};

/**
 * Seals, opens or checks the files of a job, in its order.
 * @throws SealError and SealingError for the first file that is not right
 */
export function runFiles({ mode, key, files }: FilesJob): FileMade[] {
  const secret = createSecretKey(key);
  return files.map((task) => {
    try {
      return WORK[mode](task, secret);
    } catch (error) {
      const absent = error instanceof SealingError && error.code === 'sealing/no-input';
      throw absent && mode !== 'seal' ? missing(task.path, error) : about(task.path, error);
    }
  });
}

export function missing(path: string, cause?: unknown): SealingError {
  return new SealingError(
    'sealing/missing-file',
    `The sealed folder lacks ${JSON.stringify(path)} or its leaf hashes; fetch it again.`,
    { cause },
  );
}
