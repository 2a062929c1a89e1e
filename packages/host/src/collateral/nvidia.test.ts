// NVIDIA's manifests and answers on revocation: what a room's GPUs need is fetched from services that speak NVIDIA's paths and
// RFC 6960, once, and given out while it is of its time.
import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { issueOcspResponse, type OcspOptions } from '@sealroom/testkit/vendors/issue-ocsp';
import { certify, RESPONDER } from '@sealroom/testkit/vendors/nvidia-gpu';
import {
  askedPaths,
  DRIVER_PATH,
  fakeResponder,
  manifestAnswer,
  OCSP_PATH,
  VBIOS_PATH,
} from '@sealroom/testkit/vendors/nvidia-services';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { at, codesOf, gpuStage, type GpuStage, HOUR, makeGpus } from './nvidia-stage-for-tests.ts';
import { DAY, NOW } from './stage-for-tests.ts';

const made = await makeGpus();
const { nvidia, gpus, nonce, devices, room, manifests, chipOf, provisionerOf } = made;
const [one] = devices;

let stage: GpuStage;
beforeEach(async () => {
  stage = await gpuStage(made);
});
afterEach(() => stage.close());

describe('what a GPU needs', () => {
  test('is fetched from both services, and what is fetched is all that affirms the GPU', async () => {
    const gathered = await stage.ask();
    expect(gathered.unmet).toEqual([]);
    expect(stage.vendors.asked.toSorted()).toEqual(
      [DRIVER_PATH, VBIOS_PATH, ...Array.from({ length: 5 }, () => OCSP_PATH)].toSorted(),
    );
    const above = [...gpus[0].path.slice(1), ...nvidia.manifestPath].map(({ serial }) => serial);
    expect(new Set(stage.responder.questions)).toEqual(new Set(above));
    expect(await stage.reasons(one, gathered)).toEqual([]);
    for (const { name } of [...gathered.collateral.documents, ...gathered.collateral.others]) {
      const { documents, others } = gathered.collateral;
      const without = <T extends { name: string }>(all: readonly T[]) =>
        all.filter((piece) => piece.name !== name);
      const collateral = {
        ...gathered.collateral,
        documents: without(documents),
        others: without(others),
      };
      expect(await stage.reasons(one, { ...gathered, collateral })).not.toEqual([]);
    }
  });

  test('is fetched once, also by another store over the same folder, and for many at the same time', async () => {
    const store = await stage.open();
    const [first] = await Promise.all(Array.from({ length: 4 }, () => store.gather(room)));
    expect(codesOf(first ?? (await store.gather(room)))).toEqual([]);
    // Each GPU has three certificates above its signing key; two manifests have one signer.
    expect(stage.vendors.asked).toHaveLength(2 + 2 * 3 + 2);
    await store.gather(room);
    expect(stage.vendors.asked).toHaveLength(10);
    const offline = await (await stage.open({ offline: true })).gather(room);
    expect(offline.unmet).toEqual([]);
    for (const device of devices) expect(await stage.reasons(device, offline)).toEqual([]);
  });

  test('is kept as the vendor signed it, with what a later process needs to believe it', async () => {
    await stage.ask();
    const rims = await stage.filesOf('nvidia-manifest');
    expect(rims.map((file) => file.split('_').slice(0, 3).join('_')).toSorted()).toEqual([
      'nvidia-manifest_GH100_590.12',
      'nvidia-manifest_GH100_96.00.A5.00.01',
    ]);
    expect(rims.every((file) => file.endsWith('.xml'))).toBe(true);
    const { good, bad } = await (await stage.open({ offline: true })).list();
    expect(bad).toEqual([]);
    expect(good.filter(({ piece }) => piece.kind === 'ocsp')).toHaveLength(5);
    expect(new Set(good.map(({ piece }) => piece.kind))).toEqual(
      new Set(['ocsp', 'reference-manifest', 'certificate']),
    );
  });

  test('of sixteen GPUs can be asked for at once', async () => {
    const many = await Promise.all(Array.from({ length: 16 }, () => nvidia.gpu()));
    const { answers, questions } = fakeResponder(askedPaths(nvidia, many), () => NOW);
    stage.vendors.answers.set(OCSP_PATH, at([...answers.values()], 0));
    const all = await Promise.all(many.map((gpu) => gpu.evidence({ nonce })));
    const store = await stage.open({ fetch: { burst: 12, refillMs: HOUR } });
    // Genuine GPUs share provisioners and models; these share nothing, and need 3 answers each and 2 for the manifests.
    const { unmet } = await store.gather({ ...room, devices: all.slice(0, 15) });
    expect(unmet).toEqual([]);
    expect(questions).toHaveLength(47);
  });

  test('is nothing for a report without its certificates, and for NVIDIA’s tokens only a key set', async () => {
    const report = await gpus[0].report({ nonce });
    const store = await stage.open();
    const bare = await store.gather({ technology: 'nvidia-gpu', body: base64urlEncode(report) });
    expect([bare.unmet, stage.vendors.asked]).toEqual([[], []]);
  });
});

