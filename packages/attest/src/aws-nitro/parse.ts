// Attestation documents of AWS Nitro Enclaves ("Verifying the root of trust", aws-nitro-enclaves-nsm-api): COSE_Sign1, tagged
// or not, ES384 and no other header, over a CBOR map
//   { module_id, digest, timestamp, pcrs, certificate, cabundle, ? public_key, ? user_data, ? nonce }
// with every length that AWS bounds. Maps may stand in any order, and the outer one may be of open length, as in documents since
// December 2025; the CBOR is otherwise deterministic, as AWS writes it (decision 120).
// Nothing is authenticated. The order of cabundle (root first) and of the leaf's issuer is looked at in verify.ts.
import { type Bytes, bytesEqual, concat } from '@sealroom/bytes';
import { type Cbor, cborDecodeForeign, cborEncode, type CborMap, CborTag, CoseError } from '@sealroom/cose';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';

export type NitroDocument = {
  readonly moduleId: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The registers that were locked when the document was made, by index; 48 bytes each. */
  readonly pcrs: ReadonlyMap<number, Bytes>;
  readonly certificate: Certificate;
  /** Root first; the last one issued the leaf. */
  readonly cabundle: readonly Certificate[];
  readonly publicKey: Bytes | undefined;
  readonly userData: Bytes | undefined;
  readonly nonce: Bytes | undefined;
  /** The Sig_structure, and r and s. */
  readonly signed: Bytes;
  readonly signature: Bytes;
};

const LARGEST = 64 * 1024;
const COSE_SIGN1 = 18;
/** { 1: -35 } (ES384), the only header that AWS writes. */
const ES384 = Uint8Array.of(0xa1, 0x01, 0x38, 0x22);
/** CBOR: a map of open length, what ends it, and a map of as many members as are added. */
const [OPEN_MAP, BREAK, MAP_OF] = [0xbf, 0xff, 0xa0];
const NEEDED = ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'];
const OPTIONAL = ['public_key', 'user_data', 'nonce'];

function malformed(detail: string): AttestError {
  return new AttestError('attest/malformed', `The Nitro document is malformed: ${detail}.`);
}

function bytesOf(value: Cbor | undefined, detail: string, most: number): Bytes {
  if (value instanceof Uint8Array && value.length <= most) return new Uint8Array(value);
  throw malformed(detail);
}

function decode(bytes: Uint8Array): Cbor {
  try {
    return cborDecodeForeign(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new AttestError('attest/malformed', 'The Nitro document is not CBOR as AWS writes it.', { cause });
  }
}

/**
 * The payload as a value. A map of open length is read as one that says how many members it has: the number that fits, of those
 * that a document can have. What is signed stays as it stands.
 */
function decodePayload(payload: Bytes): Cbor {
  const open = payload[0] === OPEN_MAP && payload.at(-1) === BREAK;
  for (let count = NEEDED.length; open && count <= NEEDED.length + OPTIONAL.length; count++)
    try {
      return decode(concat(Uint8Array.of(MAP_OF + count), payload.subarray(1, -1)));
    } catch (error) {
      if (!(error instanceof AttestError)) throw error;
    }
  return decode(payload);
}

/** Protected header, payload and signature. */
function envelopeOf(bytes: Uint8Array): { payload: Bytes; signed: Bytes; signature: Bytes } {
  const value = decode(bytes);
  const body = value instanceof CborTag && value.tag === COSE_SIGN1 ? value.value : value;
  if (!Array.isArray(body) || body.length !== 4) throw malformed('it is no COSE_Sign1');
  const [header, open, payload, signature] = body as readonly Cbor[];
  const inside = bytesOf(header, 'its protected header is no byte string', 64);
  if (!bytesEqual(inside, ES384) || !(open instanceof Map) || open.size > 0)
    throw malformed('its headers say something other than ES384');
  const content = bytesOf(payload, 'its payload is no byte string', LARGEST);
  const raw = bytesOf(signature, 'its signature is no byte string', 96);
  if (raw.length !== 96) throw malformed('its signature does not have 96 bytes');
  return {
    payload: content,
    signed: cborEncode(['Signature1', inside, new Uint8Array(), content]),
    signature: raw,
  };
}

function pcrsOf(value: Cbor | undefined): Map<number, Bytes> {
  if (!(value instanceof Map) || value.size === 0 || value.size > 32) throw malformed('it has no registers');
  const pcrs = new Map<number, Bytes>();
  for (const [index, content] of value as CborMap) {
    const pcr = bytesOf(content, 'a register is no byte string', 48);
    if (typeof index !== 'number' || index < 0 || index > 31 || pcr.length !== 48)
      throw malformed('a register has another number or length than SHA-384 registers have');
    pcrs.set(index, pcr);
  }
  return pcrs;
}

/** A member that may be null or absent. */
function optional(map: CborMap, name: string): Bytes | undefined {
  const value = map.get(name);
  return value === undefined || value === null ? undefined : bytesOf(value, `${name} is too long`, 4096);
}

function certificateOf(value: Cbor | undefined): Certificate {
  return parseCertificate(bytesOf(value, 'a certificate is too long or no byte string', 1024));
}

/** Takes a document apart. @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseNitro(bytes: Uint8Array): NitroDocument {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The Nitro document is larger than AWS makes them.');
  const { payload, signed, signature } = envelopeOf(bytes);
  const map = decodePayload(payload);
  if (!(map instanceof Map)) throw malformed('its payload is no map');
  const document = map as CborMap;
  const names = [...document.keys()];
  const known: readonly Cbor[] = [...NEEDED, ...OPTIONAL];
  if (names.some((name) => !known.includes(name)) || NEEDED.some((name) => !document.has(name)))
    throw malformed('a member is missing, or one is not known');
  const moduleId = document.get('module_id');
  const timestamp = document.get('timestamp');
  const cabundle = document.get('cabundle');
  if (typeof moduleId !== 'string' || !/^[A-Za-z0-9-]{1,128}$/.test(moduleId))
    throw malformed('module_id is no name of an enclave');
  if (document.get('digest') !== 'SHA384') throw malformed('digest is not SHA384');
  if (typeof timestamp !== 'number' || timestamp <= 0) throw malformed('timestamp is no time');
  if (!Array.isArray(cabundle) || cabundle.length === 0 || cabundle.length > 8)
    throw malformed('cabundle is empty, too long or no list');
  return {
    moduleId,
    timestamp,
    pcrs: pcrsOf(document.get('pcrs')),
    certificate: certificateOf(document.get('certificate')),
    cabundle: (cabundle as readonly Cbor[]).map(certificateOf),
    publicKey: optional(document, 'public_key'),
    userData: optional(document, 'user_data'),
    nonce: optional(document, 'nonce'),
    signed,
    signature,
  };
}

/** Whether bytes begin as a document does, whose first member is module_id or whichever AWS writes first. */
export function looksLikeNitro(bytes: Uint8Array): boolean {
  const at = bytes[0] === 0xd2 ? 1 : 0;
  return bytes[at] === 0x84 && bytes[at + 1] === 0x44 && bytesEqual(bytes.subarray(at + 2, at + 6), ES384);
}
