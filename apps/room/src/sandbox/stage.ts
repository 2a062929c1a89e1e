// A folder of the run's own, open to the run's user alone, that holds what the algorithm is given: a copy of the package,
// extra files, Python packages, the Node program where the user cannot reach ours. Prefers a memory file system. The
// package is plain text here, so a spool folder on a disk should itself be encrypted; nothing here checks that.
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rm,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forEachFew } from '@sealroom/host/few';
import { mayExecute } from '@sealroom/host/linux';
import { SandboxError } from './error.ts';
import { canReach, type Identity } from './identity.ts';
import { leftovers, ownPrefix } from './leftovers.ts';
import type { SandboxFile } from './types.ts';

export type Stage = {
  readonly folder: string;
  readonly package: string;
  readonly packageBytes: number;
  readonly files: string;
  readonly python: string;
  /** A Node program that the run's user can start. */
  readonly node: string;
  remove(): Promise<void>;
};

export type StageOptions = {
  readonly root: string;
  readonly files: readonly SandboxFile[];
  readonly pythonPath?: string;
  readonly pythonPackages?: readonly string[];
  readonly spool: string;
};

type Leaf = {
  readonly path: string;
  readonly folder: boolean;
  readonly bytes: number;
  readonly mode: number;
};

const MARGIN_BYTES = 32 * 1024 * 1024;
const MEMORY_FOLDER = '/dev/shm';
const MAX_ENTRIES = 200_000;
// A Unix socket's path may be 107 bytes long; ours is the stage's with a short name.
const MAX_BASE_LENGTH = 60;

/** Everything below `root`, folders before what is in them; of its own entries only the `chosen` ones. */
async function walk(root: string, chosen?: readonly string[]): Promise<Leaf[]> {
  const found: Leaf[] = [];
  const pending = [''];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const name of await readdir(join(root, at))) {
      if (at === '' && chosen !== undefined && !chosen.includes(name)) continue;
      const path = join(at, name);
      const status = await lstat(join(root, path));
      if (!status.isFile() && !status.isDirectory()) {
        throw new SandboxError('sandbox/bad-package', 'A package may hold only plain files and folders.');
      }
      if (found.length >= MAX_ENTRIES) {
        throw new SandboxError('sandbox/bad-package', `A package may hold at most ${MAX_ENTRIES} entries.`);
      }
      found.push({
        path,
        folder: status.isDirectory(),
        bytes: status.isFile() ? status.size : 0,
        mode: status.mode,
      });
      if (status.isDirectory()) pending.push(path);
    }
  }
  return found;
}

function total(sizes: readonly number[]): number {
  // A small file takes a whole page of a memory file system.
  return sizes.reduce((sum, bytes) => sum + bytes + 4096, 0);
}

function sizesOf(leaves: readonly Leaf[]): readonly number[] {
  return leaves.map(({ bytes }) => bytes);
}

async function isScript(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.toString('latin1') === '#!';
  } finally {
    await file.close();
  }
}

// Sealed files carry no permissions and no Dockerfile step runs here, so a script is made executable as `chmod +x` would.
async function copyTree(from: string, to: string, leaves: readonly Leaf[]): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const { path, folder } of leaves) if (folder) await mkdir(join(to, path), { mode: 0o755 });
  const files = leaves.filter(({ folder }) => !folder);
  await forEachFew(files, async ({ path, mode }) => {
    const target = join(to, path);
    await copyFile(join(from, path), target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const executable = (mode & 0o111) !== 0 || (await isScript(target));
    await chmod(target, executable ? 0o755 : 0o644);
  });
}

async function fits(folder: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize >= bytes * 1.25 + MARGIN_BYTES;
}

/** Whether `folder` exists and has space for files of these sizes, `times` over, with some to spare. */
export async function hasSpace(folder: string, sizes: readonly number[], times: number): Promise<boolean> {
  return fits(folder, total(sizes) * times).catch(() => false);
}

async function chooseBase(
  spool: string,
  bytes: number,
  execute: boolean,
  identity: Identity,
): Promise<string> {
  for (const base of [MEMORY_FOLDER, spool, tmpdir()]) {
    try {
      const real = await realpath(base);
      // /dev/shm and /tmp are open to all; a spool below somebody's private folder is not.
      const parent = identity.dedicated ? canReach(real, identity) : true;
      if (!parent || real.length > MAX_BASE_LENGTH || (execute && !mayExecute(real))) continue;
      if (await fits(real, bytes)) return real;
    } catch {
      continue; // absent on this host
    }
  }
  throw new SandboxError(
    'sandbox/no-room',
    'No folder has room for the package where its user can reach it. Give a spool folder that others may enter (mode 711) on a larger disk.',
  );
}

async function placeNode(folder: string, identity: Identity): Promise<string> {
  const source = await realpath(process.execPath);
  if (canReach(source, identity)) return source;
  const target = join(folder, 'node');
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, 0o755);
  return target;
}

async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // The algorithm may have shut us out of folders of its own (only at level none, for an ordinary user).
    await openFolders(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(folder, entry.name));
  }
}

/**
 * Lays out a stage for one run.
 * @param execute programs are started from the stage itself (level `none`), so its file system must let them.
 * @throws SandboxError `sandbox/bad-package`, `sandbox/bad-file`, `sandbox/no-room`
 */
export async function createStage(
  options: StageOptions,
  identity: Identity,
  execute: boolean,
): Promise<Stage> {
  const packageLeaves = await walk(options.root);
  const pythonLeaves =
    options.pythonPath === undefined ? [] : await walk(options.pythonPath, options.pythonPackages);
  const nodeReachable = canReach(await realpath(process.execPath), identity);
  const nodeBytes = nodeReachable ? 0 : (await lstat(await realpath(process.execPath))).size;
  const needed = total([...sizesOf(packageLeaves), ...sizesOf(pythonLeaves), nodeBytes]);
  const base = await chooseBase(options.spool, needed, execute || !nodeReachable, identity);
  for (const old of leftovers(base)) await removeTree(old);
  const folder = await mkdtemp(join(base, ownPrefix()));
  try {
    await copyTree(options.root, join(folder, 'package'), packageLeaves);
    if (options.pythonPath === undefined) await mkdir(join(folder, 'python'), { mode: 0o755 });
    else await copyTree(options.pythonPath, join(folder, 'python'), pythonLeaves);
    await mkdir(join(folder, 'files'), { mode: 0o755 });
    for (const { name, content } of options.files) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
        throw new SandboxError('sandbox/bad-file', 'An extra file needs a plain name without a folder.');
      }
      await writeFile(join(folder, 'files', name), content, { mode: 0o644, flag: 'wx' });
    }
    const node = await placeNode(folder, identity);
    if (identity.dedicated) await chown(folder, identity.uid, identity.gid);
    return {
      folder,
      package: join(folder, 'package'),
      packageBytes: total(sizesOf(packageLeaves)),
      files: join(folder, 'files'),
      python: join(folder, 'python'),
      node,
      remove: () => removeTree(folder),
    };
  } catch (cause) {
    await removeTree(folder);
    throw cause;
  }
}

/** Gives a file or socket in the stage to the run's user alone. */
export async function giveTo(path: string, identity: Identity): Promise<void> {
  if (identity.dedicated) await chown(path, identity.uid, identity.gid);
  await chmod(path, 0o600);
}

/** The file that runs inside the sandbox, beside this one. */
export const FORWARDER = fileURLToPath(new URL('./forward.ts', import.meta.url));
