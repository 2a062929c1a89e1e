// Many small files through the pool: cut into batches, so that a file costs no message between threads, and progress,
// cancelling and the journal come at every batch.
import { setImmediate } from 'node:timers/promises';
import { type FileMade, type FilesJob, type FileTask, runFiles } from './batch.ts';
import { forEachFew } from './few.ts';
import { checkSignal } from './file.ts';
import type { SegmentPool } from './pool.ts';

const FILES = 200;
const BYTES = 8 * 1024 * 1024;
/** Work this small is done at once, before a thread would have started. */
const FEW_FILES = 8;

export type SizedTask = FileTask & { readonly size: number };
export type Done = { readonly task: SizedTask; readonly made: FileMade };

function batchesOf(tasks: readonly SizedTask[]): SizedTask[][] {
  const batches: SizedTask[][] = [];
  let batch: SizedTask[] = [];
  let bytes = 0;
  for (const task of tasks) {
    if (batch.length === FILES || (bytes > 0 && bytes + task.size > BYTES)) {
      batches.push(batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(task);
    bytes += task.size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * Runs all tasks; `onBatch` is told of each batch when it is done. This thread takes batches too: it is at hand before the
 * others have started, and would only wait for them. @throws as `runFiles`, sealing/cancelled
 */
export async function runBatches(
  tasks: readonly SizedTask[],
  { pool, mode, key }: { pool: SegmentPool; mode: FilesJob['mode']; key: Uint8Array },
  {
    onBatch,
    signal,
  }: { onBatch: (done: readonly Done[]) => Promise<void> | void; signal: AbortSignal | undefined },
): Promise<void> {
  const lanes = tasks.length <= FEW_FILES ? 1 : pool.size;
  let free = true;
  const run = async (job: FilesJob): Promise<FileMade[]> => {
    if (!free) return pool.runFiles(job);
    free = false;
    try {
      // Between two batches the answers of the threads come in, and signals.
      await setImmediate();
      return runFiles(job);
    } finally {
      free = true;
    }
  };
  const each = async (batch: readonly SizedTask[]): Promise<void> => {
    checkSignal(signal);
    const files = batch.map(({ input, output, path, listed }) => ({
      input,
      output,
      path,
      ...(listed ? { listed } : {}),
    }));
    const made = await run({ mode, key, files });
    await onBatch(batch.flatMap((task, at) => (made[at] ? [{ task, made: made[at] }] : [])));
  };
  await forEachFew(batchesOf(tasks), each, lanes);
}
