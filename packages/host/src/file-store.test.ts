import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { request } from 'node:http';
import { join } from 'node:path';
import { sha256Digest } from '@sealroom/bytes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerUrl } from './blob-path.ts';
import { type BlobStore, fetchBlob, openContainer } from './blobs.ts';
import { fileStoreRoutes, type Permissions, signContainerUrl } from './file-store.ts';
import { serverApp } from './http.ts';
import { createLog } from './log.ts';
import { type RunningServer, startServer } from './server.ts';
import { tlsFetch } from './tls-fetch.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-store-'));
const directory = join(folder, 'store');
const secret = new Uint8Array(32).fill(7);
const log = createLog({ name: 'test', silent: true });
const fetch = tlsFetch();
let now = Date.UTC(2026, 10, 22);
let server: RunningServer;

beforeAll(async () => {
  const app = serverApp({ name: 'test', log });
  app.route('/', fileStoreRoutes({ directory, secret, now: () => now, maxBytes: 4_000_000 }));
  server = await startServer({ app, host: '127.0.0.1', port: 0, log, drainMs: 10 });
});
afterAll(async () => {
  fetch.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

function signed(permissions: Permissions, container = 'data'): string {
  const expires = now / 1000 + 60;
  return signContainerUrl({ baseUrl: server.url, container, secret, expires, permissions });
}
const open = (permissions: Permissions, container?: string): BlobStore =>
  openContainer(signed(permissions, container), { fetch });
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);
const readAll = (body: ReadableStream<Uint8Array>) => new Response(body).bytes();

describe('the file store', () => {
  it('gives back what was put, whole and in ranges, and its size', async () => {
    const store = open('rw');
    const whole = bytes(3_000_001);
    const progress: number[] = [];
    await store.put('a/b c/ü.sealed', whole, { onProgress: (sent) => progress.push(sent) });
    expect(progress.at(-1)).toBe(whole.length);
    const found = await store.get('a/b c/ü.sealed');
    expect([found.length, found.size]).toEqual([whole.length, whole.length]);
    expect(Buffer.compare(await readAll(found.body), whole)).toBe(0);
    const part = await store.get('a/b c/ü.sealed', { start: 1_500_000, end: 1_500_010 });
    expect([part.length, part.size]).toEqual([10, whole.length]);
    expect(await readAll(part.body)).toEqual(whole.slice(1_500_000, 1_500_010));
    const tail = await store.get('a/b c/ü.sealed', { start: whole.length - 3 });
    expect(await readAll(tail.body)).toEqual(whole.slice(-3));
    expect(await store.head('a/b c/ü.sealed')).toEqual({ size: whole.length });
    expect(await store.head('a/none')).toBeUndefined();
    const digest = await sha256Digest(whole);
    const other = await sha256Digest(bytes(1));
    const size = whole.length;
    expect(await store.holds('a/b c/ü.sealed', { size, digest })).toBe(true);
    expect(await store.holds('a/b c/ü.sealed', { size: size - 1, digest })).toBe(false);
    expect(await store.holds('a/b c/ü.sealed', { size, digest: other })).toBe(false);
    expect(await store.holds('a/none', { size, digest })).toBe(false);
    await expect(open('w').holds('a/none', { size, digest })).rejects.toMatchObject({
      code: 'blob/forbidden',
    });
  });

  it('takes streams and empty blobs', async () => {
    const store = open('rw');
    await store.put(
      'stream',
      (async function* () {
        yield bytes(10);
        yield bytes(20);
      })(),
    );
    expect((await store.head('stream'))?.size).toBe(30);
    await store.put('empty', new Uint8Array());
    expect(await readAll((await store.get('empty')).body)).toEqual(new Uint8Array());
  });

  it('accepts the same bytes again and never other ones', async () => {
    const store = open('rw');
    await store.put('once', bytes(100));
    await store.put('once', bytes(100));
    const other = bytes(100).fill(1, 50);
    await expect(store.put('once', other)).rejects.toMatchObject({ code: 'blob/exists' });
    await expect(store.put('once', bytes(99))).rejects.toMatchObject({ code: 'blob/exists' });
    await expect(store.put('once/below', bytes(1))).rejects.toMatchObject({ code: 'blob/exists' });
    expect(await readAll((await store.get('once')).body)).toEqual(bytes(100));
    expect(readdirSync(join(directory, '.uploads'))).toEqual([]);
  });

  it('lets only one of several uploads of a name win', async () => {
    const puts = [1, 2, 3, 4].map((fill) => open('w').put('race', new Uint8Array(1000).fill(fill)));
    const results = await Promise.allSettled(puts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('answers ranges as the RFC says', async () => {
    await open('w').put('ranges', bytes(10));
    const url = containerUrl(signed('r'), 'ranges');
    const ask = async (range: string) => {
      const response = await fetch(url, { headers: { range } });
      return [response.status, response.headers.get('content-range'), (await response.bytes()).length];
    };
    expect(await ask('bytes=0-0')).toEqual([206, 'bytes 0-0/10', 1]);
    expect(await ask('bytes=-4')).toEqual([206, 'bytes 6-9/10', 4]);
    expect(await ask('bytes=8-99')).toEqual([206, 'bytes 8-9/10', 2]);
    expect(await ask('bytes=0-1,3-4')).toEqual([200, null, 10]);
    expect(await ask('lines=1-2')).toEqual([200, null, 10]);
    for (const outside of ['bytes=10-', 'bytes=-0', 'bytes=5-4']) expect((await ask(outside))[0]).toBe(416);
    const beyond = fetchBlob(url, { fetch, range: { start: 10 } });
    await expect(beyond).rejects.toMatchObject({ code: 'blob/bad-range' });
    const none = fetchBlob(url, { fetch, range: { start: 3, end: 3 } });
    await expect(none).rejects.toMatchObject({ code: 'blob/bad-range' });
  });

  it('survives readers that go away', async () => {
    await open('w').put('large', bytes(3_900_000));
    for (let i = 0; i < 20; i++) await (await open('r').get('large')).body.cancel();
    expect((await open('r').head('large'))?.size).toBe(3_900_000);
  });
});

describe('signed URLs', () => {
  it('are refused when changed in any part, expired, or used for more than they allow', async () => {
    await open('rw').put('secret', bytes(10));
    const status = async (url: string, method = 'GET') => (await fetch(url, { method })).status;
    const good = containerUrl(signed('r'), 'secret').href;
    expect(await status(good)).toBe(200);
    expect(await status(good.replace('/data/', '/other/'))).toBe(403);
    expect(await status(good.replace('sp=r', 'sp=rw'))).toBe(403);
    expect(await status(good.replace(/se=\d/, 'se=2'))).toBe(403);
    expect(await status(good.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).toBe(403);
    expect(await status(good.replace(/&sig=.*/, ''))).toBe(403);
    expect(await status(`${good}&sp=rw`)).toBe(403);
    await expect(open('r').put('new', bytes(1))).rejects.toMatchObject({ code: 'blob/forbidden' });
    await expect(open('w').get('secret')).rejects.toMatchObject({ code: 'blob/forbidden' });
    now += 60_000;
    const expired = await fetch(good);
    expect([expired.status, await expired.json()]).toMatchObject([403, { code: 'blob/expired' }]);
  });

  it('keep containers apart', async () => {
    await open('rw', 'one').put('x', bytes(10));
    await expect(open('rw', 'two').get('x')).rejects.toMatchObject({ code: 'blob/missing' });
    for (const container of ['..', '.uploads', 'a', 'A-B-C', 'a/b', '-ab', 'ab-']) {
      expect(() => signed('r', container)).toThrow(expect.objectContaining({ code: 'blob/bad-path' }));
    }
  });
});

/** A request whose path is sent as it stands; clients tidy `..` away. */
function raw(method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array) {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request({ host: '127.0.0.1', port: server.port, method, path, headers }, (incoming) => {
    incoming.resume();
    resolve(incoming.statusCode ?? 0);
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

describe('paths', () => {
  const query = () => new URL(signed('rw')).search;

  it('never leave the container', async () => {
    writeFileSync(join(folder, 'outside'), 'secret');
    const bad = [
      '../outside',
      '..%2foutside',
      '%2e%2e/outside',
      '..%5coutside',
      'a/../../outside',
      '.',
      'a//b',
      '',
    ];
    for (const path of [...bad, '%00', 'a%0ab', '%ff', '%zz', 'a%2fb', `${'x'.repeat(256)}`]) {
      expect([path, await raw('GET', `/files/data/${path}${query()}`)]).not.toEqual([path, 200]);
      const put = await raw('PUT', `/files/data/${path}${query()}`, {}, bytes(1));
      expect([path, put >= 400 && put < 500]).toEqual([path, true]);
    }
    expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('secret');
    expect(existsSync(join(directory, 'outside'))).toBe(false);
    for (const path of ['../x', '/x', 'x/', 'a\\b', 'a\nb', '', 'x'.repeat(1025)]) {
      expect(() => containerUrl(signed('r'), path)).toThrow(
        expect.objectContaining({ code: 'blob/bad-path' }),
      );
    }
  });

  it('never lead through symbolic links', async () => {
    mkdirSync(join(directory, 'data'), { recursive: true });
    writeFileSync(join(folder, 'outside'), 'secret');
    symlinkSync(join(folder, 'outside'), join(directory, 'data', 'link'));
    symlinkSync(folder, join(directory, 'data', 'folder'));
    expect(await raw('GET', `/files/data/link${query()}`)).toBe(404);
    expect(await raw('GET', `/files/data/folder/outside${query()}`)).toBe(404);
    expect(await raw('PUT', `/files/data/link${query()}`, {}, bytes(1))).toBe(409);
    expect(await raw('PUT', `/files/data/folder/new${query()}`, {}, bytes(1))).toBe(409);
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it('name directories as little as what is not there', async () => {
    await open('rw').put('dir/file', bytes(1));
    expect(await raw('GET', `/files/data/dir${query()}`)).toBe(404);
    expect(await raw('GET', `/files/data/dir/file/below${query()}`)).toBe(404);
  });
});

describe('uploads', () => {
  it('are refused when too large, declared or found, or partial, and leave nothing', async () => {
    const query = new URL(signed('w')).search;
    expect(
      await raw('PUT', `/files/data/big${query}`, { 'content-length': '4000001' }, bytes(4_000_001)),
    ).toBe(413);
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(await raw('PUT', `/files/data/big${query}`, chunked, bytes(4_000_001))).toBe(413);
    expect(await raw('PUT', `/files/data/big${query}`, { 'content-range': 'bytes 0-0/2' }, bytes(1))).toBe(
      400,
    );
    expect(existsSync(join(directory, 'data', 'big'))).toBe(false);
  });

  it('that break off are as if they had never begun', async () => {
    const abort = new AbortController();
    const endless = (async function* () {
      for (let i = 0; ; i++) {
        yield bytes(1000);
        if (i === 20) abort.abort();
      }
    })();
    await expect(open('w').put('broken', endless, { signal: abort.signal })).rejects.toMatchObject({
      code: 'fetch/failed',
    });
    await expect.poll(() => readdirSync(join(directory, '.uploads'))).toEqual([]);
    expect(existsSync(join(directory, 'data', 'broken'))).toBe(false);
  });
});

describe('reading from a store that errs', () => {
  const answering = (init: ResponseInit) => async () => new Response(new Uint8Array(4), init);
  const url = 'https://store.example/x';

  it('refuses an answer that is not the range asked for', async () => {
    const range = { start: 2, end: 6 };
    const headers = { 'content-length': '4', 'content-range': 'bytes 2-5/10' };
    const good = await fetchBlob(url, { fetch: answering({ status: 206, headers }), range });
    expect([good.length, good.size]).toEqual([4, 10]);
    for (const init of [
      { status: 200, headers: { 'content-length': '4' } },
      { status: 206, headers: { 'content-length': '4' } },
      { status: 206, headers: { ...headers, 'content-range': 'bytes 3-6/10' } },
      { status: 206, headers: { ...headers, 'content-range': 'bytes 2-6/10' } },
      { status: 206, headers: { ...headers, 'content-length': '5' } },
      { status: 206, headers: { 'content-range': 'bytes 2-5/10' } },
    ]) {
      await expect(fetchBlob(url, { fetch: answering(init), range })).rejects.toMatchObject({
        code: 'blob/failed',
      });
    }
  });

  it('has a code for each refusal of a store', async () => {
    for (const [status, code] of [
      [404, 'blob/missing'],
      [403, 'blob/forbidden'],
      [416, 'blob/bad-range'],
      [500, 'blob/failed'],
    ] as const) {
      await expect(fetchBlob(url, { fetch: answering({ status }) })).rejects.toMatchObject({ code });
    }
  });
});
