// Certificates and revocation lists (RFC 5280) of fake vendors, signed by WebCrypto keys that a test made. They are well-formed
// and say what they are told to, also what a vendor would never say.
import { type Bytes, sha256 } from '@sealroom/bytes';
import { der, derBits, derInteger, derOctets, derOid, derSequence, derTime, derUtf8 } from './write-der.ts';

export type Scheme = 'RSA-PSS-SHA384' | 'RSA-SHA256' | 'ECDSA-SHA256' | 'ECDSA-SHA384';
export type IssuerKey = { readonly name: Bytes; readonly pair: CryptoKeyPair; readonly scheme: Scheme };
export type CertificateExtension = {
  readonly oid: string;
  readonly value: Uint8Array;
  readonly critical?: boolean;
};

const ATTRIBUTES: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
};

/** A name of attributes in this order. */
export function distinguishedName(attributes: readonly (readonly [string, string])[]): Bytes {
  return derSequence(
    ...attributes.map(([name, value]) =>
      der(0x31, derSequence(derOid(ATTRIBUTES[name] ?? name), derUtf8(value))),
    ),
  );
}

function algorithmOf(scheme: Scheme): Bytes {
  if (scheme === 'ECDSA-SHA256') return derSequence(derOid('1.2.840.10045.4.3.2'));
  if (scheme === 'ECDSA-SHA384') return derSequence(derOid('1.2.840.10045.4.3.3'));
  if (scheme === 'RSA-SHA256')
    return derSequence(derOid('1.2.840.113549.1.1.11'), new Uint8Array([0x05, 0x00]));
  const hash = derSequence(derOid('2.16.840.1.101.3.4.2.2'));
  const mask = derSequence(derOid('1.2.840.113549.1.1.8'), hash);
  const parameters = derSequence(der(0xa0, hash), der(0xa1, mask), der(0xa2, derInteger(48)));
  return derSequence(derOid('1.2.840.113549.1.1.10'), parameters);
}

/** r and s of WebCrypto as certificates have them. */
export function ecdsaDer(raw: Uint8Array): Bytes {
  const half = raw.length / 2;
  const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return derSequence(derInteger(number(raw.slice(0, half))), derInteger(number(raw.slice(half))));
}

async function signWith({ pair, scheme }: IssuerKey, message: Bytes): Promise<Bytes> {
  const { privateKey } = pair;
  if (scheme === 'RSA-PSS-SHA384')
    return new Uint8Array(await crypto.subtle.sign({ name: 'RSA-PSS', saltLength: 48 }, privateKey, message));
  if (scheme === 'RSA-SHA256')
    return new Uint8Array(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, message));
  const hash = scheme === 'ECDSA-SHA256' ? 'SHA-256' : 'SHA-384';
  return ecdsaDer(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash }, privateKey, message)));
}

async function signed(issuer: IssuerKey, tbs: Bytes): Promise<Bytes> {
  return derSequence(tbs, algorithmOf(issuer.scheme), derBits(await signWith(issuer, tbs)));
}

function extensionDer({ oid, value, critical = false }: CertificateExtension): Bytes {
  const flag = critical ? [der(0x01, new Uint8Array([0xff]))] : [];
  return derSequence(derOid(oid), ...flag, derOctets(value));
}

export async function spkiOf(pair: CryptoKeyPair): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
}

async function keyId(spki: Bytes): Promise<Bytes> {
  return (await sha256(spki)).slice(0, 20);
}

/** Basic constraints, key usage and key identifier of a certification authority, as vendors write them. */
export async function authorityExtensions(
  spki: Bytes,
  { pathLength, crlSign = false }: { pathLength?: number; crlSign?: boolean },
): Promise<CertificateExtension[]> {
  const length = pathLength === undefined ? [] : [derInteger(pathLength)];
  const usage = crlSign ? derBits(new Uint8Array([0x06]), 1) : derBits(new Uint8Array([0x04]), 2);
  return [
    {
      oid: '2.5.29.19',
      critical: true,
      value: derSequence(der(0x01, new Uint8Array([0xff])), ...length),
    },
    { oid: '2.5.29.15', critical: true, value: usage },
    { oid: '2.5.29.14', value: derOctets(await keyId(spki)) },
  ];
}

/** One certificate, version 3. Times are milliseconds since 1970. */
export async function issueCertificate(
  issuer: IssuerKey,
  {
    subject,
    spki,
    serial,
    notBefore,
    notAfter,
    extensions,
  }: {
    readonly subject: Bytes;
    readonly spki: Bytes;
    readonly serial: bigint | number;
    readonly notBefore: number;
    readonly notAfter: number;
    readonly extensions: readonly CertificateExtension[];
  },
): Promise<Bytes> {
  const listed = extensions.length > 0 ? [der(0xa3, derSequence(...extensions.map(extensionDer)))] : [];
  const tbs = derSequence(
    der(0xa0, derInteger(2)),
    derInteger(serial),
    algorithmOf(issuer.scheme),
    issuer.name,
    derSequence(derTime(notBefore), derTime(notAfter)),
    subject,
    spki,
    ...listed,
  );
  return signed(issuer, tbs);
}

/** One full revocation list, version 2, unless its extensions or those of all its entries say something else. */
export async function issueCrl(
  issuer: IssuerKey,
  {
    serials,
    thisUpdate,
    nextUpdate,
    extensions = [],
    entryExtensions = [],
  }: {
    readonly serials: readonly (bigint | number)[];
    readonly thisUpdate: number;
    readonly nextUpdate: number | undefined;
    readonly extensions?: readonly CertificateExtension[];
    readonly entryExtensions?: readonly CertificateExtension[];
  },
): Promise<Bytes> {
  const ofEntry = entryExtensions.length > 0 ? [derSequence(...entryExtensions.map(extensionDer))] : [];
  const entries = serials.map((serial) => derSequence(derInteger(serial), derTime(thisUpdate), ...ofEntry));
  const authority = derSequence(der(0x80, await keyId(await spkiOf(issuer.pair))));
  const tbs = derSequence(
    derInteger(1),
    algorithmOf(issuer.scheme),
    issuer.name,
    derTime(thisUpdate),
    ...(nextUpdate === undefined ? [] : [derTime(nextUpdate)]),
    ...(entries.length > 0 ? [derSequence(...entries)] : []),
    der(0xa0, derSequence(...[{ oid: '2.5.29.35', value: authority }, ...extensions].map(extensionDer))),
  );
  return signed(issuer, tbs);
}

/** An RSA or elliptic key pair for a scheme; RSA of 2048 bits, so that tests do not wait. */
export async function vendorKeys(scheme: Scheme | 'P-384'): Promise<CryptoKeyPair> {
  const usages: KeyUsage[] = ['sign', 'verify'];
  if (scheme !== 'RSA-PSS-SHA384' && scheme !== 'RSA-SHA256') {
    const namedCurve = scheme === 'ECDSA-SHA256' ? 'P-256' : 'P-384';
    return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, usages);
  }
  const algorithm = {
    name: scheme === 'RSA-SHA256' ? 'RSASSA-PKCS1-v1_5' : 'RSA-PSS',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: scheme === 'RSA-SHA256' ? 'SHA-256' : 'SHA-384',
  };
  return crypto.subtle.generateKey(algorithm, true, usages);
}

/** PEM blocks, as a vendor's service serves them. */
export function certificatesPem(ders: readonly Uint8Array[]): string {
  return ders
    .map((bytes) => {
      const lines =
        Buffer.from(bytes)
          .toString('base64')
          .match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    })
    .join('');
}
