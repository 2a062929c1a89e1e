// Reports of NVIDIA's GPUs, which the driver gives through NVML, a library that a Node program cannot call. A helper calls it: any
// program that takes the nonce in hexadecimal on standard input and writes the GPUs' evidence, in the form of NVIDIA's attestation
// SDK, on standard output; nvml-report.py here is one. Whose reports they are is not verified here, only that they are reports
// over the nonce that was asked for.
import { join } from 'node:path';
import { AttestError, type DeviceEvidence, MOST_DEVICES, technologyOf } from '@sealroom/attest';
import {
  base64urlEncode,
  BytesError,
  bytesEqual,
  hexEncode,
  parseStrictJson,
  utf8Encode,
} from '@sealroom/bytes';
import { z } from 'zod';
import { ProviderError, type ProviderErrorCode } from './error.ts';
import { askHelper, type Helper } from './helper.ts';
import type { DeviceProvider } from './provider.ts';

/** There where NVIDIA's driver is. */
export const NVIDIA_DEVICE = '/dev/nvidiactl';
/** The helper that lies here; it needs Python 3 with nvidia-ml-py. */
export const NVML_HELPER: readonly string[] = ['python3', join(import.meta.dirname, 'nvml-report.py')];

export type NvidiaGpuOptions = {
  /** The helper's program and words. */
  readonly helper?: readonly string[] | undefined;
  /** How long the helper may take for all GPUs. */
  readonly timeoutMs?: number;
};

/** Sixteen GPUs, each with a report of 8 KiB and certificates of 5 KiB at most, in Base64, and as much again. */
const LARGEST = 1024 * 1024;
/** Vaults' nonces live a minute. */
const HELPER_MS = 40_000;
const NONCE_AT = 4;
const FAILED =
  'The helper for NVML failed; it needs Python 3 and the right to open /dev/nvidiactl and the GPUs (SEALROOM_NODE_GPU_HELPER names another).';

const base64 = z.string().min(1).max(100_000);
const gpu = z.strictObject({
  arch: z.enum(['HOPPER', 'BLACKWELL']),
  certificate: base64,
  evidence: base64,
  nonce: z.string().length(64),
});

const REFUSED: Readonly<Record<string, readonly [ProviderErrorCode, string]>> = {
  'no-library': [
    'provider/unavailable',
    'Python has no module pynvml; install nvidia-ml-py for it, or name a helper that has it.',
  ],
  'no-driver': ['provider/unavailable', 'NVML does not start; NVIDIA’s driver is not loaded.'],
  'no-gpus': ['provider/none', 'NVIDIA’s driver has no GPU.'],
  'not-confidential': [
    'provider/refused',
    'The GPUs are not in confidential computing mode; without it they prove nothing.',
  ],
  'unknown-architecture': ['provider/refused', 'A GPU is of another architecture than Hopper or Blackwell.'],
  'no-report': ['provider/refused', 'A GPU gave no report.'],
};
const answer = z.union([
  z.array(gpu).min(1).max(MOST_DEVICES),
  z.strictObject({ refused: z.string().max(40) }),
]);

function malformed(options?: ErrorOptions): ProviderError {
  return new ProviderError(
    'provider/malformed',
    'The helper for NVML answered something else than reports over the nonce that it was asked for.',
    options,
  );
}

function read(bytes: Uint8Array): z.output<typeof answer> {
  try {
    return answer.parse(parseStrictJson(bytes));
  } catch (cause) {
    if (cause instanceof BytesError || cause instanceof z.ZodError) throw malformed({ cause });
    throw cause;
  }
}

/** One GPU's, as it travels. */
function evidenceOf(one: z.output<typeof gpu>, nonce: Uint8Array): DeviceEvidence {
  const body = utf8Encode(JSON.stringify([one]));
  try {
    technologyOf('nvidia-gpu').parse(body);
  } catch (cause) {
    if (cause instanceof AttestError) throw malformed({ cause });
    throw cause;
  }
  const signed = Buffer.from(one.evidence, 'base64').subarray(NONCE_AT, NONCE_AT + nonce.length);
  if (one.nonce !== hexEncode(nonce) || !bytesEqual(signed, nonce)) throw malformed();
  return { technology: 'nvidia-gpu', body: base64urlEncode(body) };
}

export function nvidiaGpus({
  helper: words = NVML_HELPER,
  timeoutMs = HELPER_MS,
}: NvidiaGpuOptions = {}): DeviceProvider {
  const helper: Helper = { words, timeoutMs };
  return {
    technology: 'nvidia-gpu',
    async provide(nonce) {
      const asked = utf8Encode(`${hexEncode(nonce)}\n`);
      const said = read(await askHelper(helper, asked, { largest: LARGEST, failed: FAILED }));
      if ('refused' in said) {
        const [code, words] = (Object.hasOwn(REFUSED, said.refused) && REFUSED[said.refused]) || [];
        throw code === undefined || words === undefined ? malformed() : new ProviderError(code, words);
      }
      return said.map((one) => evidenceOf(one, nonce));
    },
  };
}
