// The Merkle tree of RFC 9162 section 2.1 with SHA-256: hashes and roots. Proofs live with the ledger (tlog); sealed
// files use the same tree over their segments.
import { type Bytes, concat, sha256 } from './bytes.ts';

/** SHA-256(0x00 ‖ entry). */
export async function leafHash(entry: Uint8Array): Promise<Bytes> {
  return sha256(Uint8Array.of(0), entry);
}

/** SHA-256(0x01 ‖ left ‖ right). */
export async function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(Uint8Array.of(1), left, right);
}

/** The root over leaf hashes (not entries); of no leaves, SHA-256 of nothing. */
export async function treeRoot(leaves: readonly Uint8Array[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256();
  let level: readonly Uint8Array[] = leaves;
  while (level.length > 1) {
    // A last node without a sibling moves up unchanged, which is RFC 9162's split at the largest power of two.
    const next: Promise<Uint8Array>[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] ?? concat(), level[i + 1]];
      next.push(right ? nodeHash(left, right) : Promise.resolve(left));
    }
    level = await Promise.all(next);
  }
  return concat(level[0] ?? concat());
}
