// Keys as COSE_Key (RFC 9052 section 7): Ed25519 and X25519 (OKP), P-256 (EC2). In JSON a public key is the base64url
// of its deterministic COSE_Key; its name is the COSE Key Thumbprint (RFC 9679, SHA-256). Only required members may stand
// in a key, so that one key has one text and the thumbprint is the digest of exactly those bytes (RFC 9679 section 3: the
// required members in deterministic encoding). What a key may be is point.ts.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  concat,
  type Digest,
  hexDecode,
  sha256Digest,
} from '@sealroom/bytes';
import { cborDecode, cborEncode } from './cbor.ts';
import { CoseError } from './error.ts';
import { isPoint } from './point.ts';

/** base64url of a deterministic COSE_Key with public members only. */
export type KeyText = string;
export type Curve = 'Ed25519' | 'X25519' | 'P-256';
/** Kinds of keys under which a signature can be verified; those of the last three are of other systems only. */
export type VerifyKind = 'Ed25519' | 'P-256' | 'P-384' | 'P-521' | 'RSA';
export type PublicKey = { readonly curve: Curve; readonly x: Bytes; readonly y?: Bytes };

const KTY_OKP = 1;
const KTY_EC2 = 2;
const CURVES: Record<Curve, { kty: number; crv: number }> = {
  Ed25519: { kty: KTY_OKP, crv: 6 },
  X25519: { kty: KTY_OKP, crv: 4 },
  'P-256': { kty: KTY_EC2, crv: 1 },
};

export function encodeKey(key: PublicKey): KeyText {
  const { kty, crv } = CURVES[key.curve];
  const members = new Map<number, number | Bytes>([
    [1, kty],
    [-1, crv],
    [-2, key.x],
  ]);
  if (key.y) members.set(-3, key.y);
  return base64urlEncode(cborEncode(members));
}

/** @throws cose/bad-key for other curves, extra members, wrong lengths, non-deterministic CBOR, and what is no point */
export function parseKey(text: KeyText): PublicKey {
  const fail = (cause?: unknown) =>
    new CoseError('cose/bad-key', 'Expected a public Ed25519, X25519 or P-256 key (COSE_Key, base64url).', {
      cause,
    });
  let map: unknown;
  try {
    map = cborDecode(base64urlDecode(text));
  } catch (cause) {
    throw fail(cause);
  }
  if (!(map instanceof Map)) throw fail();
  const found = Object.entries(CURVES).find(([, ids]) => ids.kty === map.get(1) && ids.crv === map.get(-1));
  const [x, y] = [map.get(-2), map.get(-3)];
  if (!found || !(x instanceof Uint8Array)) throw fail();
  const curve = found[0] as Curve;
  const key: PublicKey =
    y instanceof Uint8Array
      ? { curve, x: new Uint8Array(x), y: new Uint8Array(y) }
      : { curve, x: new Uint8Array(x) };
  if (!isPoint(curve, key.x, key.y) || encodeKey(key) !== text) throw fail();
  return key;
}

/** COSE Key Thumbprint (RFC 9679): the id of an organisation's root and the `kid` of every key. */
export async function keyThumbprint(text: KeyText): Promise<Digest> {
  parseKey(text);
  return sha256Digest(base64urlDecode(text));
}

/** WebCrypto key for verifying (Ed25519, P-256). */
async function importVerifyKey(key: PublicKey): Promise<CryptoKey> {
  if (key.curve === 'Ed25519') return crypto.subtle.importKey('raw', key.x, 'Ed25519', false, ['verify']);
  if (key.curve !== 'P-256')
    throw new CoseError('cose/wrong-key', 'An X25519 key receives; it cannot verify a signature.');
  const point = concat(Uint8Array.of(4), key.x, key.y ?? new Uint8Array());
  return crypto.subtle.importKey('raw', point, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
}

/** A key for verifying, as `verifySignature` uses it. @throws cose/bad-key · cose/wrong-key */
export function openVerifyKey(text: KeyText): { kind: VerifyKind; handle(): Promise<CryptoKey> } {
  const key = parseKey(text);
  if (key.curve === 'X25519')
    throw new CoseError('cose/wrong-key', 'An X25519 key receives; it cannot verify a signature.');
  return { kind: key.curve, handle: () => importVerifyKey(key) };
}

const PKCS8 = {
  Ed25519: hexDecode('302e020100300506032b657004220420'),
  X25519: hexDecode('302e020100300506032b656e04220420'),
};

/** The public half of a 32-byte Ed25519 or X25519 secret. */
export async function publicKeyOf(curve: 'Ed25519' | 'X25519', secret: Uint8Array): Promise<KeyText> {
  const handle = await importSecret(curve, secret, true);
  const jwk = await crypto.subtle.exportKey('jwk', handle);
  return encodeKey({ curve, x: base64urlDecode(jwk.x ?? '') });
}

/** WebCrypto private key from 32 secret bytes. @throws cose/bad-key */
export async function importSecret(
  curve: 'Ed25519' | 'X25519',
  secret: Uint8Array,
  extractable = false,
): Promise<CryptoKey> {
  if (secret.length !== 32) throw new CoseError('cose/bad-key', 'A secret key of this kind has 32 bytes.');
  const uses: KeyUsage[] = curve === 'Ed25519' ? ['sign'] : ['deriveBits'];
  return crypto.subtle.importKey('pkcs8', concat(PKCS8[curve], secret), curve, extractable, uses);
}
