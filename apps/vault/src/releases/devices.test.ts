// The whole chain with GPUs: two vaults over their routes, a ledger, and rooms whose GPUs a made-up NVIDIA signed for in the
// genuine formats, or whose GPUs a made-up service vouches for. What is right gets the keys of real data; a host that plays
// with its devices gets none, and the vault's owner reads the cheat's own code.
import { isOfType, readStatement } from '@sealroom/contract';
import { type Entry, type KeySet, readKeySet } from '@sealroom/attest';
import { base64urlDecode, canonicalBytes, sha256Digest } from '@sealroom/bytes';
import { type DeviceChanges, type TokenChanges, withGpus, withToken } from '@sealroom/testkit/devices';
import { type FakePlatform, snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import {
  type FakeGpu,
  fakeMeasurements,
  type FakeNvidia,
  fakeNvidia,
} from '@sealroom/testkit/vendors/nvidia-gpu';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { openRoom } from '@sealroom/testkit/world';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AttestParty } from '../attest/supply.ts';
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

const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;

let cpu: FakePlatform;
let nvidia: FakeNvidia;
let gpus: readonly [FakeGpu, FakeGpu];
let service: FakeNras;
let keySets: KeySet[];
/** What the vaults have now; tests change it. */
let held: { collateral: FakePlatform['collateral']; distrust: string[]; keySets: KeySet[] };

type Body = Awaited<ReturnType<typeof proveHardware>>;

/** Two vaults under a contract for real data that accepts this entry. */
async function stageFor(entry: Entry): Promise<Stage> {
  const attest: AttestParty = {
    roots: { ...cpu.roots, ...nvidia.roots },
    get distrust() {
      return held.distrust;
    },
    collateral: async () => held.collateral,
    keySets: async () => held.keySets,
  };
  return setStage({
    attest,
    allowSimulated: false,
    sensitivity: 'real',
    contract: onHardware(entry),
  });
}

const proveOn = async (stage: Stage, platform: FakePlatform): Promise<Body> =>
  proveHardware(stage, await approvedRun(stage), await openRoom(), platform);

/** Asks the steward's vault alone, which refuses before it reserves anything. @returns the codes its owner reads */
async function refusal(stage: Stage, body: Body): Promise<string[]> {
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
  return [...new Set((await codesAt(stage, stage.steward))[0] ?? [])].toSorted();
}

/** Asks both vaults. @returns the collateral that each hands out */
async function released(stage: Stage, body: Body): Promise<string[][]> {
  const answers = await Promise.all([releaseAt(stage.steward, body), releaseAt(stage.owner, body)]);
  for (const { answer, reservation } of answers) {
    const statement = await readStatement(base64urlDecode(answer));
    if (!isOfType(statement, 'key.released')) throw new Error('not a release');
    expect(statement.payload.keys).toHaveLength(1);
    const reserved = await readStatement(base64urlDecode(reservation));
    if (!isOfType(reserved, 'key.reserved')) throw new Error('not a reservation');
    // The statement's digest covers the devices' evidence.
    const evidence = await sha256Digest(canonicalBytes(body.evidence));
    expect(reserved.payload).toMatchObject({ technology: 'sev-snp', platform: cpu.name, evidence });
  }
  return answers.map(({ collateral }) => collateral);
}

function withDevices(body: Body, devices: Body['evidence']['devices']): Body {
  const { devices: _, ...bare } = body.evidence;
  return { ...body, evidence: devices ? { ...bare, devices } : bare };
}

beforeAll(async () => {
  cpu = await snpPlatform(await snpVendor(NOW));
  nvidia = await fakeNvidia(NOW);
  gpus = [await nvidia.gpu(), await nvidia.gpu()];
  service = await FakeNras.create(NOW);
  const about = { issuer: 'https://nras.attestation.nvidia.com', fetchedAt: NOW - 1, notAfter: NOW + HOUR };
  keySets = [await readKeySet({ ...about, text: service.jwks })];
});

