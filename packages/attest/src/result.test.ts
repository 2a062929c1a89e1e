// Results as documents: what each part of a room is worth by itself, and until when any of it may be believed.
import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
import { FakeConfidentialSpace } from '@sealroom/testkit/vendors/gcp-confidential-space';
import { fakeMeasurements, FAKE_FIRMWARE, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  appraiseEvidence,
  type Context,
  deviceNonce,
  type Entry,
  type Evidence,
  NO_COLLATERAL,
  readKeySet,
  resultOf,
  roomPolicy,
  technologyOf,
} from './index.ts';
import { simulatedEvidence } from './simulated/provide.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const SPACE_ISSUER = 'https://confidentialcomputing.googleapis.com';
const reportData = new Uint8Array(32).fill(1);
const hostData = new Uint8Array(32).fill(2);
const binding = { reportData, hostData };
const text = (at: number) => new Date(at).toISOString();

async function resultFor(evidence: Evidence, entry: Entry, context: Context) {
  const policy = roomPolicy([entry]);
  return resultOf(await appraiseEvidence(evidence, policy, { binding, context }), { policy, at: context.at });
}

describe('a result that rests on a token', () => {
  let maa: FakeMaa;
  let google: FakeConfidentialSpace;
  beforeAll(async () => {
    maa = await FakeMaa.create(NOW);
    google = await FakeConfidentialSpace.create(NOW);
  });

  async function ofToken(technology: 'azure-maa' | 'gcp-confidential-space', bytes: Uint8Array, keep = 24) {
    const body = base64urlEncode(new Uint8Array(bytes));
    const one = technologyOf(technology);
    const entry = { ...(one.pin(one.parse(new Uint8Array(bytes))) as object), keys: 'published' } as Entry;
    const [issuer, keys] = technology === 'azure-maa' ? [MAA_ISSUER, maa.jwks] : [SPACE_ISSUER, google.jwks];
    const times = { fetchedAt: NOW - HOUR, notAfter: NOW + keep * HOUR };
    const keySets = [await readKeySet({ issuer, text: keys, ...times })];
    return resultFor({ technology, body }, entry, { at: NOW, collateral: NO_COLLATERAL, roots: {}, keySets });
  }
  const seconds = Math.floor(NOW / 1000);

  test('ends with the token, and begins with it', async () => {
    const times = { iat: seconds - 20, nbf: seconds - 10, exp: seconds + 600 };
    for (const [technology, bytes] of [
      ['azure-maa', await maa.token({ ...maa.guest(reportData), ...times })],
      ['gcp-confidential-space', await google.oidcToken({ ...google.claims(reportData), ...times })],
    ] as const)
      expect(await ofToken(technology, bytes)).toMatchObject({
        verdict: 'affirmed',
        notBefore: text(NOW - 10_000),
        notAfter: text(NOW + 600_000),
      });
  });

  test('ends with the key set where that ends first, and after a day at the latest', async () => {
    const bytes = await maa.token(maa.guest(reportData));
    expect(await ofToken('azure-maa', bytes, 1)).toMatchObject({ notAfter: text(NOW + HOUR) });
    expect(await ofToken('azure-maa', bytes)).toMatchObject({ notAfter: text(NOW + 8 * HOUR) });
  });

  test('takes no time from a token that is not authentic', async () => {
    const expired = await maa.token({ ...maa.guest(reportData), exp: seconds - 1 });
    const result = await ofToken('azure-maa', expired);
    expect(result.reasons.map(({ code }) => code)).toContain('azure-maa/expired');
    expect(result).toMatchObject({ notAfter: text(NOW + 24 * HOUR), claims: null });
  });
});

describe('a room with devices', () => {
  const launch: Digest = `sha256:${'1'.repeat(64)}`;
  let node: Signer;
  let entry: Entry;
  let context: Context;
  let room: Evidence;

  beforeAll(async () => {
    node = await ed25519Signer(generateSecret());
    const nvidia = await fakeNvidia(NOW);
    const bound = { launch, hostData, reportData, debug: false };
    const nonce = await deviceNonce(reportData);
    const gpu = await nvidia.gpu();
    const devices = [await gpu.evidence({ nonce })];
    room = { ...(await simulatedEvidence(node, bound, 1_700_000_000)), devices };
    const values = Object.fromEntries([...fakeMeasurements()].map(([at, value]) => [String(at), [value]]));
    entry = {
      technology: 'simulated',
      keys: [node.key],
      launch: [launch],
      hostData: 'manifest',
      devices: [
        {
          technology: 'nvidia-gpu',
          count: 1,
          architectures: ['hopper'],
          drivers: ['590.12'],
          vbios: ['96.00.A5.00.01'],
          firmware: [FAKE_FIRMWARE],
          modes: ['single-gpu'],
          reference: { values: [values] },
          runBinding: 'software',
          platforms: { any: 'accepted' },
          revocation: { waived: 'this test is about something else' },
        },
      ],
    };
    context = { at: NOW, collateral: NO_COLLATERAL, roots: nvidia.roots };
  });

  test('has a vector for each part: what hardware signed is worth more than what was simulated', async () => {
    const { verdict, submods } = await resultFor(room, entry, context);
    expect(verdict).toBe('affirmed');
    expect(submods).toMatchObject({
      cpu: { technology: 'simulated', hardware: false, status: 'affirming', reasons: [] },
      gpu0: { technology: 'nvidia-gpu', hardware: true, status: 'affirming', reasons: [] },
    });
    expect([submods['cpu']?.vector.hardware, submods['gpu0']?.vector.hardware]).toEqual([0, 2]);
  });

  test('blames the part that is bad and leaves the other its worth', async () => {
    const [demand] = entry.devices ?? [];
    const stricter = { ...entry, devices: [{ ...demand, drivers: ['1.0'] }] } as Entry;
    const { verdict, status, submods } = await resultFor(room, stricter, context);
    expect([verdict, status]).toEqual(['refused', submods['gpu0']?.status]);
    expect(submods['cpu']).toMatchObject({ status: 'affirming', reasons: [] });
    expect(submods['gpu0']?.reasons).not.toEqual([]);
    expect(submods['gpu0']?.status).not.toBe('affirming');
  });
});
