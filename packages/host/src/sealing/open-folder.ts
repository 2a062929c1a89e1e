// Opening sealed folders, and listing what an uploader stores of one (protocol.md section 3).
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes, Digest } from '@sealroom/bytes';
import {
  checkLeaves,
  checkPath,
  checkSalts,
  type ExpectedVersion,
  fileKey,
  type Inventory,
  INVENTORY_NAME,
  type InventoryFile,
  openInventory,
  parseLeaves,
  SealError,
  segmentCount,
  TREE_SUFFIX,
  versionDigest,
} from '@sealroom/seal';
import { about, checkListedSize, missing, SMALL_SEGMENTS } from './batch.ts';
import { runBatches, type SizedTask } from './batches.ts';
import { explain, SealingError } from './error.ts';
import { forEachFew } from './few.ts';
import { type OnProgress, openInput, openInto, readHeader } from './file.ts';
import { flushAll } from './flush.ts';
import { checkApart, makeFolders, type Totals, totalsOf } from './folder.ts';
import { exists, writeFolderPlace } from './place.ts';
import { SegmentPool } from './pool.ts';
import { type FoundFile, walkFolder } from './walk.ts';

const LARGEST_INVENTORY = 64 * 1024 * 1024;

async function readWhole(file: string, largest: number): Promise<Bytes> {
  const { handle, stats } = await openInput(file);
  try {
    if (stats.size > largest)
      throw new SealError('seal/too-large', `${JSON.stringify(file)} is larger than it can be.`);
    return new Uint8Array(await handle.readFile());
  } finally {
    await handle.close();
  }
}

type Target = {
  readonly input: string;
  readonly folder: string;
  readonly key: Bytes;
  readonly pool: SegmentPool;
};

/** Opens one file of more segments than a batch takes; gives the salt of its header. */
async function openLarge(
  { input, folder, key, pool }: Target,
  { path, sealedSize: wanted, tree }: InventoryFile,
  watch: { onBytes: (count: number) => void; signal: AbortSignal | undefined },
): Promise<Bytes> {
  const file = join(input, path);
  for (const needed of [path, `${path}${TREE_SUFFIX}`]) {
    if (!(await exists(join(input, needed)))) throw missing(needed);
  }
  const { handle, stats } = await openInput(file);
  try {
    checkListedSize(path, stats.size, wanted);
    const leaves = await readWhole(`${file}${TREE_SUFFIX}`, segmentCount(wanted) * 32);
    await checkLeaves(parseLeaves(leaves, wanted), tree);
    const output = await open(join(folder, path), 'wx', 0o600);
    try {
      await openInto({ pool, input: file, output, key, path, leaves, ...watch });
    } finally {
      await output.close();
    }
    return (await readHeader(handle)).salt;
  } catch (error) {
    throw about(path, error);
  } finally {
    await handle.close();
  }
}

/** Opens all files. What is written is authentic only when this has resolved; nothing is flushed. */
async function openAll(
  target: Target,
  listed: readonly InventoryFile[],
  totals: Totals,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { input, folder, key, pool } = target;
  const salts: Uint8Array[] = [];
  const isSmall = (file: InventoryFile) => segmentCount(file.sealedSize) <= SMALL_SEGMENTS;
  const tasks: SizedTask[] = listed.filter(isSmall).map((file) => ({
    input: join(input, file.path),
    output: join(folder, file.path),
    path: file.path,
    size: file.size,
    listed: file,
  }));
  await runBatches(
    tasks,
    { pool, mode: 'open', key },
    {
      signal,
      onBatch: (done) => {
        for (const { task, made } of done) {
          salts.push(made.salt);
          totals.add(task.path, task.size);
        }
      },
    },
  );
  await forEachFew(
    listed.filter((file) => !isSmall(file)),
    async (file) => {
      const onBytes = (count: number) => totals.add(file.path, count);
      salts.push(await openLarge(target, file, { onBytes, signal }));
    },
  );
  checkSalts(salts);
}

