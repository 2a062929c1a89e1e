// Rooms with GPUs: what binds device and room, and each way of bringing a device that is not the room's.
import {
  base64urlEncode,
  hexDecode,
  hexEncode,
  sha256,
  utf8Encode,
  concat,
  type Digest,
} from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { gpuDemand, tokenDemand } from '@sealroom/testkit/devices';
import {
  fakeMeasurements,
  type FakeGpu,
  type FakeNvidia,
  fakeNvidia,
} from '@sealroom/testkit/vendors/nvidia-gpu';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  appraiseEvidence,
  type DeviceEvidence,
  type DeviceDemand,
  deviceNonce,
  type Entry,
  entrySchema,
  type Evidence,
  isReason,
  type KeySet,
  namesOwnKeys,
  readCollateral,
  readKeySet,
  roomPolicy,
} from './index.ts';
import { simulatedEvidence } from './simulated/provide.ts';
import { needsOf } from './supply/index.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const launch: Digest = `sha256:${'1'.repeat(64)}`;
const hostData = new Uint8Array(32).fill(2);
const reportData = new Uint8Array(32).fill(3);
let node: Signer;
let nvidia: FakeNvidia;
let room: Evidence;
let nonce: Uint8Array;
let gpus: readonly [FakeGpu, FakeGpu];
let two: readonly DeviceEvidence[];

type Demand = Extract<DeviceDemand, { technology: 'nvidia-gpu' }>;
const demand = (change: Partial<Demand> = {}) =>
  gpuDemand(2, {
    reference: {
      values: [Object.fromEntries([...fakeMeasurements()].map(([index, value]) => [String(index), [value]]))],
    },
    revocation: { waived: 'this test is about something else' },
    ...change,
  });

const entry = (...devices: DeviceDemand[]): Entry => ({
  technology: 'simulated',
  keys: [node.key],
  launch: [launch],
  hostData: 'manifest',
  ...(devices.length > 0 && { devices }),
});

async function judged(
  devices: readonly DeviceEvidence[] | undefined,
  accept: readonly Entry[],
  distrust: string[] = [],
) {
  const evidence: Evidence = devices ? { ...room, devices } : room;
  return appraiseEvidence(evidence, roomPolicy(accept, distrust), {
    binding: { reportData, hostData },
    context: { at: NOW, collateral: readCollateral([]), roots: nvidia.roots },
  });
}

async function reasons(...given: Parameters<typeof judged>) {
  const { verdict, checks } = await judged(...given);
  const found = checks.filter(isReason).map(({ id }) => id);
  expect(verdict).toBe(found.length === 0 ? 'affirmed' : 'refused');
  return found;
}

beforeAll(async () => {
  node = await ed25519Signer(generateSecret());
  nvidia = await fakeNvidia(NOW);
  room = await simulatedEvidence(node, { launch, hostData, reportData, debug: false }, 1_700_000_000);
  nonce = await deviceNonce(reportData);
  gpus = [await nvidia.gpu(), await nvidia.gpu()];
  two = await Promise.all(gpus.map((gpu) => gpu.evidence({ nonce })));
});

test('a device’s nonce is SHA-256 over sealroom/gpu/v1 and what the room binds', async () => {
  expect(nonce).toEqual(await sha256(concat(utf8Encode('sealroom/gpu/v1'), reportData)));
  // The same by another program (Python’s hashlib).
  expect(hexEncode(await deviceNonce(hexDecode('00'.repeat(32))))).toBe(
    '561cef338ca014bf553350c3250e565b354b179c86fa7d431e578d45d08a2b9e',
  );
});

test('a room with the devices that the entry demands is affirmed, and each is told by itself', async () => {
  expect(await reasons(two, [entry(demand())])).toEqual([]);
  const { submodules, checks, claims, used } = await judged(two, [entry(demand())]);
  expect(submodules.map(({ name, technology }) => [name, technology])).toEqual([
    ['cpu', 'simulated'],
    ['gpu0', 'nvidia-gpu'],
    ['gpu1', 'nvidia-gpu'],
  ]);
  expect(checks).toEqual(submodules.flatMap((one) => one.checks));
  expect(used).toEqual(submodules.flatMap((one) => one.used));
  expect(claims).toEqual(submodules[0]?.claims);
  expect(new Set(submodules.map((one) => one.claims?.platform)).size).toBe(3);
});

test('an entry without devices refuses a room with devices, and the other way round', async () => {
  expect(await reasons(undefined, [entry()])).toEqual([]);
  expect(await reasons(two, [entry()])).toEqual(['simulated/devices']);
  expect(await reasons([], [entry(demand())])).toEqual(['simulated/devices']);
  expect(await reasons(undefined, [entry(demand())])).toEqual(['simulated/devices']);
});

