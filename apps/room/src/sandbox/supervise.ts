// Watches one run from outside: the wall clock, the memory look, the caller's cancel, and how much output is passed on.
// Every one of them ends the whole tree with SIGKILL; what "the tree" is, the caller's `kill` knows.
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { SandboxOptions } from './types.ts';

export type Verdict = 'timeout' | 'memory' | 'cancelled';

export type Watch = {
  /** Looks at the run now; true when it has used more memory than it may. */
  overMemory(): boolean;
  kill(): void;
};

export type Supervised = {
  readonly verdict: Verdict | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly discardedOutputBytes: number;
  /** The beginning of stderr, for the case that nothing was started. */
  readonly firstError: string;
};

const LOOK_MS = 100;
const DRAIN_MS = 3000;
const FIRST_ERROR_BYTES = 400;

type Log = { discarded: number; passed: number; firstError: string; failure: unknown };

function follow(
  stream: Readable | null,
  name: 'stdout' | 'stderr',
  log: Log,
  options: Pick<SandboxOptions, 'limits' | 'onLog'>,
  kill: () => void,
): Promise<void> {
  if (stream === null) return Promise.resolve();
  stream.on('data', (chunk: Buffer) => {
    if (name === 'stderr' && log.firstError.length < FIRST_ERROR_BYTES)
      log.firstError += chunk.toString('utf8');
    const room = Math.max(0, options.limits.outputBytes - log.passed);
    const kept = chunk.subarray(0, room);
    log.discarded += chunk.length - kept.length;
    log.passed += kept.length;
    if (kept.length === 0 || log.failure !== undefined) return;
    try {
      options.onLog(name, new Uint8Array(kept));
    } catch (cause) {
      log.failure = cause;
      kill();
    }
  });
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** A promise that resolves after `ms`, and what takes it back so that no timer outlives its use. */
export function delay(ms: number): { readonly done: Promise<void>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const done = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { done, cancel: () => clearTimeout(timer) };
}

/** Waits for the end of `child`, which has been started with pipes for stdout and stderr. Rethrows what `onLog` throws. */
export async function supervise(
  child: ChildProcess,
  options: Pick<SandboxOptions, 'limits' | 'onLog' | 'signal'>,
  watch: Watch,
): Promise<Supervised> {
  let verdict: Verdict | undefined;
  const condemn = (reason: Verdict): void => {
    verdict ??= reason;
    watch.kill();
  };
  const log: Log = { discarded: 0, passed: 0, firstError: '', failure: undefined };
  const drained = Promise.all([
    follow(child.stdout, 'stdout', log, options, () => watch.kill()),
    follow(child.stderr, 'stderr', log, options, () => watch.kill()),
  ]);
  const clock = setTimeout(() => condemn('timeout'), options.limits.wallMs);
  const looks = setInterval(() => {
    if (verdict !== undefined || log.failure !== undefined) watch.kill();
    else if (watch.overMemory()) condemn('memory');
  }, LOOK_MS);
  const cancel = (): void => condemn('cancelled');
  options.signal?.addEventListener('abort', cancel, { once: true });
  if (options.signal?.aborted === true) cancel();
  try {
    const end = await ended(child);
    watch.overMemory(); // a last look at what is left
    watch.kill(); // nothing that the run has left behind goes on writing
    const patience = delay(DRAIN_MS);
    await Promise.race([drained, patience.done]);
    patience.cancel();
    if (log.failure !== undefined) throw log.failure;
    return { verdict, ...end, discardedOutputBytes: log.discarded, firstError: log.firstError };
  } finally {
    clearTimeout(clock);
    clearInterval(looks);
    options.signal?.removeEventListener('abort', cancel);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}
