// What benchmarks share: arguments, times, and figures of interleaved rounds. A machine does other things too, so that the
// ratio of a pair measured one after the other says more than the ratio of two best times.
import { availableParallelism, loadavg } from 'node:os';

/** A whole number among the arguments, or `otherwise`. */
export function countOf(at: number, otherwise: number): number {
  const given = process.argv[at];
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d{0,9}$/.test(given))
    throw new Error(`Expected a whole number instead of ${JSON.stringify(given)}.`);
  return Number(given);
}

/** Seconds that it takes. */
export async function timed(work: () => Promise<unknown> | void): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Smallest, middle and greatest of figures. */
export function ratios(figures: readonly number[]): {
  readonly median: number;
  readonly text: (digits: number) => string;
} {
  const sorted = figures.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const all = [sorted[0] ?? Number.NaN, median, sorted.at(-1) ?? Number.NaN];
  return { median, text: (digits) => all.map((figure) => figure.toFixed(digits)).join(' / ') };
}

/** How busy the machine was, for the line under the figures. */
export function load(): string {
  const [one = 0] = loadavg();
  return `load ${one.toFixed(1)} on ${availableParallelism()} processors`;
}
