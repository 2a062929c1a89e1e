import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tlsFetch } from '@sealroom/host';
import { SegmentPool } from '@sealroom/host/sealing';
import { openRange, TINK_1MB } from '@sealroom/seal';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sealAsset, type SealedAsset } from './fixtures.ts';
import { openAsset, type OpenAsset } from './staging.ts';
import { type CountingStore, countingStore, type StoreTricks } from './store-for-tests.ts';

const SEGMENT = TINK_1MB.segmentSize;
const SIZE = 5 * SEGMENT + 1000;
const plain = randomBytes(SIZE);
const threads = new SegmentPool(2);
const fetch = tlsFetch();
let folder: string;
let sealed: string;
let dataset: SealedAsset;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-staging-'));
  await mkdir(join(folder, 'plain'));
  await writeFile(join(folder, 'plain', 'large.bin'), plain);
  sealed = join(folder, 'sealed');
  dataset = await sealAsset(join(folder, 'plain'), sealed, 'dataset');
});

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
afterAll(async () => {
  await threads.close();
  fetch.close();
  await rm(folder, { recursive: true, force: true });
});

type Setting = { readonly access?: 'staged' | 'streamed'; readonly tricks?: StoreTricks };
type Set = { readonly store: CountingStore; readonly spool: string; readonly asset: Promise<OpenAsset> };

async function setUp({ access = 'staged', tricks = {} }: Setting): Promise<Set> {
  const store = await countingStore(sealed, tricks);
  open.push(() => store.close());
  const spool = await mkdtemp(join(folder, 'spool-'));
  const asset = openAsset({ ...dataset.asset, access, url: store.url }, dataset.key, {
    fetch,
    folder: spool,
    opener: threads.open,
    pause: async () => undefined,
  });
  return { store, spool, asset };
}

async function fileOf({ asset }: Set) {
  const file = (await asset).files.get('large.bin');
  if (!file) throw new Error('expected the file');
  return file;
}

const ofFile = ({ asked }: CountingStore) => asked.filter(({ path }) => path === 'large.bin');
const refusal = { code: 'room/staging' };

test('a range deep in a streamed file costs one segment of the store', async () => {
  const set = await setUp({ access: 'streamed' });
  const file = await fileOf(set);
  const before = set.store.sent();
  const range = await openRange(file, 3 * SEGMENT + 5000, 100);
  expect(Buffer.compare(range, plain.subarray(3 * SEGMENT + 5000, 3 * SEGMENT + 5100))).toBe(0);
  expect(set.store.sent() - before).toBe(SEGMENT);
  expect(ofFile(set.store).length).toBe(2);
});

test('a streamed file is read whole by one request', async () => {
  const set = await setUp({ access: 'streamed' });
  const file = await fileOf(set);
  const before = ofFile(set.store).length;
  expect(Buffer.compare(await openRange(file, 0, SIZE), plain)).toBe(0);
  expect(ofFile(set.store).length).toBe(before + 1);
});

test('a staged file is fetched once, and no read asks the store', async () => {
  const set = await setUp({});
  const file = await fileOf(set);
  const { length } = set.store.asked;
  expect(Buffer.compare(await openRange(file, 0, SIZE), plain)).toBe(0);
  expect(set.store.asked.length).toBe(length);
  expect(ofFile(set.store).length).toBe(1);
});

test.each(['staged', 'streamed'] as const)('goes on where a connection broke (%s)', async (access) => {
  const step = SEGMENT + 12_345;
  const breakAfter = ({ path }: { path: string }) => (path === 'large.bin' ? step : undefined);
  const set = await setUp({ access, tricks: { breakAfter } });
  const file = await fileOf(set);
  expect(Buffer.compare(await openRange(file, 0, SIZE), plain)).toBe(0);
  const starts = ofFile(set.store).map(({ range }) => Number(/\d+/.exec(range ?? '0')?.[0]));
  expect(starts.length).toBeGreaterThan(3);
  expect(new Set(starts).size).toBeGreaterThan(3);
});

test('goes on where a small object broke off', async () => {
  let breaks = 3;
  const breakAfter = ({ path }: { path: string }) =>
    path === 'inventory.sealed' && breaks-- > 0 ? 20 : undefined;
  const set = await setUp({ tricks: { breakAfter } });
  expect(Buffer.compare(await openRange(await fileOf(set), 0, SIZE), plain)).toBe(0);
});

describe('cheating', () => {
  test('a store that never brings a byte is given up', async () => {
    const set = await setUp({ tricks: { breakAfter: ({ path }) => (path === 'large.bin' ? 0 : undefined) } });
    await expect(set.asset).rejects.toMatchObject(refusal);
    expect(ofFile(set.store).length).toBe(12);
  });

  test('a store that refuses is not asked again', async () => {
    const set = await setUp({
      tricks: {
        instead: ({ path }, response) => {
          if (path !== 'large.bin') return false;
          response.writeHead(403).end();
          return true;
        },
      },
    });
    await expect(set.asset).rejects.toMatchObject(refusal);
    expect(ofFile(set.store).length).toBe(1);
  });

  test('a store that goes on with another version after a break is found out', async () => {
    const other = join(folder, 'other');
    await sealAsset(join(folder, 'plain'), other, 'dataset');
    const set = await setUp({
      tricks: {
        breakAfter: ({ path }, count) => (path === 'large.bin' && count === 3 ? SEGMENT : undefined),
        folderOf: (_, count) => (count > 3 ? other : sealed),
      },
    });
    await expect(set.asset).rejects.toMatchObject({ ...refusal, cause: { code: 'seal/leaf-mismatch' } });
    expect(ofFile(set.store).length).toBe(2);
  });

  test.each([
    ['the whole file for a range', 200, {}],
    ['another range than asked for', 206, { 'content-range': `bytes 0-${SEGMENT - 1}/${SIZE}` }],
    ['a range of a file of another size', 206, { 'content-range': `bytes 3145728-4194303/${SIZE * 2}` }],
    ['a redirect', 302, { location: 'http://127.0.0.1:1/' }],
  ])('a store that answers with %s is not believed', async (_, status, headers) => {
    let cheat = false;
    const set = await setUp({
      access: 'streamed',
      tricks: {
        instead: ({ path }, response) => {
          if (!cheat || path !== 'large.bin') return false;
          response.writeHead(status, { 'content-length': SEGMENT, ...headers });
          response.end(Buffer.alloc(SEGMENT));
          return true;
        },
      },
    });
    const file = await fileOf(set);
    cheat = true;
    await expect(openRange(file, 3 * SEGMENT, 10)).rejects.toMatchObject(refusal);
  });

  test('a staged file that is changed on the node’s disk is not read', async () => {
    const set = await setUp({});
    const file = await fileOf(set);
    const [name = ''] = await readdir(set.spool);
    const stored = await readFile(join(set.spool, name));
    stored[3 * SEGMENT + 7] = (stored[3 * SEGMENT + 7] ?? 0) ^ 1;
    await writeFile(join(set.spool, name), stored);
    await expect(openRange(file, 3 * SEGMENT, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
    await expect(openRange(file, 0, SIZE)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
    expect((await openRange(file, 0, 10)).length).toBe(10);
    await writeFile(join(set.spool, name), stored.subarray(0, SEGMENT));
    await expect(openRange(file, 2 * SEGMENT, 10)).rejects.toMatchObject({ code: 'seal/truncated' });
    await expect(openRange(file, 0, SIZE)).rejects.toMatchObject({ code: 'sealing/changed' });
  });
});
