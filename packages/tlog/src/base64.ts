// Standard base64 with padding (RFC 4648 section 4), which notes and proofs use; strict, as everywhere.
import { base64urlDecode, base64urlEncode, type Bytes } from '@sealroom/bytes';

export function base64Encode(bytes: Uint8Array): string {
  const text = base64urlEncode(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** The bytes, or undefined when the text is not the one base64 form of them. */
export function base64Decode(text: string): Bytes | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bare = text.replace(/=+$/, '');
  if (Math.ceil(bare.length / 4) * 4 !== text.length) return undefined;
  try {
    return base64urlDecode(bare.replaceAll('+', '-').replaceAll('/', '_'));
  } catch {
    return undefined;
  }
}
