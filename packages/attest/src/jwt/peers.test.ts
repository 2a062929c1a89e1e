// Tokens of PyJWT verify here, and ours there: `jwt` and `cryptography` must be importable (pip install pyjwt[crypto]).
import { hexEncode, type JsonObject, utf8Encode } from '@sealroom/bytes';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
import { judge } from '@sealroom/testkit/vendors/judge';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { hasPython, privateKeyPem, runPython } from '@sealroom/testkit/vendors/python-peer';
import { signToken, type TokenSigner } from '@sealroom/testkit/vendors/tokens';
import { describe, expect, it } from 'vitest';
import { maa } from '../azure-maa/technology.ts';
import { parseMaa } from '../azure-maa/parse.ts';
import { NO_COLLATERAL } from '../collateral.ts';
import { parseNras } from '../nvidia-nras/parse.ts';
import { nras } from '../nvidia-nras/technology.ts';
import { ISSUER } from '../nvidia-nras/verify.ts';
import { readKeySet } from './key-set.ts';

const ENCODE = `
import sys, json, jwt
given = json.load(sys.stdin)
print(json.dumps(jwt.encode(given['payload'], given['key'], algorithm=given['algorithm'], headers={'kid': 'made-up-1'})))
`;
const DECODE = `
import sys, json, jwt
given = json.load(sys.stdin)
keys = jwt.PyJWKSet.from_json(given['jwks'])
key = keys[jwt.get_unverified_header(given['token'])['kid']]
options = {'verify_exp': False, 'verify_iat': False, 'verify_nbf': False}
print(json.dumps(jwt.decode(given['token'], key, algorithms=[given['algorithm']], options=options)))
`;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const reportData = new Uint8Array(32).fill(0xab);
const binding = { reportData, hostData: new Uint8Array(32) };
const present = hasPython(['jwt', 'cryptography'], "'pyjwt[crypto]'");

async function encoded(signer: TokenSigner, payload: JsonObject): Promise<string> {
  const { algorithm, pair } = signer;
  return String(runPython(ENCODE, { payload, algorithm, key: await privateKeyPem(pair) }));
}

async function contextOf(issuer: string, text: string) {
  const keySets = [await readKeySet({ issuer, text, fetchedAt: NOW, notAfter: NOW + 1 })];
  return { at: NOW, collateral: NO_COLLATERAL, roots: {}, keySets };
}

describe.skipIf(!present)('PyJWT', () => {
  it('signs RS256 tokens that are affirmed here', async () => {
    const provider = await FakeMaa.create(NOW);
    const bytes = utf8Encode(await encoded(provider.signer, provider.guest(reportData)));
    const context = await contextOf(MAA_ISSUER, provider.jwks);
    const entry = maa.pin(parseMaa(bytes));
    expect((await judge('azure-maa', bytes, { entry, context, binding })).reasons).toEqual([]);
    const other = await contextOf(MAA_ISSUER, (await FakeMaa.create(NOW)).jwks);
    expect((await judge('azure-maa', bytes, { entry, context: other, binding })).reasons).toEqual([
      'signature',
    ]);
  });

  it('signs ES384 tokens that are affirmed here', async () => {
    const nvidia = await FakeNras.create(NOW);
    const device = await encoded(nvidia.signer, nvidia.device(reportData));
    const { overall } = parseNras(await nvidia.result(reportData));
    const digest = hexEncode(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8Encode(device))));
    const submods = { 'GPU-0': ['DIGEST', ['SHA-256', digest]] };
    const whole = await encoded(nvidia.signer, { ...overall.payload, submods });
    const bytes = utf8Encode(JSON.stringify([['JWT', whole], { 'GPU-0': device }]));
    const context = await contextOf(ISSUER, nvidia.jwks);
    const entry = nras.pin(parseNras(bytes));
    expect((await judge('nvidia-nras', bytes, { entry, context, binding })).reasons).toEqual([]);
  });

  it('verifies our vendors’ tokens under their key sets', async () => {
    const provider = await FakeMaa.create(NOW);
    const nvidia = await FakeNras.create(NOW);
    for (const { signer, jwks } of [provider, nvidia]) {
      const payload = { iss: 'somebody', list: [1, 'a', null] };
      const { algorithm } = signer;
      const token = await signToken(signer, { alg: algorithm, kid: 'made-up-1' }, payload);
      expect(runPython(DECODE, { token, jwks, algorithm })).toEqual(payload);
    }
  });
});
