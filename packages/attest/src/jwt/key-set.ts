// Keys of attestation services (JWK sets, RFC 7517). A set is believed in one of two ways only: the verifier's own fetcher
// got it from the issuer's pinned address and passes it as `Context.keySets`, for as long as it says; or the policy pins the
// key by its thumbprint (RFC 7638), and then any set may supply it. A set that comes with evidence is never believed for
// what it says. A set's `x5c` gives a key where `n` and `e`, or `x` and `y`, are missing (Azure); the two must agree.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  bytesEqual,
  canonicalBytes,
  hexEncode,
  type Json,
  type JsonObject,
  parseStrictJson,
  sha256,
  utf8Encode,
} from '@sealroom/bytes';
import type { VendorDocument } from '../collateral.ts';
import { AttestError } from '../error.ts';
import type { Certificate } from '../x509/certificate.ts';
import { memberOf, textAt, textsAt } from './claims.ts';
import { isObject, parseX5c } from './parse.ts';

export type JwtKey = {
  readonly kid: string;
  readonly kind: 'RSA' | 'P-384';
  readonly spki: Bytes;
  /** SHA-256 JWK thumbprint in base64url. */
  readonly thumbprint: string;
  readonly x5c: readonly Certificate[];
};

/** How a verifier came to a set: from the issuer's address in its own configuration, or by its owner's explicit word. */
export type KeySetOrigin = 'fetched' | 'imported';

/** For how long anybody may vouch for a set at most, in milliseconds: issuers say no end, and keys are withdrawn. */
export const LONGEST_KEY_SET_MS = 30 * 86_400_000;

/** What an issuer's pinned address gave, or the verifier's owner. Times are milliseconds since 1970. */
export type KeySet = {
  readonly issuer: string;
  readonly origin: KeySetOrigin;
  /** As the issuer published it. */
  readonly text: string;
  readonly keys: readonly JwtKey[];
  /** Lower-case hexadecimal SHA-256 of its text. */
  readonly sha256: string;
  readonly fetchedAt: number;
  /** Until when it may be used: the fetcher's rule. */
  readonly notAfter: number;
};

const LARGEST = 4 * 1024 * 1024;
const MOST_KEYS = 256;
/** The last time that a date can have. */
const LAST_MS = 8.64e15;
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const P384 = { name: 'ECDSA', namedCurve: 'P-384' };

function bad(message: string, cause?: unknown): AttestError {
  return new AttestError('attest/bad-collateral', message, cause === undefined ? {} : { cause });
}

async function spkiOfNumbers(kind: JwtKey['kind'], jwk: JsonObject): Promise<Bytes | undefined> {
  const names = kind === 'RSA' ? ['n', 'e'] : ['x', 'y'];
  const [first, second] = names.map((name) => textAt(jwk, name));
  if (first === undefined && second === undefined) return undefined;
  if (first === undefined || second === undefined) throw bad('A key of the set is half there.');
  const length = base64urlDecode(first).length;
  base64urlDecode(second);
  if (kind === 'RSA' && (length < 256 || length > 1024 || second !== 'AQAB'))
    throw new AttestError('attest/bad-certificate', 'An RSA key of the set is too short, too long or odd.');
  const key =
    kind === 'RSA'
      ? await crypto.subtle.importKey('jwk', { kty: 'RSA', n: first, e: second }, RSA, true, ['verify'])
      : await crypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-384', x: first, y: second }, P384, true, [
          'verify',
        ]);
  return new Uint8Array(await crypto.subtle.exportKey('spki', key));
}

/** RFC 7638. @throws attest/bad-collateral */
export async function thumbprintOf(kind: JwtKey['kind'], spki: Bytes): Promise<string> {
  const imported = crypto.subtle.importKey('spki', spki, kind === 'RSA' ? RSA : P384, true, ['verify']);
  const key = await imported.catch((cause: unknown) => {
    throw bad('A key is not well-formed, or of another kind.', cause);
  });
  const { kty, n, e, crv, x, y } = await crypto.subtle.exportKey('jwk', key);
  const members = kind === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return base64urlEncode(await sha256(canonicalBytes(members)));
}

/** What a key is for, by all that it says of that; undefined for what no token here is signed with. */
function kindOf(jwk: JsonObject): JwtKey['kind'] | undefined {
  const says = (name: string, ...values: readonly string[]) => {
    const value = memberOf(jwk, name);
    return value === undefined || (typeof value === 'string' && values.includes(value));
  };
  const kty = textAt(jwk, 'kty');
  const operations = memberOf(jwk, 'key_ops') === undefined || textsAt(jwk, 'key_ops')?.includes('verify');
  if (!says('use', 'sig') || operations !== true) return undefined;
  if (kty === 'RSA' && says('alg', 'RS256')) return 'RSA';
  return kty === 'EC' && says('alg', 'ES384') && says('crv', 'P-384') ? 'P-384' : undefined;
}

