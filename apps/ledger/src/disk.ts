// Files that are durable when the promise is kept: content, names and directories are on the disk. Flushes run side by
// side, because one round of the disk's queue serves many files. The layout is that of C2SP tlog-tiles:
//   <data>/checkpoint · <data>/tile/<level>/<index>[.p/<width>] · <data>/tile/entries/… (and statements.ts)
import { closeSync, fsync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '@sealroom/bytes';
import { codeOf } from '@sealroom/host';
import { LedgerError } from './error.ts';

/** A file by its path inside the data directory. */
export type DurableFile = { readonly path: string; readonly bytes: Uint8Array };

export type Disk = {
  /**
   * Writes the files and returns when they are durable; a crash may leave any of them torn. The `last` one appears whole
   * or not at all, and only after all others are durable. Nothing is being written any more when it rejects.
   * @throws ledger/disk-lost when the system could not flush · the system's own error when there was no room, say
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
const systemFlush = promisify(fsync);

/** Brings a file or directory to the disk. */
export type Flush = (descriptor: number) => Promise<void>;

// After a flush that failed the system may count the pages as written: the next one would succeed, and they are lost all
// the same. So it is never tried again; what stands is what a new process finds.
function lost(cause: unknown): LedgerError {
  const message =
    'The disk did not keep what was written, so the ledger takes nothing more. Look at the disk, then start the ledger again.';
  return new LedgerError('ledger/disk-lost', message, { cause });
}

/** Waits for all, then throws what went wrong: a lost disk before anything else. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(work);
  const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (reasons.length > 0) throw reasons.find((reason) => codeOf(reason) === 'ledger/disk-lost') ?? reasons[0];
}

/** The real disk, under one data directory that this process has locked. */
export function openDisk(data: string, flush: Flush = systemFlush): Disk {
  const known = new Set<string>(['.']);

  async function flushed(descriptor: number): Promise<void> {
    try {
      await flush(descriptor);
    } catch (cause) {
      throw lost(cause);
    }
  }

  /** Opening and writing only fill the system's cache and are done at once; the flush is what takes time. */
  async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
    const descriptor = openSync(join(data, path), 'w', 0o600);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      await flushed(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  async function syncFolder(path: string): Promise<void> {
    const descriptor = openSync(join(data, path), 'r');
    try {
      await flushed(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Makes a folder and gives those whose entries have to be flushed for it to be found again. */
  function folder(path: string): readonly string[] {
    if (known.has(path)) return [path];
    const above = folder(dirname(path));
    mkdirSync(join(data, path), { recursive: true, mode: 0o700 });
    return [...above, path];
  }

  return {
    async write(files, last) {
      const folders = new Set(files.flatMap(({ path }) => folder(dirname(path))));
      const writes = files.map(({ path, bytes }) => writeFlushed(path, bytes));
      if (last) writes.push(writeFlushed(last.path + TEMPORARY, last.bytes));
      await all(writes);
      await all([...folders].map(syncFolder));
      for (const path of folders) known.add(path);
      if (!last) return;
      renameSync(join(data, last.path + TEMPORARY), join(data, last.path));
      await syncFolder(dirname(last.path));
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
