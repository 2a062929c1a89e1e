// Attestation tokens of Google's Confidential Space ("Attestation token claims"): JWTs by Google Cloud Attestation, of two types:
// PKI tokens bring a certificate chain, OIDC tokens are signed with keys of Google's published set. Nothing is authenticated.
import { AttestError } from '../error.ts';
import { textAt } from '../jwt/claims.ts';
import { asciiOf, type Jwt, parseJwt } from '../jwt/parse.ts';

export type ConfidentialSpaceToken = { readonly jwt: Jwt };

export const ISSUER = 'https://confidentialcomputing.googleapis.com';

/** @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseConfidentialSpace(bytes: Uint8Array): ConfidentialSpaceToken {
  const jwt = parseJwt(asciiOf(bytes));
  // Also a token with a chain of its own is taken for one that wants to be Google's: verify.ts says why it is not.
  if (textAt(jwt.payload, 'iss') !== ISSUER && jwt.x5c.length === 0)
    throw new AttestError('attest/malformed', 'The token is none of Google Cloud Attestation.');
  return { jwt };
}