describe('a room with GPUs', () => {
  let stage: Stage;
  let good: FakePlatform;
  beforeAll(async () => {
    good = await withGpus(cpu, nvidia, gpus);
    stage = await stageFor(good.entry);
  }, 120_000);
  afterAll(() => stage.close());
  beforeEach(() => {
    held = { collateral: good.collateral, distrust: [], keySets };
  });

  it('gets the keys of real data, and the collateral of both vendors for its receipt', async () => {
    for (const collateral of await released(stage, await proveOn(stage, good))) {
      const texts = collateral.map((piece) => base64urlDecode(piece));
      expect(texts.filter(([first]) => first === '<'.charCodeAt(0))).toHaveLength(2);
      // Eight answers on revocation, AMD's signing key and its list, and the chip's key.
      expect(collateral).toHaveLength(2 + 8 + 3);
    }
  });

  it('gets none with the GPUs of a room that was given keys', async () => {
    const first = await proveOn(stage, good);
    await released(stage, first);
    const body = await proveOn(stage, good);
    expect(await refusal(stage, withDevices(body, first.evidence.devices))).toEqual([
      'release/device-binding',
    ]);
    // Nor has it lost anything by that: who it is was never proven.
    await released(stage, body);
  });

  it('gets none without its GPUs, with one of them twice, one fewer or one more', async () => {
    const body = await proveOn(stage, good);
    const [one, two] = body.evidence.devices ?? [];
    if (!one || !two) throw new Error('The room has two GPUs.');
    for (const devices of [undefined, [one], [one, one], [one, two, two]])
      expect(await refusal(stage, withDevices(body, devices))).toEqual(['release/device']);
  });

  it('gets none with a token in the place of a report', async () => {
    const body = await proveOn(stage, good);
    const { evidence } = await proveOn(stage, withToken(cpu, service));
    const both = [...(body.evidence.devices ?? []).slice(0, 1), ...(evidence.devices ?? [])];
    expect(await refusal(stage, withDevices(body, both))).toEqual(['release/device']);
  });

  const CHEATS: readonly (readonly [string, DeviceChanges, readonly string[]])[] = [
    [
      'GPUs that were asked with another nonce',
      { report: () => ({ nonce: new Uint8Array(32) }) },
      ['-binding'],
    ],
    ['an old driver', { report: () => ({ driver: '1.0' }) }, ['-code', '-tcb']],
    [
      'measurements of a debug GPU',
      { report: () => ({ measurements: new Map([...fakeMeasurements(), [0, '99'.repeat(48)]]) }) },
      ['-code'],
    ],
    ['GPUs in another mode', { report: () => ({ mode: 2 }) }, ['-configuration']],
    [
      'a chip that was revoked',
      { ocsp: (_, place) => (place === 0 ? { status: 'revoked' } : {}) },
      ['-revocation'],
    ],
    ['no answer on revocation', { missing: ['1.ocsp'] }, ['-revocation']],
    ['no manifest', { missing: ['vbios.rim'] }, ['-code']],
    ['no answer on who signed the manifests', { missing: ['manifest.ocsp'] }, ['-revocation']],
    [
      'bytes that are no report',
      { devices: async (shown) => [...shown.slice(1), { technology: 'nvidia-gpu', body: 'AA' }] },
      ['-evidence'],
    ],
  ];

  it.each(CHEATS.map(([what, changes, codes]) => ({ what, changes, codes })))(
    'gets none with $what',
    async ({ changes, codes }) => {
      const platform = await withGpus(cpu, nvidia, gpus, changes);
      held.collateral = platform.collateral;
      const body = await proveOn(stage, platform);
      expect(await refusal(stage, body)).toEqual(codes.map((code) => `release/device${code}`));
    },
  );

  it('gets none with a GPU of a vendor whose roots nobody pinned, whatever lies beside it', async () => {
    const foreign = await fakeNvidia(NOW);
    const platform = await withGpus(cpu, foreign, [await foreign.gpu(), await foreign.gpu()]);
    held.collateral = platform.collateral;
    expect(await refusal(stage, await proveOn(stage, platform))).toEqual(['release/device-evidence']);
  });

  it('gets none with a GPU that the vault’s owner distrusts', async () => {
    const spki = new Uint8Array(
      await crypto.subtle.exportKey('spki', gpus[1].path[1]?.key.pair.publicKey as CryptoKey),
    );
    const digest = (await sha256Digest(spki)).slice('sha256:'.length);
    held.distrust = [`nvidia-gpu:key:${digest}`];
    expect(await refusal(stage, await proveOn(stage, good))).toEqual(['release/device-platform']);
  });
});

