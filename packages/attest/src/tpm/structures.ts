// Structures of TPM 2.0 (Trusted Platform Module Library, Part 2) as a quote needs them: TPMS_ATTEST of a quote
// (10.12.12), TPMT_SIGNATURE (11.3.4) and TPMT_PUBLIC of a signing key (12.2.4). Big-endian, every length bounded, nothing
// behind the end. Only the algorithms of x509/signature.ts; SHA-1 is refused. Nothing here is authenticated.
import { type Bytes, BytesError, concat, hexEncode, Reader } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Hash, type Scheme, spkiOfPoint, spkiOfRsa } from '../x509/signature.ts';

/** TPM_ALG_ID of Part 2 section 6.3. */
export const ALGORITHM = {
  rsa: 0x0001,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  none: 0x0010,
  rsassa: 0x0014,
  rsapss: 0x0016,
  ecdsa: 0x0018,
  ecc: 0x0023,
} as const;
const HASHES: ReadonlyMap<number, Hash> = new Map([
  [ALGORITHM.sha256, 'SHA-256'],
  [ALGORITHM.sha384, 'SHA-384'],
  [ALGORITHM.sha512, 'SHA-512'],
]);
const SCHEMES: ReadonlyMap<number, Scheme['kind']> = new Map([
  [ALGORITHM.rsassa, 'PKCS1'],
  [ALGORITHM.rsapss, 'PSS'],
  [ALGORITHM.ecdsa, 'ECDSA'],
]);
const CURVES: ReadonlyMap<number, { curve: 'P-256' | 'P-384'; size: number }> = new Map([
  [0x0003, { curve: 'P-256', size: 32 }],
  [0x0004, { curve: 'P-384', size: 48 }],
]);
const GENERATED = 0xff544347;
const QUOTE = 0x8018;
const LARGEST = 4096;
const MOST_BYTES_OF_SELECTION = 4;

/** Banks of registers that may be quoted, with the length of a register. */
export const BANKS = { sha256: 32, sha384: 48 } as const;
export type Bank = keyof typeof BANKS;

/** A quote as the TPM signed it. Integers of 64 bits in hexadecimal. */
export type QuoteInfo = {
  readonly qualifiedSigner: Bytes;
  /** What the caller had signed with it: the nonce. */
  readonly extraData: Bytes;
  readonly clock: string;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
  readonly firmwareVersion: string;
  readonly bank: Bank;
  /** Indices of the registers, ascending; at least one. */
  readonly selected: readonly number[];
  readonly digest: Bytes;
};

export type TpmSignature = { readonly scheme: Scheme; readonly signature: Bytes };

function malformed(message: string): AttestError {
  return new AttestError('attest/malformed', message);
}

/** Reads a whole value; what is wrong with its bytes becomes this package's error. */
function read<T>(what: string, bytes: Uint8Array, body: (reader: Reader) => T): T {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', `${what} is larger than TPMs make it.`);
  try {
    const reader = new Reader(bytes);
    const value = body(reader);
    reader.end();
    return value;
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new AttestError('attest/malformed', `${what} is cut short or has bytes behind its end.`, { cause });
  }
}

function sized(reader: Reader): Bytes {
  return reader.take(reader.uintBE(2));
}

function selectionOf(reader: Reader): { bank: Bank; selected: number[] } {
  if (reader.uintBE(4) !== 1) throw malformed('The quote is not over registers of exactly one bank.');
  const algorithm = reader.uintBE(2);
  const bank =
    algorithm === ALGORITHM.sha256 ? 'sha256' : algorithm === ALGORITHM.sha384 ? 'sha384' : undefined;
  const length = reader.uint8();
  if (!bank || length > MOST_BYTES_OF_SELECTION)
    throw malformed('The quote is over a bank that is not SHA-256 or SHA-384.');
  const selected = [...reader.take(length)].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * at + bit),
  );
  if (selected.length === 0) throw malformed('The quote selects no register.');
  return { bank, selected };
}

/** TPMS_ATTEST that a TPM made (magic ff544347) and that is a quote. @throws attest/malformed · attest/too-large */
export function parseQuoteInfo(message: Uint8Array): QuoteInfo {
  return read('The quote', message, (reader) => {
    if (reader.uintBE(4) !== GENERATED) throw malformed('The signed message was not made by a TPM.');
    if (reader.uintBE(2) !== QUOTE) throw malformed('The signed message is not a quote.');
    const qualifiedSigner = sized(reader);
    const extraData = sized(reader);
    const clock = hexEncode(reader.take(8));
    const resetCount = reader.uintBE(4);
    const restartCount = reader.uintBE(4);
    const safe = reader.uint8();
    if (safe > 1) throw malformed('The quote holds a truth value that is neither 0 nor 1.');
    const firmwareVersion = hexEncode(reader.take(8));
    const selection = selectionOf(reader);
    const digest = sized(reader);
    const state = { clock, resetCount, restartCount, safe: safe === 1, firmwareVersion };
    return { qualifiedSigner, extraData, ...state, ...selection, digest };
  });
}

