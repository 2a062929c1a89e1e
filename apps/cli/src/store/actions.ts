// Uploads a sealed folder: every sealed file and its leaf hashes, a few at a time, the inventory last. The store sees ciphertext, names and
// sizes.
import { createReadStream } from 'node:fs';
import { hubRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import { openContainer } from '@sealroom/host';
import { forEachFew } from '@sealroom/host/few';
import { readSealedFolder, type SealedFolderFile } from '@sealroom/host/sealing';
import type { Action, Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readSecretLine } from '../home/files.ts';
import { findProject } from '../hub/project.ts';
import { fetcherOf } from '../hub/connection.ts';
import { link } from '../hub/session.ts';
import { uploadPath, writeUploadFile } from '../seal/version-file.ts';
import { bytesText, facts } from '../terminal/text.ts';

type Target = {
  readonly writeUrl: string;
  readonly readUrl: string | undefined;
  readonly fetch: ReturnType<typeof fetcherOf> | undefined;
};

async function lineOf(input: Input, name: string): Promise<string | undefined> {
  const path = input.optional(name);
  return path === undefined ? undefined : readSecretLine(path);
}

async function targetOf(context: Context, input: Input): Promise<Target> {
  const own = input.optional('to') ?? (await lineOf(input, 'toFile'));
  if (own !== undefined) {
    if (!URL.canParse(own)) throw new CliError('cli/usage', 'The container’s address is not a URL.');
    return { writeUrl: own, readUrl: await lineOf(input, 'readUrlFile'), fetch: undefined };
  }
  const hub = await link(context, input);
  const { project } = await findProject(context, input, hub);
  const made = await call(hub.service, hubRoutes.createStore, { params: { project }, body: {} });
  return { ...made, fetch: fetcherOf(context, hub.settings) };
}

async function put(
  context: Context,
  { writeUrl, fetch }: Target,
  files: readonly SealedFolderFile[],
): Promise<void> {
  const container = openContainer(writeUrl, fetch ? { fetch } : {});
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const progress = context.progress('uploading');
  let done = 0;
  const putOne = async ({ path, sealedPath, size }: SealedFolderFile): Promise<void> => {
    let sent = 0;
    const reach = (bytes: number) => {
      done += bytes - sent;
      sent = bytes;
      progress.update(done, total);
    };
    await container.put(path, createReadStream(sealedPath), { signal: context.signal, onProgress: reach });
    reach(size);
  };
  try {
    await forEachFew(files.slice(0, -1), putOne);
    for (const inventory of files.slice(-1)) await putOne(inventory);
  } finally {
    progress.end();
  }
}

export const upload: Action = async (context, input) => {
  const folder = input.arg(0);
  const { digest, files } = await readSealedFolder(folder);
  const target = await targetOf(context, input);
  await put(context, target, files);
  context.did('The sealed files were uploaded.');
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { readUrl } = target;
  if (readUrl !== undefined) await writeUploadFile(uploadPath(folder), { v: 1, digest, readUrl });
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
      uploadFile: readUrl === undefined ? null : uploadPath(folder),
    },
    text: `Uploaded ${files.length} files, ${bytesText(bytes)}.\n${facts([['version', digest]])}${next}\n`,
  };
};
