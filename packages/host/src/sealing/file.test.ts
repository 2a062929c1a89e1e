import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexEncode } from '@sealroom/bytes';
import { associatedDataFor, openBytes, parseHeader, sealBytes, sealedSize } from '@sealroom/seal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeSegmentCipher, openFile, sealFile, type SealingProgress } from './index.ts';

const key = new Uint8Array(32).fill(7);
const path = 'a/b.csv';
let folder: string;
let input: string;
let sealed: string;
let opened: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealing-'));
  [input, sealed, opened] = [join(folder, 'input'), join(folder, 'sealed'), join(folder, 'opened')];
});
afterEach(async () => rm(folder, { recursive: true }));

const bytes = (length: number) => new Uint8Array(randomBytes(length));
const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const seal = async () => sealFile({ input, output: sealed, key, path });
const open = async () => openFile({ input: sealed, output: opened, key, path });
const names = async () => (await readdir(folder)).toSorted();

test.each([0, 1, 2 ** 20 - 56, 2 ** 20 - 55, 2 ** 21, 20_000_000])(
  'opens a file of %i bytes that it sealed, as does the pure package',
  async (size) => {
    const plaintext = bytes(size);
    await writeFile(input, plaintext);
    await seal();
    const made = new Uint8Array(await readFile(sealed));
    expect(made.length).toBe(sealedSize(size));
    const pure = await openBytes({ key, associatedData: associatedDataFor(path), sealed: made });
    expect(hash(pure)).toBe(hash(plaintext));
    await open();
    expect(hash(await readFile(opened))).toBe(hash(plaintext));
    expect((await stat(opened)).mode & 0o777).toBe(0o600);
    expect(await names()).toEqual(['input', 'opened', 'sealed']);
  },
);

test('opens what the pure package sealed through either cipher', async () => {
  const plaintext = bytes(3_000_000);
  for (const cipher of [{}, { cipher: nodeSegmentCipher }]) {
    const made = await sealBytes({ key, associatedData: associatedDataFor(path), plaintext, ...cipher });
    await writeFile(sealed, made);
    await openFile({ input: sealed, output: opened, key, path, overwrite: true });
    expect(hash(await readFile(opened))).toBe(hash(plaintext));
    const again = await openBytes({ key, associatedData: associatedDataFor(path), sealed: made, ...cipher });
    expect(hash(again)).toBe(hash(plaintext));
  }
});

test('never seals under the same salt twice', async () => {
  await writeFile(input, bytes(10));
  const salts = new Set<string>();
  for (let i = 0; i < 5; i++) {
    await sealFile({ input, output: sealed, key, path, overwrite: true });
    salts.add(hexEncode(parseHeader(await readFile(sealed)).salt));
  }
  expect(salts.size).toBe(5);
});

test('tells how far it is', async () => {
  await writeFile(input, bytes(20_000_000));
  const seen: SealingProgress[] = [];
  await sealFile({ input, output: sealed, key, path, onProgress: (progress) => seen.push(progress) });
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.at(-1)).toEqual({ done: 20_000_000, total: 20_000_000, path });
  const back: SealingProgress[] = [];
  await openFile({ input: sealed, output: opened, key, path, onProgress: (progress) => back.push(progress) });
  expect(back.at(-1)).toEqual({ done: 20_000_000, total: 20_000_000, path });
});

test('leaves nothing behind when it is cancelled', async () => {
  await writeFile(input, bytes(40_000_000));
  const controller = new AbortController();
  const made = sealFile({
    input,
    output: sealed,
    key,
    path,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(made).rejects.toMatchObject({ code: 'sealing/cancelled' });
  expect(await names()).toEqual(['input']);
});

describe('cheating', () => {
  async function refused(change: (bytes: Uint8Array) => Uint8Array, code: unknown) {
    await writeFile(input, bytes(20_000_000));
    await sealFile({ input, output: sealed, key, path, overwrite: true });
    await writeFile(sealed, change(new Uint8Array(await readFile(sealed))));
    await expect(open()).rejects.toMatchObject({ code });
    expect(await names()).toEqual(['input', 'sealed']);
  }
  const MIB = 2 ** 20;

  test('gives out no plaintext of a file whose last segment is altered', async () => {
    await refused((file) => {
      file[file.length - 1] = (file.at(-1) ?? 0) ^ 1;
      return file;
    }, 'seal/not-authentic');
  });

  test('tells a file cut short at a segment, extended, and one that is no sealed file', async () => {
    await refused((file) => file.slice(0, 5 * MIB), 'seal/truncated');
    await refused((file) => file.slice(0, 10), 'seal/truncated');
    await refused((file) => file.slice(0, 5 * MIB + 16), 'seal/empty-segment');
    await refused((file) => file.slice(0, 5 * MIB + 17), 'seal/not-authentic');
    await refused((file) => file.fill(0, 0, 1), 'seal/bad-header');
  });

  test('refuses swapped segments', async () => {
    await refused((file) => {
      const second = file.slice(MIB, 2 * MIB);
      file.copyWithin(MIB, 2 * MIB, 3 * MIB);
      file.set(second, 2 * MIB);
      return file;
    }, 'seal/not-authentic');
  });

  test('refuses another key and another path', async () => {
    await writeFile(input, bytes(10));
    await seal();
    const wrong = { code: 'seal/not-authentic' };
    const base = { input: sealed, output: opened, key, path };
    await expect(openFile({ ...base, key: new Uint8Array(32) })).rejects.toMatchObject(wrong);
    await expect(openFile({ ...base, path: 'a/c.csv' })).rejects.toMatchObject(wrong);
    expect(await names()).toEqual(['input', 'sealed']);
  });
});

describe('bad input', () => {
  test('refuses an output that exists, unless it may be overwritten', async () => {
    await writeFile(input, bytes(10));
    await writeFile(sealed, 'precious');
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/output-exists' });
    expect(await readFile(sealed, 'utf8')).toBe('precious');
    await sealFile({ input, output: sealed, key, path, overwrite: true });
    await open();
    expect(hash(await readFile(opened))).toBe(hash(await readFile(input)));
  });

  test('refuses a missing input, a folder, a named pipe, a bad path and a short key', async () => {
    const made = (change: object) => sealFile({ input, output: sealed, key, path, ...change });
    await expect(made({})).rejects.toMatchObject({ code: 'sealing/no-input' });
    await expect(made({ input: folder })).rejects.toMatchObject({ code: 'sealing/odd-file' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(made({ input: join(folder, 'pipe') })).rejects.toMatchObject({ code: 'sealing/odd-file' });
    await rm(join(folder, 'pipe'));
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    await expect(made({ input: join(folder, 'socket') })).rejects.toMatchObject({ code: 'sealing/odd-file' });
    await new Promise((resolve) => server.close(resolve));
    await writeFile(input, bytes(10));
    await expect(made({ path: '../x' })).rejects.toMatchObject({ code: 'seal/bad-path' });
    await expect(made({ key: new Uint8Array(31) })).rejects.toMatchObject({ code: 'seal/bad-key' });
    const nowhere = join(folder, 'none', 'out');
    await expect(made({ output: nowhere })).rejects.toMatchObject({ code: 'sealing/io' });
    expect(await names()).toEqual(['input']);
  });

  test('follows a link that someone named', async () => {
    await writeFile(join(folder, 'target'), bytes(10));
    await symlink('target', input);
    await seal();
    await open();
    expect(hash(await readFile(opened))).toBe(hash(await readFile(join(folder, 'target'))));
  });
});