/** TPMT_SIGNATURE. @throws attest/malformed · attest/too-large */
export function parseTpmSignature(bytes: Uint8Array): TpmSignature {
  return read('The signature', bytes, (reader) => {
    const kind = SCHEMES.get(reader.uintBE(2));
    const hash = HASHES.get(reader.uintBE(2));
    if (!kind || !hash) throw malformed('The signature has an algorithm that is not accepted here.');
    if (kind !== 'ECDSA') return { scheme: { kind, hash }, signature: sized(reader) };
    const [r, s] = [sized(reader), sized(reader)];
    const size = r.length > 32 || s.length > 32 ? 48 : 32;
    if (r.length > size || s.length > size) throw malformed('The signature is longer than its curve.');
    const raw = new Uint8Array(2 * size);
    raw.set(r, size - r.length);
    raw.set(s, 2 * size - s.length);
    return { scheme: { kind, hash }, signature: raw };
  });
}

/** Bits of TPMA_OBJECT (Part 2 section 8.3). */
const ATTRIBUTE = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const;

export type TpmKey = {
  readonly spki: Bytes;
  readonly scheme: Scheme;
  /** Made in this TPM, never leaves it, and signs only what the TPM itself made: what an attestation key must be. */
  readonly attestation: boolean;
  /** The bytes whose SHA-256, behind 000b, is the key's Name. */
  readonly bytes: Bytes;
};

function schemeOf(reader: Reader): Scheme {
  if (reader.uintBE(2) !== ALGORITHM.none)
    throw malformed('The key has a symmetric algorithm; it signs nothing.');
  const kind = SCHEMES.get(reader.uintBE(2));
  const hash = kind && HASHES.get(reader.uintBE(2));
  if (!kind || !hash) throw malformed('The key does not say the scheme and hash that it signs with.');
  return { kind, hash };
}

function rsaKey(reader: Reader): { scheme: Scheme; spki: Bytes } {
  const scheme = schemeOf(reader);
  const bits = reader.uintBE(2);
  const exponent = reader.uintBE(4);
  const modulus = sized(reader);
  if (exponent !== 0 && exponent !== 65_537) throw malformed('The key has another exponent than 65537.');
  if (modulus.length * 8 !== bits || (modulus[0] ?? 0) < 0x80 || bits < 2048)
    throw malformed('The modulus does not have the length that the key says.');
  return { scheme, spki: spkiOfRsa(modulus) };
}

function eccKey(reader: Reader): { scheme: Scheme; spki: Bytes } {
  const scheme = schemeOf(reader);
  const found = CURVES.get(reader.uintBE(2));
  const derivation = reader.uintBE(2);
  if (!found || derivation !== ALGORITHM.none)
    throw malformed('The key is on a curve that is not accepted here.');
  const { curve, size } = found;
  const coordinates = [sized(reader), sized(reader)].map((coordinate) => {
    if (coordinate.length > size) throw malformed('A coordinate is longer than its curve.');
    return concat(new Uint8Array(size - coordinate.length), coordinate);
  });
  return { scheme, spki: spkiOfPoint(curve, concat(...coordinates)) };
}

/** TPMT_PUBLIC of a signing key named by SHA-256. @throws attest/malformed · attest/too-large */
export function parseTpmKey(bytes: Uint8Array): TpmKey {
  return read('The attestation key', bytes, (reader) => {
    const type = reader.uintBE(2);
    if (reader.uintBE(2) !== ALGORITHM.sha256) throw malformed('The key is not named by SHA-256.');
    const attributes = reader.uintBE(4);
    sized(reader);
    if (type !== ALGORITHM.rsa && type !== ALGORITHM.ecc)
      throw malformed('The key is neither RSA nor on a curve.');
    const { scheme, spki } = type === ALGORITHM.rsa ? rsaKey(reader) : eccKey(reader);
    const { fixedTpm, fixedParent, sensitiveDataOrigin, restricted, sign, decrypt } = ATTRIBUTE;
    const wanted = fixedTpm | fixedParent | sensitiveDataOrigin | restricted | sign;
    const attestation = (attributes & (wanted | decrypt)) === wanted;
    return { spki, scheme, attestation, bytes: new Uint8Array(bytes) };
  });
}
