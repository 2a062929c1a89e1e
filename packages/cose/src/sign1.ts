// COSE_Sign1 (RFC 9052 section 4.2), tag 18, deterministic CBOR, empty unprotected map:
//   18([ << {1: alg, 3: content type, 4: kid, 15: {1: iss, 2: sub, 3: aud, 6: iat}} >>, {}, payload, signature ])
// `decodeSign1` authenticates nothing; only what `verifySign1` gives back is signed.
import { type Bytes, type Digest, digestBytes, digestString } from '@sealroom/bytes';
import { type Cbor, cborDecode, cborEncode, CborTag } from './cbor.ts';
import { CoseError } from './error.ts';
import { type KeyText, keyThumbprint } from './key.ts';
import { verifySignature } from './signature.ts';
import type { Signer } from './signer.ts';

/** CWT claims (RFC 8392, RFC 9597): issuer, subject, audience, and issued-at in seconds since 1970. */
export type Claims = {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly iat: number;
};

/** What the protected header and payload say, before anyone has checked the signature. */
export type Sign1 = {
  readonly bytes: Bytes;
  readonly alg: number;
  readonly kid: Digest;
  readonly contentType: string;
  readonly claims: Claims;
  readonly payload: Bytes;
};

type Parts = { readonly protectedBytes: Bytes; readonly payload: Bytes; readonly signature: Bytes };

function signatureInput(protectedBytes: Uint8Array, payload: Uint8Array): Bytes {
  return cborEncode(['Signature1', protectedBytes, new Uint8Array(), payload]);
}

export async function sign1(
  signer: Signer,
  { contentType, claims, payload }: { contentType: string; claims: Claims; payload: Uint8Array },
): Promise<Bytes> {
  const header = new Map<Cbor, Cbor>([
    [1, signer.alg],
    [3, contentType],
    [4, digestBytes(signer.kid)],
    [
      15,
      new Map<Cbor, Cbor>([
        [1, claims.iss],
        [2, claims.sub],
        [3, claims.aud],
        [6, claims.iat],
      ]),
    ],
  ]);
  const protectedBytes = cborEncode(header);
  const signature = await signer.sign(signatureInput(protectedBytes, payload));
  return cborEncode(new CborTag(18, [protectedBytes, new Map(), payload, signature]));
}

function split(bytes: Uint8Array): Parts {
  const value = cborDecode(bytes);
  const body = value instanceof CborTag && value.tag === 18 ? value.value : undefined;
  if (!Array.isArray(body) || body.length !== 4) {
    throw new CoseError('cose/malformed', 'Expected a COSE_Sign1 (tag 18, four parts).');
  }
  const [protectedBytes, unprotected, payload, signature] = body as readonly Cbor[];
  if (
    !(
      protectedBytes instanceof Uint8Array &&
      payload instanceof Uint8Array &&
      signature instanceof Uint8Array
    ) ||
    !(unprotected instanceof Map && unprotected.size === 0) ||
    signature.length !== 64
  ) {
    throw new CoseError(
      'cose/malformed',
      'Expected protected header, empty unprotected map, payload and a 64-byte signature.',
    );
  }
  return {
    protectedBytes: new Uint8Array(protectedBytes),
    payload: new Uint8Array(payload),
    signature: new Uint8Array(signature),
  };
}

function readHeader(protectedBytes: Bytes): Omit<Sign1, 'bytes' | 'payload'> {
  const header = cborDecode(protectedBytes);
  const bad = () =>
    new CoseError(
      'cose/bad-header',
      'The protected header must hold alg, content type, kid and CWT claims only.',
    );
  if (!(header instanceof Map) || header.size !== 4) throw bad();
  const [alg, contentType, kid, cwt] = [header.get(1), header.get(3), header.get(4), header.get(15)];
  if (!(cwt instanceof Map) || cwt.size !== 4) throw bad();
  const [iss, sub, aud, iat] = [cwt.get(1), cwt.get(2), cwt.get(3), cwt.get(6)];
  if (
    typeof alg !== 'number' ||
    typeof contentType !== 'string' ||
    !(kid instanceof Uint8Array) ||
    kid.length !== 32
  )
    throw bad();
  if (typeof iss !== 'string' || typeof sub !== 'string' || typeof aud !== 'string') throw bad();
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat) || iat < 0) throw bad();
  return { alg, kid: digestString(kid), contentType, claims: { iss, sub, aud, iat } };
}

/**
 * Takes a COSE_Sign1 apart without checking its signature.
 * @throws cose/malformed · cose/not-deterministic · cose/bad-header
 */
export function decodeSign1(bytes: Uint8Array): Sign1 {
  const { protectedBytes, payload } = split(bytes);
  return { ...readHeader(protectedBytes), bytes: new Uint8Array(bytes), payload };
}

/**
 * Checks the signature of a COSE_Sign1 under a known key; the header's kid must be that key's thumbprint.
 * @throws cose/wrong-key · cose/unsupported-algorithm · cose/bad-signature, and what {@link decodeSign1} throws
 */
export async function verifySign1(bytes: Uint8Array, keyText: KeyText): Promise<Sign1> {
  const { protectedBytes, payload, signature } = split(bytes);
  const header = readHeader(protectedBytes);
  if (header.kid !== (await keyThumbprint(keyText))) {
    throw new CoseError('cose/wrong-key', 'The statement names another key than the one it is checked with.');
  }
  const message = signatureInput(protectedBytes, payload);
  await verifySignature(keyText, { alg: header.alg, message, signature, lowS: true });
  return { ...header, bytes: new Uint8Array(bytes), payload };
}

/** `application/sealroom.<type>+json`, the content type of a statement. */
export function contentTypeOf(type: string): string {
  return `application/sealroom.${type}+json`;
}
