// COSE messages of others, verified on import: COSE_Sign (RFC 9052 section 4.1, tag 98), in which several parties sign one
// payload, as DEPA's contracts are, and COSE_Sign1 (section 4.2, tag 18) with any headers. The tag may be left out, since
// the caller says which of the two it expects (section 2); the payload may travel apart (section 4.1, `detached`).
//   98([ protected, unprotected, payload, [ [protected, unprotected, signature], … ] ])
// Headers are given back as they stand; what they mean is the caller's to judge. Counter-signatures are not looked at.
// Statements of Sealroom go through the stricter `verifySign1`. Nothing here signs.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { type Cbor, cborDecodeForeign, cborEncode, type CborMap, CborTag } from './cbor.ts';
import { CoseError } from './error.ts';
import type { KeyText } from './key.ts';
import { verifySignature } from './signature.ts';
import type { Spki } from './spki.ts';

/** Headers by label; a label stands in one of the two only. */
export type Headers = { readonly protected: CborMap; readonly unprotected: CborMap };

/** A key under which a message of others may be signed. */
export type ForeignKey = KeyText | Spki;

export type Signed = { readonly headers: Headers; readonly payload: Bytes };

export type SignMessage = Signed & {
  /** Every signer of the message, each verified, in the message's order. */
  readonly signers: readonly { readonly headers: Headers; readonly key: ForeignKey }[];
};

/** The key of a signer, found by its headers (usually the kid, label 4); undefined when it is not known. */
export type FindKey = (
  headers: Headers,
  at: number,
) => ForeignKey | undefined | Promise<ForeignKey | undefined>;

export type ForeignOptions = {
  /** Data that the signers signed along but did not send. */
  readonly external?: Uint8Array;
  /** The payload of a message that does not carry it (RFC 9052 section 4.1: nil), or how to find it. */
  readonly detached?: Uint8Array | ((headers: Headers) => Uint8Array | Promise<Uint8Array>);
  /** Labels that the caller knows how to judge; others in `crit` refuse the message (section 3.1). */
  readonly understood?: readonly (number | string)[];
};

const ALGORITHM = 1;
const CRITICAL = 2;
const MAX_SIGNERS = 64;
const EMPTY_MAP = Uint8Array.of(0xa0);

const malformed = (message: string) => new CoseError('cose/malformed', message);
const badHeader = (message: string) => new CoseError('cose/bad-header', message);

function readParts(bytes: Uint8Array, tag: number): readonly Cbor[] {
  const value = cborDecodeForeign(bytes);
  const body = value instanceof CborTag && value.tag === tag ? value.value : value;
  if (Array.isArray(body) && body.length === 4) return body as readonly Cbor[];
  throw malformed(`Expected a COSE message of four parts, with tag ${tag} or none.`);
}

function asBytes(value: Cbor | undefined): Bytes {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw malformed('Expected protected header, payload and signature as byte strings.');
}

/** RFC 9052 section 3.1: a list of labels, at least one, each of a protected header that is understood. */
function checkCritical(inside: CborMap, outside: CborMap, understood: readonly (number | string)[]): void {
  if (outside.has(CRITICAL)) throw badHeader('The list of critical headers must be protected.');
  if (!inside.has(CRITICAL)) return;
  const labels = inside.get(CRITICAL);
  if (!Array.isArray(labels) || labels.length === 0) {
    throw badHeader('The list of critical headers must name at least one.');
  }
  const known: readonly Cbor[] = understood;
  for (const label of labels as readonly Cbor[]) {
    if (!inside.has(label)) throw badHeader('A critical header is missing, or is not protected.');
    if (!known.includes(label))
      throw badHeader('The message has critical headers, which this reader does not know.');
  }
}

const isLabel = (label: Cbor): boolean => typeof label === 'string' || Number.isSafeInteger(label);

