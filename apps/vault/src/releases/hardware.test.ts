// The whole chain with hardware: two vaults over HTTP, a ledger, and rooms whose evidence made-up vendors signed in the genuine
// formats. What is right gets the keys of real data; each cheat gets none, and its owner reads the cheat's own code.
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { isOfType, readStatement } from '@sealroom/contract';
import type { RunningServer } from '@sealroom/host';
import {
  type Bound,
  type FakePlatform,
  nitroPlatform,
  snpPlatform,
  type SnpChanges,
  type SnpVendor,
  snpVendor,
  tdxPlatform,
} from '@sealroom/testkit/hardware';
import { FakeNitro } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { snpChipId, SNP_TCB } from '@sealroom/testkit/vendors/sev-snp';
import { manifestOf, openRoom, type Room, type Run } from '@sealroom/testkit/world';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AttestParty } from '../attest/supply.ts';
import {
  approvedRun,
  at,
  codesAt,
  opaque,
  overHttp,
  prove,
  proveHardware,
  releaseAt,
  setStage,
  type Stage,
  onHardware,
} from '../fixtures.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const zeros = new Uint8Array(32);

let amd: SnpVendor;
let intel: FakeIntel;
let good: FakePlatform;
let goodTdx: FakePlatform;
let goodNitro: FakePlatform;
let stage: Stage;
const servers: RunningServer[] = [];
/** What the vaults have now; tests change it. */
let held: { collateral: FakePlatform['collateral']; distrust: string[] };

beforeAll(async () => {
  amd = await snpVendor(NOW);
  intel = await FakeIntel.create(NOW);
  good = await snpPlatform(amd);
  goodTdx = await tdxPlatform(intel);
  goodNitro = await nitroPlatform(await FakeNitro.create(NOW));
  const attest: AttestParty = {
    roots: { ...good.roots, ...goodTdx.roots, ...goodNitro.roots },
    get distrust() {
      return held.distrust;
    },
    collateral: async () => held.collateral,
    collateralStatus: async () => ({ kept: 0, ending: 0 }),
  };
  held = { collateral: good.collateral, distrust: [] };
  stage = await setStage({
    attest,
    allowSimulated: false,
    sensitivity: 'real',
    contract: onHardware(good.entry, goodTdx.entry, goodNitro.entry),
  });
  for (const vault of [stage.steward, stage.owner]) servers.push(await overHttp(vault));
}, 120_000);

afterAll(async () => {
  for (const server of servers) await server.close();
  await stage.close();
});

beforeEach(() => {
  held = { collateral: good.collateral, distrust: [] };
  stage.stewardAhead = 0;
});

async function releaseOn(platform: FakePlatform, run: Run, room: Room) {
  held.collateral = platform.collateral;
  const body = await proveHardware(stage, run, room, platform);
  return Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
}

/** Asks the steward's vault alone, which refuses before it reserves anything. @returns the codes its owner reads */
async function refusal(body: Parameters<typeof releaseAt>[1]): Promise<string[]> {
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
  return (await codesAt(stage, stage.steward))[0] ?? [];
}

async function refusedOn(platform: FakePlatform): Promise<string[]> {
  held.collateral = platform.collateral;
  return refusal(await proveHardware(stage, await approvedRun(stage), await openRoom(), platform));
}

describe('a room on hardware', () => {
  it.each([
    ['sev-snp', () => good],
    ['tdx', () => goodTdx],
    ['aws-nitro', () => goodNitro],
  ] as const)(
    'of %s gets the keys of real data, and what its receipt needs',
    async (technology, platform) => {
      const [run, room] = [await approvedRun(stage), await openRoom()];
      const answers = await releaseOn(platform(), run, room);
      for (const { answer, reservation, collateral } of answers) {
        const released = await readStatement(base64urlDecode(answer));
        if (!isOfType(released, 'key.released')) throw new Error('not a release');
        expect(released.payload.keys).toHaveLength(1);
        const reserved = await readStatement(base64urlDecode(reservation));
        if (!isOfType(reserved, 'key.reserved')) throw new Error('not a reservation');
        expect(reserved.payload).toMatchObject({ technology, platform: platform().name });
        expect(collateral.length).toBeGreaterThan(1);
      }
    },
  );

  it('gets the same answer and collateral again, whatever the vault has fetched since', async () => {
    const [run, room] = [await approvedRun(stage), await openRoom()];
    const body = await proveHardware(stage, run, room, good);
    const first = await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
    const newer = await snpPlatform(amd, { list: { thisUpdate: NOW - 1 } });
    held.collateral = newer.collateral;
    expect(await releaseAt(stage.steward, body)).toEqual(first[0]);
  });
});

const bound = (change: Partial<Bound>) => (given: Bound) => ({ ...given, ...change });
const stranger = snpChipId('Genoa', 0xaa);
const old = { ...SNP_TCB, fmc: 0, snp: SNP_TCB.snp - 1 };

