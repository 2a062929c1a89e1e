import type { Digest } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import { nextVersion } from './rules.ts';

const digest: Digest = `sha256:${'1'.repeat(64)}`;
const some = { does: 'publish', digest, sensitivity: null, needs: 'nothing' } as const;
const version = { code: 'hub/version' };

it('numbers versions without gaps', () => {
  expect(nextVersion({ ...some, kind: 'dataset', version: 1 }, 0)).toBe(1);
  expect(nextVersion({ ...some, kind: 'dataset', version: 3 }, 2)).toBe(3);
  for (const wrong of [1, 2, 4])
    expect(() => nextVersion({ ...some, kind: 'dataset', version: wrong }, 2)).toThrow(
      expect.objectContaining(version) as Error,
    );
});

it('counts wrapped keys itself, and takes the number of a key pair from its vault', () => {
  expect(nextVersion({ ...some, kind: 'wcek', version: null }, 4)).toBe(5);
  expect(nextVersion({ ...some, kind: 'kek', version: 7 }, 2)).toBe(7);
  expect(() => nextVersion({ ...some, kind: 'kek', version: 2 }, 2)).toThrow(
    expect.objectContaining(version) as Error,
  );
});