describe('time', () => {
  test('ends an answer on revocation at its own end, and a newer one is fetched then', async () => {
    const store = await stage.open();
    await store.gather(one);
    stage.clock.now = NOW + DAY - 1;
    expect(await stage.reasons(one, await store.gather(one))).toEqual([]);
    expect(stage.responder.questions).toHaveLength(5);
    stage.clock.now = NOW + DAY;
    expect(await stage.reasons(one, await store.gather(one))).toEqual([]);
    expect(stage.responder.questions).toHaveLength(10);
  });

  test('leaves nothing to give when no newer answer can be had', async () => {
    const store = await stage.open();
    await store.gather(one);
    stage.vendors.answers.delete(OCSP_PATH);
    stage.clock.now = NOW + DAY;
    const gathered = await store.gather(one);
    expect(gathered.collateral.others).toEqual([]);
    expect(new Set(codesOf(gathered))).toEqual(new Set(['collateral/status']));
    expect(await stage.reasons(one, gathered)).toContain('nvidia-gpu/revocation/unchecked');
  });

  test('ends an answer without an end of its own after an hour', async () => {
    stage.responder.change = () => ({ thisUpdate: stage.clock.now, nextUpdate: undefined });
    const store = await stage.open();
    await store.gather(one);
    stage.clock.now = NOW + HOUR - 1;
    await store.gather(one);
    expect(stage.responder.questions).toHaveLength(5);
    stage.clock.now = NOW + HOUR;
    expect(await stage.reasons(one, await store.gather(one))).toEqual([]);
    expect(stage.responder.questions).toHaveLength(10);
  });

  test('has manifests and long answers looked for anew after a day, and what is here goes on to count', async () => {
    stage.responder.change = () => ({ nextUpdate: NOW + 30 * DAY });
    const store = await stage.open();
    await store.gather(one);
    stage.vendors.answers.clear();
    stage.clock.now = NOW + DAY;
    const asked = stage.vendors.asked.length;
    const gathered = await store.gather(one);
    expect(await stage.reasons(one, gathered)).toEqual([]);
    expect(new Set(stage.vendors.asked.slice(asked))).toEqual(new Set([DRIVER_PATH, VBIOS_PATH, OCSP_PATH]));
  });

  test('is told of an answer only where nothing renews it', async () => {
    const store = await stage.open();
    await store.gather(one);
    expect(await store.expiring(7 * DAY)).toEqual([]);
    const offline = await stage.open({ offline: true });
    const ending = await offline.expiring(7 * DAY);
    expect(ending.map(({ piece }) => piece.kind)).toEqual(Array.from({ length: 5 }, () => 'ocsp'));
    stage.responder.change = () => ({ nextUpdate: NOW + 20 * DAY });
    stage.clock.now = NOW + DAY;
    await store.gather(one);
    stage.clock.now = NOW + 14 * DAY;
    expect(await store.expiring(7 * DAY)).toHaveLength(5);
  });
});

