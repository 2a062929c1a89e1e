// Base64 and PEM as vendors write them, and as nobody does.
import { utf8Encode } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import { readCollateral } from '../collateral.ts';
import { base64Decode, readPem } from './pem.ts';

const malformed = expect.objectContaining({ code: 'attest/malformed' });

it('decodes Base64 and no other form of it', () => {
  expect([...base64Decode('')]).toEqual([]);
  expect([...base64Decode('AQ==')]).toEqual([1]);
  expect([...base64Decode('AQI=')]).toEqual([1, 2]);
  expect([...base64Decode('AQID')]).toEqual([1, 2, 3]);
  for (const text of [
    'A',
    'AQ',
    'AQ=',
    'AQI',
    'AQ===',
    '=',
    '====',
    'AR==',
    'AQJ=',
    'AQ==AQ==',
    'A-_=',
    'AQ =',
  ])
    expect(() => base64Decode(text), text).toThrow(malformed);
});

// A repeated group in an expression fills the stack: this was a fault and no refusal.
it('decodes what is long, and refuses what is long and wrong', () => {
  expect(base64Decode('A'.repeat(16_000_000)).length).toBe(12_000_000);
  expect(() => base64Decode(`${'A'.repeat(15_999_999)}!`)).toThrow(malformed);
  const text = `-----BEGIN X509 CRL-----\n${'A'.repeat(15_999_000)}\n-----END X509 CRL-----\n`;
  expect(() => readCollateral([{ name: 'long.pem', bytes: utf8Encode(text) }])).toThrow(
    expect.objectContaining({ code: 'attest/too-large' }),
  );
});

it('refuses blocks without an end, of another label, or with a label that is none', () => {
  const [block] = readPem('before -----BEGIN A B-----\nAQ==\n-----END A B----- after');
  expect(block?.label).toBe('A B');
  for (const text of [
    '-----BEGIN A-----\nAQ==',
    '-----BEGIN A-----\nAQ==\n-----END B-----',
    '-----BEGIN a-----\nAQ==\n-----END a-----',
    '-----BEGIN -----\nAQ==\n-----END -----',
    '-----BEGIN A-----\n-----BEGIN B-----\nAQ==\n-----END B-----\n-----END A-----',
  ])
    expect(() => readPem(text), text).toThrow(malformed);
  expect(readPem('nothing')).toEqual([]);
});
