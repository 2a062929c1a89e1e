// Key sets of token services, which nothing signs: fetched from the address that is configured for an issuer, or vouched for by
// whoever imports them; and every way in which a token, a service or a file might bring one that nobody vouches for.
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evidence } from '@sealroom/attest';
import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY, makeVendors, NOW, setStage, type Stage } from './stage-for-tests.ts';

const vendors = await makeVendors();
const HTML = '<!doctype html><title>Sign in</title>';

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

const ISSUER = 'https://maa.example';

/** A token that names an issuer; who signed it does not matter here. */
function tokenOf(iss: string): Evidence {
  const part = (value: object) => base64urlEncode(utf8Encode(JSON.stringify(value)));
  const payload = { iss, 'x-ms-attestation-type': 'sevsnpvm', iat: NOW / 1000, exp: NOW / 1000 + 60 };
  const text = `${part({ alg: 'RS256', typ: 'JWT', kid: 'a' })}.${part(payload)}.${base64urlEncode(new Uint8Array(256))}`;
  return { technology: 'azure-maa', body: base64urlEncode(utf8Encode(text)) };
}

async function keySetText(): Promise<string> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = await crypto.subtle.generateKey({ ...algorithm, hash: 'SHA-256' }, true, ['sign', 'verify']);
  const { kty, n, e } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return JSON.stringify({ keys: [{ kty, n, e, kid: 'a', use: 'sig' }] });
}

test('a key set comes from the address that is configured for its issuer, and counts for a day', async () => {
  stage.vendors.answers.set('/certs', { body: await keySetText() });
  const store = await stage.open({ keySets: { [ISSUER]: `${stage.vendors.url}/certs` } });
  const { keySets, unmet } = await store.gather(tokenOf(ISSUER));
  expect(unmet).toEqual([]);
  expect(keySets).toMatchObject([
    { issuer: ISSUER, fetchedAt: NOW, notAfter: NOW + DAY, keys: [{ kid: 'a' }] },
  ]);
  expect(stage.vendors.asked).toEqual(['/certs']);
  stage.vendors.answers.delete('/certs');
  stage.clock.now = NOW + DAY - 1;
  expect((await store.gather(tokenOf(ISSUER))).keySets).toHaveLength(1);
  stage.clock.now = NOW + DAY;
  expect((await store.gather(tokenOf(ISSUER))).keySets).toEqual([]);
});

test('a token cannot have its own issuer asked', async () => {
  const store = await stage.open({ keySets: { [ISSUER]: `${stage.vendors.url}/certs` } });
  const found = await store.gather(tokenOf('https://other.example'));
  expect(found.unmet.map(({ code }) => code)).toEqual(['collateral/no-service']);
  for (const iss of [stage.vendors.url, `${ISSUER}/../certs`, 'https://a b', `${ISSUER}/x`, 'constructor'])
    expect((await store.gather(tokenOf(iss))).keySets).toEqual([]);
  expect(stage.vendors.asked).toEqual([]);
});

test.each([
  ['a page', HTML],
  ['an empty set', '{"keys":[]}'],
  ['private keys', '{"keys":[{"kty":"RSA","kid":"a","d":"AQAB","n":"AQAB","e":"AQAB"}]}'],
  ['keys of no use', '{"keys":[{"kty":"oct","kid":"a","k":"AQAB"}]}'],
])('%s is no key set', async (_, body) => {
  stage.vendors.answers.set('/certs', { body });
  const store = await stage.open({ keySets: { [ISSUER]: `${stage.vendors.url}/certs` } });
  const { keySets, unmet } = await store.gather(tokenOf(ISSUER));
  expect([keySets, unmet.map(({ code }) => code)]).toEqual([[], ['attest/bad-collateral']]);
  expect((await store.list()).good).toEqual([]);
});

const keysOnly = { sets: [{ issuer: ISSUER, text: await keySetText() }] };

