// C2SP tlog-tiles v0.1.0: paths, widths, hash tiles (256 hashes of 32 bytes) and entry bundles (uint16 length and entry).
// A hash reader over tiles feeds the proofs. Not checked: that tiles belong to a signed root; compare `rootAt`.
import { type Bytes, concat, nodeHash, Reader } from '@sealroom/bytes';
import { TlogError } from './error.ts';
import type { HashReader, NodeHash } from './proof.ts';

export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const MAX_ENTRY = 0xffff;

/** One tile: of hashes at a tile level, or of entries. Width is 1 to 256; 256 is a full tile. */
export type TileName = {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
};

/** `tile/<L>/<N>[.p/<W>]`. @throws tlog/malformed-tile-path */
export function tilePath({ level, index, width }: TileName): string {
  const levelOk = level === 'entries' || (Number.isInteger(level) && level >= 0 && level <= 63);
  const widthOk = Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;
  if (!levelOk || !widthOk || !Number.isSafeInteger(index) || index < 0) {
    throw new TlogError('tlog/malformed-tile-path', 'There is no tile of that level, index and width.');
  }
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** Reads a tile path in its one form. @throws tlog/malformed-tile-path */
export function parseTilePath(path: string): TileName {
  const found =
    /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path);
  const [level = '', index = '', width] = found?.slice(1) ?? [];
  const name: TileName = {
    level: level === 'entries' ? 'entries' : Number(level),
    index: Number(index.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  if (!found || tilePath(name) !== path) {
    throw new TlogError('tlog/malformed-tile-path', 'Expected `tile/<level>/<index>[.p/<width>]`.');
  }
  return name;
}

/** How many hashes stand at a tile level in a tree of `size` leaves. */
export function hashesAtLevel(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** Width of tile `index` at a level in a tree of `size` leaves; 0 when there is none. */
export function tileWidth(level: number | 'entries', index: number, size: number): number {
  const hashes = hashesAtLevel(level === 'entries' ? 0 : level, size);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** The hash tiles that a tree of `size` leaves has beyond those complete in a tree of `from` leaves, lowest level first. */
export function tilesBetween(from: number, size: number): readonly TileName[] {
  const tiles: TileName[] = [];
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    if (hashesAtLevel(level, size) === hashesAtLevel(level, from)) continue;
    const first = Math.floor(hashesAtLevel(level, from) / TILE_WIDTH);
    for (let index = first; tileWidth(level, index, size) > 0; index++) {
      tiles.push({ level, index, width: tileWidth(level, index, size) });
    }
  }
  return tiles;
}

/** The hashes of a tile. @throws tlog/malformed-tile when its length is not that of its width */
export function decodeTile(bytes: Uint8Array, width: number): readonly Bytes[] {
  if (bytes.length !== width * 32) {
    throw new TlogError('tlog/malformed-tile', `A tile of width ${width} has ${width * 32} bytes.`);
  }
  return Array.from({ length: width }, (_, i) => new Uint8Array(bytes.slice(i * 32, i * 32 + 32)));
}

/** Entries as a bundle. @throws tlog/malformed-bundle for an entry over 65,535 bytes */
export function encodeBundle(entries: readonly Uint8Array[]): Bytes {
  return concat(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY)
        throw new TlogError('tlog/malformed-bundle', 'An entry has at most 65,535 bytes.');
      return [Uint8Array.of(entry.length >> 8, entry.length & 255), entry];
    }),
  );
}

/** The entries of a bundle of `width`. @throws tlog/malformed-bundle when there are more, fewer or torn entries */
export function decodeBundle(bytes: Uint8Array, width: number): readonly Bytes[] {
  const reader = new Reader(bytes);
  const entries: Bytes[] = [];
  try {
    while (entries.length < width) entries.push(reader.take(reader.uintBE(2)));
    reader.end();
  } catch (cause) {
    throw new TlogError('tlog/malformed-bundle', `The bundle does not hold exactly ${width} entries.`, {
      cause,
    });
  }
  return entries;
}

/**
 * The complete subtrees inside a tile: element [h][i] covers hashes `i · 2^h` up to `(i + 1) · 2^h` of the tile, for h
 * from 0 to 8.
 */
export async function expandTile(
  hashes: readonly Bytes[],
  hash: NodeHash = nodeHash,
): Promise<readonly (readonly Bytes[])[]> {
  const levels: (readonly Bytes[])[] = [hashes];
  for (let below = hashes; levels.length <= TILE_HEIGHT; below = levels.at(-1) ?? []) {
    const above: Bytes[] = [];
    for (let i = 0; i + 1 < below.length; i += 2) {
      const [left, right] = [below[i], below[i + 1]];
      if (left && right) above.push(await hash(left, right));
    }
    levels.push(above);
  }
  return levels;
}

/**
 * A hash reader over the tiles of a tree of `size` leaves. `fetchTile` gives the bytes of a hash tile; each is fetched
 * once and kept as long as the reader lives.
 * @throws (from the reader) tlog/malformed-tile · tlog/bad-index for a hash that the tree does not have
 */
export function tileHashReader(
  fetchTile: (tile: TileName) => Uint8Array | Promise<Uint8Array>,
  size: number,
  hash: NodeHash = nodeHash,
): HashReader {
  const kept = new Map<string, Promise<readonly (readonly Bytes[])[]>>();
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const height = level % TILE_HEIGHT;
    const first = index * 2 ** height;
    const tile = Math.floor(first / TILE_WIDTH);
    const width = tileWidth(tileLevel, tile, size);
    if (width === 0) throw new TlogError('tlog/bad-index', 'The tree does not have that hash yet.');
    const name = { level: tileLevel, index: tile, width };
    const path = tilePath(name);
    const expanded =
      kept.get(path) ??
      Promise.resolve(fetchTile(name)).then((bytes) => expandTile(decodeTile(bytes, width), hash));
    kept.set(path, expanded);
    const found = (await expanded)[height]?.[(first % TILE_WIDTH) / 2 ** height];
    if (!found) throw new TlogError('tlog/bad-index', 'The tree does not have that hash yet.');
    return found;
  };
}
