// What the ledger believes at start: the checkpoint on disk is the truth. Everything it covers must be there and lead to
// its root; everything beyond it was never acknowledged and is removed. A hash tile that is missing or torn is made anew
// from the entries, which the root vouches for; one that says something else is tampering, and stops the start.
import { type Bytes, bytesEqual, concat, hexEncode, utf8Decode, utf8Encode } from '@sealroom/bytes';
import type { Signer } from '@sealroom/cose';
import {
  decodeBundle,
  encodeBundle,
  Frontier,
  openCheckpoint,
  parseTilePath,
  signCheckpoint,
  splitEntry,
  TILE_WIDTH,
  type TileName,
  tilePath,
  tileWidth,
} from '@sealroom/tlog';
import type { Disk, DurableFile } from './disk.ts';
import { type Edge, EMPTY_EDGE, growEdge, hashLeaf, hashNode, type Tile } from './edge.ts';
import { LedgerError } from './error.ts';
import { findGroups } from './statements.ts';

export const CHECKPOINT = 'checkpoint';

export type Recovered = {
  /** The signed checkpoint. */
  readonly note: string;
  readonly root: Bytes;
  readonly edge: Edge;
  readonly frontier: Frontier;
  /** SHA-256 of COSE bytes (hex) to leaf index. */
  readonly leaves: Map<string, number>;
  readonly entries: readonly Bytes[];
  /** First leaves of the groups of statements. */
  readonly groups: number[];
};

function mismatch(what: string): LedgerError {
  return new LedgerError(
    'ledger/tiles-do-not-match',
    `${what} does not match the checkpoint. Do not start from this directory: restore it from a copy that does.`,
  );
}

async function readCheckpoint(disk: Disk, signer: Signer, origin: string) {
  const bytes = await disk.read(CHECKPOINT);
  if (bytes) {
    const opened = await openCheckpoint(utf8Decode(bytes), { origin, key: signer.key });
    // A flush that failed may have left it in the system's cache only; what it covers was durable before it appeared.
    await disk.write([], { path: CHECKPOINT, bytes });
    return opened;
  }
  const others = [...(await disk.list('tile')), ...(await disk.list('statements'))];
  if (others.length > 0) {
    throw new LedgerError(
      'ledger/no-checkpoint',
      'The data directory holds a log but no checkpoint; restore the checkpoint, or start with an empty directory.',
    );
  }
  const note = await signCheckpoint(signer, { origin, size: 0, root: await new Frontier().root() });
  await disk.write([], { path: CHECKPOINT, bytes: utf8Encode(note) });
  return openCheckpoint(note, { origin, key: signer.key });
}

/** Checks or rebuilds one hash tile that the checkpoint covers. */
async function checkTile(disk: Disk, { name, bytes }: Tile): Promise<DurableFile | undefined> {
  const path = tilePath(name);
  const found = await disk.read(path);
  if (found?.length !== bytes.length) return { path, bytes };
  if (!bytesEqual(found, bytes)) throw mismatch(path);
  return undefined;
}

type Built = Pick<Recovered, 'edge' | 'frontier' | 'leaves' | 'entries'>;

/** Reads all entries up to the checkpoint's size, bundle by bundle, and builds the tree over them. */
async function buildTree(disk: Disk, size: number): Promise<Built> {
  const frontier = new Frontier(0, [], hashNode);
  const leaves = new Map<string, number>();
  const entries: Bytes[] = [];
  const rebuilt: DurableFile[] = [];
  let edge = EMPTY_EDGE;
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const name: TileName = { level: 'entries', index, width: tileWidth('entries', index, size) };
    const bytes = await disk.read(tilePath(name));
    if (!bytes) throw mismatch(tilePath(name));
    const bundle = readBundle(bytes, name);
    const grown = growEdge(edge, bundle);
    for (const tile of grown.tiles) {
      const { level, index: at, width } = tile.name;
      if (level === 'entries' || width !== tileWidth(level, at, size)) continue;
      const file = await checkTile(disk, tile);
      if (file) rebuilt.push(file);
    }
    for (const entry of bundle) {
      leaves.set(hexEncode(splitEntry(entry).coseDigest), entries.length);
      entries.push(entry);
      await frontier.add(hashLeaf(entry));
    }
    edge = grown.edge;
  }
  if (rebuilt.length > 0) await disk.write(rebuilt);
  return { edge, frontier, leaves, entries };
}

function readBundle(bytes: Bytes, name: TileName): readonly Bytes[] {
  try {
    const entries = decodeBundle(bytes, name.width);
    for (const entry of entries) splitEntry(entry);
    return entries;
  } catch {
    throw mismatch(tilePath(name));
  }
}

/** Removes what lies beyond the checkpoint, and narrower tiles that a full one replaced. */
async function discardTiles(disk: Disk, { edge }: Built): Promise<void> {
  for (const path of await disk.list('tile')) {
    let name: TileName;
    try {
      name = parseTilePath(path);
    } catch {
      await disk.remove(path);
      continue;
    }
    const { level, index, width } = name;
    const there = tileWidth(level, index, edge.size);
    if (width > there || (width < there && there === TILE_WIDTH)) await disk.remove(path);
    else if (width < there) await checkNarrower(disk, name, edge);
  }
}

/** A partial tile of an earlier checkpoint must be the beginning of the present one. */
async function checkNarrower(disk: Disk, name: TileName, edge: Edge): Promise<void> {
  const path = tilePath(name);
  const found = (await disk.read(path)) ?? new Uint8Array();
  const now = edgeTile(edge, name);
  if (!bytesEqual(found, now)) throw mismatch(path);
}

/** A tile of the edge, cut to the width asked for. */
export function edgeTile(edge: Edge, { level, width }: TileName): Bytes {
  if (level !== 'entries') return concat(...(edge.levels[level] ?? []).slice(0, width));
  return encodeBundle(edge.bundle.slice(0, width));
}

/**
 * Takes up a data directory, or begins a new log in an empty one.
 * @throws ledger/no-checkpoint · ledger/tiles-do-not-match, and what opening the checkpoint throws
 *   (another origin, another key, a bad signature)
 */
export async function recover(disk: Disk, signer: Signer, origin: string): Promise<Recovered> {
  const { note, size, root } = await readCheckpoint(disk, signer, origin);
  const built = await buildTree(disk, size);
  if (!bytesEqual(await built.frontier.root(), root)) throw mismatch('The log of entries');
  await discardTiles(disk, built);
  return { note, root, ...built, groups: await findGroups(disk, size) };
}
