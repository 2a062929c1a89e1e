// Wrapped content-encryption keys (protocol.md section 2): RSA-OAEP (RFC 8017 section 7.1) with SHA-256, MGF1-SHA-256
// and the empty label, as `openssl pkeyutl` makes them. A WCEK is the bare RSA ciphertext. Not checked here: who
// published the KEK, and whether the modulus was well made.
import { type Bytes, bytesEqual, type Digest, sha256Digest, utf8Decode } from '@sealroom/bytes';
import { SealError } from './error.ts';

const OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' } as const;
const SMALLEST_BITS = 3072;
const LARGEST_BITS = 8192;
const CEK_LENGTH = 32;

/** The public half of a key-encryption key; `fingerprint` is SHA-256 of its SPKI. */
export type Kek = {
  readonly key: CryptoKey;
  readonly der: Bytes;
  readonly bits: number;
  readonly fingerprint: Digest;
};

function derOf(input: Bytes): Bytes {
  if (input[0] !== 0x2d) return input;
  try {
    const lines =
      /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----(?:\r?\n)*$/.exec(
        utf8Decode(input),
      );
    return Uint8Array.from(atob((lines?.[1] ?? '?').replaceAll(/[\r\n]/g, '')), (c) => c.charCodeAt(0));
  } catch (cause) {
    throw new SealError('seal/bad-kek', 'Expected one PEM block that begins "BEGIN PUBLIC KEY".', { cause });
  }
}

function checkRsa(key: CryptoKey): number {
  const { modulusLength, publicExponent } = key.algorithm as RsaHashedKeyAlgorithm;
  if (modulusLength < SMALLEST_BITS) {
    throw new SealError(
      'seal/kek-too-small',
      `The RSA key has ${modulusLength} bits; use one of at least ${SMALLEST_BITS}, better 4096.`,
    );
  }
  const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (modulusLength > LARGEST_BITS || exponent !== 65537) {
    throw new SealError(
      'seal/bad-kek',
      `Expected an RSA key of at most ${LARGEST_BITS} bits with exponent 65537.`,
    );
  }
  return modulusLength;
}

/**
 * Reads the public half of a KEK: SubjectPublicKeyInfo as DER or PEM.
 * @throws seal/bad-kek for anything but one RSA key in DER · seal/kek-too-small under 3072 bits
 */
export async function importKek(input: Bytes): Promise<Kek> {
  const der = derOf(input);
  let key: CryptoKey;
  let again: Bytes;
  try {
    key = await crypto.subtle.importKey('spki', der, OAEP, true, ['encrypt']);
    again = new Uint8Array(await crypto.subtle.exportKey('spki', key));
  } catch (cause) {
    throw new SealError(
      'seal/bad-kek',
      'The file is not an RSA public key (SubjectPublicKeyInfo, DER or PEM).',
      { cause },
    );
  }
  if (!bytesEqual(der, again)) {
    throw new SealError('seal/bad-kek', 'The public key is not in DER, or bytes follow its end.');
  }
  return { key, der: again, bits: checkRsa(key), fingerprint: await sha256Digest(again) };
}

/** Reads the private half of a KEK (PKCS#8 DER); the handle cannot be exported again. @throws seal/bad-kek · seal/kek-too-small */
export async function importKekSecret(pkcs8: Bytes): Promise<CryptoKey> {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey('pkcs8', pkcs8, OAEP, false, ['decrypt']);
  } catch (cause) {
    throw new SealError('seal/bad-kek', 'The bytes are not an RSA private key (PKCS#8 DER).', { cause });
  }
  checkRsa(key);
  return key;
}

/** A fresh RSA-4096 pair: SPKI DER and PKCS#8 DER. Takes a tenth of a second to some seconds. */
export async function generateKekPair(): Promise<{ publicDer: Bytes; privatePkcs8: Bytes }> {
  const pair = await crypto.subtle.generateKey(
    { ...OAEP, modulusLength: 4096, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ['encrypt', 'decrypt'],
  );
  return {
    publicDer: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    privatePkcs8: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
  };
}

/**
 * The WCEK: as many bytes as the KEK's modulus.
 * @throws seal/bad-key when the CEK is not 32 bytes · seal/bad-kek when the modulus is none that anything can be wrapped with
 */
export async function wrapKey(kek: Kek, cek: Bytes): Promise<Bytes> {
  if (cek.length !== CEK_LENGTH) {
    throw new SealError(
      'seal/bad-key',
      `A content-encryption key has 32 bytes; this one has ${cek.length}. A key file holds raw bytes, no text.`,
    );
  }
  try {
    return new Uint8Array(await crypto.subtle.encrypt(OAEP, kek.key, cek));
  } catch (cause) {
    throw new SealError('seal/bad-kek', 'Nothing can be wrapped with this key; ask for another one.', {
      cause,
    });
  }
}

/** OAEP decryption; undefined for whatever fails, also a ciphertext of another length than the modulus. */
export async function oaepDecrypt(key: CryptoKey, ciphertext: Uint8Array): Promise<Bytes | undefined> {
  const length = Math.ceil((key.algorithm as RsaHashedKeyAlgorithm).modulusLength / 8);
  // A ciphertext of the wrong length costs a decryption too (of the number 2), so that time does not tell it apart.
  const input = new Uint8Array(length).fill(2, length - 1);
  const fits = ciphertext.length === length;
  if (fits) input.set(ciphertext);
  try {
    const plaintext = new Uint8Array(await crypto.subtle.decrypt(OAEP, key, input));
    return fits ? plaintext : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The CEK in a WCEK. Every failure (padding, length of the input, length of what it holds) is the same error.
 * @throws seal/unwrap-failed
 */
export async function unwrapKey(privateKey: CryptoKey, wcek: Uint8Array): Promise<Bytes> {
  const cek = await oaepDecrypt(privateKey, wcek);
  if (cek?.length === CEK_LENGTH) return cek;
  throw new SealError(
    'seal/unwrap-failed',
    'The wrapped key does not open. Wrap the 32-byte key again for this KEK (RSA-OAEP, SHA-256, MGF1-SHA-256).',
  );
}
