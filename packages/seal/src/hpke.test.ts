import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { encodeKey, generateSecret, publicKeyOf } from '@sealroom/cose';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hpkeOpen, hpkeSeal } from './index.ts';

type Vector = {
  readonly secret: string;
  readonly public: string;
  readonly info: string;
  readonly aad: string;
  readonly enc: string;
  readonly plaintext: string;
  readonly ciphertext: string;
};
const path = join(import.meta.dirname, '../../../vectors/seal/hpke.json');
const vector = JSON.parse(readFileSync(path, 'utf8')) as Vector;

const place = { info: utf8Encode('info'), aad: utf8Encode('aad') };

async function pair() {
  const secret = generateSecret();
  return { secret, key: await publicKeyOf('X25519', secret) };
}

test("opens RFC 9180's vector", async () => {
  const secret = hexDecode(vector.secret);
  expect(await publicKeyOf('X25519', secret)).toBe(
    encodeKey({ curve: 'X25519', x: hexDecode(vector.public) }),
  );
  const plaintext = await hpkeOpen(secret, {
    enc: hexDecode(vector.enc),
    ciphertext: hexDecode(vector.ciphertext),
    info: hexDecode(vector.info),
    aad: hexDecode(vector.aad),
  });
  expect(hexEncode(plaintext)).toBe(vector.plaintext);
});

test('seals what the library opens as recipient', async () => {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
  const recipientKey = await suite.kem.importKey('raw', hexDecode(vector.secret).buffer, false);
  const key = encodeKey({ curve: 'X25519', x: hexDecode(vector.public) });
  const plaintext = utf8Encode('a key');
  const { enc, ciphertext } = await hpkeSeal(key, { ...place, plaintext });
  const opened = await suite.open({ recipientKey, enc, info: place.info }, ciphertext, place.aad);
  expect(new Uint8Array(opened)).toEqual(plaintext);
});

test('opens what it sealed', async () => {
  const { secret, key } = await pair();
  const data = fc.uint8Array({ maxLength: 200 }).map((value) => new Uint8Array(value));
  await fc.assert(
    fc.asyncProperty(data, data, data, async (plaintext, info, aad) => {
      const message = await hpkeSeal(key, { info, aad, plaintext });
      expect(message.enc.length).toBe(32);
      expect(await hpkeOpen(secret, { ...message, info, aad })).toEqual(plaintext);
    }),
    { numRuns: 30 },
  );
});

test('does not open with anything changed', async () => {
  const { secret, key } = await pair();
  const message = { ...(await hpkeSeal(key, { ...place, plaintext: new Uint8Array(32) })), ...place };
  const flip = (bytes: Bytes) => {
    const changed = bytes.slice();
    changed[0] = (changed[0] ?? 0) ^ 1;
    return changed;
  };
  for (const field of ['enc', 'ciphertext', 'info', 'aad'] as const) {
    for (const value of [
      flip(message[field]),
      message[field].slice(1),
      concat(message[field], Uint8Array.of(0)),
    ]) {
      const opened = hpkeOpen(secret, { ...message, [field]: value });
      await expect(opened, field).rejects.toMatchObject({ code: 'seal/hpke-failed' });
    }
  }
  const other = hpkeOpen(generateSecret(), message);
  await expect(other).rejects.toMatchObject({ code: 'seal/hpke-failed' });
  const short = hpkeOpen(secret.slice(1), message);
  await expect(short).rejects.toMatchObject({ code: 'seal/bad-key' });
});

test('refuses recipients that are no receiving keys, or of small order', async () => {
  const message = { ...place, plaintext: new Uint8Array(32) };
  const signing = await publicKeyOf('Ed25519', generateSecret());
  const zero = encodeKey({ curve: 'X25519', x: new Uint8Array(32) });
  const one = encodeKey({ curve: 'X25519', x: Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)) });
  for (const key of ['', 'AAAA', signing, zero, one]) {
    await expect(hpkeSeal(key, message)).rejects.toMatchObject({ code: 'seal/bad-recipient' });
  }
});
