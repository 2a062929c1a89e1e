// The release decision over genuine-format evidence of made-up vendors: what is right releases real data, and each cheat is
// refused with a code of its own.
import { joinCollateral, NO_COLLATERAL } from '@sealroom/attest';
import { FakeNitro } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { snpChipId, SNP_TCB } from '@sealroom/testkit/vendors/sev-snp';
import {
  type Bound,
  type FakePlatform,
  type NitroChanges,
  nitroPlatform,
  proveOn,
  type SnpChanges,
  snpPlatform,
  type SnpVendor,
  snpVendor,
  type TdxChanges,
  tdxPlatform,
} from '@sealroom/testkit/hardware';
import {
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  manifestOf,
  memoryBook,
  openRoom,
  proveRoom,
  publishAssets,
  requestRun,
  signContract,
  someNonces,
} from '@sealroom/testkit/world';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Contract,
  decideRelease,
  encodeContract,
  type ReleaseCode,
  type ReleaseQuestion,
} from './index.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let amd: SnpVendor;
let other: SnpVendor;
let intel: FakeIntel;
let aws: FakeNitro;

beforeAll(async () => {
  amd = await snpVendor(NOW);
  other = await snpVendor(NOW);
  intel = await FakeIntel.create(NOW);
  aws = await FakeNitro.create(NOW);
});

type Wrong = {
  readonly contract?: (contract: Contract, platform: FakePlatform) => Contract;
  readonly question?: (
    question: ReleaseQuestion,
    platform: FakePlatform,
  ) => Partial<ReleaseQuestion> | Promise<Partial<ReleaseQuestion>>;
};

const accepting =
  (...accept: Contract['room']['accept']) =>
  (contract: Contract): Contract => ({ ...contract, room: { ...contract.room, accept } });

/** The question of the steward's vault: real data, in a room on this platform. */
async function ask(platform: FakePlatform, wrong: Wrong = {}) {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const assets = await publishAssets(world, { sensitivity: 'real' });
  const draft = draftContract(world, assets, (plain) => {
    const datasets = plain.datasets.map((item) => ({ ...item, sensitivity: 'real' as const }));
    const contract = accepting(platform.entry)({ ...plain, datasets });
    return wrong.contract?.(contract, platform) ?? contract;
  });
  const run = await requestRun(world, await signContract(world, draft));
  await approveRun(world, run);
  const room = await openRoom();
  const nonces = await someNonces(world);
  const kid = world.vaultSigners[0]?.kid ?? run.digest;
  const question: ReleaseQuestion = {
    now: world.now,
    record: book.record,
    vault: { kid, orgs: [world.steward.org], policy: { allowSimulated: false, distrust: [] } },
    run: run.digest,
    nonce: 'fresh',
    nonces,
    room: room.keys,
    manifest: await manifestOf(run, platform.technology),
    evidence: await proveOn(platform, run, room, nonces),
    attest: { collateral: platform.collateral, roots: platform.roots },
    commitments: new Map([[assets.dataset.digest, assets.dataset.keyCommitment]]),
  };
  const asked = { ...question, ...(await wrong.question?.(question, platform)) };
  return { world, run, room, decision: await decideRelease(asked) };
}

async function codes(platform: FakePlatform, wrong?: Wrong): Promise<ReleaseCode[]> {
  const { decision } = await ask(platform, wrong);
  return [...new Set(decision.reasons.map(({ code }) => code))];
}

const zeros = new Uint8Array(32);
const bound = (change: Partial<Bound>) => (given: Bound) => ({ ...given, ...change });
const distrusting = (question: ReleaseQuestion, { name }: FakePlatform) => ({
  vault: { ...question.vault, policy: { ...question.vault.policy, distrust: [name] } },
});
const old = { ...SNP_TCB, fmc: 0, snp: SNP_TCB.snp - 1 };

type SnpRow = readonly [ReleaseCode, string, SnpChanges, Wrong?];

