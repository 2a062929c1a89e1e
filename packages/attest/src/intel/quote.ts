// Framing of Intel's ECDSA quotes: version 3 (SGX), 4 (TDX, TD report 1.0) and 5 (TDX, TD report 1.0, 1.5 or extended 1.5), with an ECDSA
// P-256 attestation key and certification data of type 5 (the PCK chain as PEM), version 4 and 5 inside type 6. Zeros may
// follow the quote, as some clouds pad it; nothing else may. Nothing is authenticated here. Not read: quotes that name their
// PCK certificate instead of carrying it (types 1 to 4), and SGX quotes in version 4 or 5.
import { type Bytes, BytesError, hexEncode, Reader, utf8Decode, isZero } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';

export type BodyKind = 'sgx' | 'td10' | 'td15' | 'td15ex';

/** What says that the attestation key is a quoting enclave's, and which platform it runs on: the same in all its quotes. */
export type Certification = {
  readonly attestationKey: Bytes;
  readonly qeReport: Bytes;
  readonly qeReportSignature: Bytes;
  readonly qeAuthData: Bytes;
  /** The certification data as it stands, PEM. */
  readonly pem: Bytes;
  /** As the quote orders them, the PCK certificate first. Only candidates: see verify.ts. */
  readonly certificates: readonly Certificate[];
};

export type Quote = {
  readonly version: number;
  readonly kind: BodyKind;
  /** Header and body, over which the attestation key signs. */
  readonly signed: Bytes;
  readonly body: Bytes;
  readonly signature: Bytes;
  readonly certification: Certification;
};

const LARGEST = 128 * 1024;
const HEADER = 48;
const SIZES: { readonly [kind in BodyKind]: number } = { sgx: 384, td10: 584, td15: 648, td15ex: 885 };
const V5_TYPES: readonly (BodyKind | undefined)[] = [undefined, 'sgx', 'td10', 'td15', 'td15ex'];
const ECDSA_P256 = 2;
const TEE = { sgx: 0, tdx: 0x81 } as const;
const QE_VENDOR = '939a7233f79c4ca9940a0db3957f0607';
const CERTIFICATION = { pckChain: 5, qeReport: 6 } as const;
const MOST_CERTIFICATES = 8;

function malformed(why: string, cause?: unknown): AttestError {
  return new AttestError('attest/malformed', `The quote is malformed: ${why}.`, { cause });
}

/** Chains as they were read, by their text: a platform sends the same one each time. */
const chains = new Map<string, readonly Certificate[]>();
const MOST_CHAINS = 256;

function certificatesOf(pem: Bytes): readonly Certificate[] {
  const text = utf8Decode(pem).replace(/\0$/, '');
  const known = chains.get(text);
  if (known) return known;
  const blocks = readPem(text);
  if (blocks.length === 0 || blocks.length > MOST_CERTIFICATES) throw malformed('it carries no PCK chain');
  const read = blocks.map(({ label, bytes }) => {
    if (label !== 'CERTIFICATE') throw malformed('its chain holds something else than certificates');
    return parseCertificate(bytes);
  });
  if (chains.size >= MOST_CHAINS) chains.clear();
  chains.set(text, read);
  return read;
}

function certificationOf(reader: Reader, attestationKey: Bytes): Certification {
  const qeReport = reader.take(SIZES.sgx);
  const qeReportSignature = reader.take(64);
  const qeAuthData = reader.take(reader.uintLE(2));
  if (reader.uintLE(2) !== CERTIFICATION.pckChain)
    throw malformed('its certification data is no PCK certificate chain; the platform must send one');
  const pem = reader.take(reader.uintLE(4));
  reader.end();
  return {
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthData,
    pem,
    certificates: certificatesOf(pem),
  };
}

/** Which body follows the header, and the bytes before it that are signed as well. */
function bodyKind(version: number, tee: number, reader: Reader): BodyKind {
  if (version === 3 && tee === TEE.sgx) return 'sgx';
  if (version === 4 && tee === TEE.tdx) return 'td10';
  if (version !== 5 || tee !== TEE.tdx) throw malformed('its version or type is not known here');
  const kind = V5_TYPES[reader.uintLE(2)];
  const size = reader.uintLE(4);
  if (kind === undefined || kind === 'sgx' || size !== SIZES[kind])
    throw malformed('its body is of a type or size that is not known here');
  return kind;
}

function parse(bytes: Uint8Array): Quote {
  const reader = new Reader(bytes);
  const header = new Reader(reader.take(HEADER));
  const version = header.uintLE(2);
  const keyType = header.uintLE(2);
  const tee = header.uintLE(4);
  header.take(4);
  const vendor = hexEncode(header.take(16));
  if (keyType !== ECDSA_P256) throw malformed('its attestation key is not ECDSA P-256');
  if (vendor !== QE_VENDOR) throw malformed('its quoting enclave is not Intel’s');
  const kind = bodyKind(version, tee, reader);
  const body = reader.take(SIZES[kind]);
  const signed = new Uint8Array(bytes.slice(0, reader.offset));
  const data = new Reader(reader.take(reader.uintLE(4)));
  const signature = data.take(64);
  const attestationKey = data.take(64);
  let rest = data;
  if (version >= 4) {
    if (data.uintLE(2) !== CERTIFICATION.qeReport)
      throw malformed('it carries no report of its quoting enclave');
    rest = new Reader(data.take(data.uintLE(4)));
    data.end();
  }
  const certification = certificationOf(rest, attestationKey);
  if (!isZero(reader.take(reader.remaining))) throw malformed('bytes follow its end');
  return { version, kind, signed, body, signature, certification };
}

/**
 * Takes a quote apart. Nothing is authenticated.
 * @throws attest/too-large · attest/malformed
 */
export function parseQuote(bytes: Uint8Array): Quote {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The quote is larger than platforms make them.');
  try {
    return parse(bytes);
  } catch (cause) {
    if (cause instanceof AttestError && cause.code === 'attest/malformed') throw cause;
    if (cause instanceof BytesError)
      throw malformed('it ends too early, or lengths in it do not agree', cause);
    if (cause instanceof AttestError) throw malformed('a certificate in it cannot be read', cause);
    throw cause;
  }
}

/** Whether bytes begin as a quote of this type does: cheap, and true of every well-formed one. */
export function looksLikeQuote(bytes: Uint8Array, tee: 'sgx' | 'tdx'): boolean {
  if (bytes.length < HEADER) return false;
  const header = new Reader(bytes.slice(0, HEADER));
  const version = header.uintLE(2);
  header.take(2);
  const good = tee === 'sgx' ? version === 3 : version === 4 || version === 5;
  return good && header.uintLE(4) === TEE[tee] && hexEncode(bytes.slice(12, 28)) === QE_VENDOR;
}
