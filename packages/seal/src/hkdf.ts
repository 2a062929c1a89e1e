// HKDF (RFC 5869) through WebCrypto. Not checked here: that the input key has enough entropy.
import type { Bytes } from '@sealroom/bytes';

export type HkdfHash = 'SHA-1' | 'SHA-256' | 'SHA-512';

/**
 * HKDF-Extract and -Expand. No salt means a salt of no bytes.
 * @param length wanted output in bytes, at most 255 times the hash's length (WebCrypto throws beyond that).
 */
export async function hkdf(
  { key, salt, info, hash = 'SHA-256' }: { key: Bytes; salt?: Bytes; info: Bytes; hash?: HkdfHash },
  length: number,
): Promise<Bytes> {
  const handle = await crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash, salt: salt ?? new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, handle, length * 8));
}