/** @throws attest/bad-certificate for a key or certificate of a form that nothing here is signed with */
async function readUsable(jwk: JsonObject, kind: JwtKey['kind'], kid: string): Promise<JwtKey> {
  const x5c = parseX5c(jwk['x5c']);
  const numbers = await spkiOfNumbers(kind, jwk);
  const certified = x5c[0]?.spki;
  if (numbers && certified && !bytesEqual(numbers, certified))
    throw bad('A key of the set and its certificate are not of one key.');
  const spki = numbers ?? certified;
  if (!spki) throw bad('A key of the set has neither numbers nor a certificate.');
  return { kid, kind, spki, thumbprint: await thumbprintOf(kind, spki), x5c };
}

/** A key of the set, or undefined for one that no token here is signed with: Azure publishes RSA keys of 1024 bits too. */
async function readKey(jwk: Json): Promise<JwtKey | undefined> {
  if (!isObject(jwk)) throw bad('A key of the set is no object.');
  const { kid } = jwk;
  const kind = kindOf(jwk);
  if (typeof kid !== 'string' || kind === undefined) return undefined;
  if (Object.hasOwn(jwk, 'd')) throw bad('A key of the set is a private one.');
  try {
    return await readUsable(jwk, kind, kid);
  } catch (error) {
    if (error instanceof AttestError && error.code === 'attest/bad-certificate') return undefined;
    throw error;
  }
}

/** The keys of a set that tokens are signed with. @throws attest/too-large · attest/bad-collateral */
export async function readKeys(text: string): Promise<readonly JwtKey[]> {
  if (text.length > LARGEST)
    throw new AttestError('attest/too-large', 'A set of keys is larger than services make them.');
  try {
    const value = parseStrictJson(text, { fractions: true });
    const list = isObject(value) ? value['keys'] : undefined;
    if (!Array.isArray(list) || list.length > MOST_KEYS) throw bad('A set of keys has no list of them.');
    const keys: JwtKey[] = [];
    for (const jwk of list as readonly Json[]) {
      const key = await readKey(jwk);
      if (key) keys.push(key);
    }
    return keys;
  } catch (cause) {
    if (cause instanceof AttestError && cause.code === 'attest/bad-collateral') throw cause;
    // WebCrypto refuses a key with a DOMException of the platform's own.
    const known = [AttestError, BytesError, DOMException].some((kind) => cause instanceof kind);
    if (!known && !(cause instanceof TypeError)) throw cause;
    throw bad('A set of keys is malformed.', cause);
  }
}

/**
 * A set for `Context.keySets`. Only for what came from the issuer's own address by the verifier's own configuration, or what
 * its owner vouches for.
 * @param fetchedAt @param notAfter milliseconds since 1970
 * @throws attest/too-large · attest/bad-collateral
 */
export async function readKeySet({
  issuer,
  text,
  fetchedAt,
  notAfter,
  origin = 'fetched',
}: {
  issuer: string;
  text: string;
  fetchedAt: number;
  notAfter: number;
  origin?: KeySetOrigin;
}): Promise<KeySet> {
  if (![fetchedAt, notAfter].every(Number.isSafeInteger) || notAfter > LAST_MS || fetchedAt >= notAfter)
    throw bad('A set of keys must say from when to when it may be used.');
  const keys = await readKeys(text);
  const digest = hexEncode(await sha256(utf8Encode(text)));
  return { issuer, origin, text, keys, sha256: digest, fetchedAt, notAfter };
}

/** What was read of a document of collateral, so that it is read once. */
const kept = new WeakMap<VendorDocument, Promise<readonly JwtKey[]>>();

export type OfferedKeys = { readonly document: VendorDocument; readonly keys: readonly JwtKey[] };

/** Whichever documents are key sets, with their keys; none of them is believed for that. */
export async function offeredSets(documents: readonly VendorDocument[]): Promise<readonly OfferedKeys[]> {
  return Promise.all(
    documents.map(async (document) => {
      const known =
        kept.get(document) ??
        readKeys(document.text).catch((error: unknown) => {
          if (error instanceof AttestError) return [];
          throw error;
        });
      kept.set(document, known);
      return { document, keys: await known };
    }),
  );
}

/** The keys of all of them. */
export async function offeredKeys(documents: readonly VendorDocument[]): Promise<readonly JwtKey[]> {
  return (await offeredSets(documents)).flatMap(({ keys }) => keys);
}