describe('a word on revocation', () => {
  const about = (serial: number, change: Partial<OcspOptions>) => {
    stage.responder.change = (asked) => (asked === serial ? change : {});
  };

  test.each([
    ['chip', () => chipOf().serial, 'nvidia-gpu/revocation/revoked'],
    ['provisioner', () => provisionerOf().serial, 'nvidia-gpu/revocation/revoked'],
    [
      'signer of the manifests',
      () => at(nvidia.manifestPath, 0).serial,
      'nvidia-gpu/driver-manifest/revocation/revoked',
    ],
  ])('that a %s is revoked is kept, and refuses the GPU', async (_what, serial, id) => {
    about(serial(), { status: 'revoked' });
    const gathered = await stage.ask();
    expect(gathered.unmet).toEqual([]);
    expect(await stage.reasons(one, gathered)).toContain(id);
    const offline = await (await stage.open({ offline: true })).gather(one);
    expect(await stage.reasons(one, offline)).toContain(id);
  });

  test('that somebody is revoked does not give way to an older one that they are not', async () => {
    const serial = chipOf().serial;
    about(serial, { status: 'revoked', thisUpdate: NOW - HOUR, nextUpdate: NOW + 3 * DAY });
    const store = await stage.open();
    await store.gather(one);
    const older = await issueOcspResponse({
      issuer: provisionerOf().key,
      serial,
      thisUpdate: NOW - 2 * HOUR,
      nextUpdate: NOW + 9 * DAY,
    });
    await expect(store.import([{ name: 'older', bytes: older }])).rejects.toMatchObject({
      code: 'collateral/older',
    });
    stage.responder.instead.set(serial, older);
    stage.clock.now = NOW + DAY + 1;
    const gathered = await store.gather(one);
    expect(await stage.reasons(one, gathered)).toEqual(['nvidia-gpu/revocation/revoked']);
  });

  test('that a certificate is unknown affirms nothing, and is asked about again after an hour', async () => {
    const serial = chipOf().serial;
    about(serial, { status: 'unknown', thisUpdate: NOW });
    const store = await stage.open();
    expect(await stage.reasons(one, await store.gather(one))).toEqual(['nvidia-gpu/revocation/unchecked']);
    stage.responder.change = () => ({});
    stage.clock.now = NOW + HOUR - 1;
    await store.gather(one);
    expect(stage.responder.questions.filter((asked) => asked === serial)).toHaveLength(1);
    stage.clock.now = NOW + HOUR;
    expect(await stage.reasons(one, await store.gather(one))).toEqual([]);
  });

  test('may be signed by a responder that the issuer named for it', async () => {
    const issuer = provisionerOf();
    const own = await certify(issuer, 'OCSP responder', { extensions: RESPONDER });
    about(chipOf().serial, { responder: { key: own.key, certificate: own.der } });
    expect(await stage.reasons(one, await stage.ask())).toEqual([]);
  });
});

test('a store filled by hand, in any order, gives the same as the services', async () => {
  const store = await stage.open({ offline: true });
  const path = [...gpus[0].path.slice(1), nvidia.root];
  const files = [
    ...(await nvidia.ocsp(path)),
    ...(await nvidia.ocsp([...nvidia.manifestPath, nvidia.manifestRoot])),
    { name: 'chain.pem', bytes: utf8Encode(certificatesPem(path.map(({ der }) => der))) },
    { name: 'driver.swidtag', bytes: utf8Encode(manifests.driver) },
    { name: 'vbios.json', bytes: utf8Encode(String(manifestAnswer('x', manifests.vbios).body)) },
  ];
  await store.import(files);
  const gathered = await store.gather(one);
  expect(gathered.unmet).toEqual([]);
  expect(await stage.reasons(one, gathered)).toEqual([]);
  const other = await stage.open({ offline: true });
  await expect(
    other.import(files.slice(0, 1).map(({ bytes }) => ({ name: 'a', bytes: bytes.slice(1) }))),
  ).rejects.toMatchObject({
    code: 'attest/bad-collateral',
  });
});
