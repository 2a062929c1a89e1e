// The body of a sealing worker: one job in, one answer out. An error crosses as its code and message.
import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { SealError } from '@sealroom/seal';
import { type FileMade, runFiles } from './batch.ts';
import { release, transferable } from './cipher.ts';
import { explain, INPUT_FLAGS, SealingError } from './error.ts';
import { type FilePlace, openListed, readAt, runJob } from './job.ts';
import type { Job } from './pool.ts';

export type WorkerAnswer =
  | { readonly made: Uint8Array | FileMade[] }
  | { readonly code: string; readonly message: string };

function readPlace({ file, position, length }: FilePlace): Buffer {
  const fd = openSync(file, INPUT_FLAGS);
  try {
    return readAt(fd, length, position);
  } finally {
    closeSync(fd);
  }
}

function run(job: Job): Uint8Array | FileMade[] {
  if ('files' in job) return runFiles(job);
  if (!('sealed' in job)) return runJob(job);
  const { sealed } = job;
  // What is read from a file lies in this thread's one buffer, and costs no memory of its own.
  if (!(sealed instanceof Uint8Array)) return openListed({ ...job, sealed: readPlace(sealed) });
  const plaintext = openListed({ ...job, sealed });
  release(sealed);
  return plaintext;
}

function answerOf(job: Job): WorkerAnswer {
  try {
    return { made: run(job) };
  } catch (cause) {
    const error = explain(cause);
    const message = error instanceof Error ? error.message : String(error);
    const known = error instanceof SealError || error instanceof SealingError;
    return { code: known ? error.code : 'sealing/io', message };
  } finally {
    job.key.fill(0);
  }
}

parentPort?.on('message', (job: Job) => {
  const answer = answerOf(job);
  const bytes = 'made' in answer && answer.made instanceof Uint8Array ? transferable(answer.made) : [];
  parentPort?.postMessage(answer, bytes);
});
