import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRange } from './range.ts';

describe('a Range header', () => {
  test.each([
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=5-99', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=4-2', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['bytes=a-b', undefined],
    ['bytes=1e1-2', undefined],
    ['bytes=99999999999999999999-', undefined],
    ['lines=0-1', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s of ten bytes is %j', (header, expected) => {
    expect(readRange(header, 10)).toEqual(expected);
  });

  test('never reaches outside the file', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(100), fc.nat(100), fc.nat(50), (junk, first, last, size) => {
        for (const header of [junk, `bytes=${junk}`, `bytes=${first}-${last}`, `bytes=-${last}`]) {
          const found = readRange(header, size);
          if (found === undefined || found === 'unsatisfiable') continue;
          expect(found.start).toBeGreaterThanOrEqual(0);
          expect(found.end).toBeGreaterThanOrEqual(found.start);
          expect(found.end).toBeLessThan(size);
        }
      }),
    );
  });
});
