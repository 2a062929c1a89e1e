// Sealing and opening one file on disk, in parallel and in bounded memory (protocol.md section 3). `sealFile` and
// `openFile` take the given key as Tink's key and the path as associated data, so that Tink reads and makes the same
// files. Not checked here: which key and path a file should have; the inventory of a folder says that.
import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import type { Bytes } from '@sealroom/bytes';
import {
  associatedDataFor,
  deriveSegmentKey,
  headerLength,
  newHeader,
  parseHeader,
  plainSize,
  sealedSize,
  segmentCapacity,
  segmentCount,
  segmentStart,
  type StreamHeader,
} from '@sealroom/seal';
import { changed, explain, INPUT_FLAGS, inputError, notRegular, SealingError } from './error.ts';
import { runJob, type SegmentJob } from './job.ts';
import { writeFilePlace } from './place.ts';
import { SegmentPool } from './pool.ts';

const BATCH = 8;
const FEW_SEGMENTS = 2;

/** Plaintext bytes done, of how many, and (in a folder) the file at hand. */
export type SealingProgress = { readonly done: number; readonly total: number; readonly path: string };
export type OnProgress = (progress: SealingProgress) => void;

/** Opens a regular file for reading, never through a symbolic link. @throws sealing/no-input · sealing/odd-file */
export async function openInput(path: string): Promise<{ handle: FileHandle; stats: Stats }> {
  let handle: FileHandle;
  try {
    handle = await open(path, INPUT_FLAGS);
  } catch (error) {
    throw inputError(error, path);
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw notRegular(path);
}

export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new SealingError('sealing/cancelled', 'Cancelled; nothing was written.');
}

type Work = Omit<SegmentJob, 'from' | 'to' | 'leaves'> & { readonly leaves: boolean | Bytes };
type Watch = { readonly onBytes?: (count: number) => void; readonly signal?: AbortSignal | undefined };

/** Runs all segments of a file; gives the leaf hashes made. All jobs have ended when this settles. */
export async function runSegments(
  pool: SegmentPool,
  work: Work,
  { onBytes, signal }: Watch,
): Promise<Uint8Array> {
  const made: Uint8Array[] = [];
  let next = 0;
  let failed = false;
  const few = work.segments <= FEW_SEGMENTS;
  async function lane(): Promise<void> {
    while (next < work.segments && !failed) {
      checkSignal(signal);
      const from = next;
      const to = Math.min(from + BATCH, work.segments);
      next = to;
      const leaves = typeof work.leaves === 'boolean' ? work.leaves : work.leaves.slice(from * 32, to * 32);
      const job = { ...work, from, to, leaves };
      made[from / BATCH] = few ? runJob(job) : await pool.run(job);
      const end = Math.min(segmentStart(to - 1) + segmentCapacity(to - 1), work.size);
      onBytes?.(end - segmentStart(from));
    }
  }
  const lanes = Array.from({ length: few ? 1 : pool.size }, async () => {
    try {
      await lane();
    } catch (error) {
      failed = true;
      throw error;
    }
  });
  const results = await Promise.allSettled(lanes);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
  return Buffer.concat(made);
}

export type SealInto = {
  readonly pool: SegmentPool;
  readonly input: string;
  readonly output: FileHandle;
  readonly key: Bytes;
  readonly path: string;
  readonly leaves: boolean;
} & Watch;

/** Seals a file into an open, empty one. */
export async function sealInto({ pool, input, output, key, path, leaves, ...watch }: SealInto): Promise<{
  header: StreamHeader;
  stats: Stats;
  leaves: Uint8Array;
}> {
  const associatedData = associatedDataFor(path);
  const { handle, stats } = await openInput(input);
  try {
    const header = newHeader();
    const derived = await deriveSegmentKey({ key, associatedData }, header.salt);
    const made = await runSegments(
      pool,
      {
        mode: 'seal',
        inputFd: handle.fd,
        outputFd: output.fd,
        key: derived,
        header: header.bytes,
        size: stats.size,
        segments: segmentCount(sealedSize(stats.size)),
        leaves,
      },
      watch,
    );
    derived.fill(0);
    const after = await handle.stat();
    if (after.size !== stats.size || after.mtimeMs !== stats.mtimeMs) throw changed(input);
    return { header, stats, leaves: made };
  } finally {
    await handle.close();
  }
}