test('one device too few or too many is refused', async () => {
  expect(await reasons(two.slice(1), [entry(demand())])).toEqual(['simulated/devices']);
  expect(await reasons(two, [entry(demand({ count: 1 }))])).toEqual(['simulated/devices']);
});

test('two devices that are one are refused, also with two reports', async () => {
  const again = await gpus[0].evidence({ nonce });
  const [first] = two;
  if (!first) throw new Error('There are two devices.');
  expect(await reasons([first, first], [entry(demand())])).toEqual(['simulated/devices/distinct']);
  expect(await reasons([first, again], [entry(demand())])).toEqual(['simulated/devices/distinct']);
});

test('a device that was asked by another room, for another run, or with the room’s own report data is refused', async () => {
  const [, second] = two;
  if (!second) throw new Error('There are two devices.');
  const others = [
    await deviceNonce(new Uint8Array(32).fill(4)),
    await deviceNonce(hostData),
    reportData,
    new Uint8Array(32),
  ];
  for (const other of others) {
    const foreign = await gpus[0].evidence({ nonce: other });
    expect(await reasons([foreign, second], [entry(demand())])).toEqual([
      'nvidia-gpu/binding',
      'nvidia-gpu/run',
    ]);
  }
});

test('a room that binds something else is refused although its devices are asked as they should be', async () => {
  const other = await simulatedEvidence(
    node,
    { launch, hostData, reportData: new Uint8Array(32), debug: false },
    1,
  );
  const evidence = { ...other, devices: two };
  const { checks } = await appraiseEvidence(evidence, roomPolicy([entry(demand())]), {
    binding: { reportData, hostData },
    context: { at: NOW, collateral: readCollateral([]), roots: nvidia.roots },
  });
  expect(checks.filter(isReason).map(({ id }) => id)).toEqual(['simulated/binding']);
});

test('one bad device refuses the room, whichever it is', async () => {
  for (const place of [0, 1]) {
    const devices = await Promise.all(
      gpus.map((gpu, i) => gpu.evidence({ nonce, ...(i === place && { driver: '1.0' }) })),
    );
    expect(await reasons(devices, [entry(demand())])).toEqual(['nvidia-gpu/driver']);
    const { submodules } = await judged(devices, [entry(demand())]);
    expect(submodules.findIndex(({ checks }) => checks.some(isReason))).toBe(place + 1);
  }
  const broken: DeviceEvidence = { technology: 'nvidia-gpu', body: 'AA' };
  expect(await reasons([broken, ...two.slice(1)], [entry(demand())])).toEqual(['nvidia-gpu/malformed']);
});

test('devices of several kinds stand in the entry’s order', async () => {
  const other = await (await nvidia.gpu({ chip: 'GB100' })).evidence({ nonce });
  const demands = [demand({ count: 1 }), demand({ count: 1, architectures: ['blackwell'] })];
  expect(await reasons([...two.slice(0, 1), other], [entry(...demands)])).toEqual([]);
  expect(await reasons([other, ...two.slice(0, 1)], [entry(...demands)])).toEqual([
    'nvidia-gpu/architecture',
    'nvidia-gpu/architecture',
  ]);
});

test('a device that is distrusted refuses the room', async () => {
  const { submodules } = await judged(two, [entry(demand())]);
  const platform = submodules[2]?.claims?.platform ?? '';
  expect(await reasons(two, [entry(demand())], [platform])).toEqual(['nvidia-gpu/distrusted']);
});

test('when no binding is given, neither the room nor its devices are affirmed', async () => {
  const { checks, verdict } = await appraiseEvidence(
    { ...room, devices: two },
    roomPolicy([entry(demand())]),
    {
      context: { at: NOW, collateral: readCollateral([]), roots: nvidia.roots },
    },
  );
  expect(verdict).toBe('refused');
  expect(checks.filter(isReason).map(({ id }) => id)).toEqual(
    ['simulated', 'nvidia-gpu', 'nvidia-gpu'].flatMap((name) => [`${name}/binding`, `${name}/run`]),
  );
});

test('contracts take no device for a room, no entry without a count, and no empty list of devices', () => {
  const { count: _, ...alone } = demand();
  expect(entrySchema.safeParse(alone).success).toBe(false);
  expect(entrySchema.safeParse(entry(demand())).success).toBe(true);
  expect(entrySchema.safeParse({ ...entry(), devices: [] }).success).toBe(false);
  expect(entrySchema.safeParse({ ...entry(), devices: [alone] }).success).toBe(false);
  for (const bad of [0, -1, 1.5, 17, '2'])
    expect(
      entrySchema.safeParse({ ...entry(), devices: [{ ...demand(), count: bad }] }).success,
      String(bad),
    ).toBe(false);
});

