// `attest` over evidence as it travels: a simulated room, and beside it a token about GPUs under keys that the caller gives, or a
// report of a GPU whose vendor nobody pinned.
import { deviceNonce, type Evidence } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlEncode, type Digest, hexEncode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const AT = '2026-11-25T12:00:00Z';
const NOW = Date.parse(AT);
const launch: Digest = `sha256:${'1'.repeat(64)}`;
const hostData = new Uint8Array(32).fill(2);
const reportData = new Uint8Array(32).fill(3);
const nonce = await deviceNonce(reportData);
const node = await ed25519Signer(generateSecret());
const service = await FakeNras.create(NOW);
const room = await simulatedEvidence(node, { launch, hostData, reportData, debug: false }, NOW / 1000);

async function tokenOf(names: readonly string[], bound = nonce): Promise<NonNullable<Evidence['devices']>> {
  const devices = names.map((name) => service.device(bound, name));
  return [{ technology: 'nvidia-nras', body: base64urlEncode(await service.result(bound, { devices })) }];
}

async function commands(devices: Evidence['devices'], pinnedTo = devices) {
  const folder = await temporaryFolder();
  const fileOf = (name: string, some: Evidence['devices']) =>
    fileIn(folder, name, JSON.stringify(some ? { ...room, devices: some } : room));
  const keys = await fileIn(folder, 'keys.json', service.jwks);
  const options = ['--at', AT, '--keys', `https://nras.attestation.nvidia.com=${keys}`, '--json'];
  const pinned = await sealroom(['attest', 'policy', await fileOf('pinned', pinnedTo), ...options]);
  const made = pinned.json as { accept: object[] };
  // Which simulators to believe is for its author to say.
  const accept = made.accept.map((entry) => ({ ...entry, keys: [node.key] }));
  const policy = await fileIn(folder, 'policy.json', JSON.stringify({ ...made, accept }));
  const bound = ['--report-data', hexEncode(reportData), '--host-data', hexEncode(hostData)];
  const evidence = await fileOf('evidence', devices);
  return {
    pinned: pinned.json,
    inspected: await sealroom(['attest', 'inspect', evidence, '--json']),
    verified: await sealroom(['attest', 'verify', evidence, '--policy', policy, ...bound, ...options]),
  };
}

const codesOf = ({ json }: { json: unknown }) =>
  (json as { reasons: { code: string }[] }).reasons.map(({ code }) => code);

test('a room with its devices is shown, pinned and affirmed as a whole', async () => {
  const { pinned, inspected, verified } = await commands(await tokenOf(['1', '2']));
  expect(inspected.json).toMatchObject({
    evidence: [
      { technology: 'simulated', authenticated: false },
      { technology: 'nvidia-nras', authenticated: false },
    ],
  });
  expect(pinned).toMatchObject({
    binding: 'room',
    accept: [{ technology: 'simulated', devices: [{ technology: 'nvidia-nras', gpus: 2 }] }],
  });
  expect(verified).toMatchObject({ exit: 0, json: { verdict: 'affirmed', hardware: false } });
});

test('a room without the devices of the policy, with more, with others or with those of another room is refused', async () => {
  const good = await tokenOf(['1', '2']);
  const codes = async (devices: Evidence['devices'], pinnedTo: Evidence['devices'] = good) => {
    const { verified } = await commands(devices, pinnedTo);
    expect(verified.exit).toBe(1);
    return codesOf(verified).toSorted();
  };
  expect(await codes(undefined)).toEqual(['simulated/devices']);
  expect(await codes([...good, ...(await tokenOf(['3', '4']))])).toEqual(['simulated/devices']);
  expect(await codes(await tokenOf(['1', '3']))).toEqual(['nvidia-nras/platform']);
  expect(await codes(await tokenOf(['1', '2'], reportData))).toEqual([
    'nvidia-nras/binding',
    'nvidia-nras/run',
  ]);
  const gpu = await (await fakeNvidia(NOW)).gpu();
  expect(await codes([await gpu.evidence({ nonce })])).toEqual(['simulated/devices']);
});

test('reports of GPUs that are alike are one demand, and those of a vendor who is not pinned are refused', async () => {
  const nvidia = await fakeNvidia(NOW);
  const gpus = [await nvidia.gpu(), await nvidia.gpu()];
  const devices = await Promise.all(gpus.map((gpu) => gpu.evidence({ nonce })));
  const { pinned, verified } = await commands(devices);
  const other = await (await nvidia.gpu({ firmware: 'f1'.repeat(48) })).evidence({ nonce });
  const mixed = await commands([...devices, other, ...devices]);
  expect(mixed.pinned).toMatchObject({ accept: [{ devices: [{ count: 2 }, { count: 1 }, { count: 2 }] }] });
  expect(pinned).toMatchObject({ accept: [{ devices: [{ technology: 'nvidia-gpu', count: 2 }] }] });
  expect(verified.exit).toBe(1);
  expect(codesOf(verified)).toContain('nvidia-gpu/chain/no-path');
});

test.each([
  ['an empty list of devices', { ...room, devices: [] }],
  ['a room among the devices', { ...room, devices: [room] }],
  ['an unknown member', { ...room, gpus: 1 }],
  ['an unknown technology', { ...room, technology: 'quantum' }],
  ['bytes in another form', { ...room, body: '!' }],
])('evidence as it travels with %s cannot be used', async (_, value) => {
  const file = await fileIn(await temporaryFolder(), 'evidence.json', JSON.stringify(value));
  const said = await sealroom(['attest', 'inspect', file, '--json']);
  expect(said).toMatchObject({ exit: 2, json: { code: 'cli/bad-file' } });
});
