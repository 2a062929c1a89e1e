// Decoders with defects that are known, to see that each kind is found.
import { BytesError } from '@sealroom/bytes';
import { expect, type Family, judge, type Target } from './target.ts';

const seeds = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
const refusals = [[BytesError, ['bytes/truncated']]] as const;

function planted(name: string, decode: (input: Uint8Array) => void, more: Partial<Target> = {}): Target {
  const run: Target['run'] = (input) =>
    judge(
      refusals,
      () => {
        if (input.length < 4) throw new BytesError('bytes/truncated', 'It is too short.');
        decode(input);
      },
      () => undefined,
    );
  return { name, covers: [], form: 'bytes', seeds, run, ...more };
}

const family =
  (name: string, ...targets: readonly Target[]) =>
  async (): Promise<Family> => ({ name, targets });

export const FAMILIES = {
  sound: family(
    'sound',
    planted('sound', () => {}),
  ),
  foreign: family(
    'foreign',
    planted('foreign', (input) => {
      if (input[2] === 0) throw new TypeError('Cannot read properties of undefined');
    }),
  ),
  code: family(
    'code',
    planted('code', (input) => {
      if (input[2] === 0) throw new BytesError('bytes/trailing', 'Not among its codes.');
    }),
  ),
  forged: family(
    'forged',
    planted('forged', (input) => expect(input[0] === 1, 'false-accept', 'Nobody made this.')),
  ),
  slow: family(
    'slow',
    planted(
      'slow',
      (input) => {
        const end = process.threadCpuUsage().user + (input.length > 12 ? 25_000 : 0);
        while (process.threadCpuUsage().user < end);
      },
      { slowMs: 10 },
    ),
  ),
  greedy: family(
    'greedy',
    planted('greedy', (input) => {
      // What it made before stays: were it dropped, a collection in between could hide how much was taken.
      if (kept.length === 8) kept.length = 0;
      if (input.length > 12) kept.push(new Uint8Array(2 ** 27));
    }),
  ),
  endless: family(
    'endless',
    planted('endless', (input) => {
      while (input.length > 12);
    }),
  ),
};

export const kept: Uint8Array[] = [];
