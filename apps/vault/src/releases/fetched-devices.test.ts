// A release to a room with GPUs whose manifests and answers on revocation the vaults fetch themselves, from services that speak
// NVIDIA's paths and RFC 6960: what they get keys for, that the receipt carries what was fetched, and that nothing is released on
// what is another's, has ended, says that a chip is revoked, or cannot be had.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceNonce } from '@sealroom/attest';
import { verifyReceipt } from '@sealroom/contract';
import { nvidiaGpus, NVML_HELPER } from '@sealroom/host/attest';
import { base64urlDecode } from '@sealroom/bytes';
import { withGpus } from '@sealroom/testkit/devices';
import { type FakePlatform, snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld } from '@sealroom/testkit/receipt';
import { type FakeGpu, type FakeNvidia, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import {
  askedPaths,
  DRIVER_PATH,
  fakeResponder,
  manifestAnswer,
  manifestAnswers,
  OCSP_PATH,
  type Responder,
} from '@sealroom/testkit/vendors/nvidia-services';
import { standInGpu, standInNvml } from '@sealroom/testkit/vendors/nvml';
import { startVendorServices, type VendorServices } from '@sealroom/testkit/vendors/services';
import { openRoom } from '@sealroom/testkit/world';
import { openCollateralStore } from '@sealroom/host/collateral';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { collateralSettings, openVaultCollateral, type VaultCollateral } from '../attest/collateral.ts';
import {
  approvedRun,
  codesAt,
  opaque,
  proveHardware,
  releaseAt,
  setStage,
  type Stage,
  onHardware,
} from '../fixtures.ts';
import { createVaultLog } from '../start.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let cpu: FakePlatform;
let nvidia: FakeNvidia;
let gpus: readonly [FakeGpu, FakeGpu];
let platform: FakePlatform;
let responder: Responder;
let vendors: VendorServices;
let stage: Stage;
let folder: string;
let collateral: VaultCollateral;
const clock = { now: NOW };

beforeAll(async () => {
  cpu = await snpPlatform(await snpVendor(NOW));
  nvidia = await fakeNvidia(NOW);
  gpus = [await nvidia.gpu(), await nvidia.gpu()];
  platform = await withGpus(cpu, nvidia, gpus);
}, 120_000);

/** AMD's part is there already; of NVIDIA nothing is. */
async function fill(kept: string): Promise<void> {
  const { roots } = platform;
  const store = await openCollateralStore({ folder: kept, roots, clock: () => NOW });
  const { certificates, crls } = cpu.collateral;
  await store.import([...certificates, ...crls].map(({ der }, index) => ({ name: `${index}`, bytes: der })));
  store.close();
}

beforeEach(async () => {
  clock.now = NOW;
  responder = fakeResponder(askedPaths(nvidia, gpus), () => clock.now);
  vendors = await startVendorServices(await manifestAnswers(nvidia), responder.answers);
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-gpus-'));
  const kept = join(folder, 'collateral');
  await fill(kept);
  const caPath = join(folder, 'ca.pem');
  await writeFile(caPath, vendors.caPem);
  const { url } = vendors;
  const services = { amd: url, nvidiaManifests: url, nvidiaOcsp: url + OCSP_PATH };
  const { roots } = platform;
  collateral = await openVaultCollateral(collateralSettings.parse({ services, caPath, folder: kept }), {
    dataDirectory: folder,
    log: createVaultLog(true),
    clock: () => clock.now,
    roots,
  });
  stage = await setStage({
    attest: { roots, distrust: [], collateral: (evidence) => collateral.forEvidence(evidence) },
    allowSimulated: false,
    sensitivity: 'real',
    contract: onHardware(platform.entry),
  });
}, 120_000);

afterEach(async () => {
  collateral.close();
  await stage.close();
  await vendors.close();
  await rm(folder, { recursive: true, force: true });
});

async function bodyAt(now = NOW) {
  clock.now = now;
  stage.clock.now = now;
  return proveHardware(stage, await approvedRun(stage), await openRoom(), platform);
}

async function refusedAt(now = NOW): Promise<string[]> {
  await expect(releaseAt(stage.steward, await bodyAt(now))).rejects.toMatchObject(opaque);
  return [...new Set((await codesAt(stage, stage.steward))[0] ?? [])].toSorted();
}

const manifestsIn = (pieces: readonly string[]) =>
  pieces.filter((piece) => base64urlDecode(piece)[0] === '<'.charCodeAt(0));

it('releases on GPUs with nothing of NVIDIA’s but what it fetched, and fetches it once', async () => {
  for (let time = 0; time < 2; time++) {
    const body = await bodyAt();
    for (const answer of await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)])) {
      // Two manifests, three answers for each GPU and two for who signed the manifests, with the issuers of chips and
      // provisioners, and AMD's three pieces.
      expect(manifestsIn(answer.collateral)).toHaveLength(2);
      expect(answer.collateral).toHaveLength(2 + 8 + 4 + 3);
    }
  }
  expect(vendors.asked).toHaveLength(2 + 8);
});

