// What the store believes for where it lies and when it came: a folder of somebody else's, and key sets of a clock that was wrong.
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evidence } from '@sealroom/attest';
import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import { jwksText, tokenSigner } from '@sealroom/testkit/vendors/tokens';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCollateralFolder } from './folder.ts';
import { DAY, makeVendors, NOW, PATHS, setStage, type Stage } from './stage-for-tests.ts';

const ISSUER = 'https://made-up.weu.attest.azure.net';
const vendors = await makeVendors();

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

/** A token of the issuer; who signed it does not matter here. */
function token(): Evidence {
  const part = (value: object) => base64urlEncode(utf8Encode(JSON.stringify(value)));
  const payload = { iss: ISSUER, 'x-ms-attestation-type': 'azurevm' };
  const text = `${part({ alg: 'RS256', typ: 'JWT', kid: 'a' })}.${part(payload)}.AAAA`;
  return { technology: 'azure-maa', body: base64urlEncode(utf8Encode(text)) };
}

test('a key set that came while the clock was ahead gives way once the clock is right', async () => {
  const { jwk } = await tokenSigner('RS256');
  stage.vendors.answers.set('/certs', { body: jwksText([{ ...jwk, kid: 'a', use: 'sig' }]) });
  const store = await stage.open({ keySets: { [ISSUER]: `${stage.vendors.url}/certs` } });
  stage.clock.now = NOW + 300 * DAY;
  expect((await store.gather(token())).unmet).toEqual([]);
  stage.clock.now = NOW;
  const { keySets, unmet } = await store.gather(token());
  expect(unmet).toEqual([]);
  expect(keySets).toMatchObject([{ fetchedAt: NOW, notAfter: NOW + DAY }]);
  expect((await store.list()).good.map(({ fetchedAt }) => fetchedAt)).toEqual([NOW]);
});

test('a list that came while the clock was ahead is looked for anew once the clock is right', async () => {
  const store = await stage.open();
  const asked = () => stage.vendors.asked.filter((path) => path === PATHS.crl).length;
  stage.clock.now = NOW + 2 * DAY;
  expect((await store.gather(vendors.snp)).unmet).toEqual([]);
  stage.clock.now = NOW;
  expect((await store.gather(vendors.snp)).unmet).toEqual([]);
  expect(asked()).toBe(2);
  await store.gather(vendors.snp);
  expect(asked()).toBe(2);
});

test('a folder of another user is refused: its owner could put a key set into it', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can give a folder away');
  const path = join(stage.folder, 'given');
  await mkdir(path, { mode: 0o700 });
  await chown(path, 65_534, 65_534);
  await expect(openCollateralFolder(path)).rejects.toMatchObject({ code: 'file/not-private' });
  await chown(path, 0, 0);
  expect((await openCollateralFolder(path)).path).toBe(path);
});
