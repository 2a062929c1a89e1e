// Wycheproof's signatures against the verification that every COSE message goes through. Where a verdict differs from
// Wycheproof's, the case is counted and the reason stands beside the count.
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors, wycheproofCases } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { ALG, type CoseError, encodeKey, type ForeignKey, parseKey } from './index.ts';
import { verifySignature } from './signature.ts';

const folder = sharedVectors('wycheproof') ?? '';
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

type Signature = { readonly msg: string; readonly sig: string };
type EcdsaGroup = { readonly publicKey: { readonly uncompressed: string }; readonly publicKeyDer: string };

async function verdict(
  key: ForeignKey,
  alg: number,
  { msg, sig }: Signature,
  { lowS = false } = {},
): Promise<string> {
  const parts = { alg, message: hexDecode(msg), signature: hexDecode(sig), lowS };
  return verifySignature(key, parts).then(
    () => 'valid',
    (error: CoseError) => error.code,
  );
}

const expected = (result: string) => (result === 'valid' ? 'valid' : 'cose/bad-signature');

describe.skipIf(!folder)('signatures of Wycheproof get their verdict', () => {
  test('Ed25519, under our own key form and under a certificate’s', async () => {
    type Group = { readonly publicKey: { readonly pk: string }; readonly publicKeyDer: string };
    const cases = wycheproofCases<Signature & Group>(folder, 'ed25519_test.json');
    for (const one of cases) {
      const own = encodeKey({ curve: 'Ed25519', x: hexDecode(one.publicKey.pk) });
      expect(await verdict(own, ALG.Ed25519, one), `case ${one.tcId}`).toBe(expected(one.result));
      const spki = { spki: hexDecode(one.publicKeyDer) };
      expect(await verdict(spki, ALG.EdDSA, one), `case ${one.tcId}`).toBe(expected(one.result));
    }
    expect(cases.length).toBe(151);
  });

  test('ES256, of which statements take the low form of s only', async () => {
    const cases = wycheproofCases<Signature & EcdsaGroup>(folder, 'ecdsa_secp256r1_sha256_p1363_test.json');
    let high = 0;
    for (const one of cases) {
      const point = hexDecode(one.publicKey.uncompressed);
      const own = encodeKey({ curve: 'P-256', x: point.slice(1, 33), y: point.slice(33) });
      const name = `case ${one.tcId}`;
      expect(await verdict(own, ALG.ES256, one), name).toBe(expected(one.result));
      expect(await verdict({ spki: hexDecode(one.publicKeyDer) }, -9, one), name).toBe(expected(one.result));
      // A valid signature with s above half the order is refused in statements: else each would have two forms.
      const isHigh = one.result === 'valid' && BigInt(`0x${one.sig.slice(64)}`) > P256_ORDER / 2n;
      if (isHigh) high += 1;
      const strict = isHigh ? 'cose/bad-signature' : expected(one.result);
      expect(await verdict(own, ALG.ES256, one, { lowS: true }), name).toBe(strict);
    }
    expect([cases.length, high]).toEqual([262, 70]);
  });

  test('ES384, of messages of others', async () => {
    const cases = wycheproofCases<Signature & EcdsaGroup>(folder, 'ecdsa_secp384r1_sha384_p1363_test.json');
    for (const one of cases) {
      const spki = { spki: hexDecode(one.publicKeyDer) };
      expect(await verdict(spki, -35, one), `case ${one.tcId}`).toBe(expected(one.result));
    }
    expect(cases.length).toBe(280);
  });

  test('PS256, of messages of others', async () => {
    type Group = { readonly publicKeyDer: string };
    const cases = wycheproofCases<Signature & Group>(folder, 'rsa_pss_4096_sha256_mgf1_32_test.json');
    for (const one of cases) {
      const spki = { spki: hexDecode(one.publicKeyDer) };
      expect(await verdict(spki, -37, one), `case ${one.tcId}`).toBe(expected(one.result));
    }
    expect(cases.length).toBe(108);
  });

  test('X25519 keys have one form each, and none of small order', () => {
    const cases = wycheproofCases<{ readonly public: string }>(folder, 'x25519_test.json');
    let refused = 0;
    for (const { tcId, flags, public: hex } of cases) {
      const text = encodeKey({ curve: 'X25519', x: hexDecode(hex) });
      // Acceptable to Wycheproof, as RFC 7748 masks and computes; a key that is written down must not have two names.
      const odd = flags.includes('NonCanonicalPublic') || flags.includes('ZeroSharedSecret');
      if (odd) {
        refused += 1;
        expect(() => parseKey(text), `case ${tcId}`).toThrow(
          expect.objectContaining({ code: 'cose/bad-key' }),
        );
      } else expect(hexEncode(parseKey(text).x), `case ${tcId}`).toBe(hex);
    }
    expect([cases.length, refused]).toEqual([518, 44]);
  });
});
