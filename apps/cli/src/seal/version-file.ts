// `<folder>.version.json`: what sealing a folder knows and nobody can read off the sealed bytes without the key; the
// statement of the version is made from it. Not secret. Beside it stands `<folder>.upload.json` after an
// upload, and `<folder>.upload-begun.json` while one is on its way.
import { canonicalJson, parseStrictJson } from '@sealroom/bytes';
import { bytesText, count, digest, url } from '@sealroom/contract';
import { z } from 'zod';
import { CliError } from '../error.ts';
import { readGiven, readIfThere, writeWhole } from '../home/files.ts';

const version = z.strictObject({
  v: z.literal(1),
  kind: z.enum(['dataset', 'algorithm']),
  digest,
  assetSalt: bytesText(32),
  keyCommitment: bytesText(32),
  files: count,
  bytes: count,
});
const upload = z.strictObject({ v: z.literal(1), digest, readUrl: url });

const begun = z.strictObject({
  v: z.literal(1),
  digest,
  hub: url,
  project: z.string(),
  writeUrl: url,
  readUrl: url,
  expiresAt: z.iso.datetime(),
});

export type VersionFile = z.infer<typeof version>;
export type UploadFile = z.infer<typeof upload>;
/** An upload to a hub's store that has begun: the container it goes to. */
export type BegunFile = z.infer<typeof begun>;

function bare(folder: string): string {
  return folder.replace(/\/+$/, '');
}

export function versionPath(folder: string): string {
  return `${bare(folder)}.version.json`;
}

export function uploadPath(folder: string): string {
  return `${bare(folder)}.upload.json`;
}

export function begunPath(folder: string): string {
  return `${bare(folder)}.upload-begun.json`;
}

function parse<Schema extends z.ZodType>(schema: Schema, bytes: Uint8Array, path: string): z.output<Schema> {
  try {
    return schema.parse(parseStrictJson(bytes));
  } catch (cause) {
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} is not what sealroom writes there.`, {
      cause,
    });
  }
}

/** @throws cli/no-file · cli/bad-file */
export async function readVersionFile(path: string): Promise<VersionFile> {
  return parse(version, await readGiven(path), path);
}

export async function writeVersionFile(path: string, value: VersionFile): Promise<void> {
  await writeWhole(path, `${canonicalJson(version.parse(value))}\n`, { mode: 0o644, overwrite: true });
}

/** The URL lets its bearer read the sealed files, so the file is its owner's only. */
export async function writeUploadFile(path: string, value: UploadFile): Promise<void> {
  await writeWhole(path, `${canonicalJson(upload.parse(value))}\n`, { overwrite: true });
}

export async function readUploadFile(path: string): Promise<UploadFile | undefined> {
  const bytes = await readIfThere(path);
  return bytes && parse(upload, bytes, path);
}

export async function writeBegunFile(path: string, value: BegunFile): Promise<void> {
  await writeWhole(path, `${canonicalJson(begun.parse(value))}\n`, { overwrite: true });
}

export async function readBegunFile(path: string): Promise<BegunFile | undefined> {
  const bytes = await readIfThere(path);
  return bytes && parse(begun, bytes, path);
}
