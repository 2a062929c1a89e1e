// Sealed folders (protocol.md section 3): a file a file, its leaf hashes in `<path>.tree`, and `inventory.sealed`. Names
// stay readable in the sealed folder; whoever stores it learns them, and the sizes. File modes and times are not kept.
import { mkdir, open, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Bytes, Digest } from '@sealroom/bytes';
import {
  type AssetKind,
  assetKey as deriveAssetKey,
  checkLeaves,
  checkPath,
  checkPaths,
  checkSalts,
  type ExpectedVersion,
  fileKey,
  generateAssetSalt,
  type Inventory,
  INVENTORY_NAME,
  type InventoryFile,
  newInventory,
  openInventory,
  parseLeaves,
  SealError,
  sealedSize,
  sealInventory,
  segmentCount,
  treeDigest,
  TREE_SUFFIX,
  versionDigest,
} from '@sealroom/seal';
import { nodeSegmentCipher } from './cipher.ts';
import { explain, SealingError } from './error.ts';
import { type OnProgress, openInput, openInto, readHeader, sealInto } from './file.ts';
import { exists, syncFolder, writeFolderPlace } from './place.ts';
import { SegmentPool } from './pool.ts';
import { type FoundFile, walkFolder } from './walk.ts';

const FILES_AT_A_TIME = 4;
const LARGEST_INVENTORY = 64 * 1024 * 1024;

