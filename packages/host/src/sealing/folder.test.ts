import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { base64urlDecode, type Bytes, concat, sha256Digest, utf8Encode } from '@sealroom/bytes';
import {
  assetKey,
  associatedDataFor,
  deriveSegmentKey,
  fileKey,
  generateCek,
  leavesOf,
  newHeader,
  openInventory,
  openRange,
  sealedFile,
  sealInventory,
  segmentNonce,
  TINK_1MB,
  treeDigest,
  webSegmentCipher,
} from '@sealroom/seal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFolder, readSealedFolder, type SealedVersion, sealFolder } from './index.ts';

let root: string;
let input: string;
let sealed: string;
let opened: string;
let cek: Bytes;

const files: Record<string, Uint8Array> = {
  '.hidden': randomBytes(3),
  'a.csv': randomBytes(1000),
  'b/large.bin': randomBytes(5_000_000),
  'b/c/empty': new Uint8Array(),
  'Größe.txt': randomBytes(10),
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sealing-'));
  [input, sealed, opened] = [join(root, 'input'), join(root, 'sealed'), join(root, 'opened')];
  cek = generateCek();
  for (const [path, content] of Object.entries(files)) await put(path, content);
});
afterEach(async () => rm(root, { recursive: true }));

async function put(path: string, content: Uint8Array | string): Promise<void> {
  const file = join(input, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    found[file.slice(folder.length + 1)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return found;
}

const seal = async (change: object = {}) =>
  sealFolder({ input, output: sealed, cek, kind: 'dataset', ...change });
const keyOf = async (version: SealedVersion) => assetKey(cek, base64urlDecode(version.assetSalt), 'dataset');
const left = async () => (await readdir(root)).toSorted();

test('opens a folder that it sealed, dotfiles and empty files included', async () => {
  const version = await seal();
  expect(version.inventory.files.map(({ path }) => path)).toEqual([
    '.hidden',
    'Größe.txt',
    'a.csv',
    'b/c/empty',
    'b/large.bin',
  ]);
  expect(version.digest).toBe(await sha256Digest(await readFile(join(sealed, 'inventory.sealed'))));
  const { digest, assetSalt, keyCommitment } = version;
  const expected = { digest, assetSalt, keyCommitment, kind: 'dataset' } as const;
  const back = await openFolder({ input: sealed, output: opened, assetKey: await keyOf(version), expected });
  expect(back).toEqual({ digest, inventory: version.inventory });
  expect(await contents(opened)).toEqual(await contents(input));
  expect(await left()).toEqual(['input', 'opened', 'sealed']);
});

test('writes files that a room reads at random', async () => {
  const version = await seal();
  const key = await keyOf(version);
  const inventory = await openInventory(key, await readFile(join(sealed, 'inventory.sealed')));
  const listed = inventory.files.find(({ path }) => path === 'b/large.bin');
  if (!listed) throw new Error('expected the large file');
  const stored = new Uint8Array(await readFile(join(sealed, listed.path)));
  const file = await sealedFile({
    ...listed,
    key: await fileKey(key),
    leaves: await readFile(join(sealed, `${listed.path}.tree`)),
    source: async (index) => stored.slice(index * TINK_1MB.segmentSize, (index + 1) * TINK_1MB.segmentSize),
  });
  const range = await openRange(file, 2_000_000, 1_500_000);
  expect(Buffer.compare(range, files['b/large.bin']?.subarray(2_000_000, 3_500_000) ?? range.slice(1))).toBe(
    0,
  );
});

test('seals every version under a key of its own', async () => {
  const first = await seal();
  const second = await seal({ overwrite: true });
  expect(first.keyCommitment).not.toBe(second.keyCommitment);
  expect(first.digest).not.toBe(second.digest);
  const old = openFolder({ input: sealed, output: opened, assetKey: await keyOf(first) });
  await expect(old).rejects.toMatchObject({ code: 'seal/not-authentic' });
  const { keyCommitment } = second;
  const told = openFolder({
    input: sealed,
    output: opened,
    assetKey: await keyOf(first),
    expected: { keyCommitment },
  });
  await expect(told).rejects.toMatchObject({ code: 'seal/wrong-key' });
  expect(await left()).toEqual(['input', 'sealed']);
});

test('counts the bytes of all files', async () => {
  const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  const seen: number[] = [];
  await seal({ onProgress: (progress: { done: number }) => seen.push(progress.done) });
  expect(seen.at(-1)).toBe(total);
});

test('lists what an uploader stores, the inventory last', async () => {
  const version = await seal();
  const { digest, files: stored } = await readSealedFolder(sealed);
  expect(digest).toBe(version.digest);
  expect(stored.map(({ path }) => path).toSorted()).toEqual(Object.keys(await contents(sealed)).toSorted());
  expect(stored.at(-1)?.path).toBe('inventory.sealed');
  for (const { sealedPath, size } of stored) expect((await readFile(sealedPath)).length).toBe(size);
});

test('does not list a folder that is incomplete or no sealed folder', async () => {
  await expect(readSealedFolder(input)).rejects.toMatchObject({ code: 'sealing/not-sealed' });
  await seal();
  await rename(join(sealed, 'a.csv.tree'), join(root, 'kept'));
  await expect(readSealedFolder(sealed)).rejects.toMatchObject({ code: 'sealing/missing-file' });
  await writeFile(join(sealed, 'a.csv.tree'), 'short');
  await expect(readSealedFolder(sealed)).rejects.toMatchObject({ code: 'seal/bad-leaves' });
  await rename(join(root, 'kept'), join(sealed, 'a.csv.tree'));
  await rm(join(sealed, 'a.csv'));
  await expect(readSealedFolder(sealed)).rejects.toMatchObject({ code: 'sealing/missing-file' });
});

describe('cheating', () => {
  async function refused(change: () => Promise<unknown>, code: string) {
    const version = await seal({ overwrite: true });
    await change();
    const open = openFolder({ input: sealed, output: opened, assetKey: await keyOf(version) });
    await expect(open).rejects.toMatchObject({ code });
    expect(await left()).not.toContain('opened');
  }

  test('refuses a folder with a file missing, short, long or altered', async () => {
    await refused(async () => rm(join(sealed, 'a.csv')), 'sealing/missing-file');
    await refused(async () => rm(join(sealed, 'a.csv.tree')), 'sealing/missing-file');
    await refused(async () => rm(join(sealed, 'inventory.sealed')), 'sealing/not-sealed');
    await refused(async () => truncate(join(sealed, 'a.csv'), 500), 'seal/truncated');
    await refused(async () => writeFile(join(sealed, 'a.csv'), 'x', { flag: 'a' }), 'seal/extended');
    await refused(async () => flip('b/large.bin', 3_000_000), 'seal/leaf-mismatch');
    await refused(async () => flip('b/large.bin.tree', 40), 'seal/bad-leaves');
    await refused(async () => flip('inventory.sealed', 100), 'seal/not-authentic');
  });

  async function flip(path: string, at: number): Promise<void> {
    const bytes = await readFile(join(sealed, path));
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(join(sealed, path), bytes);
  }

  test('refuses two files that were swapped with their leaves, or one put in the place of another', async () => {
    await refused(async () => cp(join(sealed, 'b/c/empty'), join(sealed, 'a.csv')), 'seal/truncated');
    await refused(async () => {
      for (const end of ['', '.tree']) {
        await rename(join(sealed, `a.csv${end}`), join(root, 'kept'));
        await rename(join(sealed, `b/c/empty${end}`), join(sealed, `a.csv${end}`));
        await rename(join(root, 'kept'), join(sealed, `b/c/empty${end}`));
      }
    }, 'seal/truncated');
  });

  test('refuses two files under one salt, although everything else about them is right', async () => {
    const version = await seal();
    const key = await keyOf(version);
    // A tool of the owner's own that takes one header for all its files: the listed hashes are right.
    const header = newHeader();
    const listed = await Promise.all(
      ['.hidden', 'a.csv'].map(async (path) => {
        const secret = { key: await fileKey(key), associatedData: associatedDataFor(path) };
        const aead = await webSegmentCipher.load(await deriveSegmentKey(secret, header.salt));
        const nonce = segmentNonce(header.noncePrefix, 0, true);
        const body = concat(header.bytes, await aead.seal(nonce, utf8Encode('12345')));
        const [leaf = body] = await leavesOf(body);
        await writeFile(join(sealed, path), body);
        await writeFile(join(sealed, `${path}.tree`), leaf);
        return { path, size: 5, sealedSize: body.length, tree: await treeDigest([leaf]) };
      }),
    );
    const inventory = await sealInventory(key, { ...version.inventory, files: listed });
    await writeFile(join(sealed, 'inventory.sealed'), inventory);
    const open = openFolder({ input: sealed, output: opened, assetKey: key });
    await expect(open).rejects.toMatchObject({ code: 'seal/repeated-salt' });
    expect(await left()).not.toContain('opened');
  });

  test('refuses a file of an older sealing, which the same person made', async () => {
    await seal();
    await cp(sealed, join(root, 'older'), { recursive: true });
    await refused(async () => cp(join(root, 'older/a.csv'), join(sealed, 'a.csv')), 'seal/leaf-mismatch');
    await refused(async () => {
      await cp(join(root, 'older/a.csv'), join(sealed, 'a.csv'));
      await cp(join(root, 'older/a.csv.tree'), join(sealed, 'a.csv.tree'));
    }, 'seal/bad-leaves');
  });

  test('refuses links in a sealed folder, and leaves unlisted files alone', async () => {
    await refused(async () => {
      await rename(join(sealed, 'a.csv'), join(root, 'elsewhere'));
      await symlink(join(root, 'elsewhere'), join(sealed, 'a.csv'));
    }, 'sealing/odd-file');
    const version = await seal({ overwrite: true });
    await writeFile(join(sealed, 'extra'), 'x');
    await openFolder({ input: sealed, output: opened, assetKey: await keyOf(version) });
    expect(await contents(opened)).toEqual(await contents(input));
  });
});

describe('bad input', () => {
  async function refused(code: string, name: string) {
    const error: unknown = await seal().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringContaining(name) as unknown });
    expect(await left()).toEqual(['input']);
  }

  test('names the link, pipe or odd name that it refuses', async () => {
    await symlink('a.csv', join(input, 'b/link'));
    await refused('sealing/odd-file', 'b/link');
    await rm(join(input, 'b/link'));
    execFileSync('mkfifo', [join(input, 'pipe')]);
    await refused('sealing/odd-file', 'pipe');
    await rm(join(input, 'pipe'));
    await put('line\nbreak', 'x');
    await refused('seal/bad-path', 'line\\nbreak');
    await rm(join(input, 'line\nbreak'));
    await put('old.tree', 'x');
    await refused('seal/bad-path', 'old.tree');
    await rm(join(input, 'old.tree'));
    await put('inventory.sealed', 'x');
    await refused('seal/bad-path', 'inventory.sealed');
    await rm(join(input, 'inventory.sealed'));
    await put('A.CSV', 'x');
    await refused('seal/bad-path', 'A.CSV');
  });

  test('names the folder of a name that is not UTF-8', async () => {
    const name = Buffer.concat([Buffer.from(`${input}/`), Buffer.of(0xff, 0x41)]);
    await writeFile(name, 'x');
    await refused('sealing/odd-file', 'ÿA');
  });

  test('seals a name that was stored in another normal form under its NFC name', async () => {
    await put('e\u0301', 'x');
    expect((await seal()).inventory.files.map(({ path }) => path)).toContain('\u00e9');
  });

  test('refuses an empty folder, a file, nothing at all, and a bad key', async () => {
    const empty = join(root, 'input', 'none');
    await mkdir(empty);
    await expect(seal({ input: empty })).rejects.toMatchObject({ code: 'sealing/empty-folder' });
    await expect(seal({ input: join(input, 'a.csv') })).rejects.toMatchObject({ code: 'sealing/no-input' });
    await expect(seal({ input: join(root, 'none') })).rejects.toMatchObject({ code: 'sealing/no-input' });
    await expect(seal({ cek: new Uint8Array(31) })).rejects.toMatchObject({ code: 'seal/bad-key' });
  });

  test('refuses an output that exists or lies in the input, and keeps what is there', async () => {
    await mkdir(sealed);
    await writeFile(join(sealed, 'precious'), 'x');
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/output-exists' });
    expect(await readdir(sealed)).toEqual(['precious']);
    await expect(seal({ output: join(input, 'out') })).rejects.toMatchObject({ code: 'sealing/bad-output' });
    const over = seal({ output: root, overwrite: true });
    await expect(over).rejects.toMatchObject({ code: 'sealing/bad-output' });
    const same = seal({ output: input, overwrite: true });
    await expect(same).rejects.toMatchObject({ code: 'sealing/bad-output' });
    expect(Object.keys(await contents(input)).length).toBe(5);
  });

  test('leaves nothing behind when it is cancelled before a file was whole', async () => {
    const made = seal({ signal: AbortSignal.abort() });
    await expect(made).rejects.toMatchObject({ code: 'sealing/cancelled' });
    expect(await left()).toEqual(['input']);
  });
});
