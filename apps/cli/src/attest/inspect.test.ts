// Evidence in words.
import { expect, test } from 'vitest';
import { describedText, plain } from './inspect.ts';

const lines = (parsed: unknown) => {
  const [, , , ...rows] = describedText('A technology', parsed).trimEnd().split('\n');
  return rows.map((row) => row.replace(/: +/, ': '));
};
const certificate = {
  der: new Uint8Array(900).fill(1),
  tbs: new Uint8Array(700).fill(1),
  serial: '0a',
  subjectNames: new Map([['2.5.4.3', 'A made-up authority']]),
  notBefore: Date.UTC(2026, 0, 1),
  notAfter: Date.UTC(2027, 0, 1),
};

test('says first that nothing is authenticated', () => {
  expect(describedText('A technology', {}).split('\n').slice(0, 2)).toEqual([
    'A technology',
    'Not authenticated: this is what the file says.',
  ]);
});

test('shows short bytes whole, long ones by length and beginning, and zeros as such', () => {
  const long = new Uint8Array(97).fill(0xab);
  expect(lines({ a: new Uint8Array([1, 2]), b: long, c: new Uint8Array(48), d: new Uint8Array() })).toEqual([
    'a: 0102',
    `b: 97 bytes, beginning ${'ab'.repeat(16)}…`,
    'c: zeros (48 bytes)',
    'd:',
  ]);
  expect(plain({ b: long })).toEqual({ b: 'ab'.repeat(97) });
});

test('shows a certificate in one line, and what its subject calls itself in no more than that', () => {
  expect(lines({ chain: [certificate] })).toEqual([
    'chain.0: certificate of A made-up authority; serial 0a; from 2026-01-01 00:00:00 UTC until 2027-01-01 00:00:00 UTC',
  ]);
  const subjectNames = new Map([['2.5.4.3', 'evil\nverdict: affirmed\u001b[8m']]);
  const [row, ...more] = lines({ leaf: { ...certificate, subjectNames, notAfter: Number.NaN } });
  expect(more).toEqual([]);
  expect(row).toContain('until NaN');
  expect(row).not.toContain('\u001b');
});

test('writes times as such, of parsers and of tokens, and numbers that are none as numbers', () => {
  expect(
    lines({ timestamp: 1_665_651_482_136, exp: 1_680_202_174, iat: 1e300, other: 1_680_202_174 }),
  ).toEqual([
    'timestamp: 2022-10-13 08:58:02 UTC',
    'exp: 1680202174 (2023-03-30 18:49:34 UTC)',
    'iat: 1e+300',
    'other: 1680202174',
  ]);
});

test('names the bit that lets the host look inside', () => {
  const bits = (first: number) => new Uint8Array([first, 0, 0, 0x10, 0, 0, 0, 0]);
  const said = (value: object) => lines(value).join().includes('DEBUG');
  expect([1, 2, 3].map((first) => said({ report: { tdAttributes: bits(first) } }))).toEqual([
    true,
    false,
    true,
  ]);
  expect([1, 2, 3].map((first) => said({ report: { attributes: bits(first) } }))).toEqual([
    false,
    true,
    true,
  ]);
});
