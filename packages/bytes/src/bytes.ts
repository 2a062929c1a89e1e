// Bytes as text and back, strictly: every decoder refuses input that does not re-encode to itself.
import { BytesError } from './error.ts';

/** Bytes backed by an ordinary ArrayBuffer, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8Encode(text: string): Bytes {
  return encoder.encode(text);
}

/** @throws bytes/bad-utf8 when the bytes are not well-formed UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BytesError('bytes/bad-utf8', 'Expected UTF-8 text; the bytes are not well-formed UTF-8.');
  }
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Compares in time that depends on the lengths only. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** Whether there is no bit set; of no bytes, true. For public bytes: its time depends on what they are. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

export function hexEncode(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += HEX[byte];
  return out;
}

/** @throws bytes/bad-hex for anything but an even number of lower-case digits. */
export function hexDecode(text: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) {
    throw new BytesError('bytes/bad-hex', 'Expected an even number of lower-case hexadecimal digits.');
  }
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    out[i] = (digitOf(text.charCodeAt(2 * i)) << 4) | digitOf(text.charCodeAt(2 * i + 1));
  }
  return out;
}

/** Of a code that is known to be 0-9 or a-f. */
function digitOf(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Of each character code up to 127, and 64 for what is no letter. */
const VALUES = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = ALPHABET.indexOf(String.fromCharCode(code));
  return value < 0 ? 64 : value;
});

/** Base64url without padding (RFC 4648 section 5). */
export function base64urlEncode(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const left = Math.min(3, bytes.length - i);
    const block = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let k = 0; k <= left; k++) out.push(ALPHABET[(block >> (18 - 6 * k)) & 63] ?? '');
  }
  return out.join('');
}

/** @throws bytes/bad-base64url for padding, foreign letters, impossible lengths and non-zero spare bits. */
export function base64urlDecode(text: string): Bytes {
  const fail = () => new BytesError('bytes/bad-base64url', 'Expected base64url without padding.');
  if (text.length % 4 === 1) throw fail();
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let accumulator = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? 64;
    if (value === 64) throw fail();
    accumulator = ((accumulator << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (accumulator >> bits) & 255;
    }
  }
  if ((accumulator & ((1 << bits) - 1)) !== 0) throw fail();
  return out;
}

export async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...parts)));
}

/** `sha256:` + hex of 32 bytes. */
export function digestString(hash: Uint8Array): Digest {
  if (hash.length !== 32) throw new BytesError('bytes/bad-digest', 'A SHA-256 digest has 32 bytes.');
  return `sha256:${hexEncode(hash)}`;
}

/** The 32 bytes behind `sha256:…`. @throws bytes/bad-digest */
export function digestBytes(digest: string): Bytes {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw new BytesError('bytes/bad-digest', 'Expected `sha256:` and 64 lower-case hexadecimal digits.');
  }
  return hexDecode(digest.slice(7));
}

export async function sha256Digest(...parts: readonly Uint8Array[]): Promise<Digest> {
  return digestString(await sha256(...parts));
}
