// NVIDIA GPUs in confidential computing mode, Hopper and Blackwell: devices, which prove nothing of the room that uses them
// and are acceptable beside a room's own evidence, or alone under a policy that is not about a room.
import type { TechnologyOf } from '../technology.ts';
import { appraiseGpu } from './appraise.ts';
import type { GpuEntry } from './entry.ts';
import { gpuNeeds } from './needs.ts';
import { type GpuEvidence, looksLikeGpu, parseGpuEvidence } from './parse.ts';
import { type GpuClaims, verifyGpu } from './verify.ts';

/** Architecture and firmware stand in certificates, which nobody has verified here; both are left for people to say. */
function pin({ report }: GpuEvidence): GpuEntry {
  const values = Object.fromEntries(
    [...report.measurements].map(([index, value]) => [String(index), [value]]),
  );
  return {
    technology: 'nvidia-gpu',
    architectures: ['hopper', 'blackwell'],
    drivers: [report.driver],
    vbios: [report.vbios],
    firmware: report.firmware === undefined ? { any: 'accepted' } : [report.firmware],
    modes: [report.mode],
    reference: { values: [values] },
    runBinding: 'software',
    platforms: { any: 'accepted' },
    revocation: 'required',
  };
}

export const nvidiaGpu: TechnologyOf<GpuEvidence, GpuClaims, GpuEntry> = {
  name: 'nvidia-gpu',
  title: 'NVIDIA GPU (Hopper, Blackwell)',
  hardware: true,
  device: true,
  needs: ['revocation', 'tcb', 'configuration'],
  detect: looksLikeGpu,
  parse: parseGpuEvidence,
  verify: verifyGpu,
  appraise: async (claims, entry) => appraiseGpu(claims, entry),
  supplies: gpuNeeds,
  vendors: ['nvidia', 'nvidia-manifest'],
  pin,
};