const CHEATS: readonly (readonly [string, string, SnpChanges])[] = [
  ['release/room-binding', 'another room’s key or nonce', { bound: bound({ reportData: zeros }) }],
  ['release/run-binding', 'another manifest in the host data', { bound: bound({ hostData: zeros }) }],
  ['release/debug', 'the debug bit', { fields: { policy: 0xb001fn } }],
  ['release/tcb', 'old firmware', { fields: { reported: old }, endorsement: { tcb: old } }],
  ['release/code', 'a wrong measurement', { fields: { measurement: new Uint8Array(48).fill(9) } }],
  ['release/revocation', 'a revoked signing key', { list: { serials: [0x1_0001] } }],
  ['release/revocation', 'a stale list', { list: { nextUpdate: NOW - HOUR } }],
  ['release/revocation', 'no list', { list: 'missing' }],
  ['release/evidence', 'an expired chain', { endorsement: { notAfter: NOW - DAY } }],
  ['release/evidence', 'another chip’s key under the report', { endorsement: { hwid: stranger } }],
  ['release/platform', 'another chip', { endorsement: { hwid: stranger }, fields: { chipId: stranger } }],
  ['release/configuration', 'another privilege level', { fields: { vmpl: 1 } }],
];

describe('no key is released to', () => {
  it.each(CHEATS)('%s: %s', async (code, _, changes) => {
    expect(await refusedOn(await snpPlatform(amd, changes))).toEqual([code]);
  });

  it('release/nonce: evidence that another room was given keys for', async () => {
    const run = await approvedRun(stage);
    const room = await openRoom();
    const body = await proveHardware(stage, run, room, good);
    await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
    const thief = await openRoom();
    expect(await refusal({ ...body, room: thief.keys })).toEqual(
      expect.arrayContaining(['release/nonce', 'release/room-binding']),
    );
    const other = await approvedRun(stage);
    const replayed = {
      ...body,
      run: other.digest,
      manifest: base64urlEncode(await manifestOf(other, 'sev-snp')),
    };
    const bring = await proveHardware(stage, other, room, good);
    expect(await refusal({ ...replayed, statements: bring.statements })).toEqual(
      expect.arrayContaining(['release/nonce', 'release/run-binding', 'release/room-binding']),
    );
  });

  it('simulated evidence, offered as what it is or as hardware', async () => {
    const run = await approvedRun(stage);
    const room = await openRoom();
    const simulated = await prove(stage, run, room);
    expect(await refusal(simulated)).toEqual(
      expect.arrayContaining(['release/technology', 'release/sensitivity', 'release/policy']),
    );
    const posing = await proveHardware(stage, run, room, good);
    const evidence = { technology: 'sev-snp' as const, body: simulated.evidence.body };
    expect(await refusal({ ...posing, evidence })).toEqual(['release/evidence']);
    const crossed = { technology: 'tdx' as const, body: posing.evidence.body };
    expect(await refusal({ ...posing, evidence: crossed })).toEqual(
      expect.arrayContaining(['release/evidence', 'release/manifest']),
    );
  });

  it('a platform that the vault’s owner distrusts', async () => {
    held.distrust = [good.name];
    expect(await refusedOn(good)).toEqual(['release/platform']);
    held.distrust = [];
    const [run, room] = [await approvedRun(stage), await openRoom()];
    await expect(releaseOn(good, run, room)).resolves.toHaveLength(2);
  });

  it('a made-up vendor while the vault pins the genuine ones', async () => {
    const stranger2 = await snpVendor(NOW);
    expect(await refusedOn(await snpPlatform(stranger2))).toEqual(['release/evidence']);
  });

  it('a technology that is none, evidence that is none, or evidence without end', async () => {
    const body = await proveHardware(stage, await approvedRun(stage), await openRoom(), good);
    const unknown = { ...body.evidence, technology: 'sev' as 'sev-snp' };
    await expect(
      call(at(stage.steward), vaultRoutes.release, { body: { ...body, evidence: unknown } }),
    ).rejects.toBeDefined();
    for (const text of ['', 'AA', 'A'.repeat(900_000)])
      expect(await refusal({ ...body, evidence: { technology: 'sev-snp', body: text } })).toEqual([
        'release/evidence',
      ]);
  });

  // The last one: a vault remembers the latest time that its clock has shown.
  it.each([
    ['behind, before the endorsement key begins', -HOUR, ['release/evidence', 'release/record-stale']],
    ['ahead, after the list has ended', HOUR, ['release/revocation']],
  ] as const)('anybody while the vault’s clock is an hour %s', async (_, ahead, codes) => {
    const changes =
      ahead < 0 ? { endorsement: { notBefore: NOW - HOUR / 2 } } : { list: { nextUpdate: NOW + HOUR / 2 } };
    const platform = await snpPlatform(amd, changes);
    held.collateral = platform.collateral;
    const [run, room] = [await approvedRun(stage), await openRoom()];
    stage.stewardAhead = ahead;
    const body = await proveHardware(stage, run, room, platform);
    await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
    stage.stewardAhead = 0;
    expect((await codesAt(stage, stage.steward))[0]?.toSorted()).toEqual(codes);
  });
});