test('an imported key set counts by its importer’s word until that ends, and never after', async () => {
  const store = await stage.open({ offline: true });
  const [piece] = await store.import([], keysOnly);
  expect(piece).toMatchObject({ kind: 'key-set', vouchedUntil: NOW + DAY, notAfter: NOW + DAY });
  const again = await stage.open({ offline: true });
  for (const one of [store, again])
    expect(await one.gather(tokenOf(ISSUER))).toMatchObject({
      keySets: [{ issuer: ISSUER, origin: 'imported', fetchedAt: NOW, notAfter: NOW + DAY }],
      unmet: [],
    });
  expect((await again.gather(tokenOf('https://other.example'))).keySets).toEqual([]);
  stage.clock.now = NOW + DAY - 1;
  expect((await again.gather(tokenOf(ISSUER))).keySets).toHaveLength(1);
  expect((await again.expiring(1)).map(({ name }) => name)).toEqual(['key-set_maa.example']);
  stage.clock.now = NOW + DAY;
  const { keySets, unmet } = await again.gather(tokenOf(ISSUER));
  expect([keySets, unmet.map(({ code }) => code)]).toEqual([[], ['collateral/no-service']]);
});

test('a word for longer is kept as long as it says, and not beyond thirty days', async () => {
  const store = await stage.open({ offline: true });
  for (const until of [NOW, NOW - 1, NOW + 30 * DAY + 1, Number.NaN, Number.POSITIVE_INFINITY])
    await expect(store.import([], { ...keysOnly, until })).rejects.toMatchObject({
      code: 'attest/bad-collateral',
    });
  await store.import([], { ...keysOnly, until: NOW + 30 * DAY });
  stage.clock.now = NOW + 30 * DAY - 1;
  expect((await store.gather(tokenOf(ISSUER))).keySets).toHaveLength(1);
  stage.clock.now = NOW + 30 * DAY;
  expect((await store.gather(tokenOf(ISSUER))).keySets).toEqual([]);
});

test('a file name that claims a longer word than anybody may give counts as nothing', async () => {
  const store = await stage.open({ offline: true });
  await store.import([], keysOnly);
  const [name = ''] = await readdir(stage.folder);
  const longer = name.replace(String(NOW + DAY), String(NOW + 31 * DAY));
  await rename(join(stage.folder, name), join(stage.folder, longer));
  expect((await store.gather(tokenOf(ISSUER))).keySets).toEqual([]);
  expect((await store.list()).bad.map(({ code }) => code)).toEqual(['attest/bad-collateral']);
});

test('what was fetched and what was imported replace one another: the later counts alone', async () => {
  const [first, second] = [await keySetText(), await keySetText()];
  stage.vendors.answers.set('/certs', { body: first });
  const online = await stage.open({ keySets: { [ISSUER]: `${stage.vendors.url}/certs` } });
  expect((await online.gather(tokenOf(ISSUER))).keySets).toMatchObject([{ origin: 'fetched', text: first }]);
  stage.clock.now = NOW + 1;
  await online.import([], { sets: [{ issuer: ISSUER, text: second }], until: NOW + 20 * DAY });
  expect((await online.gather(tokenOf(ISSUER))).keySets).toMatchObject([
    { origin: 'imported', text: second },
  ]);
  stage.clock.now = NOW + 1 + DAY;
  expect((await online.gather(tokenOf(ISSUER))).keySets).toMatchObject([{ origin: 'fetched', text: first }]);
  expect(await readdir(stage.folder)).toHaveLength(1);
});

test('an import with one bad key set, issuer or file takes nothing', async () => {
  const store = await stage.open({ offline: true });
  const good = keysOnly.sets;
  for (const bad of [
    { issuer: ISSUER, text: '{"keys":[]}' },
    { issuer: ISSUER, text: 'words' },
    { issuer: 'http://maa.example', text: good[0]?.text ?? '' },
    { issuer: 'https://maa.example/certs', text: good[0]?.text ?? '' },
  ])
    await expect(store.import([], { sets: [...good, bad] })).rejects.toMatchObject({ name: 'AttestError' });
  await expect(store.import([{ name: 'x', bytes: utf8Encode('words') }], keysOnly)).rejects.toMatchObject({
    code: 'attest/bad-collateral',
  });
  expect(await readdir(stage.folder)).toEqual([]);
});
