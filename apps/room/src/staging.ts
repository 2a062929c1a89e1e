// Brings the sealed files of a run's assets into the room (protocol.md section 8). Staged assets are fetched whole, a few
// at a time in inventory order, before any foreign code runs, so that a store reads no message in which bytes are asked for; every
// segment is hashed against its leaf on the way in and again on every read. What lies in the spool folder is ciphertext
// under the asset's own file key, which only this room and the owner's vault have. Streamed assets are read by range.
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, concat, hexEncode, sha256 } from '@sealroom/bytes';
import { containerUrl } from '@sealroom/host';
import { forEachFew } from '@sealroom/host/sealing';
import {
  checkLeaves,
  checkSalts,
  checkSegment,
  fileKey,
  headerLength,
  type Inventory,
  type InventoryFile,
  INVENTORY_NAME,
  openInventory,
  openRange,
  parseHeader,
  parseLeaves,
  SealError,
  type SealedFile,
  sealedFile,
  type SegmentCipher,
  segmentCount,
  TINK_1MB,
  TREE_SUFFIX,
} from '@sealroom/seal';
import { utf8Encode } from '@sealroom/bytes';
import { RoomError } from './error.ts';
import type { PlannedAsset } from './plan.ts';

/** Gets one object of a store; refuses redirects and, for staged assets, knows no other origins than the allowed ones. */
export type StoreFetch = (url: URL, init: RequestInit) => Promise<Response>;

export type OpenAsset = {
  readonly asset: PlannedAsset;
  readonly inventory: Inventory;
  /** By path. Reading verifies. */
  readonly files: ReadonlyMap<string, SealedFile>;
};

type Staging = { readonly fetch: StoreFetch; readonly folder: string; readonly cipher: SegmentCipher };

const MAX_INVENTORY = 64 * 1024 * 1024;

function failed(message: string, cause?: unknown): RoomError {
  return new RoomError('room/staging', message, { cause });
}

async function get(
  asset: PlannedAsset,
  path: string,
  fetch: StoreFetch,
  range?: { start: number; end: number },
): Promise<Response> {
  const headers: { [name: string]: string } = range ? { range: `bytes=${range.start}-${range.end}` } : {};
  const response = await fetch(containerUrl(asset.url, path), { method: 'GET', headers }).catch(
    (cause: unknown) => {
      throw failed('The store of an asset cannot be reached.', cause);
    },
  );
  if (response.status !== (range ? 206 : 200))
    throw failed(`The store of an asset answered with status ${response.status}.`);
  return response;
}

async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The whole body, which must not be longer than `limit` bytes. */
async function whole(response: Response, limit: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks(response)) {
    length += chunk.length;
    if (length > limit) throw failed('An object in the store is larger than its inventory says.');
    parts.push(chunk);
  }
  return concat(...parts);
}

/** Cuts a body into sealed segments. */
async function* segments(response: Response, sealedSize: number): AsyncGenerator<Bytes> {
  let held: Uint8Array[] = [];
  let length = 0;
  let total = 0;
  for await (const chunk of chunks(response)) {
    total += chunk.length;
    if (total > sealedSize) throw failed('A file in the store is longer than its inventory says.');
    held.push(chunk);
    length += chunk.length;
    if (length < TINK_1MB.segmentSize) continue;
    const joined = concat(...held);
    let at = 0;
    for (; at + TINK_1MB.segmentSize <= joined.length; at += TINK_1MB.segmentSize) {
      yield joined.slice(at, at + TINK_1MB.segmentSize);
    }
    held = [joined.slice(at)];
    length = joined.length - at;
  }
  if (length > 0) yield concat(...held);
  if (total !== sealedSize) throw failed('A file in the store is shorter than its inventory says.');
}

type Opened = { readonly file: SealedFile; readonly salt: Bytes };

