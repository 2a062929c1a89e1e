// The strict form of DER (X.690 section 10) that everything signed here must have: definite and shortest lengths, low tag
// numbers, nothing behind the end; integers and booleans in their one form, times as RFC 5280 has them. ASN.1 types come from
// @peculiar/asn1-schema; this looks at their frames, which that library reads as leniently as BER allows, and gives their
// exact bytes. Not checked: the order of SETs, contents of other types.
import type { Bytes } from '@sealroom/bytes';
import { AttestError } from '../error.ts';

/** `bytes` is the whole element, `content` what is in it; both are views. `tag` is the identifier octet. */
export type Element = { readonly tag: number; readonly bytes: Bytes; readonly content: Bytes };

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const DEEPEST = 24;

function malformed(): AttestError {
  return new AttestError('attest/malformed', 'The bytes are not strict DER.');
}

/** The element that begins at `at`. @throws attest/malformed */
function elementAt(bytes: Bytes, at: number): Element {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw malformed();
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4) throw malformed();
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[start + i] ?? Number.NaN);
    const shortest = octets === 1 ? length >= 0x80 : length >= 2 ** (8 * (octets - 1));
    if (!shortest) throw malformed();
    start += octets;
  }
  if (!(start + length <= bytes.length)) throw malformed();
  return { tag, bytes: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) };
}

/** The one element that these bytes are. @throws attest/malformed also when bytes follow */
export function readElement(bytes: Bytes): Element {
  const element = elementAt(bytes, 0);
  if (element.bytes.length !== bytes.length) throw malformed();
  return element;
}

/** The first element of bytes that may be padded, as a TPM's memory gives a certificate. @throws attest/malformed */
export function readFirstElement(bytes: Bytes): Element {
  return elementAt(bytes, 0);
}

/** The elements in a constructed one. @throws attest/malformed */
export function childrenOf({ tag, content }: Element): Element[] {
  if ((tag & 0x20) === 0) throw malformed();
  const children: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const child = elementAt(content, at);
    children.push(child);
    at += child.bytes.length;
  }
  return children;
}

/** Whether a universal type that is not constructed has the one form that DER gives it. */
function isPlain({ tag, content }: Element): boolean {
  const [first, second = 0] = content;
  if (tag === TAG.boolean) return content.length === 1 && (first === 0 || first === 0xff);
  if (tag === TAG.integer || tag === TAG.enumerated) {
    const filled = content.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80);
    return first !== undefined && !filled;
  }
  return tag !== (TAG.sequence & 0x1f) && tag !== (TAG.set & 0x1f);
}

/** Walks everything constructed, which of the universal types only SEQUENCE and SET are. @throws attest/malformed */
export function checkDer(element: Element, depth = 0): void {
  const { tag } = element;
  if (depth > DEEPEST) throw malformed();
  if ((tag & 0x20) === 0) {
    if (!isPlain(element)) throw malformed();
    return;
  }
  if (tag < 0x40 && tag !== TAG.sequence && tag !== TAG.set) throw malformed();
  for (const child of childrenOf(element)) checkDer(child, depth + 1);
}

/** Milliseconds since 1970 of a time as RFC 5280 section 4.1.2.5 has it: to the second, in UTC. @throws attest/malformed */
export function timeOf({ tag, content }: Element): number {
  const text = String.fromCharCode(...content.subarray(0, 16));
  const short = tag === TAG.utcTime;
  const [, year, month, day, hour, minute, second] =
    /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if ((!short && tag !== TAG.generalizedTime) || year?.length !== (short ? 2 : 4)) throw malformed();
  const century = short ? (year < '50' ? '20' : '19') : '';
  const iso = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const at = Date.parse(iso);
  if (Number.isNaN(at) || new Date(at).toISOString() !== iso) throw malformed();
  return at;
}

/** A non-negative INTEGER of at most six bytes. @throws attest/malformed */
export function smallInteger({ tag, content }: Element): number {
  const [first = 0x80, second = 0x80] = content;
  const shortest = content.length === 1 || first !== 0 || second >= 0x80;
  if (tag !== TAG.integer || content.length > 7 || first >= 0x80 || !shortest) throw malformed();
  return content.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** An ASCII string type (PrintableString, IA5String, UTF8String) as text. @throws attest/malformed */
export function asciiText({ tag, content }: Element): string {
  const texts: readonly number[] = [TAG.ia5String, TAG.printableString, TAG.utf8String];
  if (!texts.includes(tag) || content.some((byte) => byte < 0x20 || byte > 0x7e)) throw malformed();
  return String.fromCharCode(...content);
}

/** Dotted decimal of an OBJECT IDENTIFIER. @throws attest/malformed */
export function oidText({ tag, content }: Element): string {
  const arcs: number[] = [];
  let value = 0;
  let fresh = true;
  for (const byte of content) {
    if ((fresh && byte === 0x80) || value > 2 ** 45) throw malformed();
    value = value * 128 + (byte & 0x7f);
    fresh = byte < 0x80;
    if (!fresh) continue;
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(value / 40));
      arcs.push(root, value - 40 * root);
    } else arcs.push(value);
    value = 0;
  }
  if (tag !== TAG.oid || arcs.length === 0 || !fresh) throw malformed();
  return arcs.join('.');
}
