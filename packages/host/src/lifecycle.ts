// How a process tells its supervisor that it is ready, and how it ends: on SIGTERM, on SIGINT, or with its parent.
import type { Log } from './log.ts';

/** One JSON line on standard output: `{"ready":true,"name":…,"url":…}`. The supervisor reads it, people may. */
export function readyLine(facts: { readonly name: string; readonly [fact: string]: unknown }): void {
  process.stdout.write(`${JSON.stringify({ ready: true, ...facts })}\n`);
}

const stops: (() => Promise<void> | void)[] = [];
let stopping: Promise<void> | undefined;
let listening = false;

async function runStops(reason: string, log: Log | undefined): Promise<void> {
  log?.event('server.stopping', { reason });
  let failed = false;
  for (const stop of stops.toReversed()) {
    try {
      await stop();
    } catch (error) {
      failed = true;
      log?.failure('stop.failed', error, {});
    }
  }
  process.exit(failed ? 1 : 0);
}

function begin(reason: string, log: Log | undefined): void {
  if (stopping !== undefined) process.exit(1);
  stopping = runStops(reason, log);
}

/**
 * Runs `stop` when the process is asked to end (SIGTERM or SIGINT), the last registered first, then exits with 0, or
 * with 1 when one of them failed. A second signal ends the process at once.
 */
export function onStop(stop: () => Promise<void> | void, log?: Log): void {
  stops.push(stop);
  if (listening) return;
  listening = true;
  process.on('SIGTERM', () => begin('SIGTERM', log));
  process.on('SIGINT', () => begin('SIGINT', log));
}

/**
 * Ends this process as SIGTERM would when its standard input ends: a supervisor that keeps that pipe open takes its
 * children with it, however it dies.
 */
export function stopWithParent(log?: Log): void {
  process.stdin.on('end', () => begin('parent ended', log));
  process.stdin.on('error', () => begin('parent ended', log));
  process.stdin.resume();
}
