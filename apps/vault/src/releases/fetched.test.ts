// A release whose collateral the vaults fetch themselves, from a service that speaks Intel's paths: what they get keys for, and
// that nothing is released on what has ended, is another's, or cannot be had.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FakePlatform, tdxPlatform } from '@sealroom/testkit/hardware';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { intelAnswers, startVendorServices, type VendorServices } from '@sealroom/testkit/vendors/services';
import { openRoom } from '@sealroom/testkit/world';
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
const TCB_PATH = '/tdx/certification/v4/tcb?fmspc=b0c06f000000';

let intel: FakeIntel;
let platform: FakePlatform;
let vendors: VendorServices;
let stage: Stage;
let folder: string;
let collateral: VaultCollateral;
const clock = { now: NOW };

beforeAll(async () => {
  intel = await FakeIntel.create(NOW);
  platform = await tdxPlatform(intel);
});

beforeEach(async () => {
  clock.now = NOW;
  const ends = new Date(NOW + HOUR).toISOString().replace('.000Z', 'Z');
  vendors = await startVendorServices(await intelAnswers(intel, 'tdx', { tcbInfo: { nextUpdate: ends } }));
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-fetched-'));
  const caPath = join(folder, 'ca.pem');
  await writeFile(caPath, vendors.caPem);
  const services = { intel: vendors.url, intelCertificates: vendors.url };
  const log = createVaultLog(true);
  const { roots } = platform;
  const options = { dataDirectory: folder, log, clock: () => clock.now, roots };
  collateral = await openVaultCollateral(collateralSettings.parse({ services, caPath }), options);
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

async function bodyAt(now: number) {
  clock.now = now;
  stage.clock.now = now;
  return proveHardware(stage, await approvedRun(stage), await openRoom(), platform);
}

async function refusedAt(now: number): Promise<string[]> {
  await expect(releaseAt(stage.steward, await bodyAt(now))).rejects.toMatchObject(opaque);
  return (await codesAt(stage, stage.steward))[0] ?? [];
}

it('releases on collateral that it fetched, and fetches it once', async () => {
  for (let time = 0; time < 2; time++) {
    const body = await bodyAt(NOW);
    const answers = await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
    expect(answers).toHaveLength(2);
  }
  expect(vendors.asked).toHaveLength(4);
});

it('releases nothing on TCB info that has ended when no newer can be had', async () => {
  const body = await bodyAt(NOW);
  await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
  vendors.answers.clear();
  expect(await refusedAt(NOW + HOUR)).toEqual(['release/tcb']);
});

it('releases nothing when the service is not there', async () => {
  vendors.answers.clear();
  const codes = await refusedAt(NOW);
  expect(codes).toEqual(expect.arrayContaining(['release/revocation', 'release/tcb']));
});

it('releases nothing on TCB info that another Intel signed', async () => {
  const other = (await intelAnswers(await FakeIntel.create(NOW), 'tdx')).get(TCB_PATH);
  if (!other) throw new Error('no answer');
  vendors.answers.set(TCB_PATH, other);
  expect(await refusedAt(NOW)).toEqual(['release/tcb']);
});
