// What a GPU's evidence needs of NVIDIA's services: the ids of its manifests, and the certificates that are asked about.
import { readFileSync } from 'node:fs';
import { base64urlEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { type FakeNvidia, fakeNvidia, gpuManifests } from '@sealroom/testkit/vendors/nvidia-gpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { vendorRoots } from '../roots/roots.ts';
import { type Need, needName, needsOf, wholeOf } from '../supply/need.ts';
import type { DeviceEvidence } from '../types.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const nonce = new Uint8Array(32).fill(7);
let nvidia: FakeNvidia;
beforeAll(async () => {
  nvidia = await fakeNvidia(NOW);
});

const ids = (needs: readonly Need[]) =>
  needs.flatMap((need) => (need.kind === 'nvidia-manifest' ? [need.id] : []));
const asked = (needs: readonly Need[]) =>
  needs.flatMap((need) =>
    need.kind === 'nvidia-ocsp' ? [need.certificate.subjectNames.get('2.5.4.3')] : [],
  );
const bare = (evidence: DeviceEvidence) =>
  needsOf(evidence, { collateral: NO_COLLATERAL, roots: nvidia.roots });

describe('ids of manifests', () => {
  test('are Hopper’s by one name, and Blackwell’s by the chip that the report names or GB100', async () => {
    const idsOf = async (chip: string, fields: readonly (readonly [number, string])[] = []) =>
      ids(bare(await (await nvidia.gpu({ chip })).evidence({ nonce, fields })));
    const vbios = 'NV_GPU_VBIOS_G520_0200_885_9600A50001';
    expect(await idsOf('GH100')).toEqual(['NV_GPU_DRIVER_GH100_590.12', vbios]);
    expect(await idsOf('GB100')).toEqual(['NV_GPU_CC_DRIVER_GB100_590.12', vbios]);
    const named = Buffer.from('GB202\0').toString('hex');
    expect(await idsOf('GB202', [[35, named]])).toEqual(['NV_GPU_CC_DRIVER_GB202_590.12', vbios]);
  });

  test('of genuine evidence are those that NVIDIA’s SDK asks for', (ctx) => {
    const folder = sharedVectors('nvidia');
    if (folder === undefined) return ctx.skip('the shared vectors are not here');
    const bytes = readFileSync(`${folder}/nvsdk-evidence_hopper_590_12.json`);
    const evidence = { technology: 'nvidia-gpu', body: base64urlEncode(bytes) } as const;
    const needs = needsOf(evidence, { collateral: NO_COLLATERAL, roots: vendorRoots() });
    expect(ids(needs)).toEqual(['NV_GPU_DRIVER_GH100_590.12', 'NV_GPU_VBIOS_G520_0200_885_9600A50001']);
    expect(asked(needs)).toEqual([
      'GH100 A01 GSP BROM',
      'NVIDIA GH100 Provisioner ICA 1',
      'NVIDIA GH100 Identity',
    ]);
  });
});

describe('certificates that are asked about', () => {
  test('are those above the signing key whose issuer is known, with what leads to a pinned root', async () => {
    const gpu = await nvidia.gpu();
    const evidence = await gpu.evidence({ nonce });
    expect(asked(bare(evidence))).toEqual([
      'GH100 A01 GSP BROM',
      'NVIDIA GH100 Provisioner ICA 1',
      'NVIDIA GH100 Identity',
    ]);
    const lengths = bare(evidence).flatMap((need) =>
      need.kind === 'nvidia-ocsp' ? [need.between.length] : [],
    );
    expect(lengths).toEqual([2, 1, 0]);
    // The root that came with the evidence is nobody's word.
    expect(asked(needsOf(evidence))).toEqual(['GH100 A01 GSP BROM', 'NVIDIA GH100 Provisioner ICA 1']);
  });

  test('are also those of who signed the manifests of this GPU that are there, and of no others', async () => {
    const evidence = await (await nvidia.gpu()).evidence({ nonce });
    const { driver, vbios } = await gpuManifests(nvidia);
    const foreign = await nvidia.manifest({ version: '1.0', golden: new Map([[1, ['00'.repeat(48)]]]) });
    const withTexts = (...texts: readonly string[]) => {
      const files = texts.map((text, index) => ({ name: `${index}`, bytes: Buffer.from(text) }));
      return asked(needsOf(evidence, { collateral: readCollateral(files), roots: nvidia.roots })).slice(3);
    };
    const signers = ['HCC RIM L4 Signer', 'NVIDIA Reference Value GH100 CA'];
    expect(withTexts(driver, vbios)).toEqual(signers);
    expect(withTexts(driver)).toEqual(signers);
    expect(withTexts(foreign)).toEqual([]);
  });

  test('are told apart by their issuer’s whole name and key', async () => {
    const [one, two] = [await nvidia.gpu(), await nvidia.gpu()];
    const needs = [...bare(await one.evidence({ nonce })), ...bare(await two.evidence({ nonce }))];
    const ocsp = needs.filter(({ kind }) => kind === 'nvidia-ocsp');
    expect(new Set(ocsp.map(needName)).size).toBe(6);
    // Both models stand under one root.
    expect(new Set(ocsp.map(wholeOf)).size).toBe(5);
  });
});

test.each([
  { driver: '590.12/../x' },
  { driver: '590%2e12' },
  { driver: '590.12', fields: [[35, '2e2e2f']] },
] as const)('a report that names what no id has needs nothing: %j', async (options) => {
  const gpu = await nvidia.gpu({ chip: 'fields' in options ? 'GB100' : 'GH100' });
  expect(bare(await gpu.evidence({ nonce, ...options }))).toEqual([]);
});
