// A package to start from, which runs as it is: it counts the dataset's files and bytes and reports both. The
// texts are the files of `templates/<language>`; `{{name}}` in them is the package's name.
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from './error.ts';

/** `name` stands in the README and in the report: 1 to 60 letters, digits, spaces, `.`, `_` and `-`. */
export type TemplateOptions = { readonly language: 'python' | 'javascript'; readonly name: string };

const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u;
const TEMPLATES = join(import.meta.dirname, 'templates');

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new PackageError(
      'package/exists',
      'There is something other than a folder at this path; give a path that is free.',
      { cause: error },
    );
  }
}

/**
 * Writes a package into a new or empty folder.
 * @returns the paths written, relative to the folder
 * @throws package/exists when the folder holds anything; package/bad-name
 */
export async function writeTemplate(folder: string, options: TemplateOptions): Promise<readonly string[]> {
  const name = options.name.normalize('NFC');
  if (!NAME.test(name)) {
    throw new PackageError(
      'package/bad-name',
      'A package name has 1 to 60 letters, digits, spaces, dots, hyphens and underscores; choose another.',
    );
  }
  if ((await namesIn(folder)).length > 0) {
    throw new PackageError(
      'package/exists',
      'The folder is not empty, and nothing in it is overwritten; give the path of a new folder.',
    );
  }
  await mkdir(folder, { recursive: true });
  const source = join(TEMPLATES, options.language);
  const written = (await readdir(source)).sort();
  for (const file of written) {
    const text = await readFile(join(source, file), 'utf8');
    // `wx`: somebody else's file that appeared meanwhile stays as it is.
    await writeFile(join(folder, file), text.replaceAll('{{name}}', name), { flag: 'wx' });
    if (file === 'run.sh') await chmod(join(folder, file), 0o755);
  }
  return written;
}
