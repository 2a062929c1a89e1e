// The log as its readers see it at one checkpoint: tiles, entries and hashes up to its size, never beyond. Finished tiles
// come from the disk (a few are kept in memory), unfinished ones from the edge.
import type { Bytes } from '@sealroom/bytes';
import {
  decodeBundle,
  encodeBundle,
  type Frontier,
  type HashReader,
  TILE_WIDTH,
  tileHashReader,
  type TileName,
  tilePath,
  tileWidth,
} from '@sealroom/tlog';
import type { Disk } from './disk.ts';
import { type Edge, hashNode } from './edge.ts';
import { LedgerError } from './error.ts';
import { edgeTile } from './recovery.ts';

export type State = {
  readonly note: string;
  readonly root: Bytes;
  readonly edge: Edge;
  readonly frontier: Frontier;
  /** SHA-256 of COSE bytes (hex) to leaf index; grows in place. */
  readonly leaves: Map<string, number>;
  /** First leaves of the groups of statements on disk, in order; grows in place. */
  readonly groups: number[];
};

export type Head = {
  readonly size: number;
  readonly root: Bytes;
  /** The signed checkpoint. */
  readonly note: string;
  /** A tile or bundle, cut to the width asked for. @throws ledger/unknown-tile beyond the checkpoint */
  tile(name: TileName): Promise<Bytes>;
  /** @throws ledger/unknown-entry */
  entry(index: number): Promise<Bytes>;
  readonly read: HashReader;
  /** Hashes of an earlier tree of the same log. */
  readAt(size: number): HashReader;
};

const KEPT_TILES = 256;
const kept = new WeakMap<Disk, Map<string, Promise<Bytes>>>();

/** A finished tile from the disk; the last used stay in memory, since they never change. */
function fullTile(disk: Disk, name: TileName): Promise<Bytes> {
  const tiles = kept.get(disk) ?? new Map<string, Promise<Bytes>>();
  kept.set(disk, tiles);
  const path = tilePath(name);
  const found =
    tiles.get(path) ??
    disk.read(path).then((bytes) => {
      if (bytes) return bytes;
      throw new LedgerError('ledger/tiles-do-not-match', 'A tile of the log is missing from the disk.');
    });
  tiles.delete(path);
  tiles.set(path, found);
  found.catch(() => tiles.delete(path));
  const oldest = tiles.size > KEPT_TILES ? tiles.keys().next().value : undefined;
  if (oldest !== undefined) tiles.delete(oldest);
  return found;
}

export function headOf({ note, root, edge }: State, disk: Disk): Head {
  const { size } = edge;

  async function tile(name: TileName): Promise<Bytes> {
    const { level, index, width } = name;
    const there = tileWidth(level, index, size);
    if (width > there) {
      throw new LedgerError('ledger/unknown-tile', 'The log has no such tile at its present checkpoint.');
    }
    if (there < TILE_WIDTH) return edgeTile(edge, name);
    const full = await fullTile(disk, { level, index, width: TILE_WIDTH });
    if (width === TILE_WIDTH) return full;
    return level === 'entries'
      ? encodeBundle(decodeBundle(full, TILE_WIDTH).slice(0, width))
      : full.slice(0, width * 32);
  }

  async function entry(index: number): Promise<Bytes> {
    const at = Math.floor(index / TILE_WIDTH);
    const width = tileWidth('entries', at, size);
    const bundle = width === 0 ? [] : decodeBundle(await tile({ level: 'entries', index: at, width }), width);
    const found = bundle[index % TILE_WIDTH];
    if (found && index < size) return found;
    throw new LedgerError('ledger/unknown-entry', 'The log has no such entry at its present checkpoint.');
  }

  const readAt = (earlier: number): HashReader => tileHashReader(tile, earlier, hashNode);
  return { size, root, note, tile, entry, read: readAt(size), readAt };
}
