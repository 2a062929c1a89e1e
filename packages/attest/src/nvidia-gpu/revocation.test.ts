// Revocation of a GPU's certificates and of those that sign manifests, by OCSP responses and lists in the collateral.
import { certify, type FakeNvidia, RESPONDER } from '@sealroom/testkit/vendors/nvidia-gpu';
import { issueCrl } from '@sealroom/testkit/vendors/issue-certificates';
import { derBits, derSequence } from '@sealroom/testkit/vendors/write-der';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseOcspResponse } from '../x509/ocsp.ts';
import { file, type Files, type GpuWorld, gpuWorld, HOUR, nonce, NOW } from './judge-for-tests.ts';

let nvidia: GpuWorld['nvidia'];
let gpu: GpuWorld['gpu'];
let reasons: GpuWorld['reasons'];
let driverManifest: string;
let vbiosManifest: string;

beforeAll(async () => {
  ({ nvidia, gpu, reasons, driverManifest, vbiosManifest } = await gpuWorld());
});

describe('revocation', () => {
  const required = { revocation: 'required' as const };
  const pathOf = () => [...gpu.path.slice(1), nvidia.root];
  const judged = async (files: Files, at = NOW) =>
    reasons(await gpu.evidence({ nonce }), required, { files, at });
  const unchecked = 'nvidia-gpu/revocation/unchecked';

  test('is checked by OCSP for chip, provisioner and model, and need not be for the key that the GPU made', async () => {
    expect(await judged(await nvidia.ocsp(pathOf()))).toEqual([]);
    expect(await judged((await nvidia.ocsp(pathOf())).slice(1))).toEqual([unchecked]);
    expect(await judged([])).toEqual([unchecked, unchecked, unchecked]);
  });

  test.each([0, 1, 2])(
    'refuses a revoked certificate at place %i, also when the policy waives',
    async (place) => {
      const files = await nvidia.ocsp(pathOf(), (index) => (index === place ? { status: 'revoked' } : {}));
      expect(await judged(files)).toEqual(['nvidia-gpu/revocation/revoked']);
      const evidence = await gpu.evidence({ nonce });
      expect(await reasons(evidence, {}, { files })).toEqual(['nvidia-gpu/revocation/revoked']);
    },
  );

  test('believes a revoking answer beside a good one', async () => {
    const good = await nvidia.ocsp(pathOf());
    const bad = await nvidia.ocsp(pathOf(), () => ({ status: 'revoked' }));
    expect(await judged([...good, ...bad.slice(0, 1)])).toEqual(['nvidia-gpu/revocation/revoked']);
  });

  test('counts an answer outside its window as none, also an hour off', async () => {
    const files = await nvidia.ocsp(pathOf());
    expect(await judged(files, NOW - HOUR)).toEqual([]);
    expect(await judged(files, NOW - HOUR - 1)).toContain(unchecked);
    expect(await judged(files, NOW + 24 * HOUR - 1)).toEqual([]);
    expect(await judged(files, NOW + 24 * HOUR)).toContain(unchecked);
  });

  test('lets an answer without an end count for an hour', async () => {
    const files = await nvidia.ocsp(pathOf(), () => ({ thisUpdate: NOW, nextUpdate: undefined }));
    expect(await judged(files, NOW + HOUR - 1)).toEqual([]);
    expect(await judged(files, NOW + HOUR)).toContain(unchecked);
  });

  test('takes an answer of a responder that the issuer named for this, and of nobody else', async () => {
    const [, , provisioner, model] = gpu.path;
    if (!provisioner || !model) throw new Error('A GPU has a path.');
    const answered = async (by: Awaited<ReturnType<typeof certify>>) =>
      judged(
        await nvidia.ocsp(pathOf(), (index) =>
          index === 0 ? { responder: { key: by.key, certificate: by.der } } : {},
        ),
      );
    expect(await answered(await certify(provisioner, 'responder', { extensions: RESPONDER }))).toEqual([]);
    expect(
      await answered(await certify(provisioner, 'no responder', { extensions: RESPONDER.slice(0, 1) })),
    ).toEqual([unchecked]);
    expect(await answered(await certify(model, 'of another issuer', { extensions: RESPONDER }))).toEqual([
      unchecked,
    ]);
    expect(await answered(await certify(undefined, 'of its own', { extensions: RESPONDER }))).toEqual([
      unchecked,
    ]);
    const odd = { oid: '1.2.3.4', critical: true, value: derSequence() };
    const notUnderstood = { extensions: [...RESPONDER, odd] };
    expect(await answered(await certify(provisioner, 'odd', notUnderstood))).toEqual([unchecked]);
    const encipher = { oid: '2.5.29.15', critical: true, value: derBits(new Uint8Array([0x20]), 5) };
    const noSigner = { extensions: [encipher, ...RESPONDER.slice(1)] };
    expect(await answered(await certify(provisioner, 'no signer', noSigner))).toEqual([unchecked]);
    const late = { extensions: RESPONDER, notAfter: NOW - HOUR };
    expect(await answered(await certify(provisioner, 'expired', late))).toEqual([unchecked]);
  });

  test('does not count unknown certificates, answers that must be understood, or answers about others', async () => {
    const only = (change: object) => nvidia.ocsp(pathOf(), (index) => (index === 0 ? change : {}));
    expect(await judged(await only({ status: 'unknown' }))).toEqual([unchecked]);
    expect(await judged(await only({ critical: true }))).toEqual([unchecked]);
    expect(await judged(await only({ serial: 5 }))).toEqual([unchecked]);
    expect(await judged(await only({ issuer: nvidia.root.key }))).toEqual([unchecked]);
  });

  test('is required of manifests too', async () => {
    const [signer, values] = nvidia.manifestPath;
    const path = [signer, values, nvidia.manifestRoot];
    const reference = { manifests: 'nvidia' as const };
    const given = async (change?: Parameters<FakeNvidia['ocsp']>[1]) => {
      const responses = [...(await nvidia.ocsp(pathOf())), ...(await nvidia.ocsp(path, change))];
      return [...responses, file('a', driverManifest), file('b', vbiosManifest)];
    };
    const evidence = await gpu.evidence({ nonce });
    expect(await reasons(evidence, { ...required, reference }, { files: await given() })).toEqual([]);
    const revoked = await given((index) => (index === 0 ? { status: 'revoked' } : {}));
    expect(await reasons(evidence, { ...required, reference }, { files: revoked })).toContain(
      'nvidia-gpu/driver-manifest/revocation/revoked',
    );
    const without = (await given()).filter(({ name }) => !name.endsWith('.ocsp'));
    expect(await reasons(evidence, { ...required, reference }, { files: without })).toContain(
      'nvidia-gpu/vbios-manifest/revocation/unchecked',
    );
  });

  test('is checked by lists too, and either kind can revoke', async () => {
    const [, chip, provisioner, model] = gpu.path;
    if (!chip || !provisioner || !model) throw new Error('A GPU has a path.');
    const window = { thisUpdate: NOW - HOUR, nextUpdate: NOW + HOUR };
    const list = async (issuer: typeof chip, ...serials: number[]) => ({
      name: `${issuer.serial}.crl`,
      bytes: await issueCrl(issuer.key, { serials, ...window }),
    });
    const lists = [await list(provisioner), await list(model), await list(nvidia.root)];
    expect(await judged(lists)).toEqual([]);
    expect(await judged([...lists.slice(1), ...(await nvidia.ocsp(pathOf())).slice(0, 1)])).toEqual([]);
    const revoking = [await list(provisioner, chip.serial), ...lists.slice(1)];
    expect(await judged(revoking)).toEqual(['nvidia-gpu/revocation/revoked']);
    expect(await judged([...revoking, ...(await nvidia.ocsp(pathOf()))])).toEqual([
      'nvidia-gpu/revocation/revoked',
    ]);
  });
});

