// What a store's operator, a party or both can serve in place of what was published: nothing of it is staged, and no more is
// read than the inventory says.
import { mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeSegmentCipher, SegmentPool, sealFolder } from '@sealroom/host/sealing';
import {
  associatedDataFor,
  deriveSegmentKey,
  fileKey,
  openSegments,
  parseHeader,
  segmentNonce,
} from '@sealroom/seal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderStore, type SealedAsset, sealAsset } from './fixtures.ts';
import { openAsset, readAll } from './staging.ts';
import type { StoreFetch } from './store.ts';

let folder: string;
let sealed: string;
let asset: SealedAsset;
let made = 0;
const threads = new SegmentPool(2);
const pause = async () => undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-staging-'));
  const input = join(folder, 'input');
  await mkdir(join(input, 'b'), { recursive: true });
  await writeFile(join(input, 'a.csv'), 'a,b\n1,2\n');
  await writeFile(join(input, 'b', 'c.csv'), Buffer.alloc(2_500_000, 7));
  sealed = join(folder, 'sealed');
  asset = await sealAsset(input, sealed, 'dataset');
});
afterAll(async () => {
  await threads.close();
  await rm(folder, { recursive: true });
});

const bad = { code: 'room/staging' };

async function stage(fetch: StoreFetch, changes: Partial<SealedAsset['asset']> = {}): Promise<void> {
  const staging = { fetch, folder: join(folder, `staged-${made++}`), opener: threads.open, pause };
  await openAsset({ ...asset.asset, ...changes }, asset.key, staging);
}

