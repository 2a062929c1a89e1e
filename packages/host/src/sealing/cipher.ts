// The segment cipher through node:crypto, for servers: about the same speed as WebCrypto alone, but usable from workers
// without a promise a segment. Format: packages/seal/src/segment.ts.
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Bytes } from '@sealroom/bytes';
import { associatedDataFor, type SegmentCipher, TAG_LENGTH } from '@sealroom/seal';

function cipherName(key: Uint8Array): 'aes-128-gcm' | 'aes-256-gcm' {
  return key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}

/** `deriveSegmentKey` of @sealroom/seal without its promise, of which ten thousand small files would need as many. */
export function segmentKeySync(key: KeyObject, path: string, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, associatedDataFor(path), 32));
}

/** Ciphertext and tag, apart so that they need not be copied together. */
export function sealSync(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): [Buffer, Buffer] {
  // A key object: with raw bytes the making of the cipher takes as long as sealing 40 KB.
  const cipher = createCipheriv(cipherName(key), createSecretKey(key), nonce);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}

/** The plaintext, or undefined when the tag does not match. `sealed` is the ciphertext and its 16-byte tag. */
export function openSync(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const end = sealed.length - TAG_LENGTH;
  if (end < 0) return undefined;
  const decipher = createDecipheriv(cipherName(key), createSecretKey(key), nonce, {
    authTagLength: TAG_LENGTH,
  });
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

/**
 * Gives a large buffer's memory back at once. Left to the collector, which sees only small objects, a thread that seals
 * hundreds of segments a second holds on to hundreds of MiB.
 */
export function release(buffer: Uint8Array): void {
  const whole = buffer.buffer;
  if (whole instanceof ArrayBuffer && whole.byteLength === buffer.length && buffer.length > 65_536) {
    whole.transfer(0);
  }
}

/** The memory of bytes that have one of their own, which can move between threads instead of being copied. */
export function transferable(bytes: Uint8Array): ArrayBuffer[] {
  const whole = bytes.buffer;
  return whole instanceof ArrayBuffer && whole.byteLength === bytes.length ? [whole] : [];
}

function bytesOf(...parts: readonly Buffer[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Give this to `sealBytes`, `openBytes` … of @sealroom/seal in place of their WebCrypto default. */
export const nodeSegmentCipher: SegmentCipher = {
  load: async (key) => ({
    seal: async (nonce, plaintext) => bytesOf(...sealSync(key, nonce, plaintext)),
    open: async (nonce, sealed) => {
      const plaintext = openSync(key, nonce, sealed);
      return plaintext && bytesOf(plaintext);
    },
  }),
};
