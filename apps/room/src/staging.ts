// Brings the sealed files of a run's assets into the room (protocol.md section 8). Staged assets are fetched whole, a few
// files at a time in inventory order, before any foreign code runs, so that a store reads no message in which bytes are asked for; every
// segment is hashed against its leaf on the way in and again on every read. What lies in the spool folder is ciphertext
// under the asset's own file key, which only this room and the owner's vault have. Streamed assets are read by range, but
// for the first segment of each file, whose header the room must believe before it reads any other.
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, hexEncode, sha256, utf8Encode } from '@sealroom/bytes';
import { forEachFew } from '@sealroom/host/few';
import {
  checkLeaves,
  checkSalts,
  checkSegment,
  fileKey,
  type Inventory,
  type InventoryFile,
  INVENTORY_NAME,
  openInventory,
  openRange,
  parseLeaves,
  SealError,
  type SealedFile,
  sealedFile,
  type SegmentOpener,
  type SegmentRun,
  type SegmentSource,
  segmentCount,
  TINK_1MB,
  TREE_SUFFIX,
} from '@sealroom/seal';
import type { FilePlace } from '@sealroom/host/sealing';
import { RoomError } from './error.ts';
import type { PlannedAsset } from './plan.ts';
import { pieces, readObject, readSmall, type Store, type StoreFetch } from './store.ts';

export type OpenAsset = {
  readonly asset: PlannedAsset;
  readonly inventory: Inventory;
  /** By path. Reading verifies. */
  readonly files: ReadonlyMap<string, SealedFile>;
};

export type Staging = {
  readonly fetch: StoreFetch;
  readonly folder: string;
  /** Where segments are hashed and decrypted; the threads of @sealroom/host/sealing. */
  readonly opener: SegmentOpener<Bytes | FilePlace>;
  readonly pause?: Store['pause'];
};

const MAX_INVENTORY = 64 * 1024 * 1024;
const { segmentSize } = TINK_1MB;

function failed(message: string, cause?: unknown): RoomError {
  return new RoomError('room/staging', message, { cause });
}

function storeOf(asset: PlannedAsset, { fetch, pause }: Staging): Store {
  return { url: asset.url, fetch, ...(pause ? { pause } : {}) };
}

/** The segments from `from`, before `to`, in one request. */
function runOf(store: Store, { path, sealedSize: size }: InventoryFile): SegmentRun {
  return (from, to) => {
    const [start, end] = [from * segmentSize, Math.min(to * segmentSize, size)];
    return pieces(readObject(store, path, { start, end, size }), end - start, segmentSize);
  };
}

async function only(run: AsyncIterable<Bytes>): Promise<Bytes> {
  for await (const segment of run) return segment;
  return new Uint8Array();
}

type Keyed = { readonly entry: InventoryFile; readonly key: Bytes; readonly leaves: Bytes };

type Reading = { readonly source: SegmentSource; readonly run: SegmentRun<Bytes | FilePlace> };

function fileOf({ entry, key, leaves }: Keyed, reading: Reading, { opener }: Staging): Promise<SealedFile> {
  const { path, sealedSize, tree } = entry;
  return sealedFile({ ...reading, key, path, sealedSize, leaves, tree, opener });
}

/**
 * The segments of a file in the spool: one at hand, or the places of several for the threads that open them. No file stays
 * open between reads: a version may hold more of them than a process may have open.
 */
function readSpool(file: string, sealedSize: number): Reading {
  const placeOf = (at: number) => {
    const position = at * segmentSize;
    return { file, position, length: Math.min(segmentSize, sealedSize - position) };
  };
  return {
    source: async (at) => {
      const { position, length } = placeOf(at);
      const handle = await open(file, 'r');
      try {
        const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    run: async function* (from, to) {
      for (let at = from; at < to; at++) yield placeOf(at);
    },
  };
}

/** Writes a file's segments as they come, each checked against its leaf. */
async function fetchInto(name: string, store: Store, { entry, leaves }: Keyed): Promise<void> {
  const { sealedSize, tree } = entry;
  const hashes = parseLeaves(leaves, sealedSize);
  await checkLeaves(hashes, tree);
  const handle = await open(name, 'wx', 0o600);
  try {
    let index = 0;
    for await (const segment of runOf(store, entry)(0, hashes.length)) {
      await checkSegment(segment, hashes[index] ?? new Uint8Array(), index);
      await handle.write(segment, 0, segment.length, index * segmentSize);
      index++;
    }
  } finally {
    await handle.close();
  }
}

async function stageFile(asset: PlannedAsset, keyed: Keyed, staging: Staging): Promise<SealedFile> {
  const { path, sealedSize } = keyed.entry;
  const name = join(staging.folder, hexEncode(await sha256(utf8Encode(`${asset.asset}/${path}`))));
  await fetchInto(name, storeOf(asset, staging), keyed);
  return fileOf(keyed, readSpool(name, sealedSize), staging);
}

function streamFile(asset: PlannedAsset, keyed: Keyed, staging: Staging): Promise<SealedFile> {
  const run = runOf(storeOf(asset, staging), keyed.entry);
  const source = (at: number) => only(run(at, at + 1));
  return fileOf(keyed, { source, run }, staging);
}

/** What was signed is what everybody planned for: the node its disk, the parties the size of the data. */
function checkAmount({ files }: Inventory, published: PlannedAsset['published']): void {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (files.length !== published.files || bytes !== published.bytes)
    throw failed('An asset holds another number of files or bytes than its owner signed.');
}

/**
 * Makes an asset readable: checks its inventory against the signed statement, fetches its files and checks every segment.
 * @throws room/staging, with the reason as its cause
 */
export async function openAsset(asset: PlannedAsset, assetKey: Bytes, staging: Staging): Promise<OpenAsset> {
  const store = storeOf(asset, staging);
  try {
    await mkdir(staging.folder, { recursive: true, mode: 0o700 });
    const sealed = await readSmall(store, INVENTORY_NAME, MAX_INVENTORY);
    const { assetSalt, keyCommitment } = asset.published;
    const { asset: digest, kind } = asset;
    const inventory = await openInventory(assetKey, sealed, { digest, kind, assetSalt, keyCommitment });
    checkAmount(inventory, asset.published);
    const key = await fileKey(assetKey);
    const files = new Map<string, SealedFile>();
    const salts: Bytes[] = [];
    await forEachFew(inventory.files, async (entry) => {
      const { path, sealedSize } = entry;
      const leaves = await readSmall(store, `${path}${TREE_SUFFIX}`, 32 * segmentCount(sealedSize));
      const make = asset.access === 'streamed' ? streamFile : stageFile;
      const file = await make(asset, { entry, key, leaves }, staging);
      salts.push(await file.salt());
      files.set(path, file);
    });
    checkSalts(salts);
    return { asset, inventory, files };
  } catch (cause) {
    if (cause instanceof SealError)
      throw failed(`An asset is not what its owner published (${cause.code}).`, cause);
    throw cause;
  }
}

/** One file's plaintext, whole; for small files of an algorithm package. */
export async function readAll(file: SealedFile): Promise<Bytes> {
  return openRange(file, 0, file.size);
}
