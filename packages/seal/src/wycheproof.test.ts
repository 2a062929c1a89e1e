// Wycheproof's cases for what seals: each against the function through which the package uses the primitive. Where a verdict
// differs from Wycheproof's, or a case cannot be put to the function, the case is counted and the reason stands beside it.
import { createHmac } from 'node:crypto';
import { type Bytes, concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors, type WycheproofCase, wycheproofCases } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { pbkdf2 } from './bkenc.ts';
import { hkdf, type HkdfHash } from './hkdf.ts';
import { hpkeOpen, importKekSecret, unwrapKey, webSegmentCipher } from './index.ts';
import { oaepDecrypt } from './wrap.ts';

const folder = sharedVectors('wycheproof') ?? '';

type Oaep = {
  readonly keySize: number;
  readonly sha: string;
  readonly mgfSha: string;
  readonly privateKeyPkcs8: string;
  readonly msg: string;
  readonly ct: string;
  readonly label: string;
};

/** Puts cases to our OAEP (SHA-256 in both places, no label); how many open, and how many of those hold a key. */
async function checkOaep(
  cases: readonly (WycheproofCase & Oaep)[],
): Promise<{ opened: number; ceks: number }> {
  const seen = { opened: 0, ceks: 0 };
  const keys = new Map<string, Promise<CryptoKey>>();
  for (const { tcId, msg, ct, label, result, sha, mgfSha, privateKeyPkcs8: pkcs8 } of cases) {
    const key = await (keys.get(pkcs8) ?? importKekSecret(hexDecode(pkcs8)));
    keys.set(pkcs8, Promise.resolve(key));
    // Valid cases with a label, or with another hash in OAEP or MGF1, must fail here: those are other algorithms.
    const ours = sha === 'SHA-256' && mgfSha === 'SHA-256' && label === '';
    const opens = ours && result === 'valid';
    const opened = await oaepDecrypt(key, hexDecode(ct));
    expect(opened && hexEncode(opened), `case ${tcId}`).toBe(opens ? msg : undefined);
    if (!opens) continue;
    seen.opened += 1;
    const cek = unwrapKey(key, hexDecode(ct));
    if (msg.length === 64) {
      seen.ceks += 1;
      expect(hexEncode(await cek), `case ${tcId}`).toBe(msg);
    } else await expect(cek, `case ${tcId}`).rejects.toMatchObject({ code: 'seal/unwrap-failed' });
  }
  return seen;
}

async function checkTooSmall(cases: readonly (WycheproofCase & Oaep)[]): Promise<void> {
  for (const pkcs8 of new Set(cases.map((one) => one.privateKeyPkcs8))) {
    const key = importKekSecret(hexDecode(pkcs8));
    await expect(key).rejects.toMatchObject({ code: 'seal/kek-too-small' });
  }
}

describe.skipIf(!folder)('Wycheproof’s wrapped keys get their verdict', () => {
  const file = (name: string) => wycheproofCases<Oaep>(folder, name);

  test.each(['rsa_oaep_3072_sha256_mgf1sha256_test.json', 'rsa_oaep_4096_sha256_mgf1sha256_test.json'])(
    '%s',
    async (name) => {
      const cases = file(name);
      expect(cases.length).toBe(37);
      expect(await checkOaep(cases)).toEqual({ opened: 10, ceks: 1 });
    },
  );

  test('RSA keys of 2048 bits are refused before anything is decrypted, with SHA-256 and with SHA-1', async () => {
    const cases = [
      ...file('rsa_oaep_2048_sha256_mgf1sha256_test.json'),
      ...file('rsa_oaep_2048_sha1_mgf1sha1_test.json'),
    ];
    expect(cases.length).toBe(73);
    await checkTooSmall(cases);
  });

  test('keys and hashes of all sizes', { timeout: 60_000 }, async () => {
    const cases = file('rsa_oaep_misc_test.json');
    const large = cases.filter(({ keySize }) => keySize >= 3072);
    expect([cases.length, large.length]).toEqual([395, 191]);
    expect((await checkOaep(large)).opened).toBe(9);
    await checkTooSmall(cases.filter(({ keySize }) => keySize < 3072));
  });
});

describe.skipIf(!folder)('Wycheproof’s derived keys get their verdict', () => {
  type Hkdf = { readonly ikm: string; readonly salt: string; readonly info: string; readonly size: number };

  test.each<[HkdfHash, string, number]>([
    ['SHA-256', 'hkdf_sha256_test.json', 86],
    ['SHA-512', 'hkdf_sha512_test.json', 83],
  ])('HKDF with %s', async (hash, file, count) => {
    const cases = wycheproofCases<Hkdf & { readonly okm: string }>(folder, file);
    for (const { tcId, ikm, salt, info, size, okm, result } of cases) {
      const given = { key: hexDecode(ikm), salt: hexDecode(salt), info: hexDecode(info), hash };
      const derived = hkdf(given, size).then(hexEncode);
      if (result === 'valid') expect(await derived, `case ${tcId}`).toBe(okm);
      else await expect(derived, `case ${tcId}`).rejects.toBeInstanceOf(Error);
    }
    expect(cases.length).toBe(count);
  });

  test('PBKDF2, by which EscrowAI’s files are read', async () => {
    type Case = {
      readonly password: string;
      readonly salt: string;
      readonly iterationCount: number;
      readonly dkLen: number;
      readonly dk: string;
    };
    const cases = wycheproofCases<Case>(folder, 'pbkdf2_hmacsha256_test.json');
    for (const { tcId, password, salt, iterationCount: iterations, dkLen, dk } of cases) {
      const given = { password: hexDecode(password), salt: hexDecode(salt), iterations };
      expect(hexEncode(await pbkdf2(given, dkLen)), `case ${tcId}`).toBe(dk);
    }
    expect(cases.length).toBe(60);
  });
});

