// Files that are durable when the promise is kept: content, names and directories are on the disk. Parallel, because one
// flush of the disk's queue serves many files. The layout is that of C2SP tlog-tiles:
//   <data>/checkpoint · <data>/tile/<level>/<index>[.p/<width>] · <data>/tile/entries/… · <data>/statements/<hex>
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bytes } from '@sealroom/bytes';
import { codeOf, syncDirectory } from '@sealroom/host';

/** A file by its path inside the data directory. */
export type DurableFile = { readonly path: string; readonly bytes: Uint8Array };

export type Disk = {
  /** Writes all of the files, each whole or not at all, and returns when they are durable. */
  write(files: readonly DurableFile[]): Promise<void>;
  /** The content, or undefined when there is no such file. */
  read(path: string): Promise<Bytes | undefined>;
  /** Paths of the files below a folder; none when it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** Removes a file or folder; whether that is durable does not matter to the callers. */
  remove(path: string): Promise<void>;
};

const TEMPORARY = '.tmp';

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real disk, under one data directory that this process has locked. */
export function openDisk(data: string): Disk {
  const known = new Set<string>(['.']);

  /** Makes a folder and gives those whose entries have to be flushed for it to be found again. */
  async function folder(path: string): Promise<readonly string[]> {
    if (known.has(path)) return [path];
    const above = await folder(dirname(path));
    await mkdir(join(data, path), { recursive: true, mode: 0o700 });
    known.add(path);
    return [...above, path];
  }

  return {
    async write(files) {
      const dirty = new Set<string>();
      for (const { path } of files) for (const each of await folder(dirname(path))) dirty.add(each);
      await Promise.all(
        files.map(async ({ path, bytes }) => {
          await writeFlushed(join(data, path + TEMPORARY), bytes);
          await rename(join(data, path + TEMPORARY), join(data, path));
        }),
      );
      await Promise.all([...dirty].map((path) => syncDirectory(join(data, path))));
    },
    async read(path) {
      try {
        return new Uint8Array(await readFile(join(data, path)));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async list(path) {
      try {
        const found = await readdir(join(data, path), { recursive: true, withFileTypes: true });
        return found
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(join(data, '/').length));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      }
    },
    async remove(path) {
      known.delete(path);
      await rm(join(data, path), { recursive: true, force: true });
    },
  };
}
