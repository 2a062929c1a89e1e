import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PackageError } from './error.ts';
import { parseSecretFiles } from './secrets.ts';

const code = (value: string) => expect.objectContaining({ constructor: PackageError, code: value });
const list = (...items: string[]) => ['secretFiles:', ...items].join('\n');

describe('secrets.yaml', () => {
  test('gives pairs of sealed and plain names', () => {
    const text =
      '---\n# a comment\nsecretFiles:   # more\n - ["m/a.pkl.bkenc", "m/a.pkl"]\n\n - [\'it\'\'s.sealed\',"it\'s"] # why\n';
    expect(parseSecretFiles(text)).toEqual([
      { sealed: 'm/a.pkl.bkenc', plain: 'm/a.pkl' },
      { sealed: "it's.sealed", plain: "it's" },
    ]);
    expect(parseSecretFiles('secretFiles: []\n')).toEqual([]);
    expect(parseSecretFiles('secretFiles:\r\n  - ["a.sealed", "a"]\r\n')).toHaveLength(1);
  });

  test('reads what a writer of JSON strings writes', () => {
    const part = fc.stringMatching(/^[a-z"'# ,\]é]{1,8}$/);
    fc.assert(
      fc.property(part, part, (folder, name) => {
        const plain = `${folder}/${name}`.normalize('NFC');
        const text = list(`  - [${JSON.stringify(`${plain}.sealed`)}, ${JSON.stringify(plain)}]`);
        expect(parseSecretFiles(text)).toEqual([{ sealed: `${plain}.sealed`, plain }]);
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['no list', 'secretFiles:\n'],
    ['another key', 'files:\n - ["a.sealed", "a"]'],
    ['a second key', list(' - ["a.sealed", "a"]', 'more: 1')],
    ['an anchor', list(' - &x ["a.sealed", "a"]')],
    ['an alias', list(' - *x')],
    ['a tag', list(' - !!seq ["a.sealed", "a"]')],
    ['a tagged name', list(' - [!x "a.sealed", "a"]')],
    ['bare names', list(' - [a.sealed, a]')],
    ['one name', list(' - ["a.sealed"]')],
    ['three names', list(' - ["a.sealed", "a", "b"]')],
    ['block form', list(' - - "a.sealed"', '   - "a"')],
    ['a mapping', list(' - {"a.sealed": "a"}')],
    ['uneven indentation', list(' - ["a.sealed", "a"]', '  - ["b.sealed", "b"]')],
    ['a tab', list('\t- ["a.sealed", "a"]')],
    ['a second document', list(' - ["a.sealed", "a"]', '---')],
    ['items after an empty list', 'secretFiles: []\n - ["a.sealed", "a"]'],
    ['a sealed name without its ending', list(' - ["a.enc", "a"]')],
    ['a name twice', list(' - ["a.sealed", "a"]', ' - ["b.sealed", "a"]')],
    ['a name twice but for case', list(' - ["a.sealed", "a"]', ' - ["A.sealed", "b"]')],
    ['a name for both', list(' - ["a.sealed", "a.sealed"]')],
    ['the Dockerfile', list(' - ["Dockerfile.sealed", "Dockerfile"]')],
    ['itself', list(' - ["secrets.yaml.sealed", "secrets.yaml"]')],
    ['an escape of YAML alone', list(' - ["a.sealed", "\\x61"]')],
  ])('refuses %s', (_, text) => {
    expect(() => parseSecretFiles(text)).toThrow(code('package/bad-secrets'));
  });

  test.each(['/a', '../a', 'a/../b', './a', 'a//b', 'a\\\\b', '', 'a\\u0000b', 'x.tree'])(
    'refuses the path %s',
    (path) => {
      expect(() => parseSecretFiles(list(` - ["m.sealed", "${path}"]`))).toThrow(code('package/bad-path'));
      expect(() => parseSecretFiles(list(` - ["${path}", "m"]`))).toThrow(PackageError);
    },
  );

  // Found by fuzzing: the time grew with the square of the spaces.
  test('refuses a line of a million spaces as it refuses one of a few', () => {
    for (const count of [3, 1_000_000]) {
      const text = `secretFiles:${' '.repeat(count)}x`;
      expect(() => parseSecretFiles(text)).toThrow(code('package/bad-secrets'));
    }
    expect(parseSecretFiles('secretFiles:  [  ]   # none')).toEqual([]);
  });
});
