// Deterministic CBOR (RFC 8949 section 4.2.1) for signed structures. Maps are `Map`; the only tags are the ones a
// caller wraps by hand (18 for COSE_Sign1, 98 for COSE_Sign). The decoder refuses whatever does not re-encode to itself.
// Messages of others need not sort their maps (RFC 9052 section 9 asks for that in what is signed only), so that
// `cborDecodeForeign` takes a map's members in any order, and is as strict about everything else.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { decode, encode, type EncodeOptions, rfc8949EncodeOptions, Tagged } from 'cborg';
import { CoseError } from './error.ts';

export type Cbor =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Cbor[]
  | CborMap
  | CborTag;
export type CborMap = ReadonlyMap<Cbor, Cbor>;

/** A tagged value, for the tags in {@link TAGS}. */
export class CborTag {
  readonly tag: number;
  readonly value: Cbor;
  constructor(tag: number, value: Cbor) {
    this.tag = tag;
    this.value = value;
  }
}

/** Tags that may stand in COSE structures: Mac0, Sign1, Encrypt, Sign (RFC 9052), CWT (RFC 8392). */
const TAGS = [16, 17, 18, 61, 96, 97, 98];
/** And those that others put into headers: times as text and as a number (RFC 8949 section 3.4). */
const FOREIGN_TAGS = [...TAGS, 0, 1];

const MAX_BYTES = 64 * 1024 * 1024;

const IN_ORDER: EncodeOptions = rfc8949EncodeOptions;
/** Sorting is stable, so that members stay where they stand. */
const AS_IT_STANDS: EncodeOptions = { mapSorter: () => 0 };

/** The library puts lists and maps among keys in an order that is not the bytes'; COSE has labels of numbers and texts. */
function plainKey(key: Cbor): Cbor {
  if (!(Array.isArray(key) || key instanceof Map || key instanceof CborTag)) return key;
  throw new CoseError('cose/malformed', 'A CBOR map has a key that is a list, a map or tagged.');
}

function toLibrary(value: Cbor): unknown {
  if (value instanceof CborTag) return new Tagged(value.tag, toLibrary(value.value));
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [toLibrary(plainKey(key)), toLibrary(item)]));
  if (Array.isArray(value)) return value.map(toLibrary);
  return value;
}

/** Core deterministic encoding: shortest integers, definite lengths, map keys in bytewise order. */
export function cborEncode(value: Cbor): Bytes {
  return new Uint8Array(encode(toLibrary(value), IN_ORDER));
}

/** Whether some map names a key twice that is not plain: the library tells byte strings and lists apart by identity. */
function repeatsKey(value: Cbor): boolean {
  if (value instanceof CborTag) return repeatsKey(value.value);
  if (Array.isArray(value)) return (value as readonly Cbor[]).some(repeatsKey);
  if (!(value instanceof Map)) return false;
  const map = value as CborMap;
  const odd = [...map.keys()].filter((key) => typeof key === 'object' && key !== null);
  const texts = new Set(odd.map((key) => hexEncode(cborEncode(key))));
  return texts.size < odd.length || odd.some(repeatsKey) || [...map.values()].some(repeatsKey);
}

function decodeAs(bytes: Uint8Array, tagNumbers: readonly number[], order: EncodeOptions): Cbor {
  if (bytes.length > MAX_BYTES)
    throw new CoseError('cose/malformed', 'The CBOR value is larger than 64 MiB.');
  const tags = Object.fromEntries(
    tagNumbers.map((tag) => [tag, (inner: () => unknown) => new CborTag(tag, inner() as Cbor)]),
  );
  let value: Cbor;
  let again: Uint8Array;
  let repeats: boolean;
  try {
    value = decode(bytes, {
      strict: true,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      tags,
    }) as Cbor;
    again = encode(toLibrary(value), order);
    repeats = repeatsKey(value);
  } catch (cause) {
    throw new CoseError('cose/malformed', 'The bytes are not one well-formed CBOR value.', { cause });
  }
  if (repeats) throw new CoseError('cose/malformed', 'A CBOR map names one key twice.');
  if (!bytesEqual(bytes, again)) {
    throw new CoseError(
      'cose/not-deterministic',
      'The CBOR is not in deterministic form (RFC 8949 section 4.2.1).',
    );
  }
  return value;
}

/**
 * Decodes one value.
 * @throws cose/malformed · cose/not-deterministic
 */
export function cborDecode(bytes: Uint8Array): Cbor {
  return decodeAs(bytes, TAGS, IN_ORDER);
}

/**
 * Decodes one value of another system, whose maps may be in any order. Written again in that order it gives the same bytes.
 * @throws cose/malformed · cose/not-deterministic
 */
export function cborDecodeForeign(bytes: Uint8Array): Cbor {
  return decodeAs(bytes, FOREIGN_TAGS, AS_IT_STANDS);
}
