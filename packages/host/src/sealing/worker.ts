// The body of a sealing worker: one job in, one answer out.
import { parentPort } from 'node:worker_threads';
import { answerOf, type SegmentJob } from './job.ts';

parentPort?.on('message', (job: SegmentJob) => parentPort?.postMessage(answerOf(job)));
