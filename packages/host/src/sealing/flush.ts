// Brings what was written below a folder to disk. A flush of every single one of ten thousand files takes minutes on a slow
// disk; Linux can flush their file system in one call (syncfs, through the system's `sync -f`; decision 050).
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { forEachFew } from './few.ts';
import { syncFolder } from './place.ts';

const MANY = 64;
const run = promisify(execFile);

async function flushFileSystem(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    await run('sync', ['-f', '--', folder]);
    return true;
  } catch {
    return false;
  }
}

/** Flushes these files below a folder, and these folders (which are whole paths). */
export async function flushAll(
  folder: string,
  { files, folders }: { files: readonly string[]; folders: readonly string[] },
): Promise<void> {
  if (files.length > MANY && (await flushFileSystem(folder))) return;
  await forEachFew(files, async (file) => {
    const handle = await open(join(folder, file), 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  for (const made of folders) await syncFolder(made);
}
