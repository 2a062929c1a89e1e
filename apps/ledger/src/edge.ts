// The right edge of the log: what stands in the last tile of each level and in the last entry bundle. Pure: growing it
// gives a new edge and the tiles to write. Hashing is Node's synchronous SHA-256, which a single appender is faster with.
import { createHmac, hash as digest } from 'node:crypto';
import { type Bytes, concat } from '@sealroom/bytes';
import { encodeBundle, type EntryHashes, hashesAtLevel, TILE_WIDTH, type TileName } from '@sealroom/tlog';

export type Edge = {
  readonly size: number;
  /** Hashes of the unfinished tile at each tile level (0 to 255 of them). */
  readonly levels: readonly (readonly Bytes[])[];
  /** Entries of the unfinished bundle. */
  readonly bundle: readonly Bytes[];
};

export type Tile = { readonly name: TileName; readonly bytes: Bytes };

export const EMPTY_EDGE: Edge = { size: 0, levels: [], bundle: [] };

export function sha256Now(bytes: Uint8Array): Bytes {
  return new Uint8Array(digest('sha256', bytes, 'buffer'));
}

/** Node's synchronous functions, for what `@sealroom/tlog` computes with WebCrypto. */
export const HASHES: EntryHashes = {
  sha256: sha256Now,
  hmac: (key, message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
};

export function hashNode(left: Uint8Array, right: Uint8Array): Bytes {
  return sha256Now(concat(Uint8Array.of(1), left, right));
}

export function hashLeaf(entry: Uint8Array): Bytes {
  return sha256Now(concat(Uint8Array.of(0), entry));
}

/** Root of 1 to 256 hashes. */
function rootOf(hashes: readonly Bytes[]): Bytes {
  let level = hashes;
  while (level.length > 1) {
    const next: Bytes[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      if (left) next.push(right ? hashNode(left, right) : left);
    }
    level = next;
  }
  return level[0] ?? sha256Now(new Uint8Array());
}

/** The edge after `entries`, and the tiles that a tree of the new size has and the old one had not. */
export function growEdge(
  edge: Edge,
  entries: readonly Bytes[],
): { readonly edge: Edge; readonly tiles: readonly Tile[] } {
  const levels = edge.levels.map((hashes) => [...hashes]);
  const full: Tile[] = [];
  const touched = new Set<number>();
  let bundle = [...edge.bundle];
  let size = edge.size;

  const push = (level: number, hash: Bytes): void => {
    const hashes = (levels[level] ??= []);
    hashes.push(hash);
    touched.add(level);
    if (hashes.length < TILE_WIDTH) return;
    const index = Math.floor((hashesAtLevel(level, size) - 1) / TILE_WIDTH);
    full.push({ name: { level, index, width: TILE_WIDTH }, bytes: concat(...hashes) });
    levels[level] = [];
    push(level + 1, rootOf(hashes));
  };

  for (const entry of entries) {
    size += 1;
    bundle.push(entry);
    push(0, hashLeaf(entry));
    if (bundle.length < TILE_WIDTH) continue;
    const index = size / TILE_WIDTH - 1;
    full.push({ name: { level: 'entries', index, width: TILE_WIDTH }, bytes: encodeBundle(bundle) });
    bundle = [];
  }
  const grown: Edge = { size, levels, bundle };
  return { edge: grown, tiles: [...full, ...unfinished(grown, touched)] };
}

function unfinished(edge: Edge, touched: ReadonlySet<number>): readonly Tile[] {
  const tiles: Tile[] = [];
  for (const level of touched) {
    const hashes = edge.levels[level] ?? [];
    const index = Math.floor(hashesAtLevel(level, edge.size) / TILE_WIDTH);
    if (hashes.length > 0)
      tiles.push({ name: { level, index, width: hashes.length }, bytes: concat(...hashes) });
  }
  const index = Math.floor(edge.size / TILE_WIDTH);
  const width = edge.bundle.length;
  if (width > 0) tiles.push({ name: { level: 'entries', index, width }, bytes: encodeBundle(edge.bundle) });
  return tiles;
}
