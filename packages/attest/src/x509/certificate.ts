// X.509 certificates (RFC 5280) as attestation uses them: version 3, strict DER, the algorithms of signature.ts, each
// extension once. Parsed by @peculiar/asn1-x509; the signed bytes and names are compared as they stand. Nothing here is
// authenticated: see chain.ts.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { AsnParser } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate as AsnCertificate,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  type Name,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import { AttestError } from '../error.ts';
import { checkDer, childrenOf, type Element, readElement, TAG, timeOf } from './der.ts';
import { curveOf, type Scheme, schemeOf } from './signature.ts';

export type Extension = { readonly critical: boolean; readonly value: Bytes };

/** Times are milliseconds since 1970. `issuer` and `subject` are DER; `serial` is the INTEGER's content in hexadecimal. */
export type Certificate = {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly serial: string;
  readonly issuer: Bytes;
  readonly subject: Bytes;
  /** The subject's common name, organisation and so on by OID; an attribute that stands twice is left out. */
  readonly subjectNames: ReadonlyMap<string, string>;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Bytes;
  readonly scheme: Scheme;
  /** As the certificate holds it; r and s of ECDSA in DER. */
  readonly signature: Bytes;
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  /** Bits of RFC 5280 section 4.2.1.3; undefined when the extension is absent. */
  readonly keyUsage:
    | { readonly certSign: boolean; readonly crlSign: boolean; readonly digitalSignature: boolean }
    | undefined;
  readonly subjectKeyId: Bytes | undefined;
  readonly authorityKeyId: Bytes | undefined;
};

export const NAME = { commonName: '2.5.4.3', organization: '2.5.4.10', unit: '2.5.4.11' } as const;
const LARGEST = 64 * 1024;

/** Extensions that chain.ts and the technologies act on; any other that is critical makes a certificate unusable. */
export const HANDLED: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
]);

export function bytesOf(buffer: ArrayBuffer | Uint8Array): Bytes {
  return new Uint8Array(buffer instanceof Uint8Array ? buffer.slice().buffer : buffer.slice(0));
}

function namesOf(name: Name): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const twice = new Set<string>();
  for (const set of name) {
    for (const { type, value } of set) {
      if (names.has(type)) twice.add(type);
      names.set(type, value.toString());
    }
  }
  for (const type of twice) names.delete(type);
  return names;
}

export function extensionsOf(
  list: Iterable<{ extnID: string; critical: boolean; extnValue: { buffer: ArrayBuffer } }> | undefined,
): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const { extnID, critical, extnValue } of list ?? []) {
    if (extensions.has(extnID)) throw new Error('an extension stands twice');
    extensions.set(extnID, { critical, value: bytesOf(extnValue.buffer) });
  }
  return extensions;
}

function extension<T>(
  extensions: ReadonlyMap<string, Extension>,
  oid: string,
  type: new () => T,
): T | undefined {
  const found = extensions.get(oid);
  if (!found) return undefined;
  checkDer(readElement(found.value));
  return AsnParser.parse(found.value, type);
}

function keyUsageOf(extensions: ReadonlyMap<string, Extension>): Certificate['keyUsage'] {
  const usage = extension(extensions, id_ce_keyUsage, KeyUsage)?.toJSON();
  return (
    usage && {
      certSign: usage.includes('keyCertSign'),
      crlSign: usage.includes('crlSign'),
      digitalSignature: usage.includes('digitalSignature'),
    }
  );
}

/** tbsCertificate, outer algorithm and signature of what is signed by X.509's rules, also of a CRL. */
export function signedParts(bytes: Bytes): { tbs: Element; scheme: Scheme; signature: Bytes } {
  const whole = readElement(bytes);
  checkDer(whole);
  const [tbs, algorithm, signature, ...rest] = childrenOf(whole);
  if (whole.tag !== TAG.sequence || !tbs || !algorithm || rest.length > 0)
    throw new Error('not a signed structure');
  if (signature?.tag !== TAG.bitString || signature.content[0] !== 0)
    throw new Error('a signature that is not whole bytes');
  const inner = childrenOf(tbs).find((child) => child.tag === 0x30);
  if (!inner || !bytesEqual(inner.bytes, algorithm.bytes)) throw new Error('two signature algorithms');
  return { tbs, scheme: schemeOf(algorithm), signature: bytesOf(signature.content.subarray(1)) };
}

/** Whether the elements in a structure are these, by their tags: the library passes over what it does not look for. */
export function hasShape(structure: Element, shape: RegExp): boolean {
  return shape.test(
    childrenOf(structure)
      .map(({ tag }) => tag.toString(16).padStart(2, '0'))
      .join(' '),
  );
}

/** Version, serial, algorithm, issuer, validity, subject, key; two unique identifiers and extensions may follow, once each. */
const FIELDS = /^a0 02 30 30 30 30 30(?: 81)?(?: 82)?(?: a3)?$/;

/** Fields of a TBSCertificate that are compared or signed as they stand, and its dates. */
function exactFields(
  tbs: Element,
): Pick<Certificate, 'issuer' | 'subject' | 'spki' | 'notBefore' | 'notAfter'> {
  const [, issuer, validity, subject, spki] = childrenOf(tbs).filter((child) => child.tag === 0x30);
  if (!hasShape(tbs, FIELDS) || !issuer || !validity || !subject || !spki)
    throw new Error('fields are missing, or there are others');
  const [notBefore, notAfter, ...more] = childrenOf(validity);
  if (!notBefore || !notAfter || more.length > 0) throw new Error('the validity is not two times');
  return {
    issuer: bytesOf(issuer.bytes),
    subject: bytesOf(subject.bytes),
    spki: bytesOf(spki.bytes),
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
  };
}

function parse(der: Bytes): Certificate {
  const { tbs, scheme, signature } = signedParts(der);
  const { tbsCertificate } = AsnParser.parse(der, AsnCertificate);
  const { version, serialNumber } = tbsCertificate;
  if (version !== 2) throw new Error('not version 3');
  const exact = exactFields(tbs);
  curveOf(exact.spki);
  const extensions = extensionsOf(tbsCertificate.extensions);
  const constraints = extension(extensions, id_ce_basicConstraints, BasicConstraints);
  const authority = extension(
    extensions,
    id_ce_authorityKeyIdentifier,
    AuthorityKeyIdentifier,
  )?.keyIdentifier;
  const subjectId = extension(extensions, id_ce_subjectKeyIdentifier, SubjectKeyIdentifier);
  return {
    der,
    tbs: bytesOf(tbs.bytes),
    serial: hexEncode(new Uint8Array(serialNumber)),
    ...exact,
    subjectNames: namesOf(tbsCertificate.subject),
    scheme,
    signature,
    extensions,
    ca: constraints?.cA ?? false,
    pathLength: constraints?.pathLenConstraint,
    keyUsage: keyUsageOf(extensions),
    subjectKeyId: subjectId && bytesOf(subjectId.buffer),
    authorityKeyId: authority && bytesOf(authority.buffer),
  };
}

/**
 * Takes one DER certificate apart. Nothing is authenticated.
 * @throws attest/too-large · attest/bad-certificate
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > LARGEST)
    throw new AttestError('attest/too-large', 'A certificate is larger than vendors make them.');
  try {
    return parse(bytesOf(der));
  } catch (cause) {
    if (cause instanceof AttestError && cause.code === 'attest/bad-certificate') throw cause;
    throw new AttestError(
      'attest/bad-certificate',
      'A certificate is malformed, or not of the profile that vendors use.',
      {
        cause,
      },
    );
  }
}
