// The tree over a sealed file (protocol.md section 3): leaf hashes (RFC 9162) of its sealed segments, the header in the
// first, lie as 32-byte values one after the other in `<path>.tree`; their root stands in the inventory.
import {
  type Bytes,
  bytesEqual,
  concat,
  type Digest,
  digestBytes,
  digestString,
  leafHash,
  treeRoot,
} from '@sealroom/bytes';
import { SealError } from './error.ts';
import { segmentCount, TINK_1MB } from './layout.ts';

const HASH_LENGTH = 32;

export function encodeLeaves(leaves: readonly Uint8Array[]): Bytes {
  return concat(...leaves);
}

/** The leaf hashes in the bytes of a `.tree` file of a sealed file of `sealed` bytes. @throws seal/bad-leaves */
export function parseLeaves(bytes: Uint8Array, sealed: number): Bytes[] {
  const count = segmentCount(sealed);
  if (bytes.length !== count * HASH_LENGTH) {
    throw new SealError(
      'seal/bad-leaves',
      `The list of leaf hashes has ${bytes.length} bytes; a file of ${count} segments has ${count * HASH_LENGTH}.`,
    );
  }
  return Array.from(
    { length: count },
    (_, i) => new Uint8Array(bytes.slice(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)),
  );
}

/** The root of the tree over these leaf hashes, as it stands in an inventory. */
export async function treeDigest(leaves: readonly Uint8Array[]): Promise<Digest> {
  return digestString(await treeRoot(leaves));
}

/** @throws seal/bad-leaves when the leaf hashes are not those the inventory speaks of */
export async function checkLeaves(leaves: readonly Uint8Array[], tree: Digest): Promise<void> {
  if (!bytesEqual(await treeRoot(leaves), digestBytes(tree))) {
    throw new SealError(
      'seal/bad-leaves',
      'The leaf hashes beside the sealed file are not those of its inventory; fetch both again.',
    );
  }
}

/** @throws seal/leaf-mismatch when a sealed segment is not the one that was listed */
export async function checkSegment(segment: Uint8Array, leaf: Uint8Array, index: number): Promise<void> {
  if (!bytesEqual(await leafHash(segment), leaf)) throw leafMismatch(index);
}

export function leafMismatch(index: number): SealError {
  return new SealError(
    'seal/leaf-mismatch',
    `Segment ${index} of the sealed file is not the one its inventory lists; fetch it again.`,
  );
}

/** The leaf hashes of a whole sealed file in memory. */
export async function leavesOf(sealed: Uint8Array): Promise<Bytes[]> {
  const { segmentSize } = TINK_1MB;
  return Promise.all(
    Array.from({ length: segmentCount(sealed.length) }, (_, i) =>
      leafHash(sealed.subarray(i * segmentSize, (i + 1) * segmentSize)),
    ),
  );
}