describe('tokens of NVIDIA’s service beside a room', () => {
  let service: FakeNras;
  let keySets: KeySet[];
  beforeAll(async () => {
    service = await FakeNras.create(NOW);
    const issuer = 'https://nras.attestation.nvidia.com';
    keySets = [
      await readKeySet({ issuer, text: service.jwks, fetchedAt: NOW - 1, notAfter: NOW + 86_400_000 }),
    ];
  });

  /** A token over a nonce about GPUs of these names. */
  const told = async (over: Uint8Array, ...names: string[]): Promise<DeviceEvidence> => {
    const devices = names.map((name) => service.device(over, name));
    return { technology: 'nvidia-nras', body: base64urlEncode(await service.result(over, { devices })) };
  };

  async function failed(devices: readonly DeviceEvidence[], ...demands: DeviceDemand[]) {
    const { checks } = await appraiseEvidence({ ...room, devices }, roomPolicy([entry(...demands)]), {
      binding: { reportData, hostData },
      context: { at: NOW, collateral: readCollateral([]), roots: {}, keySets },
    });
    return checks.filter(isReason).map(({ id }) => id);
  }

  test('are affirmed for as many GPUs as the entry says', async () => {
    expect(await failed([await told(nonce, '1', '2')], tokenDemand(2))).toEqual([]);
    expect(await failed([await told(nonce, '1')], tokenDemand(2))).toEqual(['nvidia-nras/gpus']);
    expect(await failed([], tokenDemand(1))).toEqual(['simulated/devices']);
  });

  test('are refused with the nonce of another room, or with what the room itself binds', async () => {
    const other = await deviceNonce(hostData);
    for (const over of [other, reportData])
      expect(await failed([await told(over, '1')], tokenDemand(1))).toEqual([
        'nvidia-nras/binding',
        'nvidia-nras/run',
      ]);
  });

  test('are refused where two of them tell of one GPU', async () => {
    const both = [tokenDemand(1), tokenDemand(2)];
    expect(await failed([await told(nonce, '1'), await told(nonce, '2', '3')], ...both)).toEqual([]);
    expect(await failed([await told(nonce, '1'), await told(nonce, '2', '1')], ...both)).toEqual([
      'simulated/devices/distinct',
    ]);
  });

  test('are no rooms, for contracts and for policies that are about rooms', async () => {
    expect(entrySchema.safeParse(tokenDemand(1)).success).toBe(false);
    expect(entrySchema.safeParse({ ...tokenDemand(1), devices: [demand()] }).success).toBe(false);
    const alone = await appraiseEvidence(
      await told(nonce, '1'),
      roomPolicy([tokenDemand(1) as unknown as Entry]),
      {
        binding: { reportData: nonce, hostData },
        context: { at: NOW, collateral: readCollateral([]), roots: {}, keySets },
      },
    );
    expect(alone.verdict).toBe('refused');
    expect(alone.checks.filter(isReason).map(({ id }) => id)).toEqual(['nvidia-nras/alone']);
  });

  test('are under keys of the entry’s author where it lists them, and then so is the room', () => {
    const listed = { ...tokenDemand(2), keys: ['A'.repeat(43)] };
    const lists = (...devices: DeviceDemand[]) =>
      namesOwnKeys({ technology: 'azure-maa', keys: 'published', devices } as Entry);
    expect([lists(), lists(tokenDemand(2)), lists(listed), lists(tokenDemand(1), listed)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test('do not mix with reports in one entry, and are no more than a room can bring', () => {
    const fits = (...devices: DeviceDemand[]) => entrySchema.safeParse(entry(...devices)).success;
    expect(fits(tokenDemand(1), tokenDemand(2))).toBe(true);
    expect(fits(demand({ count: 8 }), demand({ count: 8 }))).toBe(true);
    expect(fits(demand({ count: 8 }), demand({ count: 9 }))).toBe(false);
    expect(fits(tokenDemand(1), demand())).toBe(false);
  });
});

test('what devices need is asked for with what the room needs, each once', () => {
  const issuer = 'https://nras.attestation.nvidia.com';
  expect(needsOf({ ...room, devices: [] })).toEqual([]);
  expect(needsOf({ ...room, devices: [{ technology: 'nvidia-nras', body: 'AA' }] })).toEqual([]);
  return FakeNras.create(NOW).then(async (service) => {
    const token: DeviceEvidence = {
      technology: 'nvidia-nras',
      body: base64urlEncode(await service.result(nonce)),
    };
    expect(needsOf({ ...room, devices: [token, token] })).toEqual([{ kind: 'key-set', issuer }]);
  });
});
