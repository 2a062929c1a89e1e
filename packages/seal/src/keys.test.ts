import { readFileSync } from 'node:fs';
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hkdf } from './hkdf.ts';
import { assetKey, type AssetKind, fileKey, generateAssetSalt, generateCek, keyCommitment } from './index.ts';

type Case = {
  readonly kind: AssetKind;
  readonly cek: string;
  readonly assetSalt: string;
  readonly assetKey: string;
  readonly keyCommitment: string;
  readonly fileKey: string;
};
const own = join(import.meta.dirname, '../../../vectors/seal/keys.json');
const { cases } = JSON.parse(readFileSync(own, 'utf8')) as { cases: readonly Case[] };

test.each(cases)('derives the keys of a $kind as the vectors say', async (vector) => {
  const key = await assetKey(hexDecode(vector.cek), hexDecode(vector.assetSalt), vector.kind);
  expect(hexEncode(key)).toBe(vector.assetKey);
  expect(hexEncode(await keyCommitment(key))).toBe(vector.keyCommitment);
  expect(hexEncode(await fileKey(key))).toBe(vector.fileKey);
});

test('gives every kind and every version its own key', async () => {
  const [cek, salt] = [generateCek(), generateAssetSalt()];
  const keys = [
    await assetKey(cek, salt, 'dataset'),
    await assetKey(cek, salt, 'algorithm'),
    await assetKey(cek, generateAssetSalt(), 'dataset'),
  ];
  expect(new Set(keys.map(hexEncode)).size).toBe(3);
});

test.each([0, 31, 33])('refuses a key or salt of %i bytes', async (length) => {
  const wrong = { code: 'seal/bad-key' };
  const short = new Uint8Array(length);
  await expect(assetKey(short, generateAssetSalt(), 'dataset')).rejects.toMatchObject(wrong);
  await expect(assetKey(generateCek(), short, 'dataset')).rejects.toMatchObject(wrong);
  await expect(keyCommitment(short)).rejects.toMatchObject(wrong);
  await expect(fileKey(short)).rejects.toMatchObject(wrong);
});

type HkdfFile = {
  readonly testGroups: readonly {
    readonly tests: readonly {
      readonly tcId: number;
      readonly ikm: string;
      readonly salt: string;
      readonly info: string;
      readonly size: number;
      readonly okm: string;
      readonly result: string;
    }[];
  }[];
};
const wycheproof = sharedVectors('wycheproof');

test.skipIf(!wycheproof)('agrees with every Wycheproof case of HKDF-SHA256', async () => {
  const file = JSON.parse(readFileSync(join(wycheproof ?? '', 'hkdf_sha256_test.json'), 'utf8')) as HkdfFile;
  let seen = 0;
  for (const vector of file.testGroups.flatMap((group) => group.tests)) {
    const input = {
      key: hexDecode(vector.ikm),
      salt: hexDecode(vector.salt),
      info: hexDecode(vector.info),
    };
    const output = hkdf(input, vector.size);
    if (vector.result === 'valid') expect(hexEncode(await output), `case ${vector.tcId}`).toBe(vector.okm);
    else await expect(output, `case ${vector.tcId}`).rejects.toThrow();
    seen++;
  }
  expect(seen).toBeGreaterThan(80);
});
