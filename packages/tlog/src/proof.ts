// Inclusion and consistency proofs of RFC 9162 section 2.1.3 and 2.1.4 (SHA-256), and proofs about subtrees as in
// draft-ietf-plants-merkle-tree-certs section 4. Sizes and indexes are integers up to 2^53-1, so nothing here uses
// 32-bit operators. Not checked: who signed a root; that is the checkpoint's business.
import { type Bytes, bytesEqual, nodeHash } from '@sealroom/bytes';
import { TlogError } from './error.ts';

/**
 * Gives the hash of the complete subtree over leaves `index · 2^level` up to `(index + 1) · 2^level`. Level 0 gives leaf hashes.
 */
export type HashReader = (level: number, index: number) => Bytes | Promise<Bytes>;

/** Hash of an inner node; the default is WebCrypto, and a server may pass a faster one. */
export type NodeHash = (left: Uint8Array, right: Uint8Array) => Bytes | Promise<Bytes>;

const MAX_PROOF = 64;

function checkSize(size: number, least: number): void {
  if (!Number.isSafeInteger(size) || size < least) {
    throw new TlogError('tlog/bad-size', `A tree size must be an integer of at least ${least}.`);
  }
}

function checkIndex(index: number, size: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new TlogError(
      'tlog/bad-index',
      'The leaf index lies outside the tree; ask for a larger tree size.',
    );
  }
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== 32)) {
    throw new TlogError('tlog/bad-hash', 'Every hash of a leaf or a proof has 32 bytes.');
  }
}

/** The largest power of two below `count` (at least 2). */
function splitPoint(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

const half = (value: number): number => Math.floor(value / 2);
const isOdd = (value: number): boolean => value % 2 === 1;

/** Root over leaves `start` up to `end`; `start` is a multiple of the smallest power of two that holds the range. */
async function rangeHash(read: HashReader, start: number, end: number, hash: NodeHash): Promise<Bytes> {
  const count = end - start;
  const level = Math.log2(count);
  if (Number.isInteger(level)) return read(level, start / count);
  const middle = start + splitPoint(count);
  return hash(await rangeHash(read, start, middle, hash), await rangeHash(read, middle, end, hash));
}

/** Root of the tree over the first `size` leaves. @throws tlog/bad-size for an empty tree */
export async function rootAt(read: HashReader, size: number, hash: NodeHash = nodeHash): Promise<Bytes> {
  checkSize(size, 1);
  return rangeHash(read, 0, size, hash);
}

/**
 * The inclusion proof (RFC 9162 section 2.1.3.1) of leaf `index` in the tree over the first `size` leaves, from the
 * leaf's sibling upwards.
 * @throws tlog/bad-size · tlog/bad-index
 */
export async function inclusionProof(
  read: HashReader,
  index: number,
  size: number,
  hash: NodeHash = nodeHash,
): Promise<readonly Bytes[]> {
  checkSize(size, 1);
  checkIndex(index, size);
  const proof: Bytes[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      proof.push(await rangeHash(read, middle, end, hash));
      end = middle;
    } else {
      proof.push(await rangeHash(read, start, middle, hash));
      start = middle;
    }
  }
  return proof.reverse();
}

/**
 * The consistency proof (RFC 9162 section 2.1.4.1) between the trees of two sizes. Equal sizes give an empty proof; an
 * empty first tree is consistent with everything, so asking for a proof from it is an error.
 * @throws tlog/bad-size
 */
export async function consistencyProof(
  read: HashReader,
  from: number,
  to: number,
  hash: NodeHash = nodeHash,
): Promise<readonly Bytes[]> {
  checkSize(from, 1);
  checkSize(to, from);
  const proof: Bytes[] = [];
  let [start, end, whole] = [0, to, true];
  while (from !== end) {
    const middle = start + splitPoint(end - start);
    if (from <= middle) {
      proof.push(await rangeHash(read, middle, end, hash));
      end = middle;
    } else {
      proof.push(await rangeHash(read, start, middle, hash));
      start = middle;
      whole = false;
    }
  }
  if (!whole) proof.push(await rangeHash(read, start, end, hash));
  return proof.reverse();
}

export type Inclusion = {
  readonly index: number;
  readonly size: number;
  /** Leaf hash: SHA-256(0x00 ‖ entry). */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
};

/**
 * The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2). Compare it with a signed root, or use
 * {@link verifyInclusion}.
 * @throws tlog/bad-size · tlog/bad-index · tlog/bad-hash · tlog/bad-proof-length
 */
