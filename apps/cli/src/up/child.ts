// One supervised service: started with a clean environment, ready when it prints its JSON line, started again when it
// ends by itself, ended with its parent. Its log lines go to a file of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export type ServiceSpec = {
  readonly name: string;
  /** Path of the program. */
  readonly program: string;
  /** Settings; secrets are given by file path only. */
  readonly environment: Readonly<{ [name: string]: string }>;
  readonly logFile: string;
  /** The setting that says where it listens: a service that was given any port keeps the one it got. */
  readonly portVariable?: string;
};

export type ReadyFacts = { readonly url: string; readonly [fact: string]: unknown };

export type Service = {
  readonly name: string;
  readonly ready: ReadyFacts;
  /** The process that runs now. */
  pid(): number | undefined;
  stop(): Promise<void>;
};

const READY_MS = 60_000;
const STOP_MS = 15_000;
const RESTART_MS = [500, 1000, 2000, 5000, 10_000];
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'SEALROOM_SHARED_VECTORS'];

function environmentOf(spec: ServiceSpec): { [name: string]: string } {
  const kept = PASSED_ON.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return { ...(Object.fromEntries(kept) as { [name: string]: string }), ...spec.environment };
}

/** A service that did not become ready; `log` is where its reasons are. */
export class ServiceError extends Error {
  readonly code = 'up/not-ready';
  constructor(name: string, log: string) {
    super(`The ${name} did not start. Its reasons are at the end of ${log}.`);
    this.name = 'ServiceError';
  }
}

async function startOnce(
  spec: ServiceSpec,
  log: WriteStream,
): Promise<{ child: ChildProcess; ready: ReadyFacts }> {
  const child = spawn(process.execPath, [spec.program], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environmentOf(spec),
  });
  child.stderr?.pipe(log, { end: false });
  child.stdin?.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ready = new Promise<ReadyFacts>((resolve, reject) => {
    const fail = () => reject(new ServiceError(spec.name, spec.logFile));
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      fail();
    }, READY_MS);
    child.once('error', fail);
    child.once('exit', fail);
    lines.on('line', (text) => {
      log.write(`${text}\n`);
      try {
        const said = JSON.parse(text) as { ready?: boolean; url?: string };
        if (said.ready !== true) return;
        clearTimeout(deadline);
        resolve(said as ReadyFacts);
      } catch {
        // Not the ready line.
      }
    });
    child.once('exit', () => clearTimeout(deadline));
  });
  return { child, ready: await ready };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(force);
}

/** The service as it is started again: where others know it to be. */
function sameAgain(spec: ServiceSpec, { url }: ReadyFacts): ServiceSpec {
  const { portVariable, environment } = spec;
  if (portVariable === undefined) return spec;
  return { ...spec, environment: { ...environment, [portVariable]: new URL(url).port } };
}

/** @throws ServiceError when the first start fails; later ends are repaired and told through `onRestart`. */
export async function startService(spec: ServiceSpec, onRestart: (name: string) => void): Promise<Service> {
  const log = createWriteStream(spec.logFile, { flags: 'a', mode: 0o600 });
  let running = await startOnce(spec, log);
  const again = sameAgain(spec, running.ready);
  const stopping = new AbortController();
  let restarting: Promise<void> = Promise.resolve();
  const watch = (): void => {
    running.child.once('exit', () => {
      if (!stopping.signal.aborted) restarting = restart();
    });
  };
  const restart = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const pause = RESTART_MS[Math.min(attempt, RESTART_MS.length - 1)];
      await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      onRestart(spec.name);
      try {
        running = await startOnce(again, log);
        // It may have ended before anybody looked.
        if (hasEnded(running.child)) continue;
        watch();
        return;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
      }
    }
  };
  watch();
  return {
    name: spec.name,
    get ready() {
      return running.ready;
    },
    pid: () => running.child.pid,
    stop: async () => {
      stopping.abort();
      await restarting;
      await end(running.child);
      await new Promise<void>((resolve) => log.end(() => resolve()));
    },
  };
}
