// Holds the table of cheats in docs/security-testing.md against the code: each row names a test that exists under these
// words, and codes that the code gives and the named tests look for. A cheat that has no row is missed by name.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasTest, type Named, read, ROOT, rowsBelow, testsIn } from './named-tests.ts';

type Row = {
  readonly cheat: string;
  readonly who: string;
  readonly stops: string;
  readonly codes: readonly string[];
  readonly tests: readonly Named[];
};

const CODE = /`([a-z]+\/[a-z0-9-]+)`/g;

function rowsOf(text: string): Row[] {
  return rowsBelow(text, 'Cheats').map(([cheat = '', who = '', stops = '', tests = '']) => {
    const codes = [...stops.matchAll(CODE)].map((match) => match[1] ?? '');
    return { cheat, who, stops, codes, tests: testsIn(tests) };
  });
}

const rows = rowsOf(read('docs/security-testing.md'));
const sources = globSync('{packages,apps}/*/src/**/*.{ts,py}', { cwd: ROOT })
  .filter((path) => !/\.test\.ts$|for-tests|fixtures?\.ts$|testing\//.test(path))
  .map(read)
  .join('\n');

test('there is a table', () => {
  expect(rows.length).toBeGreaterThan(100);
  for (const row of rows)
    expect([row.cheat, row.who.length > 2, row.tests.length > 0]).toEqual([row.cheat, true, true]);
});

test.each(rows)('the tests against “$cheat” exist', ({ tests }) => {
  for (const { file, words } of tests) {
    expect([file, existsSync(join(ROOT, file)) && file.endsWith('.test.ts')]).toEqual([file, true]);
    expect([file, words, words.length > 7 && hasTest(file, words)]).toEqual([file, words, true]);
  }
});

test.each(rows)(
  'what stops “$cheat” is a code that the code gives and its tests look for',
  ({ codes, stops, tests }) => {
    for (const code of codes)
      expect([code, new RegExp(`['"\`]${code}['"\`]`).test(sources)]).toEqual([code, true]);
    if (codes.length === 0) {
      // Where nothing is refused, because there is nothing to gain, the row says so.
      expect(stops).toMatch(/^no code: /);
      return;
    }
    // A test may look for one of several codes of a package by a pattern.
    const looks = (text: string, code: string) =>
      text.includes(code) || code.split('/').every((part) => new RegExp(`\\b${part}\\b`).test(text));
    const looked = tests.some(({ file }) => codes.some((code) => looks(read(file), code)));
    expect([codes, looked]).toEqual([codes, true]);
  },
);

test('few rows go without a code', () => {
  expect(rows.filter(({ codes }) => codes.length === 0).length).toBeLessThan(rows.length / 6);
});

/** What must be tried, in the words of the rows. */
const MUST = [
  'wrong key',
  'truncated',
  'reordered',
  'swapped',
  'extended',
  'two files under one salt',
  'older version',
  'under the same header',
  'odd names in `filepath`',
  'links',
  'device',
  'setuid',
  'sparse',
  'very many files',
  'sizes that lie',
  'bomb',
  'metadata address',
  'decimal',
  'rebinding',
  'redirect',
  'file:',
  'user in the URL',
  'another tenant',
  'without an end',
  'write permission',
  'duplicate members',
  'regular expression',
  'loader',
  'nonce',
  'evidence',
  'replayed approval',
  'replayed resumption',
  'another ledger',
  'recipient',
  'another vault',
  'n − 1 signatures',
  'expired',
  'suspended',
  'withholds',
  'revoked',
  'version 1 after version 2',
  'one approval for two runs',
  '64 releases',
  'edits the database',
  'restored from yesterday',
  'fork',
  'Run Completed',
  'between clearance and upload',
];

test.each(MUST)('a row tells of “%s”', (words) => {
  expect(rows.filter(({ cheat }) => cheat.includes(words)).length).toBeGreaterThan(0);
});

test('a row that names a test or a code that does not exist would be found', () => {
  expect(hasTest('packages/seal/src/stream.test.ts', 'refuses bytes behind the end')).toBe(true);
  expect(hasTest('packages/seal/src/stream.test.ts', 'refuses bytes behind')).toBe(false);
  expect(hasTest('packages/seal/src/stream.test.ts', 'refuses bytes behind…')).toBe(true);
  expect(hasTest('packages/seal/src/stream.test.ts', 'refuses bytes before the start')).toBe(false);
  const [row] = rowsOf(
    '\n## Cheats\n\n| cheat | who |\n| --- | --- |\n| a | b | `seal/x` | `f.test.ts` “one”, “two” |\n\n## X\n',
  );
  expect(row).toMatchObject({
    codes: ['seal/x'],
    tests: [{ words: 'one' }, { file: 'f.test.ts', words: 'two' }],
  });
});
