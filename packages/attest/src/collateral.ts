// Collateral: what vendors publish beside evidence, as files in any names and any order, told apart by their content. Here
// certificates and revocation lists; JSON and XML are kept as they stand for the technology that knows them. Nothing is
// authenticated; a certificate in collateral is never an anchor.
import { type Bytes, hexEncode, sha256, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { AttestError } from './error.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { type Crl, parseCrl } from './x509/crl.ts';
import { readPem } from './x509/pem.ts';

/** A text document of a vendor: TCB info, QE identity, a key set, a reference manifest. */
export type VendorDocument = { readonly name: string; readonly text: string };

export type Collateral = {
  readonly certificates: readonly Certificate[];
  readonly crls: readonly Crl[];
  readonly documents: readonly VendorDocument[];
  /** DER that is neither, such as an OCSP response. */
  readonly others: readonly { readonly name: string; readonly bytes: Bytes }[];
};

export type CollateralFile = { readonly name: string; readonly bytes: Uint8Array };

export const NO_COLLATERAL: Collateral = { certificates: [], crls: [], documents: [], others: [] };
const LARGEST = 16 * 1024 * 1024;
const MOST_FILES = 4096;

type Sorted = {
  certificates: Certificate[];
  crls: Crl[];
  documents: VendorDocument[];
  others: { name: string; bytes: Bytes }[];
};

function tryParse<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AttestError) return undefined;
    throw error;
  }
}

function sortDer(name: string, bytes: Bytes, into: Sorted): void {
  const certificate = tryParse(() => parseCertificate(bytes));
  const crl = certificate ? undefined : tryParse(() => parseCrl(bytes));
  if (certificate) into.certificates.push(certificate);
  else if (crl) into.crls.push(crl);
  else into.others.push({ name, bytes });
}

function sortPem(name: string, text: string, into: Sorted): void {
  for (const { label, bytes } of readPem(text)) {
    if (label === 'CERTIFICATE') into.certificates.push(parseCertificate(bytes));
    else if (label === 'X509 CRL') into.crls.push(parseCrl(bytes));
    else if (label !== 'PUBLIC KEY')
      throw new AttestError(
        'attest/bad-collateral',
        `${JSON.stringify(name)} holds a PEM block that is no certificate or revocation list; remove it.`,
      );
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.some((byte) => byte === 0)) return undefined;
  try {
    return utf8Decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Sorts files by content: PEM and DER certificates and lists, JSON and XML documents.
 * @throws attest/too-large · attest/bad-collateral · attest/malformed · attest/bad-certificate · attest/bad-crl
 */
export function readCollateral(files: Iterable<CollateralFile>): Collateral {
  const sorted: Sorted = { certificates: [], crls: [], documents: [], others: [] };
  let count = 0;
  for (const { name, bytes } of files) {
    count += 1;
    if (bytes.length > LARGEST || count > MOST_FILES)
      throw new AttestError(
        'attest/too-large',
        `${JSON.stringify(name)} is larger than collateral can be, or there are too many files.`,
      );
    const copy = new Uint8Array(bytes);
    const text = copy[0] === 0x30 ? undefined : textOf(copy);
    if (text === undefined) sortDer(name, copy, sorted);
    else if (text.includes('-----BEGIN ') && !/^\s*[{[<]/.test(text)) sortPem(name, text, sorted);
    else sorted.documents.push({ name, text });
  }
  return sorted;
}

/** Both together. */
export function joinCollateral(...parts: readonly Collateral[]): Collateral {
  return {
    certificates: parts.flatMap((part) => part.certificates),
    crls: parts.flatMap((part) => part.crls),
    documents: parts.flatMap((part) => part.documents),
    others: parts.flatMap((part) => part.others),
  };
}

/** The pieces whose bytes were used, by their digests: for whoever is to judge the same later. */
export async function selectCollateral(
  { certificates, crls, documents, others }: Collateral,
  used: readonly { readonly sha256: string; readonly within?: string }[],
): Promise<CollateralFile[]> {
  const all = [
    ...certificates.map(({ der }) => der),
    ...crls.map(({ der }) => der),
    ...documents.map(({ text }) => utf8Encode(text)),
    ...others.map(({ bytes }) => bytes),
  ];
  const wanted = new Set(used.map((use) => use.within ?? use.sha256));
  const selected = new Map<string, CollateralFile>();
  for (const bytes of all) {
    const digest = hexEncode(await sha256(bytes));
    if (wanted.has(digest)) selected.set(digest, { name: digest, bytes });
  }
  return [...selected.values()];
}