describe('an asset', () => {
  it('as it was published is staged', async () => {
    await stage(folderStore(sealed));
  });

  it('of another number of files or bytes than was signed is refused before a file is fetched', async () => {
    const { published } = asset.asset;
    for (const change of [
      { files: 1 },
      { files: 3 },
      { bytes: published.bytes - 1 },
      { bytes: 2 ** 53 - 1 },
    ]) {
      const asked: string[] = [];
      const store = folderStore(sealed);
      const fetch: StoreFetch = (url, init) => {
        asked.push(new URL(url).pathname);
        return store(url, init);
      };
      const lie = { published: { ...published, ...change } as typeof published };
      await expect(stage(fetch, lie)).rejects.toMatchObject(bad);
      expect(asked).toEqual(['/container/inventory.sealed']);
    }
  });

  it.each([
    ['files exchanged', { 'a.csv': 'b/c.csv', 'b/c.csv': 'a.csv' }],
    [
      'files exchanged with their leaves',
      {
        'a.csv': 'b/c.csv',
        'b/c.csv': 'a.csv',
        'a.csv.tree': 'b/c.csv.tree',
        'b/c.csv.tree': 'a.csv.tree',
      },
    ],
    ['one file twice', { 'a.csv': 'b/c.csv', 'a.csv.tree': 'b/c.csv.tree' }],
    ['leaves of another file', { 'a.csv.tree': 'b/c.csv.tree' }],
    ['an inventory that is another file', { 'inventory.sealed': 'a.csv' }],
  ] as const)('with %s is refused', async (_, places) => {
    const elsewhere: Readonly<Record<string, string>> = places;
    const store = folderStore(sealed);
    const fetch: StoreFetch = (url, init) => {
      const path = new URL(url).pathname.slice('/container/'.length);
      return store(new URL(`/container/${elsewhere[path] ?? path}`, url), init);
    };
    await expect(stage(fetch)).rejects.toMatchObject(bad);
  });

  it('with segments in another order, one twice, or one of an older sealing is refused', async () => {
    const bytes = await readFile(join(sealed, 'b', 'c.csv'));
    const size = 1_048_576;
    const [first, second, last] = [0, 1, 2].map((at) => bytes.subarray(at * size, (at + 1) * size));
    if (!first || !second || !last) throw new Error('no segments');
    const older = join(folder, 'older');
    await sealFolder({
      input: join(folder, 'input'),
      output: older,
      cek: new Uint8Array(32).fill(1),
      kind: 'dataset',
    });
    const before = await readFile(join(older, 'b', 'c.csv'));
    for (const changed of [
      Buffer.concat([first, last, second]),
      Buffer.concat([second, first, last]),
      Buffer.concat([first, first, last]),
      Buffer.concat([first, before.subarray(size, 2 * size), last]),
      Buffer.concat([bytes.subarray(0, 40), before.subarray(40)]),
      bytes.subarray(0, 2 * size),
      Buffer.concat([bytes, last]),
    ]) {
      const fetch = folderStore(sealed, (path, stored) => (path === 'b/c.csv' ? changed : stored));
      await expect(stage(fetch)).rejects.toMatchObject(bad);
      await expect(readStreamed(fetch)).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:room|seal)\//) as string,
      });
    }
  });

  it('that the steward sealed anew under the same key, header and path is refused', async () => {
    const path = 'b/c.csv';
    const bytes = new Uint8Array(await readFile(join(sealed, path)));
    const header = parseHeader(bytes);
    const secret = { key: await fileKey(asset.key), associatedData: associatedDataFor(path) };
    const aead = await nodeSegmentCipher.load(await deriveSegmentKey(secret, header.salt));
    const plaintext = new Uint8Array(1_048_576 - 40 - 16).fill(8);
    const anew = await aead.seal(segmentNonce(header.noncePrefix, 0, false), plaintext);
    const changed = Buffer.concat([header.bytes, anew, bytes.subarray(1_048_576)]);
    // Authentic: whoever has the key and only looks at tags reads the new content without a complaint.
    let opened = 0;
    for await (const part of openSegments(secret, [new Uint8Array(changed)])) opened += part.length;
    expect(opened).toBe(2_500_000);
    const fetch = folderStore(sealed, (name, stored) => (name === path ? changed : stored));
    await expect(stage(fetch)).rejects.toMatchObject(bad);
    await expect(readStreamed(fetch)).rejects.toMatchObject({
      ...bad,
      cause: { code: 'seal/leaf-mismatch' },
    });
  });

  async function readStreamed(fetch: StoreFetch): Promise<void> {
    const staging = { fetch, folder: join(folder, `streamed-${made++}`), opener: threads.open, pause };
    const opened = await openAsset({ ...asset.asset, access: 'streamed' }, asset.key, staging);
    const file = opened.files.get('b/c.csv');
    if (!file) throw new Error('no file');
    await readAll(file);
  }
});

describe('a store', () => {
  it('that never ends an answer is cut off', async () => {
    let given = 0;
    const endless: StoreFetch = async () => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          given += 1024 * 1024;
          controller.enqueue(new Uint8Array(1024 * 1024));
        },
      });
      return new Response(body);
    };
    await expect(stage(endless)).rejects.toMatchObject(bad);
    expect(given).toBeLessThan(70 * 1024 * 1024);
    const store = folderStore(sealed);
    given = 0;
    const fetch: StoreFetch = (url, init) =>
      new URL(url).pathname.endsWith('/a.csv') ? endless(url, init) : store(url, init);
    await expect(stage(fetch)).rejects.toMatchObject(bad);
    expect(given).toBeLessThan(16 * 1024 * 1024);
  });

  it('that answers with another status is not believed, whatever it sends', async () => {
    for (const status of [201, 206, 301, 304, 404, 500]) {
      const fetch: StoreFetch = async () =>
        new Response(status === 304 ? null : new Uint8Array(10), {
          status,
          headers: { location: 'http://169.254.169.254/' },
        });
      await expect(stage(fetch)).rejects.toMatchObject(bad);
    }
  });

  it('that sends a whole file for a range, or another range, is not believed', async () => {
    const store = folderStore(sealed);
    const whole: StoreFetch = (url) => store(url, {});
    await expect(stage(whole, { access: 'streamed' })).rejects.toMatchObject(bad);
  });
});
