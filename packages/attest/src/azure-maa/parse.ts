// Tokens of Microsoft Azure Attestation ("Examples of an attestation token", "EAT profile for Intel TDX"): a JWT whose issuer is
// an attestation provider. Two forms tell of hardware: a VM's token (x-ms-attestation-type azurevm) with the hardware's own
// claims in x-ms-isolation-tee, and one whose top level has those claims. Nothing is authenticated.
import type { Bytes, JsonObject } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { hexAt, memberOf, objectAt, textAt } from '../jwt/claims.ts';
import { asciiOf, type Jwt, parseJwt } from '../jwt/parse.ts';

export type MaaToken = { readonly jwt: Jwt };

const TEES: readonly unknown[] = ['sevsnpvm', 'tdxvm'];

/** The claims of the hardware, and where they stand; undefined when the token tells of none. */
export function teeOf({
  payload,
}: Jwt): { readonly form: 'guest' | 'direct'; readonly tee: JsonObject } | undefined {
  const nested = objectAt(payload, 'x-ms-isolation-tee');
  const type = textAt(payload, 'x-ms-attestation-type');
  if (nested)
    return type === 'azurevm' && TEES.includes(textAt(nested, 'x-ms-attestation-type'))
      ? { form: 'guest', tee: nested }
      : undefined;
  return TEES.includes(type) ? { form: 'direct', tee: payload } : undefined;
}

/** What the host gave at launch: host data of SEV-SNP, MRCONFIGID of TDX. */
export function hostDataIn(tee: JsonObject | undefined): Bytes | undefined {
  return textAt(tee, 'x-ms-attestation-type') === 'sevsnpvm'
    ? hexAt(tee, 'x-ms-sevsnpvm-hostdata', 32)
    : hexAt(tee, 'tdx_mrconfigid', 48);
}

/** @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseMaa(bytes: Uint8Array): MaaToken {
  const jwt = parseJwt(asciiOf(bytes));
  if (
    textAt(jwt.payload, 'iss') === undefined ||
    memberOf(jwt.payload, 'x-ms-attestation-type') === undefined
  )
    throw new AttestError('attest/malformed', 'The token is none of Azure Attestation.');
  return { jwt };
}
