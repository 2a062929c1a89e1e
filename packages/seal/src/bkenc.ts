// Files that EscrowAI's tools made (format `bkenc`), read only:
//   "Salted__" ‖ salt(8) ‖ AES-256-GCM ciphertext ‖ tag(16)
//   key(32) ‖ nonce(12) = PBKDF2-HMAC-SHA256(password = the raw CEK, salt, 10 000 rounds)
// Nothing ties such a file to its name, and two files with one salt share key and nonce: give all salts to `checkSalts`.
// The whole file is authenticated before its first byte is given out.
import { type Bytes, bytesEqual, utf8Encode } from '@sealroom/bytes';
import { SealError } from './error.ts';

const MAGIC = utf8Encode('Salted__');
const SALT_END = 16;
const TAG_LENGTH = 16;

function check(bytes: Uint8Array): void {
  if (bytes.length < SALT_END + TAG_LENGTH || !bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC)) {
    throw new SealError(
      'seal/bkenc-malformed',
      'The file is not a whole EscrowAI file ("Salted__" and 24 bytes).',
    );
  }
}

/** The 8-byte salt of an EscrowAI file. @throws seal/bkenc-malformed */
export function bkencSalt(bytes: Uint8Array): Bytes {
  check(bytes);
  return new Uint8Array(bytes.slice(MAGIC.length, SALT_END));
}

/** PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2). @param length wanted output in bytes */
export async function pbkdf2(
  { password, salt, iterations }: { password: Bytes; salt: Bytes; iterations: number },
  length: number,
): Promise<Bytes> {
  const handle = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, handle, length * 8));
}

/** Bytes that an EscrowAI file has before its ciphertext ("Salted__" and the salt), and behind it (the tag). */
export const BKENC_HEADER = SALT_END;
export const BKENC_TAG = TAG_LENGTH;

/** Key (32 bytes) and nonce (12) of a file with this salt: one pair for all files that share it. @throws seal/bad-key */
export async function bkencKey(
  cek: Bytes,
  salt: Bytes,
): Promise<{ readonly key: Bytes; readonly nonce: Bytes }> {
  if (cek.length !== 32) throw new SealError('seal/bad-key', 'A content-encryption key has 32 raw bytes.');
  const password = await crypto.subtle.importKey('raw', cek, 'PBKDF2', false, ['deriveBits']);
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 10_000 };
  const derived = new Uint8Array(await crypto.subtle.deriveBits(parameters, password, 44 * 8));
  return { key: derived.slice(0, 32), nonce: derived.slice(32) };
}

/** Why a file whose tag does not match was not opened. */
export function bkencFailure(cause?: unknown): SealError {
  return new SealError('seal/not-authentic', 'The file was altered or sealed with another key.', { cause });
}

/** The plaintext of an EscrowAI file. @throws seal/bkenc-malformed · seal/bad-key · seal/not-authentic */
export async function openBkenc(cek: Bytes, bytes: Bytes): Promise<Bytes> {
  check(bytes);
  const { key: raw, nonce } = await bkencKey(cek, bkencSalt(bytes));
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
  try {
    const parameters = { name: 'AES-GCM', iv: nonce };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, bytes.subarray(SALT_END)));
  } catch (cause) {
    throw bkencFailure(cause);
  }
}
