// Wycheproof's signed tokens and key sets, and key sets in the forms of the services.
import { base64urlEncode, type JsonObject } from '@sealroom/bytes';
import { sharedVectors, wycheproofCases } from '@sealroom/testkit';
import { FakeMaa } from '@sealroom/testkit/vendors/azure-maa';
import { distinguishedName, issueCertificate, spkiOf } from '@sealroom/testkit/vendors/issue-certificates';
import { base64Of, jwksText, signToken, tokenSigner } from '@sealroom/testkit/vendors/tokens';
import { describe, expect, it } from 'vitest';
import { collectChecks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { type JwtKey, readKeys, readKeySet } from './key-set.ts';
import { parseJws } from './parse.ts';
import { type JwtAlgorithm, noteSignature } from './verify.ts';

const folder = sharedVectors('wycheproof');
const ALGORITHMS: readonly JwtAlgorithm[] = ['RS256', 'ES384'];

/** Whether a token verifies under a key of the set that it names, by either algorithm that services sign with. */
async function accepts(text: string, jwks: JsonObject): Promise<boolean> {
  let keys: readonly JwtKey[];
  let jws: ReturnType<typeof parseJws>;
  try {
    keys = await readKeys(JSON.stringify(jwks));
    jws = parseJws(text);
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
  const named = keys.filter((key) => key.kid === jws.kid);
  for (const algorithm of ALGORITHMS)
    if (await noteSignature(collectChecks('test'), jws, { keys: named, algorithm })) return true;
  return false;
}

describe.skipIf(folder === undefined)('Wycheproof', () => {
  it('has signed tokens, of which those by RS256 are taken when they are valid, and no other', async () => {
    type Members = { readonly jws: string | JsonObject; readonly public?: JsonObject };
    let taken = 0;
    for (const one of wycheproofCases<Members>(folder ?? '', 'json_web_signature_test.json')) {
      const { tcId, result, jws, public: jwk = {} } = one;
      const text = typeof jws === 'string' ? jws : JSON.stringify(jws);
      const wanted = result === 'valid' && jwk['alg'] === 'RS256';
      expect(await accepts(text, { keys: [jwk] }), `${tcId} ${one.comment}`).toBe(wanted);
      if (wanted) taken += 1;
    }
    expect(taken).toBeGreaterThan(0);
  });

  it('has key sets, of which the good RSA one is taken', async () => {
    type Members = { readonly jws: string; readonly public?: JsonObject };
    const taken: number[] = [];
    for (const { tcId, jws, public: jwks = {} } of wycheproofCases<Members>(
      folder ?? '',
      'json_web_key_test.json',
    ))
      if (await accepts(jws, jwks)) taken.push(tcId);
    // 7 is a key that a flaw of a chip makes weak (ROCA). A service that is trusted for its keys is trusted not to have one.
    expect(taken).toEqual([5, 7]);
  });
});

describe('a key set', () => {
  it('may give a key by its certificate alone, as Azure’s do, and not by another one’s', async () => {
    const signer = await tokenSigner('RS256');
    const other = await tokenSigner('RS256');
    const name = distinguishedName([['CN', 'self-signed']]);
    const issuer = { name, pair: signer.pair, scheme: 'RSA-SHA256' as const };
    const dates = { notBefore: 0, notAfter: Date.parse('2040-01-01T00:00:00Z') };
    const spki = await spkiOf(signer.pair);
    const der = await issueCertificate(issuer, { subject: name, spki, serial: 1, ...dates, extensions: [] });
    const x5c = [base64Of(der)];
    const [key] = await readKeys(jwksText([{ kty: 'RSA', kid: 'a', x5c }]));
    expect(key?.thumbprint).toBe(signer.thumbprint);
    const [both] = await readKeys(jwksText([{ ...signer.jwk, kid: 'a', x5c }]));
    expect(both?.thumbprint).toBe(signer.thumbprint);
    await expect(readKeys(jwksText([{ ...other.jwk, kid: 'a', x5c }]))).rejects.toMatchObject({
      code: 'attest/bad-collateral',
    });
  });

  it('leaves out keys that are not for such tokens, and refuses private and malformed ones', async () => {
    const { jwk } = await tokenSigner('ES384');
    const kid = 'a';
    const none = [
      { ...jwk },
      { ...jwk, kid, use: 'enc' },
      { ...jwk, kid, alg: 'ES256' },
      { ...jwk, kid, crv: 'P-256' },
      { kty: 'oct', k: 'AAAA', kid },
      { kid },
      { kty: 'RSA', n: base64urlEncode(new Uint8Array(128).fill(0xff)), e: 'AQAB', kid },
      { kty: 'RSA', n: base64urlEncode(new Uint8Array(256).fill(0xff)), e: 'Aw', kid },
      { kty: 'RSA', n: '', e: '', kid },
      { ...jwk, kid, x5c: ['AAAA'] },
    ];
    for (const one of none) expect(await readKeys(jwksText([one])), JSON.stringify(one)).toEqual([]);
    const bad = [
      { ...jwk, kid, d: 'AAAA' },
      { ...jwk, kid, x: undefined },
      { ...jwk, kid, x: 'AAAA' },
      { ...jwk, kid, x: '%' },
      { ...jwk, kid, x: base64urlEncode(new Uint8Array(48).fill(1)) },
      { kty: 'EC', kid },
      { kty: 'RSA', n: 'AQ', kid },
      { ...jwk, kid, x5c: [1] },
      1,
      null,
    ];
    for (const one of bad)
      await expect(readKeys(JSON.stringify({ keys: [one] })), JSON.stringify(one)).rejects.toMatchObject({
        code: 'attest/bad-collateral',
      });
    for (const text of [
      '',
      '[]',
      '{}',
      '{"keys":1}',
      '{"keys":[],"keys":[]}',
      JSON.stringify({ keys: Array(257).fill({}) }),
    ])
      await expect(readKeys(text), text.slice(0, 30)).rejects.toMatchObject({
        code: 'attest/bad-collateral',
      });
    await expect(readKeys(' '.repeat(10 * 1024 * 1024))).rejects.toMatchObject({ code: 'attest/too-large' });
  });

  it('is read for its other keys when it has one that is too short for tokens, as Azure’s have', async () => {
    const { jwks, signer } = await FakeMaa.create(Date.parse('2026-11-25T12:00:00Z'));
    expect(JSON.parse(jwks)).toMatchObject({ keys: [{ kid: 'made-up-1' }, { kid: 'made-up-short' }] });
    expect(await readKeys(jwks)).toMatchObject([{ kid: 'made-up-1', thumbprint: signer.thumbprint }]);
  });

  it('keeps what it is of and from when, with the digest of its text', async () => {
    const { jwk } = await tokenSigner('ES384');
    const set = await readKeySet({
      issuer: 'https://a',
      text: jwksText([{ ...jwk, kid: 'a' }]),
      fetchedAt: 1,
      notAfter: 2,
    });
    expect(set).toMatchObject({ issuer: 'https://a', fetchedAt: 1, notAfter: 2 });
    expect(set.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(set.keys).toHaveLength(1);
    const window = [
      [2, 1],
      [1, 1],
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
      [1, 8.64e15 + 1],
    ] as const;
    for (const [fetchedAt, notAfter] of window)
      await expect(
        readKeySet({ issuer: 'https://a', text: jwksText([]), fetchedAt, notAfter }),
      ).rejects.toMatchObject({ code: 'attest/bad-collateral' });
  });

  it('gives no elliptic key to RS256 and no RSA key to ES384', async () => {
    for (const algorithm of ALGORITHMS) {
      const signer = await tokenSigner(algorithm);
      const [key] = await readKeys(jwksText([{ ...signer.jwk, kid: 'a' }]));
      const jws = parseJws(await signToken(signer, { alg: algorithm, kid: 'a' }, {}));
      const keys = key ? [key] : [];
      const other = algorithm === 'RS256' ? 'ES384' : 'RS256';
      expect(await noteSignature(collectChecks('test'), jws, { keys, algorithm })).toBe(true);
      const renamed = { ...jws, alg: other };
      expect(await noteSignature(collectChecks('test'), renamed, { keys, algorithm: other })).toBe(false);
    }
  });
});
