// Signatures of vendors: the algorithms that AMD, Intel, Amazon, Microsoft, Google and NVIDIA sign certificates and evidence
// with, and no other. RSASSA-PSS (RFC 4055) has one hash for message and mask and a salt as long as it; ECDSA (RFC 5758,
// RFC 5480) named curves only. Keys: RSA of 2048 to 8192 bits with exponent 65537, P-256, P-384, P-521.
import { type Bytes, bytesEqual, concat, hexDecode } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { childrenOf, type Element, oidText, readElement, smallInteger, TAG } from './der.ts';

export type Hash = 'SHA-256' | 'SHA-384' | 'SHA-512';
export type Scheme = { readonly kind: 'PSS' | 'PKCS1' | 'ECDSA'; readonly hash: Hash };

const SCHEMES: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.11': { kind: 'PKCS1', hash: 'SHA-256' },
  '1.2.840.113549.1.1.12': { kind: 'PKCS1', hash: 'SHA-384' },
  '1.2.840.113549.1.1.13': { kind: 'PKCS1', hash: 'SHA-512' },
  '1.2.840.10045.4.3.2': { kind: 'ECDSA', hash: 'SHA-256' },
  '1.2.840.10045.4.3.3': { kind: 'ECDSA', hash: 'SHA-384' },
  '1.2.840.10045.4.3.4': { kind: 'ECDSA', hash: 'SHA-512' },
};
const PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const HASHES: Readonly<Record<string, Hash>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
};
const HASH_LENGTH: Readonly<Record<Hash, number>> = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 };

function unsupported(): AttestError {
  return new AttestError('attest/bad-certificate', 'No vendor signs with this algorithm or its parameters.');
}

function hashOf(identifier: Element | undefined): Hash {
  const oid = identifier && childrenOf(identifier)[0];
  const hash = oid && HASHES[oidText(oid)];
  if (!hash) throw unsupported();
  return hash;
}

/** [0] hash, [1] mask generation, [2] salt length, [3] trailer field, which may be written although it is the default. */
function pssScheme(parameters: Element | undefined): Scheme {
  const fields = new Map(
    (parameters ? childrenOf(parameters) : []).map((field) => [field.tag, childrenOf(field)[0]]),
  );
  const hash = hashOf(fields.get(0xa0));
  const mask = fields.get(0xa1);
  const [maskOid, maskHash] = mask ? childrenOf(mask) : [];
  const salt = fields.get(0xa2);
  const trailer = fields.get(0xa3);
  const good =
    maskOid !== undefined &&
    oidText(maskOid) === MGF1 &&
    hashOf(maskHash) === hash &&
    salt !== undefined &&
    smallInteger(salt) === HASH_LENGTH[hash] &&
    (trailer === undefined || smallInteger(trailer) === 1);
  if (!good) throw unsupported();
  return { kind: 'PSS', hash };
}

/** The scheme that an AlgorithmIdentifier names. @throws attest/bad-certificate · attest/malformed */
export function schemeOf(identifier: Element): Scheme {
  const [oid, parameters] = childrenOf(identifier);
  if (!oid) throw unsupported();
  const name = oidText(oid);
  const scheme = name === PSS ? pssScheme(parameters) : SCHEMES[name];
  if (!scheme) throw unsupported();
  return scheme;
}

const CURVES: readonly { curve: string; size: number; prefix: Bytes }[] = [
  { curve: 'P-256', size: 32, prefix: hexDecode('3059301306072a8648ce3d020106082a8648ce3d03010703420004') },
  { curve: 'P-384', size: 48, prefix: hexDecode('3076301006072a8648ce3d020106052b8104002203620004') },
  { curve: 'P-521', size: 66, prefix: hexDecode('30819b301006072a8648ce3d020106052b810400230381860004') },
];
const RSA_IDENTIFIER = hexDecode('300d06092a864886f70d0101010500');

/** Which curve a SubjectPublicKeyInfo is of; undefined for RSA. @throws attest/bad-certificate for any other key */
export function curveOf(spki: Bytes): { curve: string; size: number } | undefined {
  const found = CURVES.find(
    ({ prefix, size }) =>
      spki.length === prefix.length + 2 * size && bytesEqual(spki.subarray(0, prefix.length), prefix),
  );
  if (found) return found;
  // 30 82 hh ll, the only form that the length of a modulus of 2048 bits or more has.
  if (bytesEqual(spki.subarray(4, 4 + RSA_IDENTIFIER.length), RSA_IDENTIFIER)) return undefined;
  throw new AttestError(
    'attest/bad-certificate',
    'A key is neither RSA nor on one of the curves P-256, P-384 and P-521.',
  );
}

