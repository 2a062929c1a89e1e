// Sealing a folder (protocol.md section 3): a file a file, its leaf hashes in `<path>.tree`, and `inventory.sealed`. Names
// stay readable in the sealed folder; whoever stores it learns them, and the sizes. File modes and times are not kept. A
// sealing that was interrupted goes on when it is started again: see partial.ts and resume.ts.
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, type Bytes, type Digest } from '@sealroom/bytes';
import {
  type AssetKind,
  assetKey as deriveAssetKey,
  checkPath,
  checkPaths,
  checkSalts,
  fileKey,
  type Inventory,
  INVENTORY_NAME,
  newInventory,
  parseLeaves,
  sealedSize,
  sealInventory,
  segmentCount,
  treeDigest,
  TREE_SUFFIX,
  versionDigest,
} from '@sealroom/seal';
import { type FileMade, SMALL_SEGMENTS, sourceState } from './batch.ts';
import { runBatches } from './batches.ts';
import { nodeSegmentCipher } from './cipher.ts';
import { explain, SealingError } from './error.ts';
import { forEachFew } from './few.ts';
import { bkencFiles, sealBkencInto } from './bkenc.ts';
import { checkSignal, type OnProgress, sealInto } from './file.ts';
import { flushAll } from './flush.ts';
import { checkApart, makeFolders, type Totals, totalsOf } from './folder.ts';
import { type Entry, openPartial, type Partial } from './partial.ts';
import { checkAbsent, syncFolder } from './place.ts';
import { SegmentPool } from './pool.ts';
import { keepWhole } from './resume.ts';
import { type FoundFile, walkFolder } from './walk.ts';

/** `digest` is the version's; `assetSalt` and `keyCommitment` (base64url) go into its statement. */
export type SealedVersion = {
  readonly digest: Digest;
  readonly inventory: Inventory;
  readonly keyCommitment: string;
  readonly assetSalt: string;
  /** How many files an interrupted sealing had made already. */
  readonly kept: number;
};

export type SealFolderOptions = {
  readonly input: string;
  readonly output: string;
  readonly cek: Bytes;
  readonly kind: AssetKind;
  readonly overwrite?: boolean;
  /** The files are EscrowAI's, sealed under this CEK of theirs: they are opened on the way, in memory (bkenc.ts). */
  readonly bkencCek?: Bytes;
  /** Start anew, also where an interrupted sealing could be gone on with. */
  readonly fresh?: boolean;
  /** Told of the version when it is on disk, before it has its name: what is kept beside it can be written first. */
  readonly beforePlacing?: (version: SealedVersion) => Promise<void>;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
};

async function entryOf(path: string, { source, salt, leaves }: FileMade, size = source.size): Promise<Entry> {
  const tree = await treeDigest(parseLeaves(leaves, sealedSize(size)));
  return { path, source, size, tree, salt: base64urlEncode(salt) };
}

type Sealing = {
  readonly bkencCek: Bytes | undefined;
  readonly partial: Partial;
  readonly key: Bytes;
  readonly pool: SegmentPool;
  readonly totals: Totals;
  readonly signal: AbortSignal | undefined;
};

/** Seals one file by itself; the small ones go by batches. */
async function sealOne(
  { partial, key, pool, totals, signal, bkencCek }: Sealing,
  { path, file, size }: FoundFile,
): Promise<Entry> {
  checkSignal(signal);
  const target = join(partial.folder, path);
  const output = await open(target, 'wx');
  try {
    const onBytes = (count: number) => totals.add(path, count);
    const into = { pool, input: file, output, key, path, leaves: true, onBytes, signal };
    const made = bkencCek ? await sealBkencInto({ ...into, cek: bkencCek }) : await sealInto(into);
    await writeFile(`${target}${TREE_SUFFIX}`, made.leaves, { flag: 'wx' });
    const { header, leaves } = made;
    return await entryOf(path, { source: sourceState(made.stats), salt: header.salt, leaves }, size);
  } finally {
    await output.close();
  }
}

/** Seals these files and notes each when it is whole; gives the entries made. */
async function sealAll(files: readonly FoundFile[], sealing: Sealing): Promise<Entry[]> {
  const { partial, key, pool, totals, signal } = sealing;
  const entries: Entry[] = [];
  const note = async (made: readonly Entry[]) => {
    await partial.note(made);
    entries.push(...made);
  };
  const isSmall = ({ size }: FoundFile) =>
    sealing.bkencCek === undefined && segmentCount(sealedSize(size)) <= SMALL_SEGMENTS;
  const tasks = files.filter(isSmall).map(({ path, file, size }) => ({
    input: file,
    output: join(partial.folder, path),
    path,
    size,
  }));
  await runBatches(
    tasks,
    { pool, mode: 'seal', key },
    {
      signal,
      onBatch: async (done) => {
        await note(await Promise.all(done.map(({ task, made }) => entryOf(task.path, made))));
        for (const { task } of done) totals.add(task.path, task.size);
      },
    },
  );
  await forEachFew(
    files.filter((file) => !isSmall(file)),
    async (file) => note([await sealOne(sealing, file)]),
  );
  return entries;
}

