import { expect, test } from 'vitest';
import { progressOn, progressText } from './progress.ts';
import { bytesText, durationText, facts, short, table } from './text.ts';

test('tells amounts and durations as people read them', () => {
  expect([0, 1023, 1024, 1_572_864].map(bytesText)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 MiB']);
  expect([0.2, 59, 61, 7260].map(durationText)).toEqual(['1 s', '59 s', '1 min 1 s', '2 h 1 min']);
});

test('progress gives the rate and the time left once they have settled', () => {
  expect(progressText('sealing', 1024, 4096, 100)).toBe('sealing: 25 % (1.0 KiB of 4.0 KiB)');
  expect(progressText('sealing', 1024, 4096, 1000)).toBe(
    'sealing: 25 % (1.0 KiB of 4.0 KiB, 1.0 KiB/s, 3 s left)',
  );
  expect(progressText('sealing', 0, 0, 1000)).toBe('sealing: 100 % (0 B of 0 B)');
});

test('progress paints nothing where it cannot repaint, and ends its line where it can', () => {
  const said: string[] = [];
  const on = (repaints: boolean) =>
    progressOn({ err: (text) => said.push(text), repaints, columns: 40 }, 'x', () => 0);
  const silent = on(false);
  silent.update(1, 2);
  silent.end();
  expect(said).toEqual([]);
  const loud = on(true);
  loud.update(1, 2);
  loud.update(1, 2);
  loud.end();
  expect(said).toHaveLength(2);
  expect(said[1]).toBe('\n');
});

test('tables are aligned and take no control characters from others, nor lines of their own', () => {
  expect(
    table(
      ['a', 'b'],
      [
        ['one', 'x\u001b[2J'],
        ['two', 'y'],
      ],
    ),
  ).toBe('a    b\none  x\uFFFD[2J\ntwo  y\n');
  expect(table(['a'], [], 'Nothing.')).toBe('Nothing.\n');
  expect(
    facts([
      ['name', 'x'],
      ['missing', undefined],
    ]),
  ).toBe('name: x\n');
  expect(table(['a', 'b'], [['x\ny', 'z']])).toBe('a    b\nx y  z\n');
  expect(facts([['said', 'x\nsigned: yes']])).toBe('said: x\n      signed: yes\n');
  expect(short(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});
