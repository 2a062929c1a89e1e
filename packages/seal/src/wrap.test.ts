import { type Bytes, concat, utf8Encode } from '@sealroom/bytes';
import { beforeAll, expect, test } from 'vitest';
import {
  generateCek,
  generateKekPair,
  importKek,
  importKekSecret,
  type Kek,
  type SealError,
  unwrapKey,
  wrapKey,
} from './index.ts';

let pair: { publicDer: Bytes; privatePkcs8: Bytes };
let kek: Kek;
let secret: CryptoKey;

beforeAll(async () => {
  pair = await generateKekPair();
  kek = await importKek(pair.publicDer);
  secret = await importKekSecret(pair.privatePkcs8);
});

function pem(der: Bytes, ending: string): Bytes {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  const parts = ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''];
  return utf8Encode(parts.join(ending));
}

async function rsa(bits: number, exponent: Bytes): Promise<{ der: Bytes; pkcs8: Bytes }> {
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: bits, publicExponent: exponent };
  const made = await crypto.subtle.generateKey(algorithm, true, ['encrypt', 'decrypt']);
  return {
    der: new Uint8Array(await crypto.subtle.exportKey('spki', made.publicKey)),
    pkcs8: new Uint8Array(await crypto.subtle.exportKey('pkcs8', made.privateKey)),
  };
}

test('unwraps what it wrapped under a fresh RSA-4096 key', async () => {
  const cek = generateCek();
  const wcek = await wrapKey(kek, cek);
  expect(kek.bits).toBe(4096);
  expect(wcek.length).toBe(512);
  expect(await unwrapKey(secret, wcek)).toEqual(cek);
});

test.each(['\n', '\r\n'])('reads a KEK from PEM with line ends %j', async (ending) => {
  expect((await importKek(pem(pair.publicDer, ending))).fingerprint).toBe(kek.fingerprint);
});

test('refuses RSA keys that are too small, have another exponent, or are no RSA keys', async () => {
  const small = await rsa(2048, Uint8Array.of(1, 0, 1));
  await expect(importKek(small.der)).rejects.toMatchObject({ code: 'seal/kek-too-small' });
  await expect(importKekSecret(small.pkcs8)).rejects.toMatchObject({ code: 'seal/kek-too-small' });
  const three = await rsa(3072, Uint8Array.of(3));
  await expect(importKek(three.der)).rejects.toMatchObject({ code: 'seal/bad-kek' });
  const curve = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', curve.publicKey));
  await expect(importKek(spki)).rejects.toMatchObject({ code: 'seal/bad-kek' });
});

test('refuses a KEK cut short at any byte, or followed by anything', async () => {
  for (let length = 0; length < pair.publicDer.length; length++) {
    await expect(importKek(pair.publicDer.slice(0, length))).rejects.toMatchObject({ code: 'seal/bad-kek' });
  }
  const longer = concat(pair.publicDer, Uint8Array.of(0));
  await expect(importKek(longer)).rejects.toMatchObject({ code: 'seal/bad-kek' });
  const twice = concat(pem(pair.publicDer, '\n'), pem(pair.publicDer, '\n'));
  await expect(importKek(twice)).rejects.toMatchObject({ code: 'seal/bad-kek' });
  await expect(importKekSecret(pair.publicDer)).rejects.toMatchObject({ code: 'seal/bad-kek' });
});

test('refuses to wrap anything but 32 bytes', async () => {
  for (const length of [0, 16, 31, 33, 64]) {
    const wrapped = wrapKey(kek, new Uint8Array(length));
    await expect(wrapped).rejects.toMatchObject({ code: 'seal/bad-key' });
  }
});

test('gives one and the same error for every way in which unwrapping fails', async () => {
  const wcek = await wrapKey(kek, generateCek());
  const oaep = async (plaintext: Bytes) =>
    new Uint8Array(await crypto.subtle.encrypt('RSA-OAEP', kek.key, plaintext));
  const flipped = wcek.slice();
  flipped[511] = (flipped[511] ?? 0) ^ 1;
  const labelled = await crypto.subtle.encrypt(
    { name: 'RSA-OAEP', label: utf8Encode('label') },
    kek.key,
    generateCek(),
  );
  const cases = {
    flipped,
    labelled: new Uint8Array(labelled),
    short: wcek.slice(1),
    long: concat(wcek, Uint8Array.of(0)),
    empty: new Uint8Array(),
    zeros: new Uint8Array(512),
    aboveModulus: new Uint8Array(512).fill(255),
    plaintext31: await oaep(new Uint8Array(31)),
    plaintext33: await oaep(new Uint8Array(33)),
    plaintextEmpty: await oaep(new Uint8Array()),
    otherKek: await wrapKey(await importKek((await generateKekPair()).publicDer), generateCek()),
  };
  const seen = new Set<string>();
  for (const [name, input] of Object.entries(cases)) {
    const error: unknown = await unwrapKey(secret, input).catch((caught: unknown) => caught);
    expect(error, name).toMatchObject({ code: 'seal/unwrap-failed' });
    const { code, message, cause } = error as SealError;
    seen.add(JSON.stringify([code, message, cause ?? null]));
  }
  expect(seen.size).toBe(1);
});

// Found by fuzzing: such a key is well-formed, and WebCrypto's own error came through where it was used.
test('refuses to wrap with a key whose modulus is even', async () => {
  const der = new Uint8Array(pair.publicDer);
  // The modulus ends before `02 03 01 00 01`, the exponent.
  der[der.length - 6] = (der[der.length - 6] ?? 0) & 0xfe;
  const even = await importKek(der);
  await expect(wrapKey(even, generateCek())).rejects.toMatchObject({ code: 'seal/bad-kek' });
});
