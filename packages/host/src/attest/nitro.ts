// Documents of AWS Nitro Enclaves, from the Nitro Secure Module: CBOR messages, exchanged with the device by an ioctl that a Node
// program cannot make. A helper makes it: any program that takes a request on standard input and writes the answer on standard
// output; nsm-ioctl.py here is one. The document is not verified here.
import { join } from 'node:path';
import { base64urlEncode, bytesEqual, concat } from '@sealroom/bytes';
import { type Cbor, cborDecodeForeign, cborEncode, CoseError } from '@sealroom/cose';
import type { RoomTechnology } from '@sealroom/attest';
import { ProviderError } from './error.ts';
import { askHelper, type Helper } from './helper.ts';
import type { EvidenceProvider } from './provider.ts';

export const NSM_DEVICE = '/dev/nsm';
/** The helper that lies here; it needs Python 3 in the enclave's image. */
export const NSM_HELPER: readonly string[] = ['python3', join(import.meta.dirname, 'nsm-ioctl.py')];

export type NitroOptions = {
  /** The helper's program and words. */
  readonly helper?: readonly string[];
  /** The register (16 to 31) that is extended once with the manifest and locked; null where the evidence names no run. */
  readonly runRegister?: number | null;
  /** How long the helper may take for one message. */
  readonly timeoutMs?: number;
};

const LARGEST = 12_288;
const RUN_REGISTER = 16;
const HELPER_MS = 30_000;

const FAILED =
  'The helper for the Nitro Secure Module failed; it needs /dev/nsm and the right to use it (CAP_SYS_ADMIN).';

/** Sends a request and gives the answer's content under the request's name. @throws ProviderError */
async function ask(helper: Helper, name: string, members: Record<string, Cbor>): Promise<Cbor> {
  const request = cborEncode(new Map([[name, new Map(Object.entries(members))]]));
  const bytes = await askHelper(helper, request, { largest: LARGEST, failed: FAILED });
  let answer: Cbor;
  try {
    answer = cborDecodeForeign(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ProviderError(
      'provider/malformed',
      'The Nitro Secure Module answered something that is no CBOR.',
      { cause },
    );
  }
  if (answer === name) return null;
  if (!(answer instanceof Map) || answer.size !== 1)
    throw new ProviderError('provider/malformed', 'The Nitro Secure Module answered another question.');
  const found: Cbor | undefined = answer.get(name);
  if (found !== undefined) return found;
  const why = JSON.stringify(answer.get('Error') ?? 'an unknown answer').slice(0, 100);
  throw new ProviderError('provider/refused', `The Nitro Secure Module refused ${name}: ${why}.`);
}

function memberOf(answer: Cbor, name: string): Cbor | undefined {
  return answer instanceof Map ? answer.get(name) : undefined;
}

function bytesIn(answer: Cbor, name: string): Uint8Array {
  const value = memberOf(answer, name);
  if (value instanceof Uint8Array) return value;
  throw new ProviderError('provider/malformed', `The Nitro Secure Module gave no ${name}.`);
}

/** Extends the register with the run and locks it; one that was locked must hold this run. */
async function nameRun(helper: Helper, index: number, run: Uint8Array): Promise<void> {
  const described = await ask(helper, 'DescribePCR', { index });
  const wanted = new Uint8Array(await crypto.subtle.digest('SHA-384', concat(new Uint8Array(48), run)));
  const held = bytesIn(described, 'data');
  const locked = memberOf(described, 'lock') === true;
  const named = bytesEqual(held, wanted);
  if (!named && (locked || held.some((byte) => byte !== 0)))
    throw new ProviderError(
      'provider/refused',
      `Register ${index} holds something else than this run; start the enclave anew.`,
    );
  if (!named) await ask(helper, 'ExtendPCR', { index, data: run });
  if (!locked) await ask(helper, 'LockPCR', { index });
}

/** @throws ProviderError when the register is none that an enclave may use */
export function nitro({
  helper: words = NSM_HELPER,
  runRegister = RUN_REGISTER,
  timeoutMs = HELPER_MS,
}: NitroOptions = {}): EvidenceProvider {
  if (runRegister !== null && (runRegister < 16 || runRegister > 31))
    throw new ProviderError(
      'provider/refused',
      'The run register must be one of 16 to 31, which AWS leaves to enclaves.',
    );
  const helper = { words, timeoutMs };
  const technology = 'aws-nitro' as RoomTechnology;
  return {
    name: 'aws-nitro',
    technology,
    async provide(reportData, hostData) {
      if (runRegister !== null) await nameRun(helper, runRegister, hostData);
      const answer = await ask(helper, 'Attestation', {
        user_data: reportData,
        nonce: null,
        public_key: null,
      });
      return { technology, body: base64urlEncode(bytesIn(answer, 'document')) };
    },
  };
}