async function finish(
  options: SealFolderOptions,
  { partial, assetKey, kept }: { partial: Partial; assetKey: Bytes; kept: number },
  { entries, folders }: { entries: readonly Entry[]; folders: readonly string[] },
): Promise<SealedVersion> {
  checkSalts(entries.map(({ salt }) => base64urlDecode(salt)));
  const start = await newInventory(assetKey, { kind: options.kind, assetSalt: partial.assetSalt });
  const files = entries
    .map(({ path, size, tree }) => ({ path, size, sealedSize: sealedSize(size), tree }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const inventory = { ...start, files };
  const written = files.flatMap(({ path }) => [path, `${path}${TREE_SUFFIX}`]);
  const [sealed] = await Promise.all([
    sealInventory(assetKey, inventory, nodeSegmentCipher),
    flushAll(partial.folder, { files: written, folders }),
  ]);
  await writeFile(join(partial.folder, INVENTORY_NAME), sealed, { flush: true });
  await syncFolder(partial.folder);
  const { keyCommitment, assetSalt } = inventory;
  const version = { digest: await versionDigest(sealed), inventory, keyCommitment, assetSalt, kept };
  await options.beforePlacing?.(version);
  await partial.place(options.overwrite ?? false);
  return version;
}

/** The same failure, saying that its work is not lost. */
function interrupted(error: unknown, whole: number): unknown {
  const known = explain(error);
  if (!(known instanceof SealingError) || whole === 0) return known;
  const kept = `${whole} ${whole === 1 ? 'file is' : 'files are'} sealed; the same command goes on from there.`;
  const message = known.code === 'sealing/cancelled' ? 'Cancelled.' : known.message;
  return new SealingError(known.code, `${message} ${kept}`, { cause: error });
}

async function sealInPartial(
  options: SealFolderOptions,
  files: readonly FoundFile[],
  { partial, pool }: { partial: Partial; pool: SegmentPool },
): Promise<SealedVersion> {
  const { cek, kind, bkencCek, onProgress, signal } = options;
  const assetKey = await deriveAssetKey(cek, partial.assetSalt, kind);
  const key = await fileKey(assetKey);
  const totals = totalsOf(
    files.reduce((sum, { size }) => sum + size, 0),
    onProgress,
  );
  const kept = await keepWhole(files, { partial, pool, signal });
  for (const { path, size } of kept.values()) totals.add(path, size);
  const folders = await makeFolders(
    partial.folder,
    files.map(({ path }) => path),
  );
  const left = files.filter(({ path }) => !kept.has(path));
  const made = await sealAll(left, { partial, key, pool, totals, signal, bkencCek });
  return finish(
    options,
    { partial, assetKey, kept: kept.size },
    { entries: [...kept.values(), ...made], folders },
  );
}

/**
 * Seals a folder as a version of a dataset or algorithm; the output appears when it is whole and on disk. When this fails
 * half-way, is cancelled or killed, what is whole stays beside the output, and the next call goes on from there.
 * @throws sealing/output-exists · sealing/bad-output · sealing/no-input · sealing/odd-file · sealing/empty-folder ·
 * sealing/changed · sealing/cancelled · sealing/io · sealing/busy · sealing/bad-partial · seal/bad-path (the message names
 * the file) · seal/bad-key; with `bkencCek` also sealing/not-bkenc · seal/bkenc-malformed · seal/repeated-salt ·
 * seal/not-authentic
 */
export async function sealFolder(options: SealFolderOptions): Promise<SealedVersion> {
  const { input, output, cek, kind, overwrite = false, fresh = false } = options;
  const pool = new SegmentPool();
  try {
    const found = await walkFolder(input);
    const files = options.bkencCek ? await bkencFiles(found) : found;
    await checkApart(input, output);
    await checkAbsent(output, overwrite);
    if (files.length === 0) {
      throw new SealingError('sealing/empty-folder', `${JSON.stringify(input)} holds no file to seal.`);
    }
    checkPaths(files.map(({ path }) => checkPath(path)));
    // Before anything is written, so that a wrong key leaves nothing.
    await deriveAssetKey(cek, new Uint8Array(32), kind);
    let whole = 0;
    const opened = await openPartial({ output, cek, kind, fresh });
    const partial: Partial = {
      ...opened,
      note: async (entries) => {
        await opened.note(entries);
        whole += entries.length;
      },
    };
    whole = opened.entries.length;
    try {
      const version = await sealInPartial(options, files, { partial, pool });
      whole = 0;
      return version;
    } catch (error) {
      throw interrupted(error, whole);
    } finally {
      await pool.close();
      await partial.close(whole > 0);
    }
  } catch (error) {
    throw explain(error);
  } finally {
    await pool.close();
  }
}
