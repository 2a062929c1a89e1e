// Evidence as people keep it in files: the technology's own bytes, or those as hexadecimal or Base64 text. Told apart by
// what the technologies say of the bytes; nothing is authenticated.
import { base64urlEncode, type Bytes, hexDecode, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { AttestError } from './error.ts';
import { detectTechnologies } from './technology.ts';
import type { AnyEvidence } from './types.ts';
import { base64Decode } from './x509/pem.ts';

const LARGEST = 4 * 1024 * 1024;

function asciiOf(bytes: Uint8Array): string | undefined {
  if (bytes.some((byte) => byte > 0x7e)) return undefined;
  return utf8Decode(bytes).trim();
}

/** A loop and no expression: one that looks for the end from each sign takes the square of the time. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (text[end - 1] === '=') end -= 1;
  return text.slice(0, end);
}

/** The bytes themselves, and what they are when they are read as text. */
function readings(bytes: Bytes): Bytes[] {
  const found = [bytes];
  const ascii = asciiOf(bytes);
  const text = ascii?.replaceAll(/\s+/g, '');
  if (ascii === undefined || text === undefined || text === '') return found;
  // A token in a file often has a line's end behind it.
  if (ascii.length < bytes.length) found.push(utf8Encode(ascii));
  const digits = /^(?:0[xX])?((?:[0-9a-fA-F]{2})+)$/.exec(text)?.[1];
  if (digits !== undefined) found.push(hexDecode(digits.toLowerCase()));
  try {
    const standard = withoutPadding(text.replaceAll('-', '+').replaceAll('_', '/'));
    found.push(base64Decode(standard.padEnd(Math.ceil(standard.length / 4) * 4, '=')));
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
  }
  return found;
}

/**
 * What a file may be, the likeliest first; more than one when several technologies have the same form.
 * @throws attest/too-large · attest/unknown-technology
 */
export function readEvidenceFile(file: Uint8Array): AnyEvidence[] {
  if (file.length > LARGEST)
    throw new AttestError('attest/too-large', 'The file is larger than evidence can be.');
  for (const bytes of readings(new Uint8Array(file))) {
    const technologies = detectTechnologies(bytes);
    if (technologies.length > 0)
      return technologies.map((technology) => ({ technology, body: base64urlEncode(bytes) }));
  }
  throw new AttestError(
    'attest/unknown-technology',
    'This is no evidence that is known here. Give the report, quote, document or token itself.',
  );
}
