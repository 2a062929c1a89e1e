import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { bkencSalt, checkSalts, openBkenc } from './index.ts';

type Case = {
  readonly id: string;
  readonly cek_hex: string;
  readonly salt_hex: string;
  readonly plaintext_hex: string;
  readonly file_hex: string;
  readonly valid: boolean;
};
const folder = sharedVectors('bkenc');
const cases: readonly Case[] = folder
  ? (JSON.parse(readFileSync(join(folder, 'bkenc.json'), 'utf8')) as { cases: readonly Case[] }).cases
  : [];

// One file, so that this reader is tested where the shared vectors are not: made with Python's `cryptography`.
const own = {
  cek: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  plaintext: '68656c6c6f',
  file: '53616c7465645f5f6162636465666768bed7dcb8c051894188545cff8dce22fa9350504094',
};

test('opens a file made by other tools', async () => {
  const plaintext = await openBkenc(hexDecode(own.cek), hexDecode(own.file));
  expect(hexEncode(plaintext)).toBe(own.plaintext);
  expect(hexEncode(bkencSalt(hexDecode(own.file)))).toBe('6162636465666768');
});

test('refuses that file cut short at any byte, or with any one bit changed', async () => {
  const file = hexDecode(own.file);
  const refusal = { code: expect.stringMatching(/^seal\/(bkenc-malformed|not-authentic)$/) as unknown };
  for (let at = 0; at < file.length; at++) {
    await expect(openBkenc(hexDecode(own.cek), file.slice(0, at))).rejects.toMatchObject(refusal);
    const changed = file.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(openBkenc(hexDecode(own.cek), changed)).rejects.toMatchObject(refusal);
  }
});

test('refuses a key that is not 32 raw bytes', async () => {
  const opened = openBkenc(new Uint8Array(33), hexDecode(own.file));
  await expect(opened).rejects.toMatchObject({ code: 'seal/bad-key' });
});

test('tells when two files share a salt, and with it key and nonce', () => {
  const salts = [own.file, own.file].map((file) => bkencSalt(hexDecode(file)));
  expect(() => checkSalts(salts)).toThrow(expect.objectContaining({ code: 'seal/repeated-salt' }));
});

test.skipIf(!folder)('agrees with every shared vector', async () => {
  expect(cases.length).toBe(14);
  for (const { id, cek_hex, salt_hex, plaintext_hex, file_hex, valid } of cases) {
    const opened = openBkenc(hexDecode(cek_hex), hexDecode(file_hex));
    if (valid) {
      expect(hexEncode(await opened), id).toBe(plaintext_hex);
      expect(hexEncode(bkencSalt(hexDecode(file_hex))), id).toBe(salt_hex);
    } else {
      const refusal = { code: expect.stringMatching(/^seal\/(bkenc-malformed|not-authentic)$/) as unknown };
      await expect(opened, id).rejects.toMatchObject(refusal);
    }
  }
});
