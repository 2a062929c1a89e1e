// NVIDIA Remote Attestation Service: it checks the reports of GPUs and signs what it found. It says nothing about the VM that
// the GPUs are in: it is of devices, and acceptable beside a room's own evidence alone.
import { textAt } from '../jwt/claims.ts';
import { tokenNeeds } from '../jwt/needs.ts';
import type { TechnologyOf } from '../technology.ts';
import { appraiseNras } from './appraise.ts';
import type { NrasEntry } from './entry.ts';
import { type NrasResult, parseNras } from './parse.ts';
import { type NrasClaims, verifyNras } from './verify.ts';

function looksLike(bytes: Uint8Array): boolean {
  try {
    parseNras(bytes);
    return true;
  } catch {
    return false;
  }
}

function pin({ devices }: NrasResult): NrasEntry {
  const values = (name: string) => {
    const texts = [...devices.values()].flatMap(({ payload }) => textAt(payload, name) ?? []);
    return [...new Set(texts)].filter((text) => text.length > 0 && text.length <= 100);
  };
  return {
    technology: 'nvidia-nras',
    keys: 'published',
    gpus: devices.size,
    hardware: values('hwmodel'),
    driver: values('x-nvidia-gpu-driver-version'),
    vbios: values('x-nvidia-gpu-vbios-version'),
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: values('ueid').map((ueid) => `nvidia-nras:gpu:${ueid}`),
    runBinding: 'software',
  };
}

export const nras: TechnologyOf<NrasResult, NrasClaims, NrasEntry> = {
  name: 'nvidia-nras',
  title: 'NVIDIA Remote Attestation Service result',
  hardware: true,
  device: true,
  needs: ['revocation', 'freshness', 'tcb', 'technology', 'configuration', 'device'],
  detect: looksLike,
  parse: parseNras,
  verify: verifyNras,
  appraise: async (claims, entry) => appraiseNras(claims, entry),
  supplies: ({ overall }) => tokenNeeds(overall),
  vendors: ['nvidia-nras'],
  pin,
};