const SNP: readonly SnpRow[] = [
  ['release/room-binding', 'another nonce or room key', { bound: bound({ reportData: zeros }) }],
  ['release/run-binding', 'another manifest', { bound: bound({ hostData: zeros }) }],
  ['release/debug', 'a guest that may be debugged', { fields: { policy: 0xb001fn } }],
  ['release/code', 'another measurement', { fields: { measurement: new Uint8Array(48).fill(9) } }],
  [
    'release/code',
    'the image launched with data of its host, where they do not name the run',
    {
      entry: { hostData: undefined, runBinding: 'software' },
      bound: bound({ hostData: new Uint8Array(32).fill(6) }),
    },
  ],
  ['release/tcb', 'committed firmware below the floor', { fields: { committed: old } }],
  ['release/configuration', 'another privilege level', { fields: { vmpl: 1 } }],
  ['release/revocation', 'a signing key that its vendor revoked', { list: { serials: [0x1_0001] } }],
  ['release/revocation', 'a list that is stale', { list: { nextUpdate: NOW - HOUR } }],
  ['release/revocation', 'no list at all', { list: 'missing' }],
  ['release/evidence', 'an endorsement key that has expired', { endorsement: { notAfter: NOW - DAY } }],
  [
    'release/evidence',
    'a report that another chip signed',
    { endorsement: { hwid: snpChipId('Genoa', 0xaa) } },
  ],
  [
    'release/evidence',
    'a bit flipped behind the signature',
    { fields: { patch: () => undefined } },
    flipped(0x90),
  ],
  [
    'release/platform',
    'another chip than the contract names',
    {
      endorsement: { hwid: snpChipId('Genoa', 0xaa) },
      fields: { chipId: snpChipId('Genoa', 0xaa) },
    },
  ],
  ['release/platform', 'a platform that the vault’s owner distrusts', {}, { question: distrusting }],
  [
    'release/revocation',
    'a vault whose clock is an hour ahead, so that the list has ended',
    { list: { nextUpdate: NOW + HOUR / 2 } },
    { question: () => ({ now: NOW + HOUR }) },
  ],
  [
    'release/evidence',
    'a vault whose clock is an hour behind, before the endorsement key begins',
    { endorsement: { notBefore: NOW - HOUR / 2 } },
    { question: () => ({ now: NOW - HOUR }) },
  ],
  [
    'release/revocation',
    'a list older than the vault’s owner allows',
    {},
    {
      question: ({ vault }) => ({
        vault: { ...vault, policy: { ...vault.policy, maxCollateralAgeMs: DAY } },
      }),
    },
  ],
];

/** Flips a bit of what the vault is shown. */
function flipped(at: number): Wrong {
  return {
    question: ({ evidence }) => {
      const bytes = Buffer.from(evidence.body, 'base64url');
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return { evidence: { ...evidence, body: bytes.toString('base64url') } };
    },
  };
}

describe('a vault judging evidence of a made-up AMD', () => {
  it('has no reason against a room in which everything is right, and opens real data to it', async () => {
    const platform = await snpPlatform(amd);
    const { decision } = await ask(platform);
    expect(decision.reasons).toEqual([]);
    expect(decision.platform).toBe(platform.name);
    expect(decision.used.map(({ kind }) => kind)).toContain('crl');
  });

  it.each(SNP.map(([code, what, changes, wrong]) => ({ code, what, changes, wrong })))(
    'refuses with $code alone $what',
    async ({ code, changes, wrong }) => {
      expect(await codes(await snpPlatform(amd, changes), wrong)).toEqual([code]);
    },
  );

  it('believes no vendor that is not pinned, whatever lies beside the evidence', async () => {
    const platform = await snpPlatform(other);
    const question = ({ attest }: ReleaseQuestion) => ({
      attest: { collateral: attest.collateral, roots: { amd: [] } },
    });
    expect(await codes(platform, { question })).toEqual(['release/evidence']);
    const { roots } = await snpPlatform(amd);
    const stranger = ({ attest }: ReleaseQuestion) => ({ attest: { ...attest, roots } });
    expect(await codes(platform, { question: stranger })).toEqual(['release/evidence']);
  });

  it('waives revocation only where the contract says so with its reason', async () => {
    const platform = await snpPlatform(amd, {
      list: 'missing',
      entry: { revocation: { waived: 'the list is not published for this test machine' } },
    });
    expect(await codes(platform)).toEqual([]);
    const revoked = await snpPlatform(amd, {
      list: { serials: [0x1_0001] },
      entry: { revocation: { waived: 'the list is not published for this test machine' } },
    });
    expect(await codes(revoked)).toEqual(['release/revocation']);
  });

  it('lets an older list beside it take nothing back', async () => {
    const platform = await snpPlatform(amd, { list: { serials: [0x1_0001] } });
    const { collateral } = await snpPlatform(amd);
    const question = ({ attest }: ReleaseQuestion) => ({
      attest: { ...attest, collateral: joinCollateral(collateral, attest.collateral) },
    });
    expect(await codes(platform, { question })).toEqual(['release/revocation']);
  });
});