/** Both header maps, and the protected one as it goes under the signature. */
function readHeaders(
  first: Cbor | undefined,
  second: Cbor | undefined,
  understood: readonly (number | string)[] = [],
): Headers & { readonly signedBytes: Bytes } {
  const bytes = asBytes(first);
  const map = bytes.length === 0 ? new Map() : cborDecodeForeign(bytes);
  if (!(map instanceof Map) || !(second instanceof Map)) throw malformed('Expected two header maps.');
  const [inside, outside] = [map as CborMap, second as CborMap];
  if (![...inside.keys(), ...outside.keys()].every(isLabel))
    throw badHeader('A header’s label is neither a number nor text.');
  if ([...inside.keys()].some((label) => outside.has(label)))
    throw badHeader('A header stands twice in one message.');
  checkCritical(inside, outside, understood);
  // RFC 9052 section 4.4: an empty map is signed as no bytes, however it was sent.
  const signedBytes = bytesEqual(bytes, EMPTY_MAP) ? new Uint8Array() : bytes;
  return { protected: inside, unprotected: outside, signedBytes };
}

async function readPayload(
  content: Cbor | undefined,
  headers: Headers,
  detached: ForeignOptions['detached'],
): Promise<Bytes> {
  if (content === null && detached !== undefined) {
    return new Uint8Array(typeof detached === 'function' ? await detached(headers) : detached);
  }
  if (detached !== undefined) throw malformed('The payload must not stand in the message.');
  return asBytes(content);
}

const algorithmOf = (headers: Headers): unknown =>
  headers.protected.get(ALGORITHM) ?? headers.unprotected.get(ALGORITHM);

const nameOf = (key: ForeignKey): string => (typeof key === 'string' ? key : hexEncode(key.spki));

/**
 * Verifies a COSE_Sign: each of its signatures, under the key that `findKey` gives, no two under one key. Give keys in one
 * form only, so that the same key is known again.
 * @throws cose/malformed · cose/not-deterministic · cose/bad-header · cose/bad-key · cose/wrong-key (a signer is not known,
 *   or signed twice) · cose/unsupported-algorithm · cose/bad-signature
 */
export async function verifySign(
  bytes: Uint8Array,
  findKey: FindKey,
  { external = new Uint8Array(), detached, understood }: ForeignOptions = {},
): Promise<SignMessage> {
  const [first, second, content, list] = readParts(bytes, 98);
  const { signedBytes: bodyBytes, ...headers } = readHeaders(first, second, understood);
  const payload = await readPayload(content, headers, detached);
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_SIGNERS) {
    throw malformed(`A COSE_Sign has 1 to ${MAX_SIGNERS} signatures.`);
  }
  const signers: { headers: Headers; key: ForeignKey }[] = [];
  for (const [at, item] of (list as readonly Cbor[]).entries()) {
    if (!Array.isArray(item) || item.length !== 3) throw malformed('A COSE_Signature has three parts.');
    const [own, other, signature] = item as readonly Cbor[];
    const { signedBytes, ...signerHeaders } = readHeaders(own, other, understood);
    const key = await findKey(signerHeaders, at);
    if (key === undefined || signers.some((signer) => nameOf(signer.key) === nameOf(key))) {
      throw new CoseError('cose/wrong-key', 'A signer of the message is not known, or signed it twice.');
    }
    const message = cborEncode(['Signature', bodyBytes, signedBytes, external, payload]);
    const alg = algorithmOf(signerHeaders);
    await verifySignature(key, { alg, message, signature: asBytes(signature), lowS: false });
    signers.push({ headers: signerHeaders, key });
  }
  return { headers, payload, signers };
}

/**
 * Verifies a COSE_Sign1 of another system, whatever its headers, under the key that `findKey` gives for them.
 * @throws cose/malformed · cose/not-deterministic · cose/bad-header · cose/bad-key · cose/wrong-key (the signer is not
 *   known) · cose/unsupported-algorithm · cose/bad-signature, and what `detached` throws
 */
export async function verifyForeignSign1(
  bytes: Uint8Array,
  findKey: FindKey,
  { external = new Uint8Array(), detached, understood }: ForeignOptions = {},
): Promise<Signed> {
  const [first, second, content, signature] = readParts(bytes, 18);
  const { signedBytes, ...headers } = readHeaders(first, second, understood);
  const key = await findKey(headers, 0);
  if (key === undefined) throw new CoseError('cose/wrong-key', 'The signer of the message is not known.');
  const payload = await readPayload(content, headers, detached);
  const message = cborEncode(['Signature1', signedBytes, external, payload]);
  const alg = algorithmOf(headers);
  await verifySignature(key, { alg, message, signature: asBytes(signature), lowS: false });
  return { headers, payload };
}
