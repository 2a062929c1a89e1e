// One segment at a time (vectors/tink/README.md of the shared vectors; Tink's wire format):
//   key     = HKDF(hkdfHash, ikm = key, salt, info = associatedData, keySize)
//   nonce   = noncePrefix(7) ‖ uint32be(index) ‖ last ? 1 : 0
//   segment = AES-GCM(key, nonce, plaintext, no additional data) ‖ tag(16)
// AES-GCM does not commit to its key: what ties a file to one key is the inventory's key commitment and tree.
import { type Bytes, concat } from '@sealroom/bytes';
import { SealError } from './error.ts';
import { hkdf } from './hkdf.ts';
import { headerLength, NONCE_PREFIX_LENGTH, type StreamParameters, TAG_LENGTH, TINK_1MB } from './layout.ts';

/** AES-GCM with a 96-bit nonce, no additional data and a 128-bit tag behind the ciphertext, under one key. */
export type SegmentAead = {
  seal(nonce: Bytes, plaintext: Bytes): Promise<Bytes>;
  /** The plaintext, or undefined when the tag does not match. */
  open(nonce: Bytes, ciphertext: Bytes): Promise<Bytes | undefined>;
};

/** Where the AES-GCM comes from: WebCrypto by default, node:crypto in servers. */
export type SegmentCipher = { load(key: Bytes): Promise<SegmentAead> };

/** What it takes to seal or open one file. `key` is Tink's key; `associatedData` the path's bytes. */
export type StreamSecret = {
  readonly key: Bytes;
  readonly associatedData: Bytes;
  readonly parameters?: StreamParameters;
  readonly cipher?: SegmentCipher;
};

export type StreamHeader = { readonly bytes: Bytes; readonly salt: Bytes; readonly noncePrefix: Bytes };

/** A sealed file whose key is derived, ready for its segments. */
export type Stream = {
  readonly header: StreamHeader;
  readonly parameters: StreamParameters;
  readonly aead: SegmentAead;
};

export const webSegmentCipher: SegmentCipher = {
  async load(key) {
    const handle = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
    return {
      seal: async (iv, plaintext) =>
        new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, handle, plaintext)),
      async open(iv, ciphertext) {
        try {
          return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, handle, ciphertext));
        } catch (cause) {
          if (cause instanceof DOMException && cause.name === 'OperationError') return undefined;
          throw cause;
        }
      },
    };
  },
};

/** A header with fresh salt and nonce prefix. */
export function newHeader(parameters: StreamParameters = TINK_1MB): StreamHeader {
  const bytes = crypto.getRandomValues(new Uint8Array(headerLength(parameters)));
  bytes[0] = bytes.length;
  return parseHeader(bytes, parameters);
}

/**
 * The header at the front of a sealed file (more bytes may follow).
 * @throws seal/truncated · seal/bad-header
 */
export function parseHeader(sealed: Uint8Array, parameters: StreamParameters = TINK_1MB): StreamHeader {
  const length = headerLength(parameters);
  if (sealed.length < length) {
    throw new SealError(
      'seal/truncated',
      `A sealed file begins with ${length} bytes of header; fetch it again.`,
    );
  }
  if (sealed[0] !== length) {
    throw new SealError(
      'seal/bad-header',
      'The file does not begin like a sealed file (AES256_GCM_HKDF_1MB); is it sealed at all?',
    );
  }
  const bytes = new Uint8Array(sealed.subarray(0, length));
  return {
    bytes,
    salt: bytes.slice(1, length - NONCE_PREFIX_LENGTH),
    noncePrefix: bytes.slice(length - NONCE_PREFIX_LENGTH),
  };
}

/** The AES key of one sealed file. @throws seal/bad-key when `key` is shorter than the key derived from it */
export async function deriveSegmentKey(
  { key, associatedData, parameters = TINK_1MB }: StreamSecret,
  salt: Bytes,
): Promise<Bytes> {
  if (key.length < parameters.keySize) {
    throw new SealError(
      'seal/bad-key',
      `The key has ${key.length} bytes; sealing needs ${parameters.keySize} raw bytes.`,
    );
  }
  return hkdf({ key, salt, info: associatedData, hash: parameters.hkdfHash }, parameters.keySize);
}

export async function streamOf(secret: StreamSecret, header: StreamHeader): Promise<Stream> {
  const { parameters = TINK_1MB, cipher = webSegmentCipher } = secret;
  return { header, parameters, aead: await cipher.load(await deriveSegmentKey(secret, header.salt)) };
}

export function segmentNonce(noncePrefix: Uint8Array, index: number, last: boolean): Bytes {
  const nonce = new Uint8Array(12);
  nonce.set(noncePrefix);
  new DataView(nonce.buffer).setUint32(NONCE_PREFIX_LENGTH, index);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** A sealed segment; the first begins with the header. */
export async function sealSegment(
  stream: Stream,
  index: number,
  last: boolean,
  plaintext: Bytes,
): Promise<Bytes> {
  const body = await stream.aead.seal(segmentNonce(stream.header.noncePrefix, index, last), plaintext);
  return index === 0 ? concat(stream.header.bytes, body) : body;
}

/** Why a segment did not open, given whether it opens as (not) the last one. Shared with the workers of `host`. */
export function segmentFailure(last: boolean, opensOtherwise: boolean): SealError {
  if (!opensOtherwise) {
    return new SealError(
      'seal/not-authentic',
      'The sealed bytes were altered, or were sealed with another key or under another path. Check key and path.',
    );
  }
  return last
    ? new SealError('seal/truncated', 'The sealed file lacks its end; fetch it again from where it was made.')
    : new SealError('seal/extended', 'Bytes follow the end of the sealed file; fetch it again.');
}

type Sealed = { readonly index: number; readonly last: boolean; readonly sealed: Bytes };

/**
 * The plaintext of one sealed segment.
 * @throws seal/not-authentic · seal/truncated (a middle segment stands last) · seal/extended (the last one does not)
 */
export async function openWith(
  aead: SegmentAead,
  noncePrefix: Uint8Array,
  { index, last, sealed }: Sealed,
  parameters: StreamParameters = TINK_1MB,
): Promise<Bytes> {
  const body = index === 0 ? sealed.subarray(headerLength(parameters)) : sealed;
  if (body.length < TAG_LENGTH) throw segmentFailure(true, true);
  const plaintext = await aead.open(segmentNonce(noncePrefix, index, last), body);
  if (plaintext) return plaintext;
  const otherwise = await aead.open(segmentNonce(noncePrefix, index, !last), body);
  throw segmentFailure(last, otherwise !== undefined);
}

/** As {@link openWith}, of a stream. */
export async function openSegment(
  { aead, header, parameters }: Stream,
  index: number,
  last: boolean,
  sealed: Bytes,
): Promise<Bytes> {
  return openWith(aead, header.noncePrefix, { index, last, sealed }, parameters);
}
