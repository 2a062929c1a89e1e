// EscrowAI's files: made here as their public tools make them, through node:crypto.
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { base64urlDecode } from '@sealroom/bytes';
import { assetKey, generateCek } from '@sealroom/seal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBkencFile, openBkencFolder, openFolder, sealFolder } from './index.ts';

const cek = generateCek();
let root: string;
let input: string;
let output: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bkenc-'));
  [input, output] = [join(root, 'input'), join(root, 'output')];
});
afterEach(async () => rm(root, { recursive: true }));

function bkenc(plaintext: Uint8Array, salt = randomBytes(8)): Buffer {
  const derived = pbkdf2Sync(cek, salt, 10_000, 44, 'sha256');
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from('Salted__'), salt, body, cipher.getAuthTag()]);
}

async function put(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(join(input, path)), { recursive: true });
  await writeFile(join(input, path), content);
}

const left = async () => (await readdir(root)).toSorted();
const plain = {
  'a.csv': randomBytes(1000),
  'sub/large.bin': randomBytes(3_500_000),
  'sub/empty': Buffer.alloc(0),
};
async function putAll(): Promise<void> {
  for (const [path, content] of Object.entries(plain)) await put(`${path}.bkenc`, bkenc(content));
}
async function holdsAll(folder: string): Promise<void> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  expect(files.length).toBe(Object.keys(plain).length);
  for (const [path, content] of Object.entries(plain)) {
    expect(Buffer.compare(await readFile(join(folder, path)), content), path).toBe(0);
  }
}

test.each([0, 1, 2 ** 20, 2 ** 20 + 1, 5_000_000])('opens a file of %i bytes', async (size) => {
  const content = randomBytes(size);
  await put('x.bkenc', bkenc(content));
  await openBkencFile({ input: join(input, 'x.bkenc'), output, cek });
  expect(Buffer.compare(await readFile(output), content)).toBe(0);
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  expect(await left()).toEqual(['input', 'output']);
});

test('opens a folder under the names that the files had', async () => {
  await putAll();
  expect(await openBkencFolder({ input, output, cek })).toEqual({ files: 3, bytes: 3_501_000 });
  await holdsAll(output);
});

test('seals a folder again in our format, and goes on when that was interrupted', async () => {
  await putAll();
  const ours = generateCek();
  const options = { input, output, cek: ours, kind: 'dataset', bkencCek: cek } as const;
  const stopping = new AbortController();
  const stopped = sealFolder({
    ...options,
    signal: stopping.signal,
    onProgress: ({ done }) => done >= 2_000_000 && stopping.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ code: 'sealing/cancelled' });
  const version = await sealFolder(options);
  expect(version.kept).toBe(2);
  expect(version.inventory.files.map(({ path }) => path)).toEqual(['a.csv', 'sub/empty', 'sub/large.bin']);
  const key = await assetKey(ours, base64urlDecode(version.assetSalt), 'dataset');
  await openFolder({ input: output, output: join(root, 'opened'), assetKey: key });
  await holdsAll(join(root, 'opened'));
  expect(await left()).toEqual(['input', 'opened', 'output']);
});

describe('cheating', () => {
  const seal = async () => sealFolder({ input, output, cek: generateCek(), kind: 'dataset', bkencCek: cek });

  test('refuses two files with one salt, before any is opened', async () => {
    const salt = randomBytes(8);
    await put('a.csv.bkenc', bkenc(randomBytes(10), salt));
    await put('b.csv.bkenc', bkenc(randomBytes(20), salt));
    const refusal = { code: 'seal/repeated-salt' };
    await expect(seal()).rejects.toMatchObject(refusal);
    await expect(openBkencFolder({ input, output, cek })).rejects.toMatchObject(refusal);
    expect(await left()).toEqual(['input']);
  });

  test('gives out nothing of a file with one bit changed at its end, cut short, or under another key', async () => {
    const file = bkenc(randomBytes(2_500_000));
    const changed = Buffer.from(file);
    changed[file.length - 20] = (changed[file.length - 20] ?? 0) ^ 1;
    const cases: [Uint8Array, string][] = [
      [changed, 'seal/not-authentic'],
      [file.subarray(0, file.length - 1), 'seal/not-authentic'],
      [file.subarray(0, 31), 'seal/bkenc-malformed'],
      [Buffer.from('no such file, although it is long enough'), 'seal/bkenc-malformed'],
      [Buffer.alloc(0), 'seal/bkenc-malformed'],
    ];
    for (const [bytes, code] of cases) {
      await put('a.csv.bkenc', bytes);
      const one = openBkencFile({ input: join(input, 'a.csv.bkenc'), output, cek });
      await expect(one).rejects.toMatchObject({ code });
      await expect(openBkencFolder({ input, output, cek })).rejects.toMatchObject({ code });
      await expect(seal()).rejects.toMatchObject({ code });
      expect(await left()).toEqual(['input']);
    }
    await put('a.csv.bkenc', file);
    const other = openBkencFolder({ input, output, cek: generateCek() });
    await expect(other).rejects.toMatchObject({ code: 'seal/not-authentic' });
  });

  test('refuses a file that EscrowAI’s tools did not seal, a name that is no path, and a bad key', async () => {
    await put('a.csv.bkenc', bkenc(randomBytes(10)));
    await put('clear.csv', randomBytes(10));
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/not-bkenc' });
    await rm(join(input, 'clear.csv'));
    await put('x.tree.bkenc', bkenc(randomBytes(10)));
    await expect(seal()).rejects.toMatchObject({ code: 'seal/bad-path' });
    await rm(join(input, 'x.tree.bkenc'));
    const short = openBkencFolder({ input, output, cek: new Uint8Array(31) });
    await expect(short).rejects.toMatchObject({ code: 'seal/bad-key' });
    expect(await left()).toEqual(['input']);
  });
});
