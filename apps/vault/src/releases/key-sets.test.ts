// Rooms that a token service vouches for, at a vault that fetches nothing: it believes the key set that its owner imported, until the
// end that was given, and says in its signed answer whose word that was.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { isOfType, readStatement } from '@sealroom/contract';
import { openCollateralStore } from '@sealroom/host/collateral';
import type { FakePlatform } from '@sealroom/testkit/hardware';
import { maaPlatform } from '@sealroom/testkit/token-rooms';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
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
const MINUTE = 60_000;

let maa: FakeMaa;
let platform: FakePlatform;
let stage: Stage;
let folder: string;
let collateral: VaultCollateral;

beforeAll(async () => {
  maa = await FakeMaa.create(NOW);
  platform = await maaPlatform(maa, NOW);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-keys-'));
  const settings = collateralSettings.parse({ services: 'offline' });
  const options = { dataDirectory: folder, log: createVaultLog(true), clock: () => NOW, roots: {} };
  collateral = await openVaultCollateral(settings, options);
  stage = await setStage({
    attest: {
      roots: {},
      distrust: [],
      collateral: (evidence) => collateral.forEvidence(evidence),
      keySets: (evidence) => collateral.keySets(evidence),
    },
    allowSimulated: false,
    sensitivity: 'real',
    contract: onHardware(platform.entry),
  });
  stage.clock.now = NOW;
}, 120_000);

afterEach(async () => {
  collateral.close();
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

/** As `attest collateral import --keys` does beside the running vault. */
async function vouch(issuer: string, text: string, { since, until }: { since: number; until: number }) {
  const kept = join(folder, 'collateral');
  const store = await openCollateralStore({ folder: kept, roots: {}, clock: () => since });
  await store.import([], { sets: [{ issuer, text }], until });
  store.close();
}

async function refused(): Promise<string[]> {
  const body = await proveHardware(stage, await approvedRun(stage), await openRoom(), platform);
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
  return (await codesAt(stage, stage.steward))[0] ?? [];
}

it('releases under a set that its owner imported, hands it out, and says in its answer that it was imported', async () => {
  await vouch(MAA_ISSUER, maa.jwks, { since: NOW - MINUTE, until: NOW + MINUTE });
  const body = await proveHardware(stage, await approvedRun(stage), await openRoom(), platform);
  const answers = await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
  for (const { answer, collateral: pieces } of answers) {
    const released = await readStatement(base64urlDecode(answer));
    if (!isOfType(released, 'key.released')) throw new Error('not a release');
    expect(released.payload.keySets).toEqual([
      {
        issuer: MAA_ISSUER,
        digest: await sha256Digest(utf8Encode(maa.jwks)),
        origin: 'imported',
        fetchedAt: '2026-11-22T09:59:00Z',
        notAfter: '2026-11-22T10:01:00Z',
      },
    ]);
    expect(pieces).toEqual([base64urlEncode(utf8Encode(maa.jwks))]);
  }
});

it('releases nothing without a set, on one that has ended, another issuer’s, or one without the key', async () => {
  expect(await refused()).toContain('release/evidence');
  await vouch(MAA_ISSUER, maa.jwks, { since: NOW - MINUTE, until: NOW });
  expect(await refused()).toContain('release/evidence');
  await vouch('https://other.weu.attest.azure.net', maa.jwks, { since: NOW - MINUTE, until: NOW + MINUTE });
  expect(await refused()).toContain('release/evidence');
  const strange = await FakeMaa.create(NOW);
  await vouch(MAA_ISSUER, strange.jwks, { since: NOW - MINUTE, until: NOW + MINUTE });
  expect(await refused()).toContain('release/evidence');
});