type TdxRow = readonly [readonly ReleaseCode[], string, TdxChanges, Wrong?];

const TDX: readonly TdxRow[] = [
  [['release/room-binding'], 'another nonce or room key', { bound: bound({ reportData: zeros }) }],
  [['release/run-binding'], 'another manifest', { bound: bound({ hostData: zeros }) }],
  [['release/debug'], 'a TD that may be debugged', { body: { tdAttributes: '0100001000000000' } }],
  [['release/code'], 'another firmware', { body: { mrTd: '99'.repeat(48) } }],
  [['release/configuration'], 'another XFAM', { body: { xfam: 'e700000000000000' } }],
  [
    ['release/revocation', 'release/tcb'],
    'no lists at all',
    { files: { 'root.crl': undefined, 'pck.crl': undefined } },
  ],
  [['release/tcb'], 'no TCB info', { files: { 'tcb.json': undefined } }],
  [['release/platform'], 'a platform that the vault’s owner distrusts', {}, { question: distrusting }],
];

describe('a vault judging quotes of a made-up Intel', () => {
  it('has no reason against a room in which everything is right, and opens real data to it', async () => {
    const { decision } = await ask(await tdxPlatform(intel));
    expect(decision.reasons).toEqual([]);
    expect(new Set(decision.used.map(({ kind }) => kind))).toEqual(
      new Set(['certificate', 'crl', 'tcb-info', 'qe-identity']),
    );
  });

  it.each(TDX.map(([expected, what, changes, wrong]) => ({ expected, what, changes, wrong })))(
    'refuses with $expected alone $what',
    async ({ expected, changes, wrong }) => {
      expect(await codes(await tdxPlatform(intel, changes), wrong)).toEqual(expected);
    },
  );

  it('refuses a revoked key of the platform', async () => {
    const pck = await intel.crl('pckCa', { serials: [3] });
    expect(await codes(await tdxPlatform(intel, { files: { 'pck.crl': pck } }))).toEqual([
      'release/revocation',
    ]);
  });
});

type NitroRow = readonly [ReleaseCode, string, NitroChanges, Wrong?];

const NITRO: readonly NitroRow[] = [
  ['release/room-binding', 'another nonce or room key', { bound: bound({ reportData: zeros }) }],
  ['release/run-binding', 'another manifest', { bound: bound({ hostData: zeros }) }],
  ['release/revocation', 'a zone that its region revoked', { revoked: [3] }],
  ['release/revocation', 'no lists at all', { lists: 'missing' }],
  ['release/evidence', 'a document that is an hour old', { document: { timestamp: NOW - HOUR } }],
  ['release/platform', 'another module', { entry: { platforms: ['aws-nitro:module:i-1-enc1'] } }],
  ['release/platform', 'a platform that the vault’s owner distrusts', {}, { question: distrusting }],
];

describe('a vault judging documents of a made-up AWS', () => {
  it('has no reason against a room in which everything is right, and opens real data to it', async () => {
    const { decision } = await ask(await nitroPlatform(aws));
    expect(decision.reasons).toEqual([]);
    expect(decision.used.map(({ kind }) => kind)).toContain('crl');
  });

  it.each(NITRO.map(([code, what, changes, wrong]) => ({ code, what, changes, wrong })))(
    'refuses with $code alone $what',
    async ({ code, changes, wrong }) => {
      expect(await codes(await nitroPlatform(aws, changes), wrong)).toEqual([code]);
    },
  );

  it('refuses an enclave in debug mode, whose registers are zero', async () => {
    const pcrs = new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48)] as const));
    const found = await codes(await nitroPlatform(aws, { document: { pcrs } }));
    expect(found).toEqual(expect.arrayContaining(['release/debug', 'release/code']));
  });
});

