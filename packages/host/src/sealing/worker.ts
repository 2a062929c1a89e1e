// The body of a sealing worker: one job in, one answer out. An error crosses as its code and message.
import { parentPort } from 'node:worker_threads';
import { SealError } from '@sealroom/seal';
import { type FileMade, type FilesJob, runFiles } from './batch.ts';
import { explain, SealingError } from './error.ts';
import { runJob, type SegmentJob } from './job.ts';

export type WorkerAnswer =
  | { readonly made: Uint8Array | FileMade[] }
  | { readonly code: string; readonly message: string };

function answerOf(job: SegmentJob | FilesJob): WorkerAnswer {
  try {
    return { made: 'files' in job ? runFiles(job) : runJob(job) };
  } catch (cause) {
    const error = explain(cause);
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof SealError || error instanceof SealingError;
    return { code: known ? error.code : 'sealing/io', message };
  } finally {
    job.key.fill(0);
  }
}

parentPort?.on('message', (job: SegmentJob | FilesJob) => parentPort?.postMessage(answerOf(job)));