test.skipIf(!folder)('Wycheproof’s AES-GCM cases get their verdict from the segment cipher', async () => {
  type Gcm = Readonly<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>>;
  const cases = wycheproofCases<Gcm & { readonly ivSize: number; readonly keySize: number }>(
    folder,
    'aes_gcm_test.json',
  );
  // A segment's nonce has 96 bits and its key 128 or 256, by construction; other cases cannot be put to the cipher.
  const fitting = cases.filter(({ ivSize, keySize }) => ivSize === 96 && keySize !== 192);
  let valid = 0;
  for (const { tcId, key, iv, aad, msg, ct, tag, result } of fitting) {
    const aead = await webSegmentCipher.load(hexDecode(key));
    // Segments have no additional data, so that a valid case which has some must not open.
    const opens = result === 'valid' && aad === '';
    const opened = await aead.open(hexDecode(iv), hexDecode(ct + tag));
    expect(opened && hexEncode(opened), `case ${tcId}`).toBe(opens ? msg : undefined);
    if (!opens) continue;
    valid += 1;
    expect(hexEncode(await aead.seal(hexDecode(iv), hexDecode(msg)))).toBe(ct + tag);
  }
  expect([cases.length, fitting.length, valid]).toEqual([316, 133, 43]);
});

const mac = (key: Bytes, ...data: readonly Bytes[]): Bytes =>
  new Uint8Array(
    createHmac('sha256', key)
      .update(concat(...data))
      .digest(),
  );

/** RFC 9180's labelled HKDF with HMAC-SHA-256, written again here so that the message is not made by what opens it. */
function labelled(suite: Bytes) {
  const version = utf8Encode('HPKE-v1');
  return {
    extract: (salt: Bytes, label: string, input: Bytes) =>
      mac(salt, concat(version, suite, utf8Encode(label), input)),
    expand: (secret: Bytes, label: string, info: Bytes, length: number) =>
      mac(
        secret,
        concat(Uint8Array.of(0, length), version, suite, utf8Encode(label), info),
        Uint8Array.of(1),
      ).slice(0, length),
  };
}

/** The ciphertext that a sender whose DH gave `shared` makes for nothing, without info and associated data. */
async function sealedUnder(shared: Bytes, enc: Bytes, recipient: Bytes): Promise<Bytes> {
  const none = new Uint8Array();
  const kem = labelled(concat(utf8Encode('KEM'), Uint8Array.of(0, 0x20)));
  const secret = kem.expand(
    kem.extract(none, 'eae_prk', shared),
    'shared_secret',
    concat(enc, recipient),
    32,
  );
  const hpke = labelled(concat(utf8Encode('HPKE'), Uint8Array.of(0, 0x20, 0, 1, 0, 2)));
  const context = concat(
    Uint8Array.of(0),
    hpke.extract(none, 'psk_id_hash', none),
    hpke.extract(none, 'info_hash', none),
  );
  const schedule = hpke.extract(secret, 'secret', none);
  const aead = await webSegmentCipher.load(hpke.expand(schedule, 'key', context, 32));
  return aead.seal(hpke.expand(schedule, 'base_nonce', context, 12), none);
}

/** The public half of an X25519 secret, by a multiplication of the base point. */
async function publicHalf(secret: Bytes): Promise<Bytes> {
  const base = new Uint8Array(32).fill(9, 0, 1);
  const prefix = hexDecode('302e020100300506032b656e04220420');
  const key = await crypto.subtle.importKey('pkcs8', concat(prefix, secret), 'X25519', false, ['deriveBits']);
  const point = await crypto.subtle.importKey('raw', base, 'X25519', false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: point }, key, 256));
}

test.skipIf(!folder)('Wycheproof’s X25519 cases get their verdict from HPKE', async () => {
  type Dh = { readonly public: string; readonly private: string; readonly shared: string };
  const cases = wycheproofCases<Dh>(folder, 'x25519_test.json');
  let refused = 0;
  for (const { tcId, flags, ...one } of cases) {
    const [enc, secret, shared] = [hexDecode(one.public), hexDecode(one.private), hexDecode(one.shared)];
    const none = { info: new Uint8Array(), aad: new Uint8Array() };
    const ciphertext = await sealedUnder(shared, enc, await publicHalf(secret));
    const opened = hpkeOpen(secret, { ...none, enc, ciphertext });
    // RFC 9180 section 7.1.4: a shared secret of zeros, which anyone can bring about, is refused. What is merely
    // acceptable to Wycheproof (twist, odd encodings) is computed as RFC 7748 says.
    if (flags.includes('ZeroSharedSecret')) {
      refused += 1;
      await expect(opened, `case ${tcId}`).rejects.toMatchObject({ code: 'seal/hpke-failed' });
    } else expect(await opened, `case ${tcId}`).toEqual(new Uint8Array());
  }
  expect([cases.length, refused]).toEqual([518, 31]);
});
