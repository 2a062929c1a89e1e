// EscrowAI's files (format `bkenc`, packages/seal/src/bkenc.ts) on disk: opened, or sealed again in our format without their
// plaintext touching the disk. Their one tag stands at the end, so that what is read before is not authentic yet: an output
// takes its name, and an entry its line in the journal, only after the tag has matched. Nothing ties such a file to its name:
// who stores it can swap two files. Two files under one salt share key and nonce and are refused, all of them.
import { createDecipheriv, createSecretKey } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, hexEncode } from '@sealroom/bytes';
import {
  associatedDataFor,
  BKENC_HEADER,
  BKENC_TAG,
  bkencFailure,
  bkencKey,
  bkencSalt,
  checkPath,
  checkPaths,
  parseHeader,
  SealError,
  sealSegments,
  type StreamHeader,
} from '@sealroom/seal';
import { about } from './batch.ts';
import { nodeSegmentCipher } from './cipher.ts';
import { changed, explain, SealingError } from './error.ts';
import { forEachFew } from './few.ts';
import { checkSignal, type OnProgress, openInput, type SealInto } from './file.ts';
import { flushAll } from './flush.ts';
import { checkApart, makeFolders, totalsOf } from './folder.ts';
import { leafOf } from './job.ts';
import { writeFilePlace, writeFolderPlace } from './place.ts';
import { type FoundFile, walkFolder } from './walk.ts';

const SUFFIX = '.bkenc';
const CHUNK = 1024 * 1024;
/** The most that AES-GCM encrypts under one nonce (NIST SP 800-38D). */
const LARGEST = 2 ** 36 - 32;

async function readExactly(handle: FileHandle, length: number, position: number): Promise<Bytes> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0)
      throw new SealingError('sealing/changed', 'The file became shorter while it was read.');
    filled += bytesRead;
  }
  return buffer;
}

/** The first bytes and the tag, which are a whole file to `bkencSalt` as far as it looks. @throws seal/bkenc-malformed */
async function readSalt(handle: FileHandle, { size }: Stats): Promise<Bytes> {
  return bkencSalt(await readExactly(handle, Math.min(size, BKENC_HEADER + BKENC_TAG), 0));
}

type Watched = { readonly onBytes?: (count: number) => void; readonly signal?: AbortSignal | undefined };

/**
 * The plaintext of an open file, in chunks. It is authentic only when the generator has ended without throwing.
 * @throws seal/bkenc-malformed · seal/bad-key · seal/too-large · seal/not-authentic · sealing/changed · sealing/cancelled
 */
async function* plaintextOf(
  { handle, stats, input }: { handle: FileHandle; stats: Stats; input: string },
  cek: Bytes,
  { onBytes, signal }: Watched,
): AsyncGenerator<Uint8Array> {
  const { key, nonce } = await bkencKey(cek, await readSalt(handle, stats));
  const end = stats.size - BKENC_TAG;
  if (end - BKENC_HEADER > LARGEST)
    throw new SealError(
      'seal/too-large',
      'AES-GCM seals at most 64 GiB under one nonce; this is no such file.',
    );
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: BKENC_TAG });
  decipher.setAuthTag(await readExactly(handle, BKENC_TAG, end));
  for (let at = BKENC_HEADER; at < end; at += CHUNK) {
    checkSignal(signal);
    const chunk = await readExactly(handle, Math.min(CHUNK, end - at), at);
    yield decipher.update(chunk);
    onBytes?.(chunk.length);
  }
  try {
    decipher.final();
  } catch (cause) {
    throw bkencFailure(cause);
  }
  const after = await handle.stat();
  if (after.size !== stats.size || after.mtimeMs !== stats.mtimeMs) throw changed(input);
}

/** Seals an EscrowAI file into an open, empty one, through memory. What is written counts only when this has resolved. */
export async function sealBkencInto({
  input,
  output,
  key,
  path,
  cek,
  onBytes,
  signal,
}: SealInto & { readonly cek: Bytes }): Promise<{ header: StreamHeader; stats: Stats; leaves: Uint8Array }> {
  const { handle, stats } = await openInput(input);
  try {
    const secret = { key, associatedData: associatedDataFor(path), cipher: nodeSegmentCipher };
    const watched = { ...(onBytes ? { onBytes } : {}), signal };
    const leaves: Buffer[] = [];
    let header: StreamHeader | undefined;
    for await (const segment of sealSegments(secret, plaintextOf({ handle, stats, input }, cek, watched))) {
      header ??= parseHeader(segment);
      leaves.push(leafOf(segment));
      await output.writeFile(segment);
    }
    if (!header) throw new TypeError('A sealed file has a first segment.');
    return { header, stats, leaves: new Uint8Array(Buffer.concat(leaves)) };
  } catch (error) {
    throw about(path, error);
  } finally {
    await handle.close();
  }
}

