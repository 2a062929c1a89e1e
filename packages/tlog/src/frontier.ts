// The right edge of a tree (a compact range): the roots of the complete subtrees that its size splits into. Enough to
// append and to know the root, in memory that grows with the logarithm of the size.
import { type Bytes, nodeHash, sha256 } from '@sealroom/bytes';
import { TlogError } from './error.ts';
import type { HashReader, NodeHash } from './proof.ts';

/** Grows by leaf hashes and knows its root. Calls must not overlap. */
export class Frontier {
  #size: number;
  readonly #peaks: Bytes[];
  readonly #hash: NodeHash;

  /**
   * @param peaks roots of the complete subtrees of a tree of `size` leaves, largest first
   * @throws tlog/bad-size when there are not as many peaks as the size has ones
   */
  constructor(size = 0, peaks: readonly Bytes[] = [], hash: NodeHash = nodeHash) {
    const ones = size.toString(2).replaceAll('0', '').length;
    if (!Number.isSafeInteger(size) || size < 0 || ones !== peaks.length) {
      throw new TlogError(
        'tlog/bad-size',
        'A tree has one complete subtree for each one in its binary size.',
      );
    }
    this.#size = size;
    this.#peaks = [...peaks];
    this.#hash = hash;
  }

  /** Takes up a tree of `size` leaves from its stored hashes. */
  static async from(read: HashReader, size: number, hash: NodeHash = nodeHash): Promise<Frontier> {
    const peaks: Bytes[] = [];
    let start = 0;
    for (let level = 52; level >= 0; level--) {
      const width = 2 ** level;
      if (start + width > size) continue;
      peaks.push(await read(level, start / width));
      start += width;
    }
    return new Frontier(size, peaks, hash);
  }

  get size(): number {
    return this.#size;
  }

  async add(leafHash: Bytes): Promise<void> {
    let peak = leafHash;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#peaks.pop();
      if (left) peak = await this.#hash(left, peak);
    }
    this.#peaks.push(peak);
    this.#size += 1;
  }

  async root(): Promise<Bytes> {
    let root = this.#peaks.at(-1);
    if (!root) return sha256();
    for (const left of this.#peaks.slice(0, -1).reverse()) root = await this.#hash(left, root);
    return root;
  }

  /** A copy that grows on its own, so that a failed append can be forgotten. */
  copy(): Frontier {
    return new Frontier(this.#size, this.#peaks, this.#hash);
  }
}