async function forEachFew<T>(
  items: readonly T[],
  run: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const lanes = Array.from({ length: FILES_AT_A_TIME }, async () => {
    while (next < items.length && !failed) {
      const index = next++;
      const item = items[index];
      try {
        if (item !== undefined) await run(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  const results = await Promise.allSettled(lanes);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

/** Refuses an output that lies in the input or the other way round: it would seal, or delete, itself. */
async function checkApart(input: string, output: string): Promise<void> {
  const target = (await exists(output))
    ? await realpath(output)
    : join(await realpath(dirname(resolve(output))), basename(resolve(output)));
  const source = await realpath(input);
  const inside = (outer: string, inner: string) => {
    const way = relative(outer, inner);
    return way === '' || !(way === '..' || way.startsWith(`..${sep}`));
  };
  if (inside(source, target) || inside(target, source)) {
    throw new SealingError(
      'sealing/bad-output',
      'Input and output must not lie in each other; choose another output.',
    );
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  await writeFile(file, bytes, { flag: 'wx', flush: true });
}

type Totals = { readonly add: (path: string, count: number) => void };

function totalsOf(total: number, onProgress: OnProgress | undefined): Totals {
  let done = 0;
  return { add: (path, count) => onProgress?.({ done: (done += count), total, path }) };
}

async function makeFolders(root: string, paths: readonly string[]): Promise<string[]> {
  const folders = new Set(paths.map((path) => dirname(join(root, path))));
  for (const folder of folders) await mkdir(folder, { recursive: true });
  return [root, ...folders];
}

export type SealFolderOptions = {
  readonly input: string;
  readonly output: string;
  readonly cek: Bytes;
  readonly kind: AssetKind;
  readonly overwrite?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
};

/** `digest` is the version's; `assetSalt` and `keyCommitment` (base64url) go into its statement. */
export type SealedVersion = {
  readonly digest: Digest;
  readonly inventory: Inventory;
  readonly keyCommitment: string;
  readonly assetSalt: string;
};

async function sealAll(
  files: readonly FoundFile[],
  folder: string,
  {
    key,
    pool,
    totals,
    signal,
  }: { key: Bytes; pool: SegmentPool; totals: Totals; signal: AbortSignal | undefined },
): Promise<InventoryFile[]> {
  const listed: InventoryFile[] = [];
  const salts: Bytes[] = [];
  await forEachFew(files, async ({ path, file }, index) => {
    const target = join(folder, path);
    const output = await open(target, 'wx');
    try {
      const onBytes = (count: number) => totals.add(path, count);
      const made = await sealInto({ pool, input: file, output, key, path, leaves: true, onBytes, signal });
      await output.sync();
      await writeWhole(`${target}${TREE_SUFFIX}`, made.leaves);
      const sealed = sealedSize(made.size);
      const tree = await treeDigest(parseLeaves(made.leaves, sealed));
      listed[index] = { path, size: made.size, sealedSize: sealed, tree };
      salts.push(made.header.salt);
    } finally {
      await output.close();
    }
  });
  checkSalts(salts);
  return listed;
}

/**
 * Seals a folder as a version of a dataset or algorithm; the output appears when it is whole and on disk.
 * @throws sealing/output-exists · sealing/bad-output · sealing/no-input · sealing/odd-file · sealing/empty-folder ·
 * sealing/changed · sealing/cancelled · sealing/io · seal/bad-path (the message names the file) · seal/bad-key
 */
export async function sealFolder(options: SealFolderOptions): Promise<SealedVersion> {
  const { input, output, cek, kind, overwrite = false, onProgress, signal } = options;
  const pool = new SegmentPool();
  try {
    const files = await walkFolder(input);
    await checkApart(input, output);
    if (files.length === 0) {
      throw new SealingError('sealing/empty-folder', `${JSON.stringify(input)} holds no file to seal.`);
    }
    checkPaths(files.map(({ path }) => checkPath(path)));
    const assetSalt = generateAssetSalt();
    const assetKey = await deriveAssetKey(cek, assetSalt, kind);
    const start = await newInventory(assetKey, { kind, assetSalt });
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const totals = totalsOf(total, onProgress);
    return await writeFolderPlace(output, { overwrite, mode: 0o777 }, async (folder) => {
      const folders = await makeFolders(
        folder,
        files.map(({ path }) => path),
      );
      const key = await fileKey(assetKey);
      const inventory = { ...start, files: await sealAll(files, folder, { key, pool, totals, signal }) };
      const sealed = await sealInventory(assetKey, inventory, nodeSegmentCipher);
      await writeWhole(join(folder, INVENTORY_NAME), sealed);
      for (const made of folders) await syncFolder(made);
      const { keyCommitment, assetSalt: salt } = inventory;
      return { digest: await versionDigest(sealed), inventory, keyCommitment, assetSalt: salt };
    });
  } catch (error) {
    throw explain(error);
  } finally {
    await pool.close();
  }
}

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

function missing(path: string): SealingError {
  return new SealingError(
    'sealing/missing-file',
    `The sealed folder lacks ${JSON.stringify(path)}; fetch it again.`,
  );
}

async function readListed(input: string, { path, sealedSize: wanted, tree }: InventoryFile): Promise<Bytes> {
  const file = join(input, path);
  for (const needed of [path, `${path}${TREE_SUFFIX}`]) {
    if (!(await exists(join(input, needed)))) throw missing(needed);
  }
  const { handle, stats } = await openInput(file);
  await handle.close();
  if (stats.size !== wanted) {
    throw new SealError(
      stats.size < wanted ? 'seal/truncated' : 'seal/extended',
      `${JSON.stringify(path)} has ${stats.size} sealed bytes instead of ${wanted}; fetch it again.`,
    );
  }
  const leaves = await readWhole(`${file}${TREE_SUFFIX}`, segmentCount(wanted) * 32);
  await checkLeaves(parseLeaves(leaves, wanted), tree);
  return leaves;
}

async function checkAllSalts(input: string, inventory: Inventory): Promise<void> {
  const salts: Bytes[] = [];
  await forEachFew(inventory.files, async ({ path }) => {
    if (!(await exists(join(input, path)))) throw missing(path);
    const { handle } = await openInput(join(input, path));
    try {
      salts.push((await readHeader(handle)).salt);
    } finally {
      await handle.close();
    }
  });
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
    await checkAllSalts(input, inventory);
    const { files } = inventory;
    const totals = totalsOf(
      files.reduce((sum, { size }) => sum + size, 0),
      onProgress,
    );
    const key = await fileKey(assetKey);
    await writeFolderPlace(output, { overwrite, mode: 0o700 }, async (folder) => {
      const folders = await makeFolders(
        folder,
        files.map(({ path }) => path),
      );
      await forEachFew(files, async (listed) => {
        const { path } = listed;
        const leaves = await readListed(input, listed);
        const target = await open(join(folder, path), 'wx', 0o600);
        try {
          const onBytes = (count: number) => totals.add(path, count);
          await openInto({
            pool,
            input: join(input, path),
            output: target,
            key,
            path,
            leaves,
            onBytes,
            signal,
          });
          await target.sync();
        } finally {
          await target.close();
        }
      });
      for (const made of folders) await syncFolder(made);
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