test('an OCSP response is malformed when it is cut short, goes on, is too large, or tells of no success', async () => {
  const [response] = await nvidia.ocsp([...gpu.path.slice(1), nvidia.root]);
  const bytes = response?.bytes ?? new Uint8Array();
  const codeOf = (given: Uint8Array) => {
    try {
      parseOcspResponse(given);
      return 'parsed';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  expect(codeOf(bytes)).toBe('parsed');
  for (let length = 0; length < bytes.length; length++)
    expect(codeOf(bytes.slice(0, length)), String(length)).toBe('attest/bad-ocsp');
  expect(codeOf(Uint8Array.from([...bytes, 0]))).toBe('attest/bad-ocsp');
  expect(codeOf(Uint8Array.from([0x30, 0x03, 0x0a, 0x01, 0x06]))).toBe('attest/bad-ocsp');
  expect(codeOf(new Uint8Array(10_000_000))).toBe('attest/too-large');
});

test('an OCSP response does not count when any byte of it changed', async () => {
  const path = [...gpu.path.slice(1), nvidia.root];
  const [response, ...others] = await nvidia.ocsp(path);
  if (!response) throw new Error('There is a response for each certificate.');
  const evidence = await gpu.evidence({ nonce });
  for (let at = 0; at < response.bytes.length; at += 3) {
    const bytes = response.bytes.with(at, (response.bytes[at] ?? 0) ^ 0x10);
    const found = await reasons(
      evidence,
      { revocation: 'required' },
      { files: [{ name: 'x', bytes }, ...others] },
    );
    expect(found, String(at)).toEqual(['nvidia-gpu/revocation/unchecked']);
  }
});