async function checkSalts(found: readonly FoundFile[]): Promise<void> {
  const seen = new Map<string, string>();
  await forEachFew(found, async ({ path, file }) => {
    const { handle, stats } = await openInput(file);
    try {
      const salt = hexEncode(await readSalt(handle, stats));
      const other = seen.get(salt);
      if (other !== undefined) {
        throw new SealError(
          'seal/repeated-salt',
          `${JSON.stringify(other)} and ${JSON.stringify(path)} were sealed with one salt, thus one key and nonce: what they hold can be told from one another. Seal the originals instead.`,
        );
      }
      seen.set(salt, path);
    } catch (error) {
      throw about(path, error);
    } finally {
      await handle.close();
    }
  });
}

/**
 * Files of a folder of EscrowAI's as what they become: without the suffix, with the size of their plaintext.
 * @throws sealing/not-bkenc for a file of another name · seal/bkenc-malformed · seal/repeated-salt
 */
export async function bkencFiles(found: readonly FoundFile[]): Promise<FoundFile[]> {
  const odd = found.find(({ path }) => !path.endsWith(SUFFIX));
  if (odd) {
    throw new SealingError(
      'sealing/not-bkenc',
      `The name of ${JSON.stringify(odd.path)} does not end in ${SUFFIX}; leave out what EscrowAI's tools did not seal.`,
    );
  }
  await checkSalts(found);
  const files = found.map(({ path, size, ...rest }) => ({
    ...rest,
    path: path.slice(0, -SUFFIX.length),
    size: size - BKENC_HEADER - BKENC_TAG,
  }));
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

export type OpenBkencOptions = {
  readonly input: string;
  readonly output: string;
  /** EscrowAI's key: 32 raw bytes. */
  readonly cek: Bytes;
  readonly overwrite?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
};

async function openInto(input: string, output: FileHandle, cek: Bytes, watched: Watched): Promise<void> {
  const { handle, stats } = await openInput(input);
  try {
    for await (const chunk of plaintextOf({ handle, stats, input }, cek, watched))
      await output.writeFile(chunk);
  } finally {
    await handle.close();
  }
}

/**
 * Opens one EscrowAI file; the output (mode 0600) appears only when its tag has matched.
 * @throws sealing/output-exists · sealing/no-input · sealing/odd-file · sealing/changed · sealing/cancelled · sealing/io ·
 * seal/bkenc-malformed · seal/bad-key · seal/not-authentic
 */
export async function openBkencFile(options: OpenBkencOptions): Promise<void> {
  const { output, cek, overwrite = false, onProgress, signal } = options;
  try {
    const input = await realpath(options.input).catch(() => options.input);
    const { handle, stats } = await openInput(input);
    await handle.close();
    const totals = totalsOf(Math.max(0, stats.size - BKENC_HEADER - BKENC_TAG), onProgress);
    const onBytes = (count: number) => totals.add(input, count);
    await writeFilePlace(output, { overwrite, mode: 0o600 }, (file) =>
      openInto(input, file, cek, { onBytes, signal }),
    );
  } catch (error) {
    throw explain(error);
  }
}

/**
 * Opens a folder of EscrowAI files, without their suffix; the output (mode 0700) appears only when every tag has matched.
 * @throws as {@link openBkencFile}, and sealing/empty-folder · sealing/bad-output · sealing/not-bkenc · seal/bad-path ·
 * seal/repeated-salt
 */
export async function openBkencFolder(options: OpenBkencOptions): Promise<{ files: number; bytes: number }> {
  const { input, output, cek, overwrite = false, onProgress, signal } = options;
  try {
    const files = await bkencFiles(await walkFolder(input));
    await checkApart(input, output);
    if (files.length === 0)
      throw new SealingError('sealing/empty-folder', `${JSON.stringify(input)} holds no file to open.`);
    const paths = files.map(({ path }) => checkPath(path));
    checkPaths(paths);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const totals = totalsOf(bytes, onProgress);
    await writeFolderPlace(output, { overwrite, mode: 0o700 }, async (folder) => {
      const folders = await makeFolders(folder, paths);
      await forEachFew(files, async ({ path, file }) => {
        const target = await open(join(folder, path), 'wx', 0o600);
        try {
          await openInto(file, target, cek, { onBytes: (count) => totals.add(path, count), signal });
        } catch (error) {
          throw about(path, error);
        } finally {
          await target.close();
        }
      });
      await flushAll(folder, { files: paths, folders });
    });
    return { files: files.length, bytes };
  } catch (error) {
    throw explain(error);
  }
}