describe('one technology in another’s place', () => {
  it('simulated evidence offered as hardware is no report', async () => {
    const platform = await snpPlatform(amd);
    const { world, run, room } = await ask(platform);
    const { body } = await proveRoom(world, run, room, await someNonces(world));
    const question = () => ({ evidence: { technology: 'sev-snp' as const, body } });
    expect(await codes(platform, { question })).toEqual(['release/evidence']);
  });

  it('a simulated room is not accepted where hardware is, whatever the vault’s owner allows', async () => {
    const platform = await snpPlatform(amd);
    const { world, run, room } = await ask(platform);
    const evidence = await proveRoom(world, run, room, await someNonces(world));
    const question = (asked: ReleaseQuestion) => ({
      evidence,
      vault: { ...asked.vault, policy: { allowSimulated: true, distrust: [] } },
    });
    const found = await codes(platform, { question });
    expect(found).toEqual(
      expect.arrayContaining(['release/technology', 'release/sensitivity', 'release/manifest']),
    );
  });

  it('genuine evidence is not accepted where only simulated rooms are', async () => {
    const platform = await snpPlatform(amd);
    const contract = (plain: Contract): Contract => ({
      ...accepting({ technology: 'simulated', keys: [], launch: [], hostData: 'manifest' })(plain),
      datasets: plain.datasets.map((item) => ({ ...item, sensitivity: 'test' as const })),
    });
    expect(await codes(platform, { contract })).toEqual(['release/technology']);
  });

  it('a contract that accepts simulated rooms accepts no others', async () => {
    const { entry } = await snpPlatform(amd);
    const book = memoryBook(ORIGIN);
    const world = await createWorld({ book, origin: ORIGIN, now: NOW });
    await announceKeks(world);
    const simulated = draftContract(world, await publishAssets(world));
    expect(() => encodeContract(simulated)).not.toThrow();
    const both = accepting(...simulated.room.accept, entry)(simulated);
    expect(() => encodeContract(both)).toThrow(expect.objectContaining({ code: 'contract/malformed' }));
    expect(() => encodeContract(accepting(entry)(simulated))).not.toThrow();
  });

  it('a TPM alone, which hides nothing from its host, opens no real data', async () => {
    const book = memoryBook(ORIGIN);
    const world = await createWorld({ book, origin: ORIGIN, now: NOW });
    await announceKeks(world);
    const plain = draftContract(world, await publishAssets(world));
    const zero = '00'.repeat(32);
    const tpm = {
      technology: 'tpm' as const,
      ak: { names: ['00'.repeat(32)] },
      pcrs: { bank: 'sha256' as const, values: { 0: [zero], 4: [zero], 7: [zero], 8: [zero], 9: [zero] } },
      minFirmware: '00'.repeat(8),
      platforms: { any: 'accepted' as const },
      runBinding: 'software' as const,
    };
    const contract = accepting(tpm as Contract['room']['accept'][number])(plain);
    expect(() => encodeContract(contract)).not.toThrow();
    const datasets = plain.datasets.map((item) => ({ ...item, sensitivity: 'real' as const }));
    expect(() => encodeContract({ ...contract, datasets })).toThrow(
      expect.objectContaining({ code: 'contract/malformed' }),
    );
  });

  it('the entry of one contract does not help another that the run stands under', async () => {
    const platform = await snpPlatform(amd);
    const { entry } = await tdxPlatform(intel);
    expect(await codes(platform, { contract: accepting(entry) })).toEqual(['release/technology']);
    const question = ({ attest }: ReleaseQuestion) => ({ attest: { ...attest, collateral: NO_COLLATERAL } });
    expect(await codes(platform, { question })).toEqual(['release/evidence']);
  });
});
