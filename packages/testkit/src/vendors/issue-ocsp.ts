// OCSP responses (RFC 6960) of fake vendors, which say what they are told to.
import { type Bytes, concat } from '@sealroom/bytes';
import { ecdsaDer, type IssuerKey, spkiOf } from './issue-certificates.ts';
import { der, derBits, derInteger, derOctets, derOid, derSequence } from './write-der.ts';

export type OcspOptions = {
  readonly issuer: IssuerKey;
  readonly serial: bigint | number;
  readonly status?: 'good' | 'revoked' | 'unknown';
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Who signs; the issuer itself unless told. */
  readonly responder?: { readonly key: IssuerKey; readonly certificate: Uint8Array };
  /** Extensions of the one answer that must be understood. */
  readonly critical?: boolean;
};

function generalizedTime(at: number): Bytes {
  const text = new Date(at).toISOString().replaceAll(/[-T:]|\.\d+/g, '');
  return der(0x18, new TextEncoder().encode(text));
}

const ECDSA_SHA384 = derSequence(derOid('1.2.840.10045.4.3.3'));
const STATUS = {
  good: der(0x80),
  unknown: der(0x82),
  revoked: der(0xa1, generalizedTime(Date.parse('2025-01-01T00:00:00Z'))),
} as const;

/** One response with one answer, whose CertID is made with SHA-1, as NVIDIA's SDK asks for. */
export async function issueOcspResponse(options: OcspOptions): Promise<Bytes> {
  const { issuer, serial, status = 'good', thisUpdate, nextUpdate, responder, critical } = options;
  const sha1 = async (bytes: Bytes) => new Uint8Array(await crypto.subtle.digest('SHA-1', bytes));
  const point = (await spkiOf(issuer.pair)).slice(-97);
  const id = derSequence(
    derSequence(derOid('1.3.14.3.2.26'), new Uint8Array([0x05, 0])),
    derOctets(await sha1(issuer.name)),
    derOctets(await sha1(point)),
    derInteger(serial),
  );
  const extension = derSequence(
    derOid('1.2.3.4'),
    der(0x01, new Uint8Array([0xff])),
    derOctets(new Uint8Array([5, 0])),
  );
  const answer = derSequence(
    id,
    STATUS[status],
    generalizedTime(thisUpdate),
    ...(nextUpdate === undefined ? [] : [der(0xa0, generalizedTime(nextUpdate))]),
    ...(critical ? [der(0xa1, derSequence(extension))] : []),
  );
  const signer = responder?.key ?? issuer;
  const data = derSequence(der(0xa1, signer.name), generalizedTime(thisUpdate), derSequence(answer));
  const raw = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, signer.pair.privateKey, data);
  const certificates = responder ? [der(0xa0, derSequence(responder.certificate))] : [];
  const basic = derSequence(data, ECDSA_SHA384, derBits(ecdsaDer(new Uint8Array(raw))), ...certificates);
  const bytes = derSequence(derOid('1.3.6.1.5.5.7.48.1.1'), derOctets(basic));
  return derSequence(der(0x0a, new Uint8Array([0])), der(0xa0, concat(bytes)));
}
