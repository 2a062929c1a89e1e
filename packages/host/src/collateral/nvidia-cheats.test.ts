// Every way in which what NVIDIA's services answer can be another's, old, changed, too much, or of somebody who may not give it.
import { utf8Encode } from '@sealroom/bytes';
import { issueOcspResponse, type OcspOptions } from '@sealroom/testkit/vendors/issue-ocsp';
import { certify, fakeNvidia, RESPONDER } from '@sealroom/testkit/vendors/nvidia-gpu';
import { DRIVER_PATH, manifestAnswer, OCSP_PATH } from '@sealroom/testkit/vendors/nvidia-services';
import type { VendorAnswer, VendorHandler } from '@sealroom/testkit/vendors/services';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { at, codesOf, gpuStage, type GpuStage, HOUR, makeGpus } from './nvidia-stage-for-tests.ts';
import { DAY, NOW } from './stage-for-tests.ts';

const made = await makeGpus();
const { nvidia, gpus, nonce, devices, manifests, chipOf, provisionerOf } = made;
const [one] = devices;

let stage: GpuStage;
beforeEach(async () => {
  stage = await gpuStage(made);
});
afterEach(() => stage.close());

describe('an answer on revocation is refused and not kept', () => {
  const serial = chipOf().serial;
  const issuer = provisionerOf();
  const good = { issuer: issuer.key, serial, thisUpdate: NOW - HOUR, nextUpdate: NOW + DAY };
  const respond = async (change: Partial<OcspOptions>) => issueOcspResponse({ ...good, ...change });

  test.each<[string, string, () => Promise<Uint8Array | VendorAnswer>]>([
    [
      'of another GPU',
      'attest/bad-collateral',
      () => respond({ issuer: provisionerOf(gpus[1]).key, serial: chipOf(gpus[1]).serial }),
    ],
    ['of another certificate of this issuer', 'collateral/wrong-answer', () => respond({ serial: 77 })],
    ['that has ended', 'attest/stale-collateral', () => respond({ thisUpdate: NOW - DAY, nextUpdate: NOW })],
    ['from the future', 'attest/stale-collateral', () => respond({ thisUpdate: NOW + 1000 })],
    [
      'without an end, an hour later',
      'attest/stale-collateral',
      () => respond({ thisUpdate: NOW - HOUR, nextUpdate: undefined }),
    ],
    [
      'under the key of another issuer of NVIDIA’s',
      'attest/bad-collateral',
      () => respond({ responder: { key: nvidia.root.key, certificate: nvidia.root.der } }),
    ],
    [
      'under a certificate that is not for it',
      'attest/bad-collateral',
      async () => {
        const own = await certify(issuer, 'Somebody', { extensions: RESPONDER.slice(0, 1) });
        return respond({ responder: { key: own.key, certificate: own.der } });
      },
    ],
    [
      'under a responder of another NVIDIA',
      'attest/bad-collateral',
      async () => {
        const own = await certify((await fakeNvidia(NOW)).root, 'OCSP', { extensions: RESPONDER });
        return respond({ responder: { key: own.key, certificate: own.der } });
      },
    ],
    ['with an extension that is not understood', 'attest/bad-collateral', () => respond({ critical: true })],
    ['cut short', 'attest/bad-collateral', async () => (await respond({})).slice(0, -1)],
    [
      'that tells of no success',
      'attest/bad-collateral',
      async () => new Uint8Array([0x30, 0x03, 0x0a, 0x01, 0x03]),
    ],
    ['that is a page', 'attest/bad-collateral', async () => utf8Encode('<!doctype html><p>Sign in')],
    ['that is nothing', 'attest/bad-collateral', async () => new Uint8Array()],
    ['that is a certificate', 'collateral/wrong-answer', async () => issuer.der],
    ['that is a manifest', 'collateral/wrong-answer', async () => utf8Encode(manifests.driver)],
    ['larger than any', 'fetch/too-large', async () => new Uint8Array(9 * 1024 * 1024)],
    ['with another status', 'collateral/status', async () => ({ status: 403, body: '' })],
    [
      'that sends elsewhere',
      'fetch/redirect',
      async () => ({ status: 307, headers: { location: DRIVER_PATH }, body: '' }),
    ],
  ])('%s', async (_what, code, answer) => {
    stage.responder.instead.set(serial, await answer());
    const gathered = await stage.ask();
    expect(codesOf(gathered)).toEqual([code]);
    expect(await stage.reasons(one, gathered)).toEqual(['nvidia-gpu/revocation/unchecked']);
    expect(await stage.filesOf('nvidia-ocsp')).toHaveLength(4);
  });

  test('that never comes, in time', async () => {
    const silent: VendorHandler = () => undefined;
    stage.vendors.answers.set(OCSP_PATH, silent);
    expect(new Set(codesOf(await stage.ask({ timeoutMs: 700 })))).toEqual(new Set(['fetch/timeout']));
  });
});

