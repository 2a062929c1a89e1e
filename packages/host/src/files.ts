// Files that must survive a crash, secrets that nobody else may read, and directories that one process owns.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, type HostCode, Refusal, refusal } from './problem.ts';
import { isAlive, processName, type ProcessName } from './processes.ts';

const TROUBLE = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** The refusal that stands for a disk that is full, read-only or failing: the caller may try again. Undefined for all else. */
export function diskOutageOf(error: unknown): Refusal<HostCode> | undefined {
  if (error instanceof Refusal || !TROUBLE.has(codeOf(error) ?? '')) return undefined;
  const message = 'The server cannot store anything now; nothing was taken. Try again, or tell its operator.';
  return refusal('file/unavailable', message, { cause: error });
}

/** Makes the entries of a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name beside `path` for a file in the making. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
}

/** Writes a file whole or not at all: temporary file, fsync, rename, fsync of the directory. */
export async function writeFileAtomic(path: string, bytes: Uint8Array | string, mode = 0o600): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * The content of a secret's file.
 * @throws file/missing; file/not-private when the group or others may read or write it.
 */
export function readSecretFile(path: string): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw refusal('file/missing', `The secret ${path} cannot be read; check the path and its owner.`, {
      cause,
    });
  }
  try {
    const { mode } = fstatSync(descriptor);
    if ((mode & 0o077) !== 0) {
      throw refusal('file/not-private', `The secret ${path} is open to others; run: chmod 600 ${path}`);
    }
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a directory (and those above it) with exactly this mode. */
export async function ensureDirectory(path: string, mode = 0o700): Promise<void> {
  mkdirSync(path, { recursive: true, mode });
  // mkdir leaves an existing directory's mode alone and subtracts the umask from a new one's.
  if ((statSync(path).mode & 0o777) !== mode) await chmod(path, mode);
}

const LOCK_NAME = 'lock';

function holderOf(path: string): ProcessName | undefined {
  try {
    const [pid, start = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return { pid: Number(pid), start };
  } catch {
    return undefined;
  }
}

/**
 * Takes a directory for this process alone, until `release` or the process's end. A lock whose process is gone is taken
 * over. @throws file/locked when another live process has it.
 */
export function lockDirectory(path: string): { release(): void } {
  const lock = join(path, LOCK_NAME);
  const mine = join(path, `.${LOCK_NAME}.${process.pid}.${randomBytes(4).toString('hex')}`);
  const descriptor = openSync(mine, 'wx', 0o600);
  writeFileSync(descriptor, `${process.pid} ${processName(process.pid).start}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        // link fails when the name exists and the file is whole when it appears: no half-written lock is ever seen.
        linkSync(mine, lock);
        return { release: () => rmSync(lock, { force: true }) };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = holderOf(lock);
      if (holder !== undefined && isAlive(holder)) {
        throw refusal('file/locked', `${path} is in use by process ${holder.pid}; stop that one first.`);
      }
      // Renamed, not unlinked: of two processes that both see a dead holder only one gets to take its lock away.
      if (holder !== undefined) takeAway(lock, `${mine}.stale`, holder);
    }
  } finally {
    unlinkSync(mine);
  }
  throw refusal('file/locked', `${path} is being taken by another process; try again.`);
}

function takeAway(lock: string, aside: string, dead: ProcessName): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = holderOf(aside);
  if (taken !== undefined && (taken.pid !== dead.pid || taken.start !== dead.start)) {
    // The rename caught a live successor's lock: put it back.
    linkSync(aside, lock);
  }
  rmSync(aside, { force: true });
}
