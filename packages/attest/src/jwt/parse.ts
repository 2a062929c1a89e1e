// Signed tokens as attestation services issue them: JWS in compact form (RFC 7515 section 7.1) over a JSON object (RFC 7519).
// Strict: base64url without padding, strict JSON with each member once, the header members named here and no other. Where a
// header says where a key may be found (`jku`), that is never followed; headers that bring a key or change how the token is
// read (`jwk`, `x5u`, `crit`, `b64`, `zip`) are refused. Nothing is authenticated here; the algorithm is the caller's.
import {
  base64urlDecode,
  type Bytes,
  BytesError,
  type Json,
  type JsonObject,
  parseStrictJson,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { base64Decode } from '../x509/pem.ts';

export type Jws = {
  /** The token itself. */
  readonly text: string;
  readonly alg: string;
  readonly kid: string | undefined;
  /** The certificates of `x5c`, leaf first; candidates only. */
  readonly x5c: readonly Certificate[];
  readonly content: Bytes;
  /** What is signed: the ASCII of header and payload with the point between them. */
  readonly signed: Bytes;
  readonly signature: Bytes;
};

export type Jwt = Jws & { readonly payload: JsonObject };

const LARGEST = 256 * 1024;
const MOST_CERTIFICATES = 8;
const HEADERS: readonly string[] = ['alg', 'kid', 'typ', 'x5c', 'jku', 'x5t', 'x5t#S256'];

function malformed(message: string, cause?: unknown): AttestError {
  return new AttestError('attest/malformed', message, cause === undefined ? {} : { cause });
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decodePart(part: string): Bytes {
  try {
    return base64urlDecode(part);
  } catch (cause) {
    throw malformed('A part of the token is not base64url.', cause);
  }
}

function objectOf(bytes: Bytes): JsonObject {
  let value: Json;
  try {
    value = parseStrictJson(bytes, { fractions: true });
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw malformed('A part of the token is not strict JSON.', cause);
  }
  if (isObject(value)) return value;
  throw malformed('A part of the token is not a JSON object.');
}

/** Certificates as `x5c` holds them: standard Base64 of DER. @throws attest/malformed · attest/bad-certificate */
export function parseX5c(value: Json | undefined): Certificate[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_CERTIFICATES)
    throw malformed('A list of certificates is empty, too long, or no list.');
  return (value as readonly Json[]).map((one) => {
    if (typeof one !== 'string') throw malformed('A certificate in a list of them is not text.');
    return parseCertificate(base64Decode(one));
  });
}

function checkHeader(header: JsonObject): { alg: string; kid: string | undefined } {
  const odd = Object.keys(header).find((name) => !HEADERS.includes(name));
  if (odd !== undefined)
    throw malformed(`The token’s header has ${JSON.stringify(odd.slice(0, 40))}, which is not understood.`);
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string'))
    throw malformed('The token’s header does not name its algorithm and key as text.');
  if (typ !== undefined && typ !== 'JWT') throw malformed('The token is of another type than JWT.');
  return { alg, kid };
}

/** Takes what is signed apart, whatever it is. @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseJws(text: string): Jws {
  if (text.length > LARGEST)
    throw new AttestError('attest/too-large', 'The token is larger than attestation services make them.');
  const [first, second, third, ...rest] = text.split('.', 4);
  if (first === undefined || second === undefined || third === undefined || rest.length > 0)
    throw malformed('A signed token has three parts with points between them.');
  const header = objectOf(decodePart(first));
  const { alg, kid } = checkHeader(header);
  return {
    text,
    alg,
    kid,
    x5c: parseX5c(header['x5c']),
    content: decodePart(second),
    signed: utf8Encode(`${first}.${second}`),
    signature: decodePart(third),
  };
}

/** Takes one token apart. @throws attest/too-large · attest/malformed · attest/bad-certificate */
export function parseJwt(text: string): Jwt {
  const jws = parseJws(text);
  return { ...jws, payload: objectOf(jws.content) };
}

const isText = (byte: number) => (byte >= 0x20 && byte < 0x7f) || [0x09, 0x0a, 0x0d].includes(byte);

/** ASCII text, such as a token is. @throws attest/too-large · attest/malformed */
export function asciiOf(bytes: Uint8Array, largest = LARGEST): string {
  if (bytes.length > largest)
    throw new AttestError('attest/too-large', 'The token is larger than attestation services make them.');
  if (!bytes.every(isText)) throw malformed('A token is ASCII text.');
  return utf8Decode(bytes);
}
