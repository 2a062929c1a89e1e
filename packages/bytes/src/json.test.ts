import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalBytes, canonicalJson, parseCanonical, parseStrictJson } from './index.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code ?? 'not a package error';
  }
  return 'no error';
};

test('writes members in the order of RFC 8785 section 3.2.3', () => {
  const example = { '\u20ac': 1, '\r': 2, '\u{1f600}': 3, '1': 4, '\u0080': 5, '\ufb33': 6, '\u00f6': 7 };
  expect(canonicalJson(example)).toBe(
    '{"\\r":2,"1":4,"\u0080":5,"\u00f6":7,"\u20ac":1,"\u{1f600}":3,"\ufb33":6}',
  );
});

test('reads back whatever it wrote', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson(parseCanonical(canonicalBytes(value)))).toBe(canonicalJson(value));
    }),
  );
});

test.each([
  ['{"a":1,"a":1}', 'json/duplicate-key'],
  ['{"a":9007199254740993}', 'json/number-range'],
  ['{"a":1.5}', 'json/number-range'],
  ['{"a":1e400}', 'json/number-range'],
  ['{"a":NaN}', 'json/malformed'],
  ['{"a":01}', 'json/malformed'],
  ['{"a":1}x', 'json/malformed'],
  ['{"a":"\\ud800"}', 'json/lone-surrogate'],
  ['\ufeff{}', 'json/malformed'],
  ['{"a":"\u0001"}', 'json/malformed'],
  ["{'a':1}", 'json/malformed'],
  ['[1,]', 'json/malformed'],
  ['"abc', 'json/malformed'],
  ['"abc\\', 'json/malformed'],
  [`${'['.repeat(100)}${']'.repeat(100)}`, 'json/too-deep'],
  ['', 'json/malformed'],
])('refuses %j as strict JSON', (text, code) => {
  expect(codeOf(() => parseStrictJson(text))).toBe(code);
});

test.each(['{ "a":1}', '{"b":1,"a":2}', '{"a":-0}', '{"a":"\\u0061"}', '[1 ]'])(
  'refuses %j as canonical JSON',
  (text) => {
    expect(codeOf(() => parseCanonical(text))).toBe('json/not-canonical');
  },
);

test('keeps a member called __proto__ an ordinary member', () => {
  const value = parseStrictJson('{"__proto__":{"admin":true}}') as { admin?: boolean };
  expect(value.admin).toBeUndefined();
  expect(canonicalJson(value)).toBe('{"__proto__":{"admin":true}}');
});

test('refuses bytes that are not UTF-8', () => {
  expect(codeOf(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('bytes/bad-utf8');
});

test('refuses every text cut short', () => {
  const text = '{"a":[1,true,null,"x\\n"],"b":{"c":-12}}';
  for (let length = 0; length < text.length; length++) {
    expect(
      codeOf(() => parseStrictJson(text.slice(0, length))),
      `length ${length}`,
    ).toBe('json/malformed');
  }
});

// Found by fuzzing: a large float could be written and not be read again.
test('with fractions, reads the digits that large floats are written in, and no other large integers', () => {
  for (const value of [1e16, -1.2e16, 2 ** 53, 1e20, 123_456_789_012_345_680_000, 1e21, 1.5]) {
    expect(parseStrictJson(canonicalJson(value, { fractions: true }), { fractions: true })).toBe(value);
  }
  for (const text of [
    '9007199254740993',
    '100000000000000000001',
    '1000000000000000000000',
    '-9007199254740993',
  ])
    expect(codeOf(() => parseStrictJson(text, { fractions: true }))).toBe('json/number-range');
  for (const text of ['9007199254740992', '100000000000000000000'])
    expect(codeOf(() => parseStrictJson(text))).toBe('json/number-range');
});