describe('a manifest is refused and not kept', () => {
  const wrapped = (text: string) => manifestAnswer('NV_GPU_DRIVER_GH100_590.12', text);
  const golden = new Map([[7, ['00'.repeat(48)]]]);

  test.each<[string, string, () => Promise<VendorAnswer>]>([
    [
      'of another driver version',
      'collateral/wrong-answer',
      async () => wrapped(await nvidia.manifest({ version: '590.13', golden })),
    ],
    [
      'of another chip',
      'collateral/wrong-answer',
      async () => wrapped(await nvidia.manifest({ product: 'GB100', version: '590.12', golden })),
    ],
    ['of the VBIOS', 'collateral/wrong-answer', async () => wrapped(manifests.vbios)],
    [
      'that another NVIDIA signed',
      'attest/bad-collateral',
      async () => wrapped(await (await fakeNvidia(NOW)).manifest({ version: '590.12', golden })),
    ],
    [
      'that a GPU’s own authority signed',
      'attest/bad-collateral',
      async () => {
        const { key, der } = await certify(nvidia.root, 'HCC RIM L4 Signer', {
          extensions: RESPONDER.slice(0, 1),
        });
        const certificates = [der, nvidia.root.der];
        return wrapped(await nvidia.manifest({ version: '590.12', golden, certificates, pair: key.pair }));
      },
    ],
    [
      'with a value changed',
      'attest/bad-collateral',
      async () => wrapped(manifests.driver.replace('index="7"', 'index="8"')),
    ],
    [
      'whose signer’s certificate has ended',
      'attest/stale-collateral',
      async () => {
        const [, authority] = nvidia.manifestPath;
        const signer = await certify(authority, 'HCC RIM L4 Signer', {
          extensions: RESPONDER.slice(0, 1),
          notAfter: NOW - 1,
        });
        const certificates = [signer.der, authority.der, nvidia.manifestRoot.der];
        return wrapped(
          await nvidia.manifest({ version: '590.12', golden, certificates, pair: signer.key.pair }),
        );
      },
    ],
    [
      'of who may answer on revocation, and not sign manifests',
      'attest/bad-collateral',
      async () => {
        const [, authority] = nvidia.manifestPath;
        const { key, der } = await certify(authority, 'OCSP responder', { extensions: RESPONDER });
        const certificates = [der, authority.der, nvidia.manifestRoot.der];
        return wrapped(await nvidia.manifest({ version: '590.12', golden, certificates, pair: key.pair }));
      },
    ],
    ['that is not XML', 'attest/bad-manifest', async () => wrapped('words')],
    ['that is cut short', 'attest/bad-manifest', async () => wrapped(manifests.driver.slice(0, -9))],
    ['that is no Base64', 'attest/bad-manifest', async () => ({ body: '{"id":"a","rim":"!"}' })],
    ['that is a list of ids', 'attest/bad-collateral', async () => ({ body: '{"ids":["a"]}' })],
    [
      'that is an answer on revocation',
      'collateral/wrong-answer',
      async () => {
        const bytes = await issueOcspResponse({
          issuer: nvidia.manifestRoot.key,
          serial: 5,
          thisUpdate: NOW - HOUR,
          nextUpdate: NOW + DAY,
        });
        return { body: bytes };
      },
    ],
    ['that nobody has', 'collateral/status', async () => ({ status: 404, body: '{"detail":"none"}' })],
  ])('%s', async (_what, code, answer) => {
    stage.vendors.answers.set(DRIVER_PATH, await answer());
    const gathered = await stage.ask();
    expect(codesOf(gathered)).toEqual([code]);
    expect(await stage.reasons(one, gathered)).toContain('nvidia-gpu/driver-manifest/missing');
    expect(await stage.filesOf('nvidia-manifest')).toHaveLength(1);
  });
});

test('an answer of an issuer that has the same key under another name is another’s', async () => {
  const model = at(gpus[0].path, 3);
  const namesake = await certify(model, 'NVIDIA GH100 Provisioner ICA 2', {
    pair: provisionerOf().key.pair,
  });
  const store = await stage.open();
  await store.import([namesake, model].map(({ der }, index) => ({ name: `${index}`, bytes: der })));
  const { serial } = chipOf();
  const window = { thisUpdate: NOW - HOUR, nextUpdate: NOW + DAY };
  stage.responder.instead.set(serial, await issueOcspResponse({ issuer: namesake.key, serial, ...window }));
  const gathered = await store.gather(one);
  expect(codesOf(gathered)).toEqual(['collateral/wrong-answer']);
  expect(await stage.reasons(one, gathered)).toEqual(['nvidia-gpu/revocation/unchecked']);
});

test('evidence that no NVIDIA certified has no responder asked', async () => {
  const foreign = await (await fakeNvidia(NOW)).gpu();
  const store = await stage.open();
  const gathered = await store.gather(await foreign.evidence({ nonce }));
  expect(new Set(codesOf(gathered))).toEqual(new Set(['attest/bad-collateral']));
  // The manifests are of versions that genuine GPUs have too.
  const signers = nvidia.manifestPath.map(({ serial }) => serial);
  expect(new Set(stage.responder.questions)).toEqual(new Set(signers));
});

test('names of drivers and boards that are no part of an address need nothing', async () => {
  const store = await stage.open();
  for (const driver of ['../../x', '590.12?a=b', '590.12/..', '590%2e'])
    expect(await store.gather(await gpus[0].evidence({ nonce, driver }))).toMatchObject({ unmet: [] });
  expect(stage.vendors.asked).toEqual([]);
});
