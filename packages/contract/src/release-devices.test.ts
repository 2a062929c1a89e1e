// The release decision over rooms with GPUs of made-up vendors: what is right releases real data, and whatever a host does with
// its devices is refused, as a device's fault.
import type { DeviceEvidence, Entry } from '@sealroom/attest';
import { hexEncode } from '@sealroom/bytes';
import { type FakePlatform, proveOn, snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import { type DeviceChanges, gpuDemand, withGpus } from '@sealroom/testkit/devices';
import {
  type FakeGpu,
  fakeMeasurements,
  type FakeNvidia,
  fakeNvidia,
} from '@sealroom/testkit/vendors/nvidia-gpu';
import {
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  manifestOf,
  memoryBook,
  openRoom,
  publishAssets,
  requestRun,
  signContract,
  someNonces,
} from '@sealroom/testkit/world';
import { beforeAll, describe, expect, it } from 'vitest';
import { decideRelease, evidenceSchema, type ReleaseQuestion } from './index.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;

let cpu: FakePlatform;
let nvidia: FakeNvidia;
let gpus: [FakeGpu, FakeGpu];
/** A GPU of another machine. */
let elsewhere: FakeGpu;
/** Whoever names its authorities as NVIDIA does. */
let foreign: FakeNvidia;

beforeAll(async () => {
  cpu = await snpPlatform(await snpVendor(NOW));
  nvidia = await fakeNvidia(NOW);
  gpus = [await nvidia.gpu(), await nvidia.gpu()];
  elsewhere = await nvidia.gpu();
  foreign = await fakeNvidia(NOW);
});

/** A run under a contract that accepts this entry, and the question of the steward's vault about a room. */
async function stage(accept: Entry[]) {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const assets = await publishAssets(world, { sensitivity: 'real' });
  const draft = draftContract(world, assets, (plain) => ({
    ...plain,
    datasets: plain.datasets.map((item) => ({ ...item, sensitivity: 'real' as const })),
    room: { ...plain.room, accept },
  }));
  const agreed = await signContract(world, draft);
  const kid = world.vaultSigners[0]?.kid ?? agreed.digest;
  return async (
    platform: FakePlatform,
    change: (q: ReleaseQuestion) => Partial<ReleaseQuestion> = () => ({}),
  ) => {
    const run = await requestRun(world, agreed);
    await approveRun(world, run);
    const room = await openRoom();
    const nonces = await someNonces(world);
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
    const decision = await decideRelease({ ...question, ...change(question) });
    return { decision, evidence: question.evidence };
  };
}

/** What the vault says of a room whose host does this, by code and by the checks that failed. */
async function refusal(
  changes: DeviceChanges,
  change?: (question: ReleaseQuestion) => Partial<ReleaseQuestion>,
): Promise<{ codes: string[]; checks: string[] }> {
  const platform = await withGpus(cpu, nvidia, gpus, changes);
  const ask = await stage([platform.entry]);
  const { reasons } = (await ask(platform, change)).decision;
  const checks = reasons.map(({ detail }) => /\(([^()]*)\)$/.exec(detail)?.[1] ?? detail);
  return { codes: [...new Set(reasons.map(({ code }) => code))], checks };
}

/** @param code the end of it */
const device = (code: string, ...checks: string[]) => ({ codes: [`release/device${code}`], checks });

describe('a vault judging a room with GPUs', () => {
  it('has no reason when everything is right, and tells of the collateral of both vendors', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    const ask = await stage([platform.entry]);
    const { decision, evidence } = await ask(platform);
    expect(decision.reasons).toEqual([]);
    expect(evidence.devices).toHaveLength(2);
    expect(evidenceSchema.parse(evidence)).toEqual(evidence);
    const kinds = decision.used.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'ocsp')).toHaveLength(8);
    expect(kinds.filter((kind) => kind === 'reference-manifest')).toHaveLength(2);
    expect(kinds).toContain('crl');
  });

  it('refuses the good GPUs of another room of the same machine, and of another run', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    const ask = await stage([platform.entry]);
    const { evidence: theirs } = await ask(platform);
    const borrowed = ({ evidence }: ReleaseQuestion) => ({
      evidence: { ...evidence, devices: theirs.devices ?? [] },
    });
    // Each question is about a run and a room of its own.
    const { reasons } = (await ask(platform, borrowed)).decision;
    expect([...new Set(reasons.map(({ code }) => code))]).toEqual(['release/device-binding']);
    expect(reasons.map(({ detail }) => /\(([^()]*)\)$/.exec(detail)?.[1])).toEqual([
      'gpu0, nvidia-gpu/binding',
      'gpu0, nvidia-gpu/run',
      'gpu1, nvidia-gpu/binding',
      'gpu1, nvidia-gpu/run',
    ]);
    // The other way round: another room's own evidence with GPUs that were asked for this one.
    const swapped = ({ evidence }: ReleaseQuestion) => ({
      evidence: { ...theirs, devices: evidence.devices ?? [] },
    });
    const found = (await ask(platform, swapped)).decision.reasons.map(({ code }) => code);
    expect(new Set(found)).toEqual(new Set(['release/room-binding', 'release/run-binding']));
  });

  type Present = NonNullable<DeviceChanges['devices']>;
  const rows: readonly (readonly [string, Present, string, readonly string[]])[] = [
    ['fewer GPUs than the contract demands', async (good) => good.slice(1), '', ['sev-snp/devices']],
    ['none', async () => [], '', ['sev-snp/devices']],
    ['more of them', async (good) => [...good, ...good.slice(1)], '', ['sev-snp/devices']],
    [
      'one GPU twice',
      async (good) => [...good.slice(0, 1), ...good.slice(0, 1)],
      '',
      ['sev-snp/devices/distinct'],
    ],
    [
      'one GPU twice by two reports',
      async (good, nonce) => [...good.slice(0, 1), await gpus[0].evidence({ nonce })],
      '',
      ['sev-snp/devices/distinct'],
    ],
    [
      'a report over another nonce',
      async (good) => [...good.slice(0, 1), await gpus[1].evidence({ nonce: new Uint8Array(32).fill(1) })],
      '-binding',
      ['gpu1, nvidia-gpu/binding', 'gpu1, nvidia-gpu/run'],
    ],
    [
      'a report over another nonce that says beside it that it is the right one',
      async (good, nonce) => {
        const other = { nonce: new Uint8Array(32).fill(1) };
        return [...good.slice(0, 1), await gpus[1].evidence(other, { nonce: hexEncode(nonce) })];
      },
      '-evidence',
      ['gpu1, nvidia-gpu/stated-nonce'],
    ],
    [
      'a GPU of a vendor of its own',
      async (good, nonce) => [...good.slice(0, 1), await (await foreign.gpu()).evidence({ nonce })],
      '-evidence',
      ['gpu1, nvidia-gpu/chain/signature'],
    ],
    [
      'bytes that are no report',
      async (good) => [...good.slice(0, 1), { technology: 'nvidia-gpu', body: 'AA' } as DeviceEvidence],
      '-evidence',
      ['gpu1, nvidia-gpu/malformed'],
    ],
    [
      'a token instead of a report',
      async (good) => [...good.slice(0, 1), { technology: 'nvidia-nras', body: 'AA' } as DeviceEvidence],
      '',
      ['sev-snp/devices'],
    ],
  ];

  it.each(rows.map(([what, devices, code, checks]) => ({ what, devices, code, checks })))(
    'refuses $what',
    async ({ devices, code, checks }) => {
      expect(await refusal({ devices })).toEqual(device(code, ...checks));
    },
  );

  it('refuses a report for the nonce that the room’s own evidence binds', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    const direct: FakePlatform = {
      ...platform,
      prove: async (bound) => ({
        ...(await cpu.prove(bound)),
        devices: await Promise.all(gpus.map((gpu) => gpu.evidence({ nonce: bound.reportData }))),
      }),
    };
    const { reasons } = (await (await stage([platform.entry]))(direct)).decision;
    expect([...new Set(reasons.map(({ code }) => code))]).toEqual(['release/device-binding']);
  });

  it('refuses a GPU of another machine, where the contract names those it wants', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    const ask = await stage([platform.entry]);
    const { decision } = await ask(platform);
    expect(decision.reasons).toEqual([]);
    // OCSP vouches for it as well: it is a good GPU, and not one of these.
    const demands = [gpuDemand(2, { platforms: await namesOf(gpus) })];
    const good = await withGpus(cpu, nvidia, gpus, { demands });
    const answer = await (await stage([good.entry]))(good);
    expect(answer.decision.reasons).toEqual([]);
    const stranger = await withGpus(cpu, nvidia, [gpus[0], elsewhere], { demands });
    const { reasons } = (await (await stage([stranger.entry]))(stranger)).decision;
    expect(reasons.map(({ code, detail }) => [code, /\(([^()]*)\)$/.exec(detail)?.[1]])).toEqual([
      ['release/device-platform', 'gpu1, nvidia-gpu/platform'],
    ]);
  });

  it('refuses a GPU that its owner distrusts', async () => {
    const [, second] = await namesOf(gpus);
    const change = ({ vault }: ReleaseQuestion) => ({
      vault: { ...vault, policy: { ...vault.policy, distrust: [second ?? ''] } },
    });
    expect(await refusal({}, change)).toEqual(device('-platform', 'gpu1, nvidia-gpu/distrusted'));
  });

  /** What is wrong, with which codes, and the checks of the GPU that fail or cannot be made. */
  const wrong: readonly (readonly [string, DeviceChanges, readonly string[], readonly string[]])[] = [
    [
      'an old driver, though its vendor vouches for it',
      { demands: [gpuDemand(2, { drivers: ['600.1'] })] },
      ['-tcb'],
      ['driver'],
    ],
    ['an old VBIOS', { demands: [gpuDemand(2, { vbios: ['97.00.00.00.01'] })] }, ['-tcb'], ['vbios']],
    ['a mode that is not accepted', { report: () => ({ mode: 2 }) }, ['-configuration'], ['mode']],
    [
      'a driver whose manifest is not there',
      { report: () => ({ driver: '1.0' }) },
      ['-code', '-tcb'],
      ['driver', 'driver-manifest/missing', 'measurements/driver', 'debug'],
    ],
    [
      'no manifest of the driver',
      { missing: ['driver.rim'] },
      ['-code'],
      ['driver-manifest/missing', 'measurements/driver', 'debug'],
    ],
    [
      'no manifest of the VBIOS',
      { missing: ['vbios.rim'] },
      ['-code'],
      ['vbios-manifest/missing', 'measurements/vbios', 'debug'],
    ],
    [
      'no answer on the revocation of who signed the manifests',
      { missing: ['manifest.ocsp'] },
      ['-revocation'],
      ['driver-manifest/revocation/unchecked', 'vbios-manifest/revocation/unchecked'],
    ],
    [
      'measurements that are not the manifest’s',
      { report: () => ({ measurements: new Map([...fakeMeasurements(), [7, '99'.repeat(48)]]) }) },
      ['-code'],
      ['measurements/driver', 'debug'],
    ],
    [
      'a chip that its vendor revoked',
      { ocsp: (_, place) => (place === 0 ? { status: 'revoked' } : {}) },
      ['-revocation'],
      ['revocation/revoked'],
    ],
    [
      'a chip that its vendor does not know',
      { ocsp: (_, place) => (place === 0 ? { status: 'unknown' } : {}) },
      ['-revocation'],
      ['revocation/unchecked'],
    ],
    ['no answer on its revocation', { missing: ['0.ocsp'] }, ['-revocation'], ['revocation/unchecked']],
    [
      'stale answers on revocation',
      { ocsp: () => ({ nextUpdate: NOW - 1 }) },
      ['-revocation'],
      ['revocation/unchecked'],
    ],
  ];

  it.each(wrong.map(([what, changes, codes, checks]) => ({ what, changes, codes, checks })))(
    'refuses $what',
    async ({ changes, codes, checks }) => {
      const found = await refusal(changes);
      expect(found.codes.toSorted()).toEqual(codes.map((code) => `release/device${code}`));
      const first = found.checks.filter((one) => one.startsWith('gpu0, '));
      expect(new Set(first)).toEqual(new Set(checks.map((id) => `gpu0, nvidia-gpu/${id}`)));
    },
  );

  it('tells whose answers on revocation are older than its owner allows', async () => {
    const within = async (maxCollateralAgeMs: number) => {
      const change = ({ vault }: ReleaseQuestion) => ({
        vault: { ...vault, policy: { ...vault.policy, maxCollateralAgeMs } },
      });
      return (await refusal({}, change)).codes.toSorted();
    };
    // NVIDIA's answers here are an hour old, AMD's list is older.
    expect(await within(HOUR / 2)).toEqual(['release/device-revocation', 'release/revocation']);
    expect(await within(2 * HOUR)).toEqual(['release/revocation']);
  });

  it('refuses a room that brings devices where the contract names none, and one without where it does', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    const codes = async (ask: Awaited<ReturnType<typeof stage>>, on: FakePlatform) =>
      (await ask(on)).decision.reasons.map(({ code }) => code);
    expect(await codes(await stage([cpu.entry]), platform)).toEqual(['release/device']);
    expect(await codes(await stage([platform.entry]), cpu)).toEqual(['release/device']);
  });
});

