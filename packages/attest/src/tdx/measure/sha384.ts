// SHA-384 and registers that are extended with it.
import { type Bytes, concat, utf8Encode } from '@sealroom/bytes';

export async function sha384(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-384', concat(...parts)));
}

/** What a register holds that started as zeros and was extended with these digests. */
export async function replay(digests: readonly Uint8Array[]): Promise<Bytes> {
  let register = new Uint8Array(48);
  for (const digest of digests) register = await sha384(register, digest);
  return register;
}

/** UTF-16, little-endian. */
export function utf16Encode(text: string): Bytes {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 0xff;
    bytes[2 * i + 1] = unit >> 8;
  }
  return bytes;
}

/** An unsigned integer of so many bytes, little-endian. */
export function little(value: number, length: number): Bytes {
  const bytes = new Uint8Array(length);
  let left = value;
  for (let i = 0; i < length; i++) {
    bytes[i] = left % 256;
    left = Math.floor(left / 256);
  }
  return bytes;
}

export const ascii = utf8Encode;
