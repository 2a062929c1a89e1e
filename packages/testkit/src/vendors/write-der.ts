// A writer of DER (X.690) for fake vendors: just what certificates and revocation lists need.
import { type Bytes, concat, hexDecode, utf8Encode } from '@sealroom/bytes';

/** One element of this identifier octet. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const content = concat(...parts);
  const { length } = content;
  if (length < 0x80) return concat(new Uint8Array([tag, length]), content);
  const digits = length.toString(16);
  const octets = hexDecode(digits.length % 2 === 0 ? digits : `0${digits}`);
  return concat(new Uint8Array([tag, 0x80 | octets.length]), octets, content);
}

export function derSequence(...parts: readonly Uint8Array[]): Bytes {
  return der(0x30, ...parts);
}

/** Of a whole number that is not negative. */
export function derInteger(value: bigint | number): Bytes {
  const digits = value.toString(16);
  const bytes = hexDecode(digits.length % 2 === 0 ? digits : `0${digits}`);
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? concat(new Uint8Array(1), bytes) : bytes);
}

export function derOid(text: string): Bytes {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left % 128) + 128);
    octets.push(...septets);
  }
  return der(0x06, new Uint8Array(octets));
}

export function derUtf8(text: string): Bytes {
  return der(0x0c, utf8Encode(text));
}

export function derIa5(text: string): Bytes {
  return der(0x16, utf8Encode(text));
}

export function derOctets(bytes: Uint8Array): Bytes {
  return der(0x04, bytes);
}

export function derBits(bytes: Uint8Array, unused = 0): Bytes {
  return der(0x03, new Uint8Array([unused]), bytes);
}

/** UTCTime until 2049, as RFC 5280 wants it, and GeneralizedTime after. @param at milliseconds since 1970 */
export function derTime(at: number): Bytes {
  const text = new Date(at).toISOString().replaceAll(/[-T:]|\.\d+/g, '');
  return text < '2050' ? der(0x17, utf8Encode(text.slice(2))) : der(0x18, utf8Encode(text));
}
