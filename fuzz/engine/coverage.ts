// Which characters of the project's sources have been executed, by V8's block coverage. To be started before the sources are
// loaded. One call costs about a millisecond, so it is made once for several executions.
import { type Profiler, Session } from 'node:inspector';

export type Coverage = {
  /** True when something ran since the last call that had never run before. */
  readonly grew: () => boolean;
  /** Characters of source that have run. */
  readonly covered: () => number;
  readonly stop: () => void;
};

const OWN = /\/(?:packages|apps)\/[^/]+\/src\//;

function mark(seen: Uint8Array, ranges: readonly Profiler.CoverageRange[]): number {
  // Ranges are nested and come outer first: the last that holds a character tells its count.
  const [whole] = ranges;
  if (whole === undefined || whole.count === 0) return 0;
  const state = new Uint8Array(whole.endOffset - whole.startOffset).fill(1);
  for (const { startOffset, endOffset, count } of ranges.slice(1))
    state.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
  let fresh = 0;
  for (let i = 0; i < state.length; i++) {
    const at = whole.startOffset + i;
    if (state[i] === 1 && seen[at] === 0) {
      seen[at] = 1;
      fresh++;
    }
  }
  return fresh;
}

export function startCoverage(): Coverage {
  const session = new Session();
  session.connect();
  // Posts of a session of one's own thread answer before they return.
  let taken: Profiler.TakePreciseCoverageReturnType | undefined;
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  const seen = new Map<string, Uint8Array>();
  let covered = 0;

  function grew(): boolean {
    session.post('Profiler.takePreciseCoverage', (error, found) => {
      if (error) throw error;
      taken = found;
    });
    let fresh = 0;
    for (const { url, functions } of taken?.result ?? []) {
      if (!OWN.test(url)) continue;
      for (const { ranges, isBlockCoverage } of functions) {
        const end = ranges[0]?.endOffset ?? 0;
        let own = seen.get(url);
        if (own === undefined || own.length < end) {
          const larger = new Uint8Array(Math.max(end, 65_536));
          larger.set(own ?? new Uint8Array());
          own = larger;
          seen.set(url, own);
        }
        if (isBlockCoverage) fresh += mark(own, ranges);
      }
    }
    covered += fresh;
    return fresh > 0;
  }
  return { grew, covered: () => covered, stop: () => session.disconnect() };
}
