// Tokens and key sets of made-up attestation services: whatever a test says, signed under keys that it made.
import {
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  type JsonObject,
  sha256,
  utf8Encode,
} from '@sealroom/bytes';
import { type Scheme, vendorKeys } from './issue-certificates.ts';

export type TokenSigner = {
  readonly algorithm: 'RS256' | 'ES384';
  readonly pair: CryptoKeyPair;
  /** RFC 7638. */
  readonly thumbprint: string;
  /** Public members of its JWK. */
  readonly jwk: JsonObject;
};

export async function tokenSigner(algorithm: TokenSigner['algorithm']): Promise<TokenSigner> {
  const scheme: Scheme = algorithm === 'RS256' ? 'RSA-SHA256' : 'ECDSA-SHA384';
  const pair = await vendorKeys(scheme);
  const {
    kty = '',
    n = '',
    e = '',
    crv = '',
    x = '',
    y = '',
  } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const jwk = algorithm === 'RS256' ? { e, kty, n } : { crv, kty, x, y };
  return { algorithm, pair, jwk, thumbprint: base64urlEncode(await sha256(canonicalBytes(jwk))) };
}

/** A signed token; `header` may say anything, also another algorithm than the signature is made with. */
export async function signToken(
  { pair, algorithm }: TokenSigner,
  header: JsonObject,
  payload: JsonObject | string,
): Promise<string> {
  const part = (value: JsonObject | string) =>
    base64urlEncode(utf8Encode(typeof value === 'string' ? value : JSON.stringify(value)));
  const signed = `${part(header)}.${part(payload)}`;
  const how = algorithm === 'RS256' ? 'RSASSA-PKCS1-v1_5' : { name: 'ECDSA', hash: 'SHA-384' };
  const signature = await crypto.subtle.sign(how, pair.privateKey, utf8Encode(signed));
  return `${signed}.${base64urlEncode(new Uint8Array(signature))}`;
}

/** A JWK set as services publish it. */
export function jwksText(keys: readonly JsonObject[]): string {
  return JSON.stringify({ keys });
}

export const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function tokenBytes(text: string): Bytes {
  return utf8Encode(text);
}
