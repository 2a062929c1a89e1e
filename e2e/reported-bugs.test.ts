// Holds docs/attestation/reported-bugs.md against the code: each row names tests that exist under these words, and what refuses the
// cheat, which one of those tests looks for; every technology stands where none may be missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEVICE_TECHNOLOGIES, ROOM_TECHNOLOGIES } from '@sealroom/attest';
import { hasTest, read, ROOT, rowsBelow, testsIn } from './named-tests.ts';

const TECHNOLOGIES: readonly string[] = [...ROOM_TECHNOLOGIES, ...DEVICE_TECHNOLOGIES].filter(
  (name) => name !== 'simulated',
);
const page = read('docs/attestation/reported-bugs.md');

function rowsOf(heading: string) {
  return rowsBelow(page, heading).map(([what = '', evidence = '', refused = '', tests = '']) => ({
    what,
    evidence,
    ids: [...refused.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    tests: testsIn(tests),
  }));
}

const reported = rowsOf('Reported bugs');
const asked = rowsOf('What each kind of evidence is asked');

test('every report has its row, and every technology its checks', () => {
  const numbers = reported.flatMap(({ what }) => /^(\d+)\. /.exec(what)?.[1] ?? []);
  expect(numbers).toEqual(Array.from({ length: 19 }, (_, at) => String(at + 1)));
  expect(asked.length).toBeGreaterThan(8);
  for (const number of ['10', '13', '18']) {
    const ids = reported.find(({ what }) => what.startsWith(`${number}. `))?.ids ?? [];
    const missing = TECHNOLOGIES.filter((name) => !ids.some((id) => id.startsWith(`${name}/`)));
    expect([number, missing]).toEqual([number, []]);
  }
});

test.each([...reported, ...asked])('the tests of “$what” exist', ({ evidence, ids, tests }) => {
  expect([evidence.length > 2, ids.length > 0, tests.length > 0]).toEqual([true, true, true]);
  for (const { file, words } of tests) {
    expect([file, existsSync(join(ROOT, file)) && file.endsWith('.test.ts')]).toEqual([file, true]);
    expect([file, words, words.length > 7 && hasTest(file, words)]).toEqual([file, words, true]);
  }
});

/** Whether a text has an id whole, or in quotes what stands behind its technology. */
function looksFor(text: string, id: string): boolean {
  const [first = '', ...rest] = id.split('/');
  const short = TECHNOLOGIES.includes(first) ? rest.join('/') : id;
  // Parts of a list may be filled in: `pcr${index}`, `gpu-0/${id}`.
  const filled = short.replace(/^gpu-0\//, '').replace(/^pcr\/?\d+$/, 'pcr');
  return [id, short, filled].some((one) => new RegExp(`['"\`/]${one}['"\`/$\\d]`).test(text));
}

test.each([...reported, ...asked])('what refuses “$what” is looked for by its tests', ({ ids, tests }) => {
  const texts = [...new Set(tests.map(({ file }) => file))].map(read);
  const unseen = ids.filter((id) => !texts.some((text) => looksFor(text, id)));
  expect(unseen).toEqual([]);
});

test('a row that names what no test looks for would be found', () => {
  expect(looksFor("toEqual(['tdx/mrtd'])", 'tdx/mrtd')).toBe(true);
  expect(looksFor("toEqual(['mrtd'])", 'tdx/mrtd')).toBe(true);
  expect(looksFor("toEqual(['mrtd2'])", 'tdx/mrtd2x')).toBe(false);
  expect(looksFor('mrtd', 'tdx/mrtd')).toBe(false);
});
