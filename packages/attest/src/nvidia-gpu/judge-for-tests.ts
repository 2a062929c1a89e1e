// GPUs of a fake NVIDIA and the policy that they are judged by, for the tests beside this file.
import { hexEncode, utf8Encode } from '@sealroom/bytes';
import { FAKE_FIRMWARE, fakeMeasurements, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import {
  type AnyEvidence,
  appraiseEvidence,
  type GpuEntry,
  isReason,
  type Policy,
  readCollateral,
} from '../index.ts';

export const NOW = Date.parse('2026-11-25T12:00:00Z');
export const HOUR = 3_600_000;
export const nonce = new Uint8Array(32).fill(7);
export type Files = { readonly name: string; readonly bytes: Uint8Array }[];
export const file = (name: string, text: string) => ({ name, bytes: utf8Encode(text) });

export const VALUES = Object.fromEntries(
  [...fakeMeasurements()].map(([index, value]) => [String(index), [value]]),
);
export const entryWith = (change: Partial<GpuEntry> = {}): GpuEntry => ({
  technology: 'nvidia-gpu',
  architectures: ['hopper'],
  drivers: ['590.12'],
  vbios: ['96.00.A5.00.01'],
  firmware: [FAKE_FIRMWARE],
  modes: ['single-gpu'],
  reference: { values: [VALUES] },
  runBinding: 'software',
  platforms: { any: 'accepted' },
  revocation: { waived: 'this test is about something else' },
  ...change,
});

/** What a manifest has at these indices for a GPU that measures as it should. */
export const golden = (...indices: number[]) =>
  new Map(indices.map((index) => [index, [fakeMeasurements().get(index) ?? '']] as const));

/** A vendor, a GPU of it, the manifests for that, and what keeps evidence from being affirmed. */
export async function gpuWorld() {
  const nvidia = await fakeNvidia(NOW);
  const reasons = async (
    evidence: AnyEvidence,
    change: Partial<GpuEntry> = {},
    { files = [], at = NOW, policy = {} }: { files?: Files; at?: number; policy?: Partial<Policy> } = {},
  ): Promise<string[]> => {
    const accept = [entryWith(change)];
    const judged = {
      v: 1 as const,
      binding: { reportData: hexEncode(nonce) },
      accept,
      distrust: [],
      ...policy,
    };
    const context = { at, collateral: readCollateral(files), roots: nvidia.roots };
    const { checks, verdict } = await appraiseEvidence(evidence, judged, { context });
    const found = checks.filter(isReason).map(({ id }) => id);
    if ((verdict === 'affirmed') !== (found.length === 0))
      throw new Error('The verdict is not what the checks say.');
    return found;
  };
  return {
    nvidia,
    gpu: await nvidia.gpu(),
    driverManifest: await nvidia.manifest({ version: '590.12', golden: golden(7, 21, 35, 40) }),
    vbiosManifest: await nvidia.manifest({ version: '96.00.A5.00.01', golden: golden(0, 1, 2) }),
    reasons,
  };
}

export type GpuWorld = Awaited<ReturnType<typeof gpuWorld>>;
