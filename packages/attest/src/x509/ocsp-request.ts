// The question that an OCSP responder is asked about one certificate (RFC 6960 section 4.1): one CertID with SHA-1, as NVIDIA's
// SDK asks and RFC 5019 demands, which names the certificate and protects nothing; unsigned, and without a nonce, so that an
// answer can be kept: how old it may be is its window (decision 104).
import { type Bytes, concat, hexDecode } from '@sealroom/bytes';
import type { Certificate } from './certificate.ts';
import { TAG } from './der.ts';
import { keyBits } from './ocsp.ts';

/** AlgorithmIdentifier of SHA-1, with NULL. */
const SHA1 = hexDecode('300906052b0e03021a0500');

function element(tag: number, ...parts: readonly Bytes[]): Bytes {
  const content = concat(...parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : [0x81, length];
  return concat(new Uint8Array([tag, ...size]), content);
}

async function sha1(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-1', bytes));
}

export async function ocspRequest({ serial }: Certificate, issuer: Certificate): Promise<Bytes> {
  const id = element(
    TAG.sequence,
    SHA1,
    element(TAG.octetString, await sha1(issuer.subject)),
    element(TAG.octetString, await sha1(keyBits(issuer.spki))),
    element(TAG.integer, hexDecode(serial)),
  );
  const list = element(TAG.sequence, element(TAG.sequence, id));
  return element(TAG.sequence, element(TAG.sequence, list));
}
