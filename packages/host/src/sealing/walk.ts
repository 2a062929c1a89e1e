// The files of a folder, in one order on every machine. Anything but regular files and folders is refused by name: what
// a link or device stands for is not in the folder. Empty folders have no place in an inventory and are left out.
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Decode } from '@sealroom/bytes';
import { type SourceState, sourceState } from './batch.ts';
import { isMissing, notRegular, SealingError } from './error.ts';

/** `path` is relative with `/`, in NFC; `file` is where it lies; `size` in bytes. */
export type FoundFile = {
  readonly path: string;
  readonly file: string;
  readonly size: number;
  readonly source: SourceState;
};

function nameOf(raw: Buffer, folder: string): string {
  try {
    return utf8Decode(raw);
  } catch {
    throw new SealingError(
      'sealing/odd-file',
      `A name in ${JSON.stringify(folder)} is not UTF-8 (it reads like ${JSON.stringify(raw.toString('latin1'))}); rename it.`,
    );
  }
}

async function walk(folder: string, prefix: string, found: FoundFile[]): Promise<void> {
  for (const raw of await readdir(folder, { encoding: 'buffer' })) {
    const name = nameOf(raw, folder);
    const file = join(folder, name);
    const path = `${prefix}${name.normalize('NFC')}`;
    // A promise for each of many files costs more than its answer.
    const stats = lstatSync(file);
    if (stats.isDirectory()) await walk(file, `${path}/`, found);
    else if (stats.isFile()) found.push({ path, file, size: stats.size, source: sourceState(stats) });
    else throw notRegular(file);
  }
}

/** All regular files below a folder, by path in the order of UTF-16 code units. @throws sealing/no-input · sealing/odd-file */
export async function walkFolder(folder: string): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  try {
    await walk(folder, '', found);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new SealingError(
      'sealing/no-input',
      `${JSON.stringify(folder)} is no folder, or changed while it was read.`,
    );
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
