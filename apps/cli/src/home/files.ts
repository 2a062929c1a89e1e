// Files of the home folder: readable by their owner only, replaced whole. Not here: what they hold.
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Bytes } from '@sealroom/bytes';
import { CliError } from '../error.ts';

const LARGEST = 64 * 1024 * 1024;

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** A file that somebody named. @throws cli/no-file · cli/bad-file */
export async function readGiven(path: string, largest: number = LARGEST): Promise<Bytes> {
  const found = await readIfThere(path, largest);
  if (found) return found;
  throw new CliError('cli/no-file', `There is no file ${JSON.stringify(path)}.`);
}

export async function readIfThere(path: string, largest: number = LARGEST): Promise<Bytes | undefined> {
  try {
    const stats = await stat(path);
    if (!stats.isFile() && !stats.isFIFO() && !stats.isCharacterDevice())
      throw new CliError('cli/bad-file', `${JSON.stringify(path)} is not a file.`);
    if (stats.size > largest)
      throw new CliError('cli/bad-file', `${JSON.stringify(path)} is larger than such a file can be.`);
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The first line of a file that holds a secret. @throws cli/no-file · cli/bad-file when it is empty */
export async function readSecretLine(path: string): Promise<string> {
  const text = new TextDecoder().decode(await readGiven(path, 64 * 1024));
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  if (line !== '') return line;
  throw new CliError(
    'cli/bad-file',
    `The first line of ${JSON.stringify(path)} is empty; it must hold the secret.`,
  );
}

/** Exactly 32 raw bytes: a CEK or another symmetric key. @throws cli/no-file · cli/bad-file */
export async function readKeyFile(path: string): Promise<Bytes> {
  const bytes = await readGiven(path, 1024 * 1024);
  if (bytes.length === 32) return bytes;
  throw new CliError(
    'cli/bad-file',
    `The key file ${JSON.stringify(path)} has ${bytes.length} bytes instead of 32.`,
    {
      next: 'A key file holds 32 raw bytes, no text and no line end; "sealroom key cek generate" makes one.',
    },
  );
}

/** Makes the home folder, for its owner only. */
export async function ensureHome(home: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
}

type WriteOptions = { readonly mode?: number; readonly overwrite?: boolean };

/**
 * Writes a file whole and durably.
 * @throws cli/file-exists unless `overwrite`
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string,
  { mode = 0o600, overwrite = false }: WriteOptions = {},
): Promise<void> {
  if (!overwrite) return writeNew(path, bytes, mode);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeNew(temporary, bytes, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeNew(path: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new CliError('cli/file-exists', `${JSON.stringify(path)} exists already and is not overwritten.`, {
      next: 'Name another file, or move this one away.',
    });
  });
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(path, mode);
}
