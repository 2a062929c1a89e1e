// Many small files through the pool: cut into batches, so that a file costs no message between threads, and progress,
// cancelling and the journal come at every batch.
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

/** Runs all tasks; `onBatch` is told of each batch when it is done. @throws as `runFiles`, sealing/cancelled */
export async function runBatches(
  tasks: readonly SizedTask[],
  { pool, mode, key }: { pool: SegmentPool; mode: FilesJob['mode']; key: Uint8Array },
  {
    onBatch,
    signal,
  }: { onBatch: (done: readonly Done[]) => Promise<void> | void; signal: AbortSignal | undefined },
): Promise<void> {
  await forEachFew(batchesOf(tasks), async (batch) => {
    checkSignal(signal);
    const files = batch.map(({ input, output, path, listed }) => ({
      input,
      output,
      path,
      ...(listed ? { listed } : {}),
    }));
    const job = { mode, key, files };
    const made = tasks.length <= FEW_FILES ? runFiles(job) : await pool.runFiles(job);
    await onBatch(batch.flatMap((task, at) => (made[at] ? [{ task, made: made[at] }] : [])));
  });
}