it('releases on what the helper of a node reads from NVML, which a stand-in plays here', async () => {
  const throughHelper: FakePlatform = {
    ...platform,
    async prove(bound) {
      const nonce = await deviceNonce(bound.reportData);
      const shown = await Promise.all(gpus.map((gpu) => standInGpu(nvidia, gpu, { nonce })));
      const helper = [...(await standInNvml(folder, { gpus: shown })), ...NVML_HELPER];
      const devices = await nvidiaGpus({ helper }).provide(nonce);
      return { ...(await cpu.prove(bound)), devices };
    },
  };
  const body = await proveHardware(stage, await approvedRun(stage), await openRoom(), throughHelper);
  for (const { collateral: used } of await Promise.all([
    releaseAt(stage.steward, body),
    releaseAt(stage.owner, body),
  ]))
    expect(manifestsIn(used)).toHaveLength(2);
});

it('gives a receipt what makes it whole for a reader who fetches nothing', async () => {
  const { evidence } = await bodyAt();
  const fetched = await collateral.forEvidence(evidence);
  const run = await playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, {
    platform: { ...platform, collateral: fetched },
    sensitivity: 'real',
  });
  const { roots } = platform;
  const { verdict, hardwareAttested, attestation } = await verifyReceipt(run.receipt, run.trust, { roots });
  expect([verdict, hardwareAttested, attestation.devices.length]).toEqual(['pinned', true, 2]);
  const kinds = attestation.collateral.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'ocsp')).toHaveLength(8);
  expect(kinds.filter((kind) => kind === 'reference-manifest')).toHaveLength(2);
});

it('releases nothing on a chip that NVIDIA’s service says is revoked, nor later when it is silent', async () => {
  const serial = gpus[1].path[1]?.serial;
  responder.change = (asked) => (asked === serial ? { status: 'revoked' } : {});
  expect(await refusedAt()).toEqual(['release/device-revocation']);
  vendors.answers.delete(OCSP_PATH);
  expect(await refusedAt(NOW + DAY - 1)).toEqual(['release/device-revocation']);
  expect(await refusedAt(NOW + DAY)).toEqual(['release/device-revocation']);
});

it('releases nothing on answers that have ended when no newer can be had', async () => {
  const body = await bodyAt();
  await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
  vendors.answers.delete(OCSP_PATH);
  expect(await refusedAt(NOW + DAY)).toEqual(['release/device-revocation']);
});

it('releases nothing on the good answer of a time that is over', async () => {
  responder.change = () => ({ thisUpdate: NOW - 2 * DAY, nextUpdate: NOW - DAY });
  expect(await refusedAt()).toEqual(['release/device-revocation']);
});

it('releases nothing on answers that another NVIDIA signed', async () => {
  const { key, der } = (await fakeNvidia(NOW)).root;
  responder.change = () => ({ responder: { key, certificate: der } });
  expect(await refusedAt()).toEqual(['release/device-revocation']);
});

it('releases nothing on the manifest of another driver version', async () => {
  const golden = new Map([[7, ['07'.repeat(48)]]]);
  const other = await nvidia.manifest({ version: '590.13', golden });
  vendors.answers.set(DRIVER_PATH, manifestAnswer('NV_GPU_DRIVER_GH100_590.12', other));
  expect(await refusedAt()).toEqual(['release/device-code']);
});

it('releases nothing when neither service is there', async () => {
  vendors.answers.clear();
  expect(await refusedAt()).toEqual(['release/device-code', 'release/device-revocation']);
});
