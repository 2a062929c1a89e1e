// COSE messages of others, verified on import: COSE_Sign (RFC 9052 section 4.1, tag 98), in which several parties sign one
// payload, as DEPA's contracts are, and COSE_Sign1 (section 4.2, tag 18) with any headers.
//   98([ protected, unprotected, payload, [ [protected, unprotected, signature], … ] ])
// Headers are given back as they stand; what they mean is the caller's to judge. Counter-signatures are not looked at.
// Statements of Sealroom go through the stricter `verifySign1`. Nothing here signs.
import { type Bytes, bytesEqual } from '@sealroom/bytes';
import { type Cbor, cborDecode, cborEncode, type CborMap, CborTag } from './cbor.ts';
import { CoseError } from './error.ts';
import type { KeyText } from './key.ts';
import { verifySignature } from './signature.ts';

/** Headers by label; a label stands in one of the two only. */
export type Headers = { readonly protected: CborMap; readonly unprotected: CborMap };

export type Signed = { readonly headers: Headers; readonly payload: Bytes };

export type SignMessage = Signed & {
  /** Every signer of the message, each verified, in the message's order. */
  readonly signers: readonly { readonly headers: Headers; readonly key: KeyText }[];
};

/** The key of a signer, found by its headers (usually the kid, label 4); undefined when it is not known. */
export type FindKey = (headers: Headers, at: number) => KeyText | undefined | Promise<KeyText | undefined>;

const ALGORITHM = 1;
const CRITICAL = 2;
const MAX_SIGNERS = 64;

const malformed = (message: string) => new CoseError('cose/malformed', message);

function readParts(bytes: Uint8Array, tag: number): readonly Cbor[] {
  const value = cborDecode(bytes);
  if (
    value instanceof CborTag &&
    value.tag === tag &&
    Array.isArray(value.value) &&
    value.value.length === 4
  ) {
    return value.value as readonly Cbor[];
  }
  throw malformed(`Expected a COSE message with tag ${tag} and four parts.`);
}

function asBytes(value: Cbor | undefined): Bytes {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw malformed('Expected protected header, payload and signature as byte strings.');
}

/** Both header maps, and the protected one as it goes under the signature. */
function readHeaders(
  first: Cbor | undefined,
  second: Cbor | undefined,
): Headers & { readonly signedBytes: Bytes } {
  const bytes = asBytes(first);
  const map = bytes.length === 0 ? new Map() : cborDecode(bytes);
  if (!(map instanceof Map) || !(second instanceof Map)) throw malformed('Expected two header maps.');
  const [inside, outside] = [map as CborMap, second as CborMap];
  const refuse = (message: string) => new CoseError('cose/bad-header', message);
  if ([...inside.keys()].some((label) => outside.has(label)))
    throw refuse('A header stands twice in one message.');
  if (inside.has(CRITICAL) || outside.has(CRITICAL)) {
    throw refuse('The message has critical headers, which this reader does not know.');
  }
  // RFC 9052 section 4.4: an empty map is signed as no bytes, however it was sent.
  const signedBytes = bytesEqual(bytes, Uint8Array.of(0xa0)) ? new Uint8Array() : bytes;
  return { protected: inside, unprotected: outside, signedBytes };
}

const algorithmOf = (headers: Headers): unknown =>
  headers.protected.get(ALGORITHM) ?? headers.unprotected.get(ALGORITHM);

/**
 * Verifies a COSE_Sign: each of its signatures, under the key that `findKey` gives, no two under one key.
 * @param options.external data that the signers signed along but did not send
 * @throws cose/malformed · cose/not-deterministic · cose/bad-header · cose/wrong-key (a signer is not known, or signed
 *   twice) · cose/unsupported-algorithm · cose/bad-signature
 */
export async function verifySign(
  bytes: Uint8Array,
  findKey: FindKey,
  { external = new Uint8Array() }: { readonly external?: Uint8Array } = {},
): Promise<SignMessage> {
  const [first, second, content, list] = readParts(bytes, 98);
  const body = readHeaders(first, second);
  const payload = asBytes(content);
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_SIGNERS) {
    throw malformed(`A COSE_Sign has 1 to ${MAX_SIGNERS} signatures.`);
  }
  const signers: { headers: Headers; key: KeyText }[] = [];
  for (const [at, item] of (list as readonly Cbor[]).entries()) {
    if (!Array.isArray(item) || item.length !== 3) throw malformed('A COSE_Signature has three parts.');
    const [own, other, signature] = item as readonly Cbor[];
    const { signedBytes, ...headers } = readHeaders(own, other);
    const key = await findKey(headers, at);
    if (key === undefined || signers.some((signer) => signer.key === key)) {
      throw new CoseError('cose/wrong-key', 'A signer of the message is not known, or signed it twice.');
    }
    const message = cborEncode(['Signature', body.signedBytes, signedBytes, external, payload]);
    const alg = algorithmOf(headers);
    await verifySignature(key, { alg, message, signature: asBytes(signature), lowS: false });
    signers.push({ headers, key });
  }
  return { headers: { protected: body.protected, unprotected: body.unprotected }, payload, signers };
}

/**
 * Verifies a COSE_Sign1 of another system, whatever its headers, under a key that the caller chose.
 * @throws cose/malformed · cose/not-deterministic · cose/bad-header · cose/unsupported-algorithm · cose/bad-signature
 */
export async function verifyForeignSign1(
  bytes: Uint8Array,
  key: KeyText,
  { external = new Uint8Array() }: { readonly external?: Uint8Array } = {},
): Promise<Signed> {
  const [first, second, content, signature] = readParts(bytes, 18);
  const { signedBytes, ...headers } = readHeaders(first, second);
  const payload = asBytes(content);
  const message = cborEncode(['Signature1', signedBytes, external, payload]);
  await verifySignature(key, {
    alg: algorithmOf(headers),
    message,
    signature: asBytes(signature),
    lowS: false,
  });
  return { headers, payload };
}
