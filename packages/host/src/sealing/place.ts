// Outputs appear whole or not at all: written under a temporary name in the same folder, flushed to disk, then renamed.
// A killed process may leave a `.sealroom-….partial` behind; it can be deleted. Folders that are sealed grow elsewhere
// (partial.ts), so that they can be gone on with.
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isMissing, SealingError } from './error.ts';

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Flushes a folder's entries. Systems that cannot open a folder (Windows) have nothing to flush. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function outputExists(output: string): SealingError {
  return new SealingError(
    'sealing/output-exists',
    `${JSON.stringify(output)} exists already; choose another name, or allow overwriting.`,
  );
}

export async function checkAbsent(output: string, overwrite: boolean): Promise<void> {
  if (!overwrite && (await exists(output))) throw outputExists(output);
}

function temporaryName(output: string): string {
  return join(dirname(resolve(output)), `.sealroom-${randomBytes(8).toString('hex')}.partial`);
}

async function place(temporary: string, output: string, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(temporary, output);
  try {
    // A hard link fails when the name is taken, where rename would silently replace a file made meanwhile.
    await link(temporary, output);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') throw outputExists(output);
    await checkAbsent(output, false);
    return rename(temporary, output);
  }
  return unlink(temporary);
}

/**
 * Lets `write` fill a new file, which then takes the name `output`. Nothing is left when `write` throws.
 * @param mode permission bits of the new file
 * @throws sealing/output-exists
 */
export async function writeFilePlace<T>(
  output: string,
  { overwrite, mode }: { overwrite: boolean; mode: number },
  write: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  await checkAbsent(output, overwrite);
  const temporary = temporaryName(output);
  try {
    const handle = await open(temporary, 'wx', mode);
    let result: T;
    try {
      result = await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(temporary, output, overwrite);
    await syncFolder(dirname(resolve(output)));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Gives a folder the name `output`, in place of what has it if that is allowed. @throws sealing/output-exists */
export async function moveFolder(folder: string, output: string, overwrite: boolean): Promise<void> {
  if (await exists(output)) {
    await checkAbsent(output, overwrite);
    const old = temporaryName(output);
    await rename(output, old);
    try {
      await rename(folder, output);
    } catch (error) {
      await rename(old, output);
      throw error;
    }
    await rm(old, { recursive: true });
  } else {
    await rename(folder, output);
  }
  await syncFolder(dirname(resolve(output)));
}

/** As {@link writeFilePlace}, for a folder. */
export async function writeFolderPlace<T>(
  output: string,
  { overwrite, mode }: { overwrite: boolean; mode: number },
  write: (folder: string) => Promise<T>,
): Promise<T> {
  await checkAbsent(output, overwrite);
  const temporary = temporaryName(output);
  try {
    await mkdir(temporary, { mode });
    const result = await write(temporary);
    await moveFolder(temporary, output, overwrite);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
