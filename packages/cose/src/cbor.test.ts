import { hexDecode, hexEncode } from '@sealroom/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cbor, cborDecode, cborDecodeForeign, cborEncode, CborTag, type CoseError } from './index.ts';

const integer = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);
const key = fc.oneof(integer, fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 8 }));
const { value: anyValue } = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, false),
    integer,
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(key, tie('value')), {
        maxLength: 4,
        selector: ([name]) => hexEncode(cborEncode(name)),
      })
      .map((members) => new Map<Cbor, Cbor>(members)),
    tie('value').map((value) => new CborTag(18, value)),
  ),
}));

function code(bytes: Uint8Array, decode: (bytes: Uint8Array) => Cbor = cborDecode): string {
  try {
    decode(bytes);
    return 'decoded';
  } catch (error) {
    return (error as CoseError).code;
  }
}

test('what is encoded reads back to the same bytes, and no shorter piece of it is a value', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = cborEncode(value);
      expect(hexEncode(cborEncode(cborDecode(bytes)))).toBe(hexEncode(bytes));
      for (let length = 0; length < bytes.length; length++)
        expect(code(bytes.slice(0, length))).toBe('cose/malformed');
      expect(code(new Uint8Array([...bytes, 0]))).toBe('cose/malformed');
    }),
    { numRuns: 200 },
  );
});

test('whatever decodes encodes to the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      for (const decode of [cborDecode, cborDecodeForeign]) {
        const found = code(bytes, decode);
        if (decode === cborDecode && found === 'decoded')
          expect(hexEncode(cborEncode(cborDecode(bytes)))).toBe(hexEncode(bytes));
        expect(['decoded', 'cose/malformed', 'cose/not-deterministic']).toContain(found);
      }
    }),
    { numRuns: 2000 },
  );
});

// Each is one value in the diagnostic notation beside it, written in another form than the deterministic one.
const refused: [string, string][] = [
  ['1800', '0 in two bytes'],
  ['190017', '23 in three bytes'],
  ['1b0000000000000001', '1 in nine bytes'],
  ['5f4101ff', 'bytes of indefinite length'],
  ['7f6161ff', 'text of indefinite length'],
  ['9fff', 'a list of indefinite length'],
  ['bfff', 'a map of indefinite length'],
  ['580101', 'a length in two bytes'],
  ['a201010101', 'a key twice'],
  ['a2410101410102', 'a byte string as key twice'],
  ['a2810101810102', 'a list as key twice'],
  ['81a2410101410102', 'a key twice, further in'],
  ['a1a241010141010201', 'a key twice, in a key'],
  ['d281a2410101410102', 'a key twice, under a tag'],
  ['a1d28101a2410101410102', 'a key twice, in a value'],
  ['f7', 'undefined'],
  ['f97e00', 'NaN'],
  ['f97c00', 'infinity'],
  ['f93c00', '1 as a fraction'],
  ['fb3ff8000000000000', '1.5 in nine bytes'],
  ['f8ff', 'a simple value'],
  ['61ff', 'text that is not UTF-8'],
  ['63efbbbf', 'text that is a byte-order mark'],
  ['d84000', 'a tag that has no place'],
  ['d9d9f700', 'the tag of CBOR itself'],
  ['c24101', 'a large number that is small'],
  ['1c', 'a reserved length'],
  ['', 'nothing'],
  ['0000', 'two values'],
];

test.each(refused)('refuses %s: %s', (hex) => {
  expect(code(hexDecode(hex))).toMatch(/^cose\/(malformed|not-deterministic)$/);
  expect(code(hexDecode(hex), cborDecodeForeign)).toMatch(/^cose\/(malformed|not-deterministic)$/);
});

test('messages of others may have maps in any order, and times; ours may not', () => {
  const unsorted = hexDecode('a318210020010102');
  expect(code(unsorted)).toBe('cose/not-deterministic');
  expect(cborDecodeForeign(unsorted)).toEqual(
    new Map([
      [33, 0],
      [-1, 1],
      [1, 2],
    ]),
  );
  const time = hexDecode('c11a60000000');
  expect(cborDecodeForeign(time)).toEqual(new CborTag(1, 0x60000000));
  expect(code(time)).toBe('cose/malformed');
});

test('nesting without end is refused, not run into', () => {
  expect(code(new Uint8Array(1_000_000).fill(0x81))).toBe('cose/malformed');
  expect(code(new Uint8Array(1_000_000).fill(0xd2))).toBe('cose/malformed');
});

// Found by fuzzing: the library puts an empty list among keys where its bytes do not belong.
test.each([
  ['an empty list before a number', 'a280010c02'],
  ['an empty list after a number', 'a20c028001'],
  ['a list', 'a1810101'],
  ['a map', 'a1a001'],
  ['a tagged value', 'a1d2f601'],
])('refuses a map with %s as a key', (_, hex) => {
  expect(() => cborDecode(hexDecode(hex))).toThrow(expect.objectContaining({ code: 'cose/malformed' }));
});