/** SubjectPublicKeyInfo of an uncompressed point without its leading 04. @throws attest/malformed */
export function spkiOfPoint(curve: 'P-256' | 'P-384', point: Uint8Array): Bytes {
  const found = CURVES.find((one) => one.curve === curve);
  if (!found || point.length !== 2 * found.size)
    throw new AttestError('attest/malformed', 'The point does not have the length of its curve.');
  return concat(found.prefix, point);
}

/** SubjectPublicKeyInfo of an RSA key with exponent 65537, of a modulus of 256 to 8191 bytes. @throws attest/malformed */
export function spkiOfRsa(modulus: Uint8Array): Bytes {
  const sign = (modulus[0] ?? 0) >= 0x80 ? [0] : [];
  if (modulus.length < 256 || modulus.length > 8191 || modulus[0] === 0)
    throw new AttestError('attest/malformed', 'The modulus does not have a length that RSA keys have.');
  const long = (tag: number, ...parts: readonly Uint8Array[]) => {
    const content = concat(...parts);
    return concat(new Uint8Array([tag, 0x82, content.length >> 8, content.length & 0xff]), content);
  };
  const integer = long(TAG.integer, new Uint8Array(sign), modulus);
  const key = long(TAG.sequence, integer, hexDecode('0203010001'));
  return long(TAG.sequence, RSA_IDENTIFIER, long(TAG.bitString, new Uint8Array([0]), key));
}

/** r and s as DER has them, as fixed-length big-endian values. @throws attest/malformed */
export function rawSignature(der: Bytes, size: number): Bytes {
  const whole = readElement(der);
  const parts = childrenOf(whole);
  const raw = new Uint8Array(2 * size);
  if (whole.tag !== TAG.sequence || parts.length !== 2)
    throw new AttestError('attest/malformed', 'An ECDSA signature has two integers.');
  for (const [index, { tag, content }] of parts.entries()) {
    const padded = content[0] === 0 && content.length > 1;
    const digits = padded ? content.subarray(1) : content;
    const shortest = padded ? (digits[0] ?? 0) >= 0x80 : (content[0] ?? 0x80) < 0x80;
    if (tag !== TAG.integer || !shortest || digits.length > size)
      throw new AttestError('attest/malformed', 'An integer of the ECDSA signature is malformed.');
    raw.set(digits, (index + 1) * size - digits.length);
  }
  return raw;
}

async function importKey(spki: Bytes, { kind, hash }: Scheme): Promise<CryptoKey> {
  const found = curveOf(spki);
  if ((kind === 'ECDSA') !== (found !== undefined)) throw unsupported();
  const name = kind === 'PSS' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5';
  const parameters = found ? { name: 'ECDSA', namedCurve: found.curve } : { name, hash };
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey('spki', spki, parameters, true, ['verify']);
  } catch (cause) {
    throw new AttestError('attest/bad-certificate', 'A public key is not well-formed.', { cause });
  }
  if (!found) {
    const { modulusLength, publicExponent } = key.algorithm as RsaHashedKeyAlgorithm;
    const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
    if (modulusLength < 2048 || modulusLength > 8192 || exponent !== 65_537)
      throw new AttestError('attest/bad-certificate', 'An RSA key is too short, too long or odd.');
  }
  return key;
}

/** Imported keys by the bytes that hold them, so that a certificate that is kept is imported once. */
const imported = new WeakMap<Bytes, Map<string, Promise<CryptoKey>>>();

async function keyOf(spki: Bytes, scheme: Scheme): Promise<CryptoKey> {
  const name = `${scheme.kind} ${scheme.hash}`;
  const keys = imported.get(spki) ?? new Map<string, Promise<CryptoKey>>();
  imported.set(spki, keys);
  const key = keys.get(name) ?? importKey(spki, scheme);
  keys.set(name, key);
  return key;
}

/**
 * Whether the holder of this key signed the message. ECDSA signatures are r and s of the curve's length, one after the
 * other. @throws attest/bad-certificate when the key is not well-formed or not of the scheme's kind
 */
export async function isSignedBy(
  spki: Bytes,
  scheme: Scheme,
  { message, signature }: { message: Bytes; signature: Bytes },
): Promise<boolean> {
  const key = await keyOf(spki, scheme);
  const { kind, hash } = scheme;
  if (kind === 'ECDSA') return crypto.subtle.verify({ name: 'ECDSA', hash }, key, signature, message);
  const parameters =
    kind === 'PSS' ? { name: 'RSA-PSS', saltLength: HASH_LENGTH[hash] } : { name: 'RSASSA-PKCS1-v1_5' };
  return crypto.subtle.verify(parameters, key, signature, message);
}

/** As {@link isSignedBy}; but a key that is not well-formed, or of another kind than the scheme's, has signed nothing. */
export async function hasSigned(
  spki: Bytes,
  scheme: Scheme,
  what: { message: Bytes; signature: Bytes },
): Promise<boolean> {
  try {
    return await isSignedBy(spki, scheme, what);
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}
