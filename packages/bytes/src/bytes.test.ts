import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  base64urlDecode,
  base64urlEncode,
  BytesError,
  bytesEqual,
  concat,
  digestBytes,
  hexDecode,
  hexEncode,
  leafHash,
  Reader,
  sha256Digest,
  treeRoot,
  utf8Encode,
} from './index.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

test('base64url and hex give back what they were given, as Buffer writes it', () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(base64urlEncode(value)).toBe(Buffer.from(value).toString('base64url'));
      expect(hexEncode(value)).toBe(Buffer.from(value).toString('hex'));
      expect(bytesEqual(base64urlDecode(base64urlEncode(value)), value)).toBe(true);
      expect(bytesEqual(hexDecode(hexEncode(value)), value)).toBe(true);
    }),
  );
});

test.each(['A', 'AA==', 'AB', 'A+/A', 'AAA\n', 'AAB', ' AAAA'])('refuses %j as base64url', (text) => {
  expect(() => base64urlDecode(text)).toThrow(BytesError);
});

test.each(['0', 'AA', 'zz', '0x00', ' 00'])('refuses %j as hexadecimal', (text) => {
  expect(() => hexDecode(text)).toThrow(BytesError);
});

test.each(['sha256:', `sha256:${'A'.repeat(64)}`, `sha512:${'0'.repeat(64)}`, '0'.repeat(64)])(
  'refuses %j as a digest',
  (text) => {
    expect(() => digestBytes(text)).toThrow(BytesError);
  },
);

test('tells equal bytes from different ones, whatever the length', () => {
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
});

test('the reader reads in order and refuses to read past the end or to leave something over', () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  expect([reader.uint8(), reader.uintBE(2), reader.uintLE(2), reader.offset]).toEqual([1, 0x0203, 0x0504, 5]);
  expect(() => reader.end()).toThrow(expect.objectContaining({ code: 'bytes/trailing' }));
  expect(() => reader.take(3)).toThrow(expect.objectContaining({ code: 'bytes/truncated' }));
  expect(() => reader.take(-1)).toThrow(expect.objectContaining({ code: 'bytes/truncated' }));
  expect(reader.take(2)).toEqual(Uint8Array.of(6, 7));
  reader.end();
});

test('hashes the trees of RFC 6962 as its reference implementation does', async () => {
  expect(hexEncode(await treeRoot([]))).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  expect(hexEncode(await leafHash(concat()))).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
  expect(hexEncode(await leafHash(utf8Encode('L123456')))).toBe(
    '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
  );
});

test('names bytes by their SHA-256', async () => {
  expect(await sha256Digest(utf8Encode('a'), utf8Encode('bc'))).toBe(
    'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});
