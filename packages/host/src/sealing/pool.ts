// Worker threads that seal and open segments in parallel. Started when first needed; `close` ends them.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Bytes } from '@sealroom/bytes';
import { type ListedSegment, SealError, type SealErrorCode, type SegmentOpener } from '@sealroom/seal';
import { SealingError, type SealingErrorCode } from './error.ts';
import type { FileMade, FilesJob } from './batch.ts';
import type { FilePlace, SegmentJob } from './job.ts';
import { transferable } from './cipher.ts';
import type { WorkerAnswer } from './worker.ts';

/** What a worker takes: the segments of a file on disk, whole files, or one segment at hand. */
export type Job = SegmentJob | FilesJob | ListedSegment<Bytes | FilePlace>;
type Made = Uint8Array | FileMade[];

type Waiting = {
  readonly job: Job;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (made: Made) => void;
  readonly reject: (error: Error) => void;
};

function errorOf({ code, message }: { code: string; message: string }): Error {
  return code.startsWith('seal/')
    ? new SealError(code as SealErrorCode, message)
    : new SealingError(code as SealingErrorCode, message);
}

export class SegmentPool {
  readonly size: number;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Waiting>();
  readonly #queue: Waiting[] = [];

  /** @param size number of threads; by default one a processor, at most four. */
  constructor(size: number = Math.min(availableParallelism(), 4)) {
    this.size = size;
  }

  /** Does a job on a free thread and gives its leaf hashes. Rejects as `runJob` throws. */
  async run(job: SegmentJob): Promise<Uint8Array> {
    return (await this.#do(job)) as Uint8Array;
  }

  /** Does a batch of files on a free thread. Rejects as `runFiles` throws. */
  async runFiles(job: FilesJob): Promise<FileMade[]> {
    return (await this.#do(job)) as FileMade[];
  }

  /** For `sealedFile` of @sealroom/seal: opens segments on the threads. The segment's bytes go there and are gone here. */
  readonly open: SegmentOpener<Bytes | FilePlace> = async (segment) => {
    const { sealed } = segment;
    return (await this.#do(segment, sealed instanceof Uint8Array ? transferable(sealed) : [])) as Bytes;
  };

  async #do(job: Job, transfer: readonly ArrayBuffer[] = []): Promise<Made> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, transfer, resolve, reject });
      this.#next();
    });
  }

  /** Starts all threads now, beside what else there is to do. */
  start(): void {
    while (this.#idle.length + this.#busy.size < this.size) this.#idle.push(this.#start());
  }

  async close(): Promise<void> {
    const workers = [...this.#idle, ...this.#busy.keys()];
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }

  #next(): void {
    const running = this.#idle.length + this.#busy.size;
    const worker =
      this.#idle.pop() ?? (running < this.size && this.#queue.length > 0 ? this.#start() : undefined);
    if (!worker) return;
    const waiting = this.#queue.shift();
    if (!waiting) {
      this.#idle.push(worker);
      return;
    }
    this.#busy.set(worker, waiting);
    worker.postMessage(waiting.job, waiting.transfer);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { execArgv: [], env: {} });
    worker.on('message', (answer: WorkerAnswer) => {
      const waiting = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      if ('made' in answer) waiting?.resolve(answer.made);
      else waiting?.reject(errorOf(answer));
      this.#next();
    });
    worker.on('error', (cause) => this.#lose(worker, cause));
    worker.on('exit', () => this.#lose(worker));
    return worker;
  }

  #lose(worker: Worker, cause?: unknown): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    const waiting = this.#busy.get(worker);
    this.#busy.delete(worker);
    waiting?.reject(
      new SealingError('sealing/io', 'A sealing thread ended unexpectedly; start again.', { cause }),
    );
    this.#next();
  }
}
