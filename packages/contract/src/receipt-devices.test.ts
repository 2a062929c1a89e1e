// Receipts of runs with GPUs of made-up vendors: they carry the devices' evidence and what NVIDIA publishes beside it, are verified
// offline, and name each GPU, so that the runs of one that is distrusted later can be found.
import { NO_COLLATERAL, readCollateral } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlDecode, type Digest, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { gpuCollateral, gpuDemand, tokenDemand, withGpus, withToken } from '@sealroom/testkit/devices';
import { type FakePlatform, snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { type Changes, type PlayedRun, playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { vaultKeySet } from '@sealroom/testkit/token-rooms';
import { type FakeGpu, type FakeNvidia, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ReceiptFile, type Trust, verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

let nvidia: FakeNvidia;
let gpus: readonly FakeGpu[];
let cpu: FakePlatform;
let platform: FakePlatform;
let played: PlayedRun;
let other: PlayedRun;

const play = async (on: FakePlatform, changes: Changes = {}) =>
  playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, {
    platform: on,
    sensitivity: 'real',
    ...changes,
  });

beforeAll(async () => {
  nvidia = await fakeNvidia(NOW);
  gpus = [await nvidia.gpu(), await nvidia.gpu()];
  cpu = await snpPlatform(await snpVendor(NOW));
  platform = await withGpus(cpu, nvidia, gpus);
  played = await play(platform);
  other = await play(platform);
});

async function verdict(receipt: Uint8Array, trust?: Trust): Promise<string> {
  return verifyReceipt(receipt, trust, { roots: platform.roots }).then(
    (verified) => verified.verdict,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
}

const fileOf = ({ receipt }: PlayedRun) => JSON.parse(Buffer.from(receipt).toString()) as ReceiptFile;
const changed = (change: (file: ReceiptFile) => ReceiptFile) => rewriteReceipt(played.receipt, change);

describe('a receipt of a run with GPUs', () => {
  test('is verified offline and names the platform and each GPU', async () => {
    const verified = await verifyReceipt(played.receipt, played.trust, { roots: platform.roots });
    expect(verified).toMatchObject({ verdict: 'pinned', hardwareAttested: true });
    const { devices, collateral, platform: name } = verified.attestation;
    expect(name).toBe(cpu.name);
    expect(devices.map(({ technology }) => technology)).toEqual(['nvidia-gpu', 'nvidia-gpu']);
    expect(new Set(devices.map((one) => one.platform)).size).toBe(2);
    const kinds = collateral.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'ocsp')).toHaveLength(8);
    expect(kinds.filter((kind) => kind === 'reference-manifest')).toHaveLength(2);
  });

  test('carries each manifest and each answer on revocation, and needs all of them', async () => {
    const pieces = fileOf(played).collateral ?? [];
    const manifests = pieces.filter((piece) => base64urlDecode(piece)[0] === '<'.charCodeAt(0));
    expect(manifests).toHaveLength(2);
    for (const left of pieces)
      expect(
        await verdict(changed((file) => ({ ...file, collateral: pieces.filter((one) => one !== left) }))),
      ).toBe('receipt/evidence');
  });

  test('carries a manifest in the form in which NVIDIA’s service gave it', async () => {
    const files = await gpuCollateral(nvidia, gpus);
    const wrapped = files.map(({ name, bytes }) => ({
      name,
      bytes: name.endsWith('.rim')
        ? utf8Encode(JSON.stringify({ id: name, rim: Buffer.from(bytes).toString('base64') }))
        : bytes,
    }));
    const collateral = readCollateral(wrapped);
    const run = await play({
      ...platform,
      collateral: { ...collateral, certificates: cpu.collateral.certificates, crls: cpu.collateral.crls },
    });
    const texts = (fileOf(run).collateral ?? []).map((piece) => base64urlDecode(piece));
    const json = texts.filter((bytes) => bytes[0] === '{'.charCodeAt(0)).map(utf8Decode);
    expect(json.map((text) => (JSON.parse(text) as { id: string }).id).toSorted()).toEqual([
      'driver.rim',
      'vbios.rim',
    ]);
    expect(await verdict(run.receipt, run.trust)).toBe('pinned');
  });

  test('tells of the GPUs of a simulated room, which it still does not call attested', async () => {
    const simulator = await ed25519Signer(generateSecret());
    const launch: Digest = `sha256:${'1'.repeat(64)}`;
    const simulated: FakePlatform = {
      technology: 'simulated',
      roots: {},
      entry: { technology: 'simulated', keys: [simulator.key], launch: [launch], hostData: 'manifest' },
      collateral: NO_COLLATERAL,
      name: simulator.kid,
      prove: (bound) => simulatedEvidence(simulator, { ...bound, launch, debug: false }, NOW / 1000),
    };
    const run = await play(await withGpus(simulated, nvidia, gpus), { sensitivity: 'test' });
    const trust = { ...run.trust, simulators: [simulator.key], rooms: [launch], accept: [] };
    const {
      hardwareAttested,
      verdict: said,
      attestation,
    } = await verifyReceipt(run.receipt, trust, {
      roots: platform.roots,
    });
    expect([hardwareAttested, said, attestation.devices.length]).toEqual([false, 'pinned', 2]);
    const distrust = [attestation.devices[0]?.platform ?? ''];
    expect(await verdict(run.receipt, { ...trust, distrust })).toBe('receipt/pins-hardware');
  });
});

describe('a receipt of a run with a token about its GPUs, under a published key set', () => {
  const ISSUER = 'https://nras.attestation.nvidia.com';
  let service: FakeNras;
  let other: FakeNras;
  const playToken = async (by: FakeNras, keys: 'published' | string[]) => {
    const set = await vaultKeySet(ISSUER, by.jwks, { now: NOW });
    const revocation = { waived: 'this contract pins the key' };
    const demand = keys === 'published' ? tokenDemand(2) : tokenDemand(2, { keys, revocation });
    return play({ ...withToken(cpu, by, { demands: [demand] }), keySets: [set] });
  };
  const told = async (run: PlayedRun, trust?: Trust, text?: string) =>
    verifyReceipt(run.receipt, trust, {
      roots: platform.roots,
      ...(text !== undefined && { keys: [{ issuer: ISSUER, text }] }),
    }).then(
      (one) => [one.verdict, one.attestation.basis, one.hardwareAttested].join(' '),
      (error: { code?: string }) => error.code ?? 'not a package error',
    );
  beforeAll(async () => {
    [service, other] = [await FakeNras.create(NOW), await FakeNras.create(NOW)];
  });

  test('is no more than the vaults’ word for the whole room, however good the room’s own evidence', async () => {
    const run = await playToken(service, 'published');
    expect(await told(run)).toBe('consistent vaults false');
    expect(await told(run, undefined, service.jwks)).toBe('consistent reader true');
    expect(await told(run, undefined, other.jwks)).toBe('receipt/evidence');
    expect(await told(run, run.trust)).toBe('receipt/pins-key-set');
    expect(await told(run, run.trust, service.jwks)).toBe('pinned reader true');
    const { attestation } = await verifyReceipt(run.receipt, undefined, { roots: platform.roots });
    expect(attestation.devices.map((one) => one.platform)).toEqual([
      'nvidia-nras:gpu:1',
      'nvidia-nras:gpu:2',
    ]);
  });

  test('is the contract’s word where the contract itself names the key, and not NVIDIA’s', async () => {
    const run = await playToken(service, [service.signer.thumbprint]);
    expect(await told(run)).toBe('consistent contract false');
    expect(await told(run, { ...run.trust, accept: [cpu.entry] })).toBe('receipt/pins-hardware');
  });
});

describe('whoever puts a receipt together cannot', () => {
  test('take the GPUs away, change their order, or show those of another run', async () => {
    const [first, second] = fileOf(played).evidence.devices ?? [];
    const theirs = fileOf(other).evidence.devices;
    if (!first || !second || !theirs) throw new Error('The receipt has two GPUs.');
    const lists = [[second, first], [first], [first, first], theirs];
    for (const devices of lists)
      expect(await verdict(changed((file) => ({ ...file, evidence: { ...file.evidence, devices } })))).toBe(
        'receipt/evidence',
      );
    const bare = ({ technology, body }: ReceiptFile['evidence']) => ({ technology, body });
    expect(await verdict(changed((file) => ({ ...file, evidence: bare(file.evidence) })))).toBe(
      'receipt/evidence',
    );
  });

  test('play a run whose vaults released to GPUs of another room', async () => {
    const theirs = fileOf(other).evidence.devices;
    if (!theirs) throw new Error('The receipt has two GPUs.');
    const run = await play(platform, { evidence: async (evidence) => ({ ...evidence, devices: theirs }) });
    expect(await verdict(run.receipt)).toBe('receipt/evidence');
  });

  test('bring one GPU twice, or fewer than the contract demands', async () => {
    for (const pick of [[0, 0], [0]])
      expect(
        await verdict(
          (
            await play(platform, {
              evidence: async (evidence) => ({
                ...evidence,
                devices: pick.flatMap((at) => evidence.devices?.[at] ?? []),
              }),
            })
          ).receipt,
        ),
      ).toBe('receipt/evidence');
  });
});

describe('what a reader asks for', () => {
  test('holds for the devices as well: a GPU that is distrusted, and other demands than the contract’s', async () => {
    const { attestation } = await verifyReceipt(played.receipt, undefined, { roots: platform.roots });
    const name = attestation.devices[1]?.platform ?? '';
    expect(await verdict(played.receipt, { ...played.trust, distrust: [name] })).toBe(
      'receipt/pins-hardware',
    );
    expect(await verdict(played.receipt, { ...played.trust, distrust: ['nvidia-gpu:key:00'] })).toBe(
      'pinned',
    );
    const strict = { ...cpu.entry, devices: [gpuDemand(2, { drivers: ['600.0'] })] };
    expect(await verdict(played.receipt, { ...played.trust, accept: [strict] })).toBe(
      'receipt/pins-hardware',
    );
    expect(await verdict(played.receipt, { ...played.trust, accept: [cpu.entry] })).toBe(
      'receipt/pins-hardware',
    );
  });
});
