// Uploads a sealed folder: every sealed file and its leaf hashes, a few at a time, the inventory last. The store sees
// ciphertext, names and sizes. An upload that was interrupted goes on with the files that the store does not hold, byte for byte.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { hubRoutes } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { type BlobStore, openContainer, Refusal } from '@sealroom/host';
import { forEachFew } from '@sealroom/host/few';
import { readSealedFolder, type SealedFolderFile } from '@sealroom/host/sealing';
import type { Action, Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readSecretLine } from '../home/files.ts';
import { findProject } from '../hub/project.ts';
import { fetcherOf } from '../hub/connection.ts';
import { link } from '../hub/session.ts';
import {
  begunPath,
  readBegunFile,
  uploadPath,
  writeBegunFile,
  writeUploadFile,
} from '../seal/version-file.ts';
import { bytesText, facts } from '../terminal/text.ts';

type Target = {
  readonly writeUrl: string;
  readonly readUrl: string | undefined;
  readonly fetch: ReturnType<typeof fetcherOf> | undefined;
  /** An earlier upload may have left files there. */
  readonly begun: boolean;
};

const ATTEMPTS = 3;
const PAUSE_MS = 500;

async function lineOf(input: Input, name: string): Promise<string | undefined> {
  const path = input.optional(name);
  return path === undefined ? undefined : readSecretLine(path);
}

async function targetOf(context: Context, input: Input, digest: Digest): Promise<Target> {
  const own = input.optional('to') ?? (await lineOf(input, 'toFile'));
  if (own !== undefined) {
    if (!URL.canParse(own)) throw new CliError('cli/usage', 'The container’s address is not a URL.');
    const readUrl = await lineOf(input, 'readUrlFile');
    return { writeUrl: own, readUrl, fetch: undefined, begun: readUrl !== undefined };
  }
  const hub = await link(context, input);
  const { project } = await findProject(context, input, hub);
  const fetch = fetcherOf(context, hub.settings);
  const path = begunPath(input.arg(0));
  const { baseUrl } = hub.service;
  const before = await readBegunFile(path);
  const same = before?.digest === digest && before.hub === baseUrl && before.project === project;
  if (same && Date.parse(before.expiresAt) > context.now()) return { ...before, fetch, begun: true };
  const made = await call(hub.service, hubRoutes.createStore, { params: { project }, body: {} });
  const { writeUrl, readUrl, expiresAt } = made;
  await writeBegunFile(path, { v: 1, digest, hub: baseUrl, project, writeUrl, readUrl, expiresAt });
  return { writeUrl, readUrl, fetch, begun: false };
}

async function digestOf(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(part as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'fetch/failed';
}

/** Sends a file, again from its start when the connection breaks; a store gives no name to what came in part. */
async function putFile(
  container: BlobStore,
  { path, sealedPath }: SealedFolderFile,
  options: { signal: AbortSignal; onProgress: (bytes: number) => void },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await container.put(path, createReadStream(sealedPath), options);
    } catch (error) {
      if (attempt === ATTEMPTS || options.signal.aborted || !isUnreachable(error)) throw error;
      await setTimeout(PAUSE_MS * attempt);
    }
  }
}

/** Gives how many files were there already, with exactly these bytes. */
async function put(
  context: Context,
  { writeUrl, readUrl, fetch, begun }: Target,
  files: readonly SealedFolderFile[],
): Promise<number> {
  const options = fetch ? { fetch } : {};
  const container = openContainer(writeUrl, options);
  const readable = begun && readUrl !== undefined ? openContainer(readUrl, options) : undefined;
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const progress = context.progress('uploading');
  let done = 0;
  let kept = 0;
  const putOne = async (file: SealedFolderFile): Promise<void> => {
    const { path, sealedPath, size } = file;
    let sent = 0;
    const onProgress = (bytes: number) => {
      done += bytes - sent;
      sent = bytes;
      progress.update(done, total);
    };
    const there = await readable?.head(path);
    if (there?.size === size && (await readable?.holds(path, { size, digest: await digestOf(sealedPath) })))
      kept++;
    else await putFile(container, file, { signal: context.signal, onProgress });
    onProgress(size);
  };
  try {
    await forEachFew(files.slice(0, -1), putOne);
    for (const inventory of files.slice(-1)) await putOne(inventory);
    return kept;
  } catch (error) {
    if (done > 0) context.did('Some files were uploaded; the same command goes on with the others.');
    throw error;
  } finally {
    progress.end();
  }
}

export const upload: Action = async (context, input) => {
  const folder = input.arg(0);
  const { digest, files } = await readSealedFolder(folder);
  const target = await targetOf(context, input, digest);
  const kept = await put(context, target, files);
  context.did('The sealed files were uploaded.');
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { readUrl } = target;
  if (readUrl !== undefined) await writeUploadFile(uploadPath(folder), { v: 1, digest, readUrl });
  await rm(begunPath(folder), { force: true });
  const next =
    readUrl === undefined
      ? 'Publish it with --url-file and a SAS URL for reading.'
      : `Publish it: its address for reading is in ${uploadPath(folder)}.`;
  return {
    json: {
      ok: true,
      digest,
      files: files.length,
      bytes,
      kept,
      uploadFile: readUrl === undefined ? null : uploadPath(folder),
    },
    text: `Uploaded ${files.length} files, ${bytesText(bytes)}${kept === 0 ? '' : `; ${kept} of them were there already`}.\n${facts([['version', digest]])}${next}\n`,
  };
};
