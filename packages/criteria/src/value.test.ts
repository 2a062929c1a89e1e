import { utf8Decode, utf8Encode } from '@sealroom/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CriteriaError } from './error.ts';
import {
  canonicalText,
  canonicalValueBytes,
  fromPlain,
  isMap,
  readValue,
  sameValue,
  type Value,
  writeValue,
} from './value.ts';

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (cause) {
    if (cause instanceof CriteriaError) return cause.code;
    throw cause;
  }
}

const { tie: values } = fc.letrec<{ tie: Value }>((tie) => ({
  tie: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('tie'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom('a', '__proto__', 'constructor', '0', '1', 'é', ''), tie('tie')), {
        maxLength: 4,
      })
      .map((entries): Value => new Map(entries)),
  ),
}));

describe('the reader of values', () => {
  test('keeps integers and floats apart, and every digit of an integer', () => {
    expect(readValue('[1, 1.0, -0, -0.0, 1e2, 9007199254740993, 123456789012345678901234567890]')).toEqual([
      1n,
      1,
      0n,
      -0,
      100,
      9007199254740993n,
      123456789012345678901234567890n,
    ]);
  });

  test('takes keys that JavaScript treats specially like any other, in their order', () => {
    const value = readValue('{"2":0,"__proto__":{"polluted":true},"constructor":1,"1":2}');
    expect(isMap(value) ? [...value.keys()] : []).toEqual(['2', '__proto__', 'constructor', '1']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test.each([
    ['{"a":1,"a":2}', 'value/duplicate-key'],
    ['{"a":1,"\\u0061":2}', 'value/duplicate-key'],
    ['{"__proto__":1,"__proto__":2}', 'value/duplicate-key'],
    ['NaN', 'value/malformed'],
    ['-Infinity', 'value/malformed'],
    ['1e400', 'value/number-range'],
    ['-1e400', 'value/number-range'],
    [`1${'0'.repeat(4300)}`, 'value/number-range'],
    ['"\\ud800"', 'value/lone-surrogate'],
    ['"\ud800"', 'value/lone-surrogate'],
    ['{"\\udc00":1}', 'value/lone-surrogate'],
    ['01', 'value/malformed'],
    ['1.', 'value/malformed'],
    ['.5', 'value/malformed'],
    ['+1', 'value/malformed'],
    ['"\t"', 'value/malformed'],
    ['"\\x41"', 'value/malformed'],
    ['[1,]', 'value/malformed'],
    ['{"a" 1}', 'value/malformed'],
    ['{a:1}', 'value/malformed'],
    ['// no\n1', 'value/malformed'],
    ['\u00a01', 'value/malformed'],
    ['\ufeff1', 'value/malformed'],
    ['1 2', 'value/malformed'],
    ['', 'value/malformed'],
  ])('refuses %j', (text, code) => {
    expect(codeOf(() => readValue(text))).toBe(code);
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(codeOf(() => readValue(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('value/malformed');
    expect(codeOf(() => readValue(Uint8Array.of(0x22, 0xc0, 0x80, 0x22)))).toBe('value/malformed');
  });

  test('reads 64 levels and refuses the 65th, however many there are', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(codeOf(() => readValue(nested(64)))).toBe('read');
    expect(codeOf(() => readValue(nested(65)))).toBe('value/too-deep');
    expect(codeOf(() => readValue('{"a":'.repeat(1_000_000)))).toBe('value/too-deep');
  });

  test('refuses texts that are too long and documents of too many values', () => {
    expect(codeOf(() => readValue('[1,2,3]', { maxLength: 6 }))).toBe('value/too-large');
    expect(codeOf(() => readValue('[1,2,3]', { maxValues: 3 }))).toBe('value/too-large');
    expect(codeOf(() => readValue('[1,2,3]', { maxLength: 7, maxValues: 4 }))).toBe('read');
  });

  test('refuses a text that ends early, wherever it ends', () => {
    const text = '{"a":[1,2.5e-3,true,null,"x\\u00e9\\n"],"b":{"c":-12}}';
    for (let end = 0; end < text.length; end++) {
      expect(
        codeOf(() => readValue(text.slice(0, end))),
        text.slice(0, end),
      ).toBe('value/malformed');
    }
    expect(codeOf(() => readValue(text))).toBe('read');
  });

  test('reads back what it wrote, whatever the value', () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = writeValue(value);
        expect(sameValue(readValue(text), value)).toBe(true);
        expect(sameValue(readValue(utf8Encode(text)), value)).toBe(true);
      }),
    );
  });

  test('finds a change of any character, or refuses the text', () => {
    const text = '{"n":569,"value":0.91}';
    const value = readValue(text);
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}7${text.slice(at + 1)}`;
      if (changed === text) continue;
      const same = codeOf(() => readValue(changed)) === 'read' && sameValue(readValue(changed), value);
      expect(same, changed).toBe(false);
    }
  });
});

describe('the canonical form', () => {
  test('sorts keys by UTF-16 units and writes numbers as RFC 8785 does', () => {
    const value = readValue('{"b":1.0,"a":1e21,"\u{1f600}":-0.0,"\ufb33":1E-7,"é":100.50}');
    expect(canonicalText(value)).toBe('{"a":1e+21,"b":1,"é":100.5,"\u{1f600}":0,"\ufb33":1e-7}');
  });

  test('refuses integers that a double may not hold', () => {
    expect(canonicalText(2n ** 53n - 1n)).toBe('9007199254740991');
    for (const value of [2n ** 53n, -(2n ** 53n)]) {
      expect(codeOf(() => canonicalText(value))).toBe('value/number-range');
    }
  });

  test('is the same for every order of keys, and what JSON.parse understands', () => {
    fc.assert(
      fc.property(values, (value) => {
        if (!isMap(value) || /[0-9]{16}/.test(writeValue(value))) return;
        const reversed: Value = new Map([...value].reverse());
        expect(canonicalText(reversed)).toBe(canonicalText(value));
        const text = utf8Decode(canonicalValueBytes(value));
        expect(canonicalText(readValue(text))).toBe(text);
        expect(JSON.stringify(JSON.parse(text)).length).toBe(text.length);
      }),
    );
  });
});

describe('values of plain JavaScript', () => {
  test('become integers where they are whole', () => {
    expect(fromPlain([1, 1.5, 2 ** 60, 'x', null, { a: [true] }])).toEqual([
      1n,
      1.5,
      2 ** 60,
      'x',
      null,
      new Map([['a', [true]]]),
    ]);
  });

  test('are refused where JSON has no form for them', () => {
    expect(codeOf(() => fromPlain(Number.NaN))).toBe('value/number-range');
    expect(codeOf(() => fromPlain('\ud800'))).toBe('value/lone-surrogate');
    expect(codeOf(() => fromPlain(() => 1))).toBe('value/malformed');
    const loop: unknown[] = [];
    loop.push(loop);
    expect(codeOf(() => fromPlain(loop))).toBe('value/too-deep');
  });
});