describe('a room with a token about its GPUs', () => {
  let stage: Stage;
  let good: FakePlatform;
  beforeAll(async () => {
    good = withToken(cpu, service);
    stage = await stageFor(good.entry);
  }, 120_000);
  afterAll(() => stage.close());
  beforeEach(() => {
    held = { collateral: cpu.collateral, distrust: [], keySets };
  });

  it('gets the keys of real data', async () => {
    expect(await released(stage, await proveOn(stage, good))).toHaveLength(2);
  });

  it('gets none with the token of a room that was given keys, and none without one or with two', async () => {
    const first = await proveOn(stage, good);
    await released(stage, first);
    const body = await proveOn(stage, good);
    expect(await refusal(stage, withDevices(body, first.evidence.devices))).toEqual([
      'release/device-binding',
    ]);
    const own = body.evidence.devices ?? [];
    for (const devices of [undefined, [...own, ...own]])
      expect(await refusal(stage, withDevices(body, devices))).toEqual(['release/device']);
  });

  const past = (nonce: Uint8Array, from: FakeNras, minutes: number) => {
    const at = NOW / 1000 - 60 * minutes;
    const times = { iat: at, nbf: at, exp: at + 3600 };
    const devices = ['1', '2'].map((name) => ({ ...from.device(nonce, name), ...times }));
    return { overall: times, devices };
  };
  const CHEATS: readonly (readonly [string, () => Promise<TokenChanges>, readonly string[]])[] = [
    ['another nonce', async () => ({ nonce: () => new Uint8Array(32) }), ['-binding']],
    [
      'a GPU that was asked with another nonce than the whole',
      async () => ({
        result: (nonce, from) => ({
          devices: [from.device(nonce, '1'), from.device(new Uint8Array(32), '2')],
        }),
      }),
      ['-evidence'],
    ],
    ['an expired token', async () => ({ result: (nonce, from) => past(nonce, from, 61) }), ['-evidence']],
    [
      'a token that is too old',
      async () => ({ result: (nonce, from) => past(nonce, from, 6) }),
      ['-evidence'],
    ],
    ['a token under another key', async () => ({ service: await FakeNras.create(NOW) }), ['-evidence']],
    [
      'one GPU instead of two',
      async () => ({ result: (nonce, from) => ({ devices: [from.device(nonce, '1')] }) }),
      ['-configuration'],
    ],
    [
      'one GPU twice in a token',
      async () => ({
        result: (nonce, from) => ({ devices: ['1', '1'].map((one) => from.device(nonce, one)) }),
      }),
      [''],
    ],
    [
      'a GPU in debug mode',
      async () => ({
        result: (nonce, from) => ({
          devices: ['1', '2'].map((one) => ({ ...from.device(nonce, one), dbgstat: 'enabled' })),
        }),
      }),
      ['-code'],
    ],
    [
      'a GPU that the service found revoked',
      async () => ({
        result: (nonce, from) => ({
          devices: ['1', '2'].map((one) => ({
            ...from.device(nonce, one),
            'x-nvidia-gpu-attestation-report-cert-chain': {
              'x-nvidia-cert-status': 'valid',
              'x-nvidia-cert-ocsp-status': 'revoked',
            },
          })),
        }),
      }),
      [''],
    ],
  ];

  it.each(CHEATS.map(([what, changes, codes]) => ({ what, changes, codes })))(
    'gets none with $what',
    async ({ changes, codes }) => {
      const body = await proveOn(stage, withToken(cpu, service, await changes()));
      expect(await refusal(stage, body)).toEqual(codes.map((code) => `release/device${code}`));
    },
  );

  it('gets none at a vault that has no key set of the service', async () => {
    held.keySets = [];
    expect(await refusal(stage, await proveOn(stage, good))).toEqual([
      'release/device-evidence',
      'release/device-revocation',
    ]);
  });

  it('gets none for the reports of GPUs where the contract wants a token', async () => {
    const platform = await withGpus(cpu, nvidia, gpus.slice(0, 1));
    held.collateral = platform.collateral;
    expect(await refusal(stage, await proveOn(stage, platform))).toEqual(['release/device']);
  });
});

describe('a room under a contract without devices', () => {
  let stage: Stage;
  beforeAll(async () => {
    held = { collateral: cpu.collateral, distrust: [], keySets };
    stage = await stageFor(cpu.entry);
  }, 120_000);
  afterAll(() => stage.close());

  it('gets the keys of real data as ever, and none with a device, however good', async () => {
    const platform = await withGpus(cpu, nvidia, gpus);
    held = { collateral: platform.collateral, distrust: [], keySets };
    for (const shown of [platform, withToken(cpu, service)])
      expect(await refusal(stage, await proveOn(stage, shown))).toEqual(['release/device']);
    await released(stage, await proveOn(stage, cpu));
  });
});
