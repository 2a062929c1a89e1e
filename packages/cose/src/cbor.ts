// Deterministic CBOR (RFC 8949 section 4.2.1) for signed structures. Maps are `Map`; the only tags are the ones a
// caller wraps by hand (18 for COSE_Sign1, 98 for COSE_Sign). The decoder refuses whatever does not re-encode to itself.
import { type Bytes, bytesEqual } from '@sealroom/bytes';
import { decode, encode, rfc8949EncodeOptions, Tagged } from 'cborg';
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

const MAX_BYTES = 64 * 1024 * 1024;

function toLibrary(value: Cbor): unknown {
  if (value instanceof CborTag) return new Tagged(value.tag, toLibrary(value.value));
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [toLibrary(key), toLibrary(item)]));
  if (Array.isArray(value)) return value.map(toLibrary);
  return value;
}

/** Core deterministic encoding: shortest integers, definite lengths, map keys in bytewise order. */
export function cborEncode(value: Cbor): Bytes {
  return new Uint8Array(encode(toLibrary(value), rfc8949EncodeOptions));
}

/**
 * Decodes one value.
 * @throws cose/malformed · cose/not-deterministic
 */
export function cborDecode(bytes: Uint8Array): Cbor {
  if (bytes.length > MAX_BYTES)
    throw new CoseError('cose/malformed', 'The CBOR value is larger than 64 MiB.');
  const tags = Object.fromEntries(
    TAGS.map((tag) => [tag, (inner: () => unknown) => new CborTag(tag, inner() as Cbor)]),
  );
  let value: Cbor;
  let again: Uint8Array;
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
    again = cborEncode(value);
  } catch (cause) {
    throw new CoseError('cose/malformed', 'The bytes are not one well-formed CBOR value.', { cause });
  }
  if (!bytesEqual(bytes, again)) {
    throw new CoseError(
      'cose/not-deterministic',
      'The CBOR is not in deterministic form (RFC 8949 section 4.2.1).',
    );
  }
  return value;
}