export async function rootFromInclusion(claim: Inclusion, hash: NodeHash = nodeHash): Promise<Bytes> {
  const { index, size, leaf, proof } = claim;
  checkSize(size, 1);
  checkIndex(index, size);
  checkHashes([leaf, ...proof]);
  const wrongLength = () =>
    new TlogError(
      'tlog/bad-proof-length',
      'The inclusion proof has too many or too few hashes for its index.',
    );
  let [position, last] = [index, size - 1];
  let root: Bytes = new Uint8Array(leaf);
  for (const sibling of proof) {
    if (last === 0) throw wrongLength();
    if (isOdd(position) || position === last) {
      root = await hash(sibling, root);
      while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      root = await hash(root, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  if (last !== 0) throw wrongLength();
  return root;
}

function checkRoot(found: Uint8Array, expected: Uint8Array, what: string): void {
  if (!bytesEqual(found, expected)) {
    throw new TlogError('tlog/root-mismatch', `The proof does not lead to the ${what}.`);
  }
}

/**
 * Checks that a leaf stands at its index in the tree with this root.
 * @throws tlog/root-mismatch and what {@link rootFromInclusion} throws
 */
export async function verifyInclusion(claim: Inclusion & { readonly root: Uint8Array }): Promise<void> {
  checkRoot(await rootFromInclusion(claim), claim.root, 'signed root');
}

function checkSubtree(start: number, end: number): void {
  checkSize(end, 1);
  let width = 1;
  while (width < end - start) width *= 2;
  if (!Number.isSafeInteger(start) || start < 0 || start >= end || start % width !== 0) {
    throw new TlogError(
      'tlog/bad-index',
      'The range is not a subtree: its start must be a multiple of its width.',
    );
  }
}

/** Inclusion of a leaf in the subtree over leaves `start` up to `end`; `index` counts from the log's beginning. */
export async function verifySubtreeInclusion(claim: {
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}): Promise<void> {
  const { index, start, end, leaf, proof, root } = claim;
  checkSubtree(start, end);
  await verifyInclusion({ index: index - start, size: end - start, leaf, proof, root });
}

type SubtreeConsistency = {
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly subtreeRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
};

/** The root of the whole tree that a consistency proof leads to, once it leads to the subtree's. */
async function rootFromSubtree(claim: SubtreeConsistency): Promise<Uint8Array> {
  const { start, end, size, subtreeRoot, proof } = claim;
  checkSubtree(start, end);
  checkSize(size, end);
  checkHashes(proof);
  const wrongLength = () =>
    new TlogError(
      'tlog/bad-proof-length',
      'The consistency proof has too many or too few hashes for its sizes.',
    );
  if (proof.length > MAX_PROOF) throw wrongLength();

  let [first, last, top] = [start, end - 1, size - 1];
  const down = () => {
    [first, last, top] = [half(first), half(last), half(top)];
  };
  if (last === top) while (first !== last) down();
  else while (first !== last && isOdd(last)) down();

  const hashes = [...proof];
  const seed = first === last ? subtreeRoot : hashes.shift();
  if (!seed) throw wrongLength();
  let oldRoot: Uint8Array = seed;
  let newRoot: Uint8Array = seed;
  for (const sibling of hashes) {
    if (top === 0) throw wrongLength();
    if (isOdd(last) || last === top) {
      if (first < last) oldRoot = await nodeHash(sibling, oldRoot);
      newRoot = await nodeHash(sibling, newRoot);
      while (!isOdd(last)) down();
    } else {
      newRoot = await nodeHash(newRoot, sibling);
    }
    down();
  }
  if (top !== 0) throw wrongLength();
  checkRoot(oldRoot, subtreeRoot, 'earlier root');
  return newRoot;
}

/**
 * Checks that the subtree over leaves `start` up to `end` with root `subtreeRoot` is part of the tree of `size` leaves
 * with root `root`. With `start` 0 this is RFC 9162's consistency of two trees.
 * @throws tlog/bad-size · tlog/bad-index · tlog/bad-hash · tlog/bad-proof-length · tlog/root-mismatch
 */
export async function verifySubtreeConsistency(
  claim: SubtreeConsistency & { readonly root: Uint8Array },
): Promise<void> {
  checkRoot(await rootFromSubtree(claim), claim.root, 'later root');
}

export type Growth = {
  readonly from: number;
  readonly to: number;
  /** A root that the reader knows already. */
  readonly fromRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
};

/**
 * The root to which a log has grown, if it only grew (RFC 9162 section 2.1.4.2). Compare it with a signed root, or use
 * {@link verifyConsistency}.
 * @throws tlog/bad-size (an empty first tree proves nothing) · tlog/bad-hash · tlog/bad-proof-length · tlog/root-mismatch
 *   (the proof does not lead to the known root)
 */
export async function rootFromConsistency({ from, to, fromRoot, proof }: Growth): Promise<Bytes> {
  checkSize(from, 1);
  checkSize(to, from);
  const claim = { start: 0, end: from, size: to, subtreeRoot: fromRoot, proof };
  return new Uint8Array(await rootFromSubtree(claim));
}

/**
 * Checks that a log only grew between two signed roots (RFC 9162 section 2.1.4.2).
 * @throws what {@link rootFromConsistency} throws
 */
export async function verifyConsistency(claim: Growth & { readonly toRoot: Uint8Array }): Promise<void> {
  checkRoot(await rootFromConsistency(claim), claim.toRoot, 'later root');
}
