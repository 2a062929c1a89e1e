// One family in this process, in a thread that is replaced when an execution does not end or takes all memory. The thread's
// input lies in shared memory, so that it can be saved from here.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Finding, Progress } from './campaign.ts';
import { SHARED_HEAD, SHARED_INPUT, type Task } from './task.ts';

const LOG_MS = 60_000;
const MEMORY_MB = 1536;
/** Processor time and time that one execution may take before it counts as endless. */
const HANG_CPU_MS = 30_000;
const HANG_MS = 1_800_000;
const LARGE = 512 * 1024;
/** Threads that are begun anew before a family is given up. */
const MOST_RESTARTS = 50;

export type RunOptions = {
  readonly seed: number;
  readonly executions: number | undefined;
  /** Executions of each target, instead. */
  readonly each?: number | undefined;
  /** Only targets whose name has one of these in it. */
  readonly targets?: readonly string[];
  readonly minutes: number;
  readonly out: string;
  readonly coverage: Task['coverage'];
  /** The module with FAMILIES; the project's own when left out. */
  readonly source?: string;
  readonly hangCpuMs?: number;
  readonly mostRestarts?: number;
  readonly log?: (line: string) => unknown;
};

export type Totals = {
  executions: number;
  accepted: number;
  refused: number;
  corpus: number;
  covered: number;
  findings: number;
};

type Message = {
  readonly targets?: readonly string[];
  readonly finding?: Finding;
  readonly progress?: Progress;
  readonly done?: Progress;
};

class Runner {
  readonly #family: string;
  readonly #options: RunOptions;
  readonly #say: (line: string) => unknown;
  #targets: readonly string[] = [];
  readonly #started = Date.now();
  readonly #before: Totals = { executions: 0, accepted: 0, refused: 0, corpus: 0, covered: 0, findings: 0 };
  #current: Progress | undefined;
  #counts: Progress['targets'] = {};
  readonly #told = new Set<string>();
  #restarts = 0;

  constructor(family: string, options: RunOptions) {
    this.#family = family;
    this.#options = options;
    this.#say = options.log ?? ((line) => console.log(line));
  }

