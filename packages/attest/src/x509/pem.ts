// PEM (RFC 7468) as vendors write it: text before and between blocks is allowed, the Base64 inside is not lenient.
import type { Bytes } from '@sealroom/bytes';
import { AttestError } from '../error.ts';

export type PemBlock = { readonly label: string; readonly bytes: Bytes };

/** Letters, and at the end padding behind a letter whose unused bits are zero. No group is repeated, as the text may be long. */
const BASE64 = /^[A-Za-z0-9+/]*(?:[AQgw]==|[AEIMQUYcgkosw048]=)?$/;

/** Standard Base64 (RFC 4648 section 4) with padding; line breaks are the caller's. @throws attest/malformed */
export function base64Decode(text: string): Bytes {
  if (text.length % 4 !== 0 || !BASE64.test(text))
    throw new AttestError('attest/malformed', 'Expected Base64 with padding.');
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** All blocks, in order; none when there is no PEM. @throws attest/malformed for a block that does not end or decode */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (let at = text.indexOf('-----BEGIN '); at >= 0; at = text.indexOf('-----BEGIN ', at)) {
    const labelEnd = text.indexOf('-----', at + 11);
    const label = labelEnd < 0 ? '' : text.slice(at + 11, labelEnd);
    const footer = `-----END ${label}-----`;
    const end = text.indexOf(footer, labelEnd);
    if (!/^[A-Z0-9 ]{1,40}$/.test(label) || end < 0)
      throw new AttestError('attest/malformed', 'A PEM block has no end.');
    blocks.push({ label, bytes: base64Decode(text.slice(labelEnd + 5, end).replaceAll(/[\r\n\t ]/g, '')) });
    at = end + footer.length;
  }
  return blocks;
}