export type OpenFolderOptions = {
  readonly input: string;
  readonly output: string;
  readonly assetKey: Bytes;
  /** What the signed statement of the version says; give it whenever there is one. */
  readonly expected?: ExpectedVersion;
  readonly overwrite?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
};

/**
 * Opens a sealed folder: exactly the files its inventory lists, each segment hashed before it is decrypted. The output
 * (mode 0700) appears only when all of them have proved authentic. Files that are not listed are left alone.
 * @throws sealing/missing-file · sealing/not-sealed · what {@link sealFolder} throws, and every code of @sealroom/seal for
 * a key, inventory, leaf or segment that is not right
 */
export async function openFolder(
  options: OpenFolderOptions,
): Promise<{ digest: Digest; inventory: Inventory }> {
  const { input, output, assetKey, expected, overwrite = false, onProgress, signal } = options;
  const pool = new SegmentPool();
  try {
    const sealed = await readInventory(input);
    const inventory = await openInventory(assetKey, sealed, expected);
    await checkApart(input, output);
    const { files } = inventory;
    const paths = files.map(({ path }) => path);
    const totals = totalsOf(
      files.reduce((sum, { size }) => sum + size, 0),
      onProgress,
    );
    const key = await fileKey(assetKey);
    await writeFolderPlace(output, { overwrite, mode: 0o700 }, async (folder) => {
      const folders = await makeFolders(folder, paths);
      await openAll({ input, folder, key, pool }, files, totals, signal);
      await flushAll(folder, { files: paths, folders });
    });
    return { digest: await versionDigest(sealed), inventory };
  } catch (error) {
    throw explain(error);
  } finally {
    await pool.close();
  }
}

async function readInventory(input: string): Promise<Bytes> {
  if (!(await exists(join(input, INVENTORY_NAME)))) {
    throw new SealingError(
      'sealing/not-sealed',
      `${JSON.stringify(input)} has no ${INVENTORY_NAME}; is it a sealed folder?`,
    );
  }
  return readWhole(join(input, INVENTORY_NAME), LARGEST_INVENTORY);
}

/** `path` is the name to store it under, `sealedPath` where it lies, `size` its bytes. */
export type SealedFolderFile = { readonly path: string; readonly sealedPath: string; readonly size: number };

/**
 * What an uploader stores of a sealed folder, without any key: each sealed file and its leaf hashes, the inventory last,
 * so that a store that has the inventory has everything.
 * @throws sealing/not-sealed · sealing/missing-file · sealing/odd-file (leaf hashes of no file) · seal/bad-path · seal/bad-leaves
 */
export async function readSealedFolder(
  input: string,
): Promise<{ digest: Digest; files: SealedFolderFile[] }> {
  try {
    const sealed = await readInventory(input);
    const found = new Map((await walkFolder(input)).map((file) => [file.path, file]));
    const stored = ({ path, file, size }: FoundFile) => ({ path, sealedPath: file, size });
    const files: SealedFolderFile[] = [];
    for (const [path, file] of found) {
      if (path === INVENTORY_NAME) continue;
      if (path.endsWith(TREE_SUFFIX)) {
        if (!found.has(path.slice(0, -TREE_SUFFIX.length))) throw missing(path.slice(0, -TREE_SUFFIX.length));
        continue;
      }
      const leaves = found.get(`${checkPath(path)}${TREE_SUFFIX}`);
      if (!leaves) throw missing(`${path}${TREE_SUFFIX}`);
      if (leaves.size !== segmentCount(file.size) * 32) {
        throw new SealError(
          'seal/bad-leaves',
          `The leaf hashes of ${JSON.stringify(path)} are not as many as its segments.`,
        );
      }
      files.push(stored(file), stored(leaves));
    }
    files.push({ path: INVENTORY_NAME, sealedPath: join(input, INVENTORY_NAME), size: sealed.length });
    return { digest: await versionDigest(sealed), files };
  } catch (error) {
    throw explain(error);
  }
}