export type OpenInto = Omit<SealInto, 'leaves'> & { readonly leaves?: Bytes };

/** The header of an open sealed file. @throws seal/truncated · seal/bad-header */
export async function readHeader(handle: FileHandle): Promise<StreamHeader> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(headerLength()), 0, headerLength(), 0);
  return parseHeader(buffer.subarray(0, bytesRead));
}

/** Opens a sealed file into an open, empty one; what is written there is authentic only when this has resolved. */
export async function openInto({
  pool,
  input,
  output,
  key,
  path,
  leaves,
  ...watch
}: OpenInto): Promise<void> {
  const associatedData = associatedDataFor(path);
  const { handle, stats } = await openInput(input);
  try {
    const size = plainSize(stats.size);
    const header = await readHeader(handle);
    const derived = await deriveSegmentKey({ key, associatedData }, header.salt);
    await runSegments(
      pool,
      {
        mode: 'open',
        inputFd: handle.fd,
        outputFd: output.fd,
        key: derived,
        header: header.bytes,
        size,
        segments: segmentCount(stats.size),
        leaves: leaves ?? false,
      },
      watch,
    );
    derived.fill(0);
    if ((await handle.stat()).size !== stats.size) throw changed(input);
  } finally {
    await handle.close();
  }
}

export type FileOptions = {
  readonly input: string;
  readonly output: string;
  /** 32 bytes, Tink's key. */
  readonly key: Bytes;
  /** The associated data; see `checkPath` of @sealroom/seal. */
  readonly path: string;
  readonly overwrite?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
};

async function withFile(
  options: FileOptions,
  mode: number,
  total: (bytes: number) => number,
  run: (rest: { pool: SegmentPool; input: string; output: FileHandle } & Watch) => Promise<unknown>,
): Promise<void> {
  const { output, path, overwrite = false, onProgress, signal } = options;
  const pool = new SegmentPool();
  try {
    // A file that someone named is meant, link or not; only a folder's entries must be files themselves.
    const input = await realpath(options.input).catch(() => options.input);
    const { handle, stats } = await openInput(input);
    await handle.close();
    let done = 0;
    const all = total(stats.size);
    const onBytes = (count: number) => onProgress?.({ done: (done += count), total: all, path });
    await writeFilePlace(output, { overwrite, mode }, async (file) =>
      run({ pool, input, output: file, onBytes, signal }),
    );
  } catch (error) {
    throw explain(error);
  } finally {
    await pool.close();
  }
}

/**
 * Seals one file; the output appears when it is whole and on disk.
 * @throws sealing/output-exists · sealing/no-input · sealing/odd-file · sealing/changed · sealing/cancelled · sealing/io ·
 * seal/bad-path · seal/bad-key
 */
export async function sealFile(options: FileOptions): Promise<void> {
  const { key, path } = options;
  await withFile(
    options,
    0o666,
    (bytes) => bytes,
    async (rest) => sealInto({ ...rest, key, path, leaves: false }),
  );
}

/**
 * Opens one sealed file; the output (mode 0600) appears only when the last segment has proved authentic.
 * @throws as {@link sealFile}, and seal/truncated · seal/extended · seal/empty-segment · seal/bad-header · seal/not-authentic
 */
export async function openFile(options: FileOptions): Promise<void> {
  const { key, path } = options;
  await withFile(options, 0o600, plainSize, async (rest) => openInto({ ...rest, key, path }));
}
