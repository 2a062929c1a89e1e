// GPUs of a made-up NVIDIA, its services on this machine, and stores before them.
import { readdir } from 'node:fs/promises';
import {
  appraiseEvidence,
  deviceNonce,
  type DeviceEvidence,
  type Evidence,
  type Policy,
} from '@sealroom/attest';
import { base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { gpuDemand } from '@sealroom/testkit/devices';
import { type Authority, fakeNvidia, gpuManifests } from '@sealroom/testkit/vendors/nvidia-gpu';
import {
  askedPaths,
  fakeResponder,
  manifestAnswers,
  type Responder,
} from '@sealroom/testkit/vendors/nvidia-services';
import type { FetchLimits } from './fetch.ts';
import type { Gathered } from './store.ts';
import { NOW, type Stage, stageBefore } from './stage-for-tests.ts';

export const HOUR = 3_600_000;

export function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error('nothing there');
  return found;
}

/** Slow to make, and the same for all tests of a file. */
export async function makeGpus() {
  const nvidia = await fakeNvidia(NOW);
  const gpus = [await nvidia.gpu(), await nvidia.gpu()] as const;
  const nonce = await deviceNonce(new Uint8Array(32).fill(5));
  const devices = [await gpus[0].evidence({ nonce }), await gpus[1].evidence({ nonce })] as const;
  const room: Evidence = { technology: 'simulated', body: base64urlEncode(utf8Encode('{}')), devices };
  const { count: _, ...entry } = gpuDemand(1);
  const binding = { reportData: hexEncode(nonce) };
  const policy: Policy = { v: 1, binding, accept: [entry], distrust: [] };
  const manifests = await gpuManifests(nvidia);
  const chipOf = (gpu = gpus[0]): Authority => at(gpu.path, 1);
  const provisionerOf = (gpu = gpus[0]): Authority => at(gpu.path, 2);
  return { nvidia, gpus, nonce, devices, room, policy, manifests, chipOf, provisionerOf };
}
export type Gpus = Awaited<ReturnType<typeof makeGpus>>;

export type GpuStage = Stage & {
  readonly responder: Responder;
  /** What a new store gathers for the first GPU. */
  ask(fetch?: Partial<FetchLimits>): Promise<Gathered>;
  /** Ids of what speaks against a GPU with what a store gives. */
  reasons(evidence: DeviceEvidence, gathered: Gathered): Promise<string[]>;
  filesOf(kind: string): Promise<string[]>;
};

export async function gpuStage({ nvidia, gpus, devices, policy }: Gpus): Promise<GpuStage> {
  const clock = { now: (): number => NOW };
  const responder = fakeResponder(askedPaths(nvidia, gpus), () => clock.now());
  const stage = await stageBefore(nvidia.roots, await manifestAnswers(nvidia), responder.answers);
  clock.now = () => stage.clock.now;
  return {
    ...stage,
    responder,
    ask: async (fetch = {}) => (await stage.open({ fetch })).gather(devices[0]),
    async reasons(evidence, { collateral }) {
      const context = { at: stage.clock.now, roots: nvidia.roots, collateral };
      const { checks } = await appraiseEvidence(evidence, policy, { context });
      return checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id);
    },
    filesOf: async (kind) => (await readdir(stage.folder)).filter((file) => file.startsWith(`${kind}_`)),
  };
}

export const codesOf = ({ unmet }: Gathered): string[] => unmet.map(({ code }) => code);
