// Results of NVIDIA's Remote Attestation Service as it gives them: a detached EAT bundle in JSON (RFC 9711 section 5)
//   [ ["JWT", overall], { "GPU-0": jwt, … } ]
// whose overall token holds the digest of each other one. Only GPUs are taken, numbered from 0. Nothing is authenticated.
import { BytesError, type Json, parseStrictJson } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { asciiOf, isObject, type Jwt, parseJwt } from '../jwt/parse.ts';

export type NrasResult = { readonly overall: Jwt; readonly devices: ReadonlyMap<string, Jwt> };

const LARGEST = 1024 * 1024;
const MOST_DEVICES = 16;

function malformed(detail: string, cause?: unknown): AttestError {
  return new AttestError(
    'attest/malformed',
    `The result is none of NVIDIA’s attestation service: ${detail}.`,
    cause === undefined ? {} : { cause },
  );
}

/** @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseNras(bytes: Uint8Array): NrasResult {
  let value: Json;
  try {
    value = parseStrictJson(asciiOf(bytes, LARGEST));
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw malformed('it is not strict JSON', cause);
  }
  const [first, second, ...rest] = Array.isArray(value) ? (value as readonly Json[]) : [];
  const [kind, token, ...more] = Array.isArray(first) ? (first as readonly Json[]) : [];
  if (kind !== 'JWT' || typeof token !== 'string' || rest.length > 0 || more.length > 0)
    throw malformed('it is no detached bundle of tokens');
  if (!isObject(second)) throw malformed('it has no tokens of devices');
  const entries = Object.entries(second);
  if (entries.length === 0 || entries.length > MOST_DEVICES) throw malformed('it has no device or too many');
  const devices = new Map<string, Jwt>();
  for (const [name, text] of entries) {
    if (!/^GPU-(?:0|[1-9][0-9]?)$/.test(name) || typeof text !== 'string')
      throw malformed('a device has another name than GPUs have, or no token');
    devices.set(name, parseJwt(text));
  }
  return { overall: parseJwt(token), devices };
}
