// Progress of long work: how much, how fast, how long still. One line on standard error that repaints itself; without a
// terminal nothing but the end.
import { bytesText, durationText } from './text.ts';

export type Progress = {
  readonly update: (done: number, total: number) => void;
  readonly end: () => void;
};

const REPAINT_MS = 100;
/** Rates over less time than this jump about. */
const SETTLED_MS = 500;

export function progressText(label: string, done: number, total: number, elapsedMs: number): string {
  const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
  const rate = elapsedMs < SETTLED_MS ? 0 : (done / elapsedMs) * 1000;
  const speed = rate > 0 ? `, ${bytesText(Math.round(rate))}/s` : '';
  const left = rate > 0 && done < total ? `, ${durationText((total - done) / rate)} left` : '';
  return `${label}: ${percent} % (${bytesText(done)} of ${bytesText(total)}${speed}${left})`;
}

export function progressOn(
  { err, repaints, columns }: { err: (text: string) => void; repaints: boolean; columns: number },
  label: string,
  clock: () => number = () => performance.now(),
): Progress {
  if (!repaints) return { update: () => undefined, end: () => undefined };
  const start = clock();
  let painted = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    update: (done, total) => {
      const now = clock();
      if (now - painted < REPAINT_MS && done < total) return;
      painted = now;
      shown = true;
      err(`\r\u001b[K${progressText(label, done, total, now - start).slice(0, columns - 1)}`);
    },
    end: () => {
      if (shown) err('\n');
      shown = false;
    },
  };
}
