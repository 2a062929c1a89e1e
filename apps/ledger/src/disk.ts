// Files that are durable when the promise is kept: content, names and directories are on the disk. Flushes run side by
// side, because one round of the disk's queue serves many files. The layout is that of C2SP tlog-tiles:
//   <data>/checkpoint · <data>/tile/<level>/<index>[.p/<width>] · <data>/tile/entries/… (and statements.ts)
import { closeSync, fsync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '@sealroom/bytes';
import { codeOf, syncDirectory } from '@sealroom/host';

/** A file by its path inside the data directory. */
export type DurableFile = { readonly path: string; readonly bytes: Uint8Array };

export type Disk = {
  /**
   * Writes the files and returns when they are durable; a crash may leave any of them torn. The `last` one appears whole
   * or not at all, and only after all others are durable.
   */
  write(files: readonly DurableFile[], last?: DurableFile): Promise<void>;
  /** The content, or undefined when there is no such file. */
  read(path: string): Promise<Bytes | undefined>;
  /** Paths of the files below a folder; none when it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** Removes a file or folder; whether that is durable does not matter to the callers. */
  remove(path: string): Promise<void>;
};

const TEMPORARY = '.tmp';
const flush = promisify(fsync);

/** Opening and writing only fill the system's cache and are done at once; the flush is what takes time. */
async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const descriptor = openSync(path, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    await flush(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The real disk, under one data directory that this process has locked. */
export function openDisk(data: string): Disk {
  const known = new Set<string>(['.']);

  /** Makes a folder and gives those whose entries have to be flushed for it to be found again. */
  function folder(path: string): readonly string[] {
    if (known.has(path)) return [path];
    const above = folder(dirname(path));
    mkdirSync(join(data, path), { recursive: true, mode: 0o700 });
    known.add(path);
    return [...above, path];
  }

  return {
    async write(files, last) {
      const folders = new Set(files.flatMap(({ path }) => folder(dirname(path))));
      const writes = files.map(({ path, bytes }) => writeFlushed(join(data, path), bytes));
      if (last) writes.push(writeFlushed(join(data, last.path + TEMPORARY), last.bytes));
      await Promise.all(writes);
      await Promise.all([...folders].map((path) => syncDirectory(join(data, path))));
      if (!last) return;
      renameSync(join(data, last.path + TEMPORARY), join(data, last.path));
      await syncDirectory(join(data, dirname(last.path)));
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