async function namesOf(some: readonly FakeGpu[]): Promise<string[]> {
  const names: string[] = [];
  for (const { path } of some) {
    const key = path[1]?.key.pair.publicKey;
    if (!key) throw new Error('The GPU has no key.');
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', key));
    names.push(`nvidia-gpu:key:${Buffer.from(await crypto.subtle.digest('SHA-256', spki)).toString('hex')}`);
  }
  return names;
}

describe('evidence of devices as it travels', () => {
  const own = { technology: 'sev-snp', body: 'AA' };
  const gpu = { technology: 'nvidia-gpu', body: 'AA' };
  it('is a list of devices’ technologies and bytes, of bounded size', () => {
    expect(evidenceSchema.safeParse(own).success).toBe(true);
    expect(
      evidenceSchema.safeParse({ ...own, devices: [gpu, { ...gpu, technology: 'nvidia-nras' }] }).success,
    ).toBe(true);
  });
  const large = 'A'.repeat(600_000);
  it.each<[string, object]>([
    ['an empty list', { ...own, devices: [] }],
    ['more than a room can bring', { ...own, devices: Array.from({ length: 17 }, () => gpu) }],
    ['a room among the devices', { ...own, devices: [own] }],
    ['a device in the room’s place', gpu],
    ['a token of GPUs in the room’s place', { ...own, technology: 'nvidia-nras' }],
    ['devices of devices', { ...own, devices: [{ ...gpu, devices: [gpu] }] }],
    ['an unknown member', { ...own, devices: [{ ...gpu, index: 0 }] }],
    [
      'bytes without end',
      {
        ...own,
        devices: [
          { ...gpu, body: large },
          { ...gpu, body: large },
        ],
      },
    ],
    ['no list', { ...own, devices: gpu }],
    ['null', { ...own, devices: null }],
  ])('is refused as %s', (_, value) => {
    expect(evidenceSchema.safeParse(value).success).toBe(false);
  });
});