/** Writes a file's segments as they come, each checked against its leaf; its salt. */
async function fetchInto(
  name: string,
  asset: PlannedAsset,
  entry: InventoryFile,
  hashes: readonly Bytes[],
  fetch: StoreFetch,
): Promise<Bytes> {
  const handle = await open(name, 'wx', 0o600);
  try {
    let index = 0;
    let salt: Bytes = new Uint8Array();
    for await (const segment of segments(await get(asset, entry.path, fetch), entry.sealedSize)) {
      await checkSegment(segment, hashes[index] ?? new Uint8Array(), index);
      if (index === 0) salt = parseHeader(segment.subarray(0, headerLength())).salt;
      await handle.write(segment, 0, segment.length, index * TINK_1MB.segmentSize);
      index++;
    }
    return salt;
  } finally {
    await handle.close();
  }
}

async function readPart(name: string, start: number, length: number): Promise<Bytes> {
  const handle = await open(name, 'r');
  try {
    const buffer = new Uint8Array(length);
    const { bytesRead } = await handle.read(buffer, 0, length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function stageFile(
  asset: PlannedAsset,
  entry: InventoryFile,
  key: Bytes,
  leaves: Bytes,
  staging: Staging,
): Promise<Opened> {
  const name = join(staging.folder, hexEncode(await sha256(utf8Encode(`${asset.asset}/${entry.path}`))));
  const hashes = parseLeaves(leaves, entry.sealedSize);
  await checkLeaves(hashes, entry.tree);
  const salt = await fetchInto(name, asset, entry, hashes, staging.fetch);
  // No file stays open between reads: a version may hold more of them than a process may have open.
  const source = async (at: number): Promise<Bytes> => {
    const start = at * TINK_1MB.segmentSize;
    return readPart(name, start, Math.min(TINK_1MB.segmentSize, entry.sealedSize - start));
  };
  const { path, sealedSize, tree } = entry;
  const file = await sealedFile({ source, key, path, sealedSize, leaves, tree, cipher: staging.cipher });
  return { file, salt };
}

async function streamFile(
  asset: PlannedAsset,
  entry: InventoryFile,
  key: Bytes,
  leaves: Bytes,
  staging: Staging,
): Promise<Opened> {
  const source = async (at: number): Promise<Bytes> => {
    const start = at * TINK_1MB.segmentSize;
    const end = Math.min(start + TINK_1MB.segmentSize, entry.sealedSize) - 1;
    return whole(await get(asset, entry.path, staging.fetch, { start, end }), TINK_1MB.segmentSize);
  };
  const { path, sealedSize, tree } = entry;
  const file = await sealedFile({ source, key, path, sealedSize, leaves, tree, cipher: staging.cipher });
  const header = await whole(
    await get(asset, path, staging.fetch, { start: 0, end: headerLength() - 1 }),
    headerLength(),
  );
  return { file, salt: parseHeader(header).salt };
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
  try {
    await mkdir(staging.folder, { recursive: true, mode: 0o700 });
    const sealed = await whole(await get(asset, INVENTORY_NAME, staging.fetch), MAX_INVENTORY);
    const { assetSalt, keyCommitment } = asset.published;
    const inventory = await openInventory(assetKey, sealed, {
      digest: asset.asset,
      kind: asset.kind,
      assetSalt,
      keyCommitment,
    });
    checkAmount(inventory, asset.published);
    const key = await fileKey(assetKey);
    const opened = new Map<string, Opened>();
    await forEachFew(inventory.files, async (entry) => {
      const leaves = await whole(
        await get(asset, `${entry.path}${TREE_SUFFIX}`, staging.fetch),
        32 * segmentCount(entry.sealedSize),
      );
      const make = asset.access === 'streamed' ? streamFile : stageFile;
      opened.set(entry.path, await make(asset, entry, key, leaves, staging));
    });
    checkSalts([...opened.values()].map(({ salt }) => salt));
    return { asset, inventory, files: new Map([...opened].map(([path, { file }]) => [path, file])) };
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
