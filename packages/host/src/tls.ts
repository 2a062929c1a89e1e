// A small certificate authority for the links between processes on one machine or in one house: P-256, RFC 5280 profiles
// that strict verifiers accept. Not here: revocation, renewal, anything for the public web.
import './reflect.ts';
import { isIP } from 'node:net';
import { type Digest, sha256Digest } from '@sealroom/bytes';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { refusal } from './problem.ts';

/** A certificate and its private key (PKCS #8), both PEM. */
export type CertificatePair = { readonly certPem: string; readonly keyPem: string };

const DAY_MS = 86_400_000;
// Clocks of two machines differ; a certificate is valid a little before it was made.
const SKEW_MS = 300_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const LONGEST_DAYS = 825;

async function keyPem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag);
}

function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Positive and of full length: the first byte is 0x40 to 0x7f.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(days: number, now: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** A new authority; it issues server certificates only for as long as its key is kept. `now` in milliseconds. */
export async function createAuthority({
  name = 'Sealroom local authority',
  days = 3650,
  now = Date.now(),
}: {
  readonly name?: string;
  readonly days?: number;
  readonly now?: number;
} = {}): Promise<CertificatePair> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity(days, now),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await keyPem(keys.privateKey) };
}

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** @throws tls/bad-name for what is neither an address nor a plain lower-case name; wildcards are none. */
function alternativeName(host: string): { type: 'ip' | 'dns'; value: string } {
  if (isIP(host) !== 0) return { type: 'ip', value: host };
  if (DNS_NAME.test(host)) return { type: 'dns', value: host };
  throw refusal(
    'tls/bad-name',
    'A certificate is for lower-case host names and IP addresses, without wildcards.',
  );
}

/** Names under which a process is reached on its own machine. */
export const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '::1'] as const;

/** A server certificate for `hosts` (names and addresses). @throws tls/bad-name. */
export async function issueCertificate(
  authority: CertificatePair,
  {
    hosts,
    days = 397,
    now = Date.now(),
  }: { readonly hosts: readonly string[]; readonly days?: number; readonly now?: number },
): Promise<CertificatePair> {
  const names = hosts.map(alternativeName);
  const [first] = names;
  if (first === undefined || days > LONGEST_DAYS) {
    throw refusal('tls/bad-name', `Name at least one host, and at most ${LONGEST_DAYS} days.`);
  }
  const issuer = new X509Certificate(authority.certPem);
  const [secret] = PemConverter.decode(authority.keyPem);
  if (secret === undefined) throw refusal('tls/bad-name', 'The authority has no private key in PEM form.');
  const signingKey = await crypto.subtle.importKey('pkcs8', secret, CURVE, false, ['sign']);
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [first.value] }],
    issuer: issuer.subjectName,
    ...validity(days, now),
    signingAlgorithm: SIGNING,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await keyPem(keys.privateKey) };
}

/** The digest of a certificate's public key (SubjectPublicKeyInfo, DER), by which `tlsFetch` can pin a server. */
export function certificatePin(certPem: string): Promise<Digest> {
  return sha256Digest(new Uint8Array(new X509Certificate(certPem).publicKey.rawData));
}
