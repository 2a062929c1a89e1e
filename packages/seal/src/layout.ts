// Where bytes lie in a sealed file (Tink streaming AEAD, AES-GCM-HKDF):
//   sealed    = segment 0 ‖ segment 1 ‖ …        each `segmentSize` bytes but the last
//   segment 0 = header ‖ ciphertext ‖ tag(16)    header = length(1) ‖ salt(keySize) ‖ noncePrefix(7)
//   segment i = ciphertext ‖ tag(16)
// The last segment is empty only when the whole plaintext is. Pure arithmetic; authenticates nothing.
import { SealError } from './error.ts';
import type { HkdfHash } from './hkdf.ts';

export type StreamParameters = {
  /** Bytes of a sealed segment, tag and (in the first) header included. */
  readonly segmentSize: number;
  /** Bytes of the derived AES key and of the salt. */
  readonly keySize: 16 | 32;
  readonly hkdfHash: HkdfHash;
};

/** Tink's AES256_GCM_HKDF_1MB, the one form in which Sealroom seals; `tink/1mb` in an inventory. */
export const TINK_1MB: StreamParameters = { segmentSize: 1_048_576, keySize: 32, hkdfHash: 'SHA-256' };

export const TAG_LENGTH = 16;
export const NONCE_PREFIX_LENGTH = 7;
const MOST_SEGMENTS = 2 ** 32;

export function headerLength(parameters: StreamParameters = TINK_1MB): number {
  return 1 + parameters.keySize + NONCE_PREFIX_LENGTH;
}

/** Plaintext bytes that segment `index` has room for. */
export function segmentCapacity(index: number, parameters: StreamParameters = TINK_1MB): number {
  return parameters.segmentSize - TAG_LENGTH - (index === 0 ? headerLength(parameters) : 0);
}

function tooLarge(): SealError {
  return new SealError('seal/too-large', 'A sealed file has at most 2^32 segments; split the file.');
}

/** Bytes of the sealed file from bytes of the plaintext. @throws seal/too-large */
export function sealedSize(plain: number, parameters: StreamParameters = TINK_1MB): number {
  const first = segmentCapacity(0, parameters);
  const segments = plain <= first ? 1 : 1 + Math.ceil((plain - first) / segmentCapacity(1, parameters));
  if (!Number.isSafeInteger(plain) || plain < 0 || segments > MOST_SEGMENTS) throw tooLarge();
  return headerLength(parameters) + plain + TAG_LENGTH * segments;
}

/** Number of segments of a sealed file of this many bytes. */
export function segmentCount(sealed: number, parameters: StreamParameters = TINK_1MB): number {
  return Math.max(1, Math.ceil(sealed / parameters.segmentSize));
}

/**
 * Bytes of the plaintext from bytes of the sealed file.
 * @throws seal/truncated · seal/empty-segment · seal/too-large for lengths that no sealed file has
 */
export function plainSize(sealed: number, parameters: StreamParameters = TINK_1MB): number {
  const segments = segmentCount(sealed, parameters);
  if (!Number.isSafeInteger(sealed) || segments > MOST_SEGMENTS) throw tooLarge();
  checkLastSegment(segments - 1, sealed - (segments - 1) * parameters.segmentSize, parameters);
  return sealed - headerLength(parameters) - TAG_LENGTH * segments;
}

/** @throws seal/truncated · seal/empty-segment when a last segment cannot have this many bytes */
export function checkLastSegment(index: number, length: number, parameters: StreamParameters): void {
  const least = TAG_LENGTH + (index === 0 ? headerLength(parameters) : 0);
  if (length < least) {
    throw new SealError(
      'seal/truncated',
      'The sealed file ends too early; fetch it again from where it was made.',
    );
  }
  if (index > 0 && length === least) {
    throw new SealError(
      'seal/empty-segment',
      'An empty segment follows the end of the sealed file; fetch it again.',
    );
  }
}

/** The segment that holds a plaintext offset, and the offset within that segment's plaintext. */
export function segmentOf(
  offset: number,
  parameters: StreamParameters = TINK_1MB,
): { index: number; within: number } {
  const first = segmentCapacity(0, parameters);
  if (offset < first) return { index: 0, within: offset };
  const capacity = segmentCapacity(1, parameters);
  const index = 1 + Math.floor((offset - first) / capacity);
  return { index, within: (offset - first) % capacity };
}

/** Plaintext offset at which segment `index` begins. */
export function segmentStart(index: number, parameters: StreamParameters = TINK_1MB): number {
  if (index === 0) return 0;
  return segmentCapacity(0, parameters) + (index - 1) * segmentCapacity(1, parameters);
}