  async run(): Promise<Totals> {
    const { minutes, each } = this.#options;
    const counted = this.#options.executions !== undefined || each !== undefined;
    const end = counted ? undefined : this.#started + minutes * 60_000;
    const log = setInterval(() => this.#log(), LOG_MS);
    for (;;) {
      const { executions } = this.#options;
      const left = executions === undefined ? undefined : executions - this.#before.executions;
      const finished = await this.#thread(left, end);
      this.#sum();
      if (finished || (end !== undefined && Date.now() >= end)) break;
      if (++this.#restarts > (this.#options.mostRestarts ?? MOST_RESTARTS)) break;
    }
    clearInterval(log);
    this.#log();
    if (each !== undefined) this.#logTargets(this.#counts);
    return this.#before;
  }

  #totals(): Totals {
    const [a, b] = [this.#before, this.#current];
    return {
      executions: a.executions + (b?.executions ?? 0),
      accepted: a.accepted + (b?.accepted ?? 0),
      refused: a.refused + (b?.refused ?? 0),
      corpus: Math.max(a.corpus, b?.corpus ?? 0),
      covered: Math.max(a.covered, b?.covered ?? 0),
      findings: a.findings + (b?.findings ?? 0),
    };
  }

  #sum(): void {
    Object.assign(this.#before, this.#totals());
    this.#counts = this.#current?.targets ?? this.#counts;
    this.#current = undefined;
  }

  #log(): void {
    const { user, system } = process.cpuUsage();
    const wall = Math.round((Date.now() - this.#started) / 1000);
    const { executions, accepted, refused, corpus, covered, findings } = this.#totals();
    const parts = {
      family: this.#family,
      wall,
      cpu: Math.round((user + system) / 1e6),
      executions,
      accepted,
      refused,
      corpus,
      covered,
      findings,
    };
    const words = Object.entries(parts).map(([name, value]) => `${name}=${value}`);
    this.#say(words.join(' '));
  }

  /** Once each, of the last thread: one that was replaced begins its counts anew. */
  #logTargets(targets: Progress['targets'], least = 0): void {
    for (const [name, { executions, accepted, refused, corpus }] of Object.entries(targets)) {
      if (executions < least || this.#told.has(name)) continue;
      this.#told.add(name);
      this.#say(
        `target=${name} executions=${executions} accepted=${accepted} refused=${refused} corpus=${corpus}`,
      );
    }
  }

  #save(finding: Finding): void {
    const name = createHash('sha256').update(finding.input).digest('hex').slice(0, 12);
    const folder = join(this.#options.out, this.#family);
    mkdirSync(folder, { recursive: true });
    const path = join(
      folder,
      `${finding.target.replaceAll(/[^A-Za-z0-9.]+/g, '-')}-${finding.oracle}-${name}`,
    );
    writeFileSync(`${path}.bin`, finding.input);
    const { input, ...facts } = finding;
    writeFileSync(
      `${path}.json`,
      `${JSON.stringify({ ...facts, length: input.length, text: Buffer.from(input).toString('latin1').slice(0, 400) }, null, 2)}\n`,
    );
    this.#say(`finding ${finding.oracle} ${finding.target} (${finding.place}) ${path}: ${finding.message}`);
  }

  #thread(executions: number | undefined, end: number | undefined): Promise<boolean> {
    const shared = new SharedArrayBuffer(SHARED_HEAD + SHARED_INPUT);
    const head = new Int32Array(shared, 0, 3);
    const seed = this.#options.seed + this.#restarts;
    const { coverage, source, each, targets = [], hangCpuMs = HANG_CPU_MS } = this.#options;
    const task: Task = {
      family: this.#family,
      seed,
      executions,
      each,
      targets,
      end,
      coverage,
      large: LARGE,
      shared,
      ...(source === undefined ? {} : { source }),
    };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    return new Promise((resolve, reject) => {
      let [seen, since, cpu] = [-1, Date.now(), process.cpuUsage()];
      let over = false;
      const stop = (finished: boolean): void => {
        if (over) return;
        over = true;
        clearInterval(watch);
        void worker.terminate().then(() => resolve(finished));
      };
      const saveCurrent = (oracle: 'hang' | 'memory', message: string): void => {
        const input = new Uint8Array(shared, SHARED_HEAD, Atomics.load(head, 2)).slice();
        this.#save({
          family: this.#family,
          target: this.#targets[Atomics.load(head, 1)] ?? 'unknown',
          oracle,
          message,
          place: '',
          input,
        });
        this.#before.findings++;
        stop(false);
      };
      const watch = setInterval(() => {
        const count = Atomics.load(head, 0);
        if (count !== seen) [seen, since, cpu] = [count, Date.now(), process.cpuUsage()];
        const { user, system } = process.cpuUsage(cpu);
        if ((user + system) / 1000 > hangCpuMs || Date.now() - since > HANG_MS)
          saveCurrent('hang', `No end within ${hangCpuMs / 1000} seconds of processor time.`);
      }, 1000);
      worker.on('message', (message: Message) => {
        this.#targets = message.targets ?? this.#targets;
        if (message.finding) this.#save(message.finding);
        this.#current = message.done ?? message.progress ?? this.#current;
        // As soon as it is done, so that a run which is ended early has shown what it did.
        if (each !== undefined) this.#logTargets(this.#current?.targets ?? {}, each);
        if (message.done) stop(true);
      });
      worker.on('error', (error: Error & { code?: string }) => {
        if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') saveCurrent('memory', `More than ${MEMORY_MB} MiB.`);
        else {
          over = true;
          clearInterval(watch);
          reject(error);
        }
      });
    });
  }
}

/** Fuzzes a family to the end of its time or count. @returns what was done, threads that were given up included */
export function runFamily(family: string, options: RunOptions): Promise<Totals> {
  return new Runner(family, options).run();
}
