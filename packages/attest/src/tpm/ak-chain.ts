// The certificate chain of an attestation key (TCG AK certificate): read as a TPM's memory or a vendor gives it, and held
// against pinned roots. A chain alone says that a vendor knows the key; it says nothing of what runs.
import { type Bytes, bytesEqual } from '@sealroom/bytes';
import { type Checks, noteChain, noteRevocation, type Revocation, usedCertificates } from '../checks.ts';
import { AttestError } from '../error.ts';
import type { CollateralUse, Context } from '../types.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { childrenOf, oidText, readElement, readFirstElement } from '../x509/der.ts';
import { readPem } from '../x509/pem.ts';

/** Vendors that certify attestation keys. Microsoft's certificates always say that they are of such a key. */
export const AK_VENDORS = ['google-tpm', 'microsoft-tpm'] as const;
export type AkVendor = (typeof AK_VENDORS)[number];

const EXTENDED_KEY_USAGE = '2.5.29.37';
const AK_CERTIFICATE = '2.23.133.8.3';
const LARGEST = 64 * 1024;
const MOST = 8;

/**
 * One DER certificate as a TPM's memory holds it: zeros may follow its end, and nothing else.
 * @throws attest/malformed · attest/bad-certificate · attest/too-large
 */
export function readPaddedCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'A certificate is larger than the memory of a TPM.');
  const copy: Bytes = new Uint8Array(bytes);
  const der = readFirstElement(copy).bytes;
  if (copy.subarray(der.length).some((byte) => byte !== 0))
    throw new AttestError('attest/malformed', 'Something other than zeros follows the certificate.');
  return parseCertificate(der);
}

/**
 * A file of certificates, PEM or one DER, the leaf first; each may be padded.
 * @throws attest/malformed · attest/bad-certificate · attest/too-large
 */
export function readAkCertificates(bytes: Uint8Array): readonly Certificate[] {
  if (bytes.length > MOST * LARGEST)
    throw new AttestError('attest/too-large', 'The certificates are larger than any chain.');
  if (bytes[0] === 0x30) return [readPaddedCertificate(bytes)];
  // Certificates as PEM stand inside other evidence too, which is no text.
  const isText = bytes.every((byte) => byte < 0x7f && byte !== 0);
  const blocks = isText ? readPem(latin(bytes)) : [];
  if (blocks.length === 0 || blocks.length > MOST || blocks.some(({ label }) => label !== 'CERTIFICATE'))
    throw new AttestError('attest/malformed', 'The file is not one to eight certificates.');
  return blocks.map((block) => readPaddedCertificate(block.bytes));
}

function latin(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function purposesOf(certificate: Certificate): readonly string[] | undefined {
  const found = certificate.extensions.get(EXTENDED_KEY_USAGE);
  if (!found) return undefined;
  try {
    return childrenOf(readElement(found.value)).map(oidText);
  } catch (error) {
    if (error instanceof AttestError) return [];
    throw error;
  }
}

/** Whether a certificate is of a key that signs, is of no authority, and says no other purpose than attestation. */
export function isAkCertificate(certificate: Certificate): boolean {
  const purposes = purposesOf(certificate);
  const signs = certificate.keyUsage?.digitalSignature === true && !certificate.keyUsage.certSign;
  return signs && !certificate.ca && (purposes === undefined || purposes.includes(AK_CERTIFICATE));
}

export type AkChainOptions = {
  readonly vendors: readonly AkVendor[];
  readonly revocation: Revocation;
  readonly context: Context;
};

/**
 * Notes whether the first certificate is of an attestation key and leads to a root that one of the vendors has pinned, at
 * the context's time, and whether any certificate of the path is revoked. Never throws for bad certificates.
 */
export async function verifyAkChain(
  checks: Checks,
  [leaf, ...others]: readonly Certificate[],
  { vendors, revocation, context }: AkChainOptions,
): Promise<{ readonly good: boolean; readonly used: readonly CollateralUse[] }> {
  const { at, collateral, roots } = context;
  if (!leaf) {
    checks.check('ak-chain', 'authentic', false, 'there is no certificate of an attestation key');
    return { good: false, used: [] };
  }
  const anchors = vendors.flatMap((vendor) => roots[vendor] ?? []);
  const intermediates = [...others, ...collateral.certificates];
  const chain = await verifyChain(leaf, { intermediates, anchors, at });
  const trusted = noteChain(checks, chain, 'ak-chain');
  const anchor = chain.path.at(-1);
  const microsoft = (roots['microsoft-tpm'] ?? []).some(
    ({ spki }) => anchor && bytesEqual(spki, anchor.spki),
  );
  const purposes = purposesOf(leaf);
  const meant = checks.check(
    'ak-usage',
    'authentic',
    chain.path.length > 1 && isAkCertificate(leaf) && (purposes !== undefined || !microsoft),
    'the certificate is that of an attestation key',
  );
  if (!trusted) return { good: false, used: [] };
  const crls = await noteRevocation(checks, chain.path, { crls: collateral.crls, at, policy: revocation });
  return { good: meant, used: [...(await usedCertificates(chain.path)), ...crls] };
}
