// The files of an algorithm package's folder. Every regular file belongs to the version but the leavings of tools
// (IGNORED below); what is neither file nor folder is refused, since a link would seal something from elsewhere.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPath, foldPath } from '@sealroom/seal';
import { PackageError } from './error.ts';

/** A file of a package: its path inside, size in bytes, and whether its owner may execute it. */
export type FoundFile = { readonly path: string; readonly size: number; readonly executable: boolean };

const IGNORED = /^(?:\.git|\.hg|\.svn|__pycache__|\.DS_Store|Thumbs\.db|.*\.pyc)$/;
const MOST_FILES = 10_000;

async function statOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    throw new PackageError(
      'package/missing-folder',
      'The package, or a part of it, is not there or cannot be read; check its path and permissions.',
      { cause: error },
    );
  }
}

function checkInside(path: string): string {
  try {
    return checkPath(path);
  } catch (error) {
    throw new PackageError(
      'package/bad-path',
      `The package holds a file whose name cannot be sealed: ${JSON.stringify(path)}; rename it.`,
      { cause: error },
    );
  }
}

async function collect(folder: string, inside: string, found: FoundFile[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (IGNORED.test(name)) continue;
    const full = join(folder, name);
    const path = inside === '' ? name : `${inside}/${name}`;
    const stat = await statOf(full);
    if (stat.isDirectory()) {
      await collect(full, path, found);
      continue;
    }
    if (!stat.isFile()) {
      throw new PackageError(
        'package/not-a-file',
        `${JSON.stringify(path)} is a link, device, pipe or socket; a package holds plain files only.`,
      );
    }
    found.push({ path: checkInside(path), size: stat.size, executable: (stat.mode & 0o100) !== 0 });
    if (found.length > MOST_FILES) {
      throw new PackageError(
        'package/too-large',
        `The folder holds more than ${MOST_FILES} files; is it the package's own folder?`,
      );
    }
  }
}

/**
 * All files of the folder, in the order of an inventory.
 * @throws package/missing-folder, package/not-a-file, package/bad-path, package/too-large
 */
export async function findFiles(folder: string): Promise<readonly FoundFile[]> {
  if (!(await statOf(folder)).isDirectory()) {
    throw new PackageError(
      'package/missing-folder',
      'The package must be a folder (not a link to one, nor a file); give its own path.',
    );
  }
  const found: FoundFile[] = [];
  await collect(folder, '', found);
  const names = new Map<string, string>();
  for (const { path } of found) {
    const folded = foldPath(path);
    const other = names.get(folded);
    if (other !== undefined) {
      throw new PackageError(
        'package/bad-path',
        `${JSON.stringify(other)} and ${JSON.stringify(path)} differ in letter case only; rename one.`,
      );
    }
    names.set(folded, path);
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
