// How long an execution took and how much memory it left behind or passed through, as far as V8 tells.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Violation } from './target.ts';

const SLOW_MS = 1000;
const MEMORY_BASE = 48 * 1024 * 1024;
/** Bytes of memory for one byte of input, garbage included. */
const MEMORY_FACTOR = 512;

export function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

let collect: (() => void) | undefined;

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

export function looksLarge(growth: number, inputLength: number): boolean {
  return growth > MEMORY_BASE + MEMORY_FACTOR * inputLength;
}

/** Runs again what seemed too slow or too large, twice and alone; the better of both counts. */
export async function confirm(
  run: () => unknown,
  inputLength: number,
  slowMs: number = SLOW_MS,
): Promise<Violation | undefined> {
  let [milliseconds, bytes] = [Infinity, Infinity];
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    const before = usedBytes();
    const start = process.threadCpuUsage();
    await run();
    const { user, system } = process.threadCpuUsage(start);
    milliseconds = Math.min(milliseconds, (user + system) / 1000);
    bytes = Math.min(bytes, usedBytes() - before);
  }
  if (milliseconds > slowMs)
    return new Violation(
      'slow',
      `${Math.round(milliseconds)} ms of processor for ${inputLength} bytes of input`,
    );
  if (looksLarge(bytes, inputLength))
    return new Violation('memory', `${bytes} bytes of memory for ${inputLength} bytes of input`);
  return undefined;
}

export const looksSlow = (milliseconds: number, slowMs: number = SLOW_MS): boolean => milliseconds > slowMs;
