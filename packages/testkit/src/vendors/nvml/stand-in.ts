// A stand-in of NVIDIA's Python package nvidia-ml-py (pynvml.py beside this), for programs that ask GPUs through it: it gives the
// bytes of made-up GPUs, and no GPU is asked.
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificatesPem } from '../issue-certificates.ts';
import type { FakeGpu, FakeNvidia } from '../nvidia-gpu.ts';

/** What the stand-in says of one GPU; without a report the GPU gives none. */
export type StandInGpu = { readonly arch?: number; readonly report?: string; readonly chain?: string };
export type StandInNvml = {
  readonly driver?: boolean;
  /** Whether confidential computing is on, as NVML counts. */
  readonly feature?: number;
  readonly gpus: readonly StandInGpu[];
};

/** The architecture of Hopper, by NVML's numbers. */
const HOPPER = 9;

/** A made-up GPU that was asked with this nonce; NVML's buffers may hold zeros behind the certificates. */
export async function standInGpu(
  { root }: FakeNvidia,
  gpu: FakeGpu,
  { nonce, arch = HOPPER }: { readonly nonce: Uint8Array; readonly arch?: number },
): Promise<StandInGpu> {
  const chain = certificatesPem([...gpu.path, root].map(({ der }) => der));
  const report = Buffer.from(await gpu.report({ nonce })).toString('base64');
  return { arch, report, chain: Buffer.from(`${chain}\0\0`).toString('base64') };
}

/** Puts the stand-in into a folder. @returns words to be put before a Python program's, which then finds it */
export async function standInNvml(folder: string, said: StandInNvml): Promise<readonly string[]> {
  await copyFile(join(import.meta.dirname, 'pynvml.py'), join(folder, 'pynvml.py'));
  await writeFile(join(folder, 'gpus.json'), JSON.stringify(said));
  return ['env', `PYTHONPATH=${folder}`];
}
