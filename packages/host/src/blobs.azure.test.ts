import { type Azurite, sasUrl, startAzurite } from '@sealroom/testkit/azurite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAzureUrl, openContainer } from './blobs.ts';
import { checkStoreUrl } from './store-url.ts';
import { tlsFetch } from './tls-fetch.ts';

const fetch = tlsFetch();
let azurite: Azurite;
let container: Awaited<ReturnType<Azurite['createContainer']>>;

beforeAll(async () => {
  azurite = await startAzurite();
  container = await azurite.createContainer('data');
});
afterAll(async () => {
  fetch.close();
  await azurite.stop();
});

async function open(permissions: string, expiresOn?: Date) {
  const url = await sasUrl(container, permissions, expiresOn);
  return { url, store: openContainer(url, { fetch }) };
}
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);
const readAll = (body: ReadableStream<Uint8Array>) => new Response(body).bytes();

describe('an Azure container behind a SAS URL', () => {
  it('is written through the SDK and read by plain requests with Range', async () => {
    const { url, store } = await open('rc');
    expect(isAzureUrl(url)).toBe(true);
    const whole = bytes(9_000_000);
    const progress: number[] = [];
    await store.put('a/b c/ü.sealed', whole, { onProgress: (sent) => progress.push(sent) });
    expect(progress.at(-1)).toBe(whole.length);
    const found = await store.get('a/b c/ü.sealed');
    expect(Buffer.compare(await readAll(found.body), whole)).toBe(0);
    const part = await store.get('a/b c/ü.sealed', { start: 8_500_000, end: 8_500_010 });
    expect([part.length, part.size]).toEqual([10, whole.length]);
    expect(await readAll(part.body)).toEqual(whole.slice(8_500_000, 8_500_010));
    expect(await store.head('a/b c/ü.sealed')).toEqual({ size: whole.length });
    expect(await store.head('none')).toBeUndefined();
  });

  it('takes streams, short ones with the permission to create alone', async () => {
    const { store: create } = await open('rc');
    const pieces = async function* (count: number) {
      for (let i = 0; i < count; i++) yield bytes(1_000_000).fill(i, 0, 10);
    };
    await create.put('short', pieces(3));
    await expect(create.put('long', pieces(20))).rejects.toMatchObject({ code: 'blob/forbidden' });
    const { store } = await open('rcw');
    await store.put('long', pieces(20));
    const found = await readAll((await store.get('long')).body);
    expect(found.length).toBe(20_000_000);
    for (let i = 0; i < 20; i++) expect(found[i * 1_000_000]).toBe(i);
    expect(await store.head('short')).toEqual({ size: 3_000_000 });
  });

  it('never has a blob overwritten, and takes the same bytes again', async () => {
    const { store } = await open('rcw');
    await store.put('once', bytes(100));
    await store.put('once', bytes(100));
    await expect(store.put('once', bytes(100).fill(1))).rejects.toMatchObject({ code: 'blob/exists' });
    await expect(store.put('once', bytes(99))).rejects.toMatchObject({ code: 'blob/exists' });
    expect(await readAll((await store.get('once')).body)).toEqual(bytes(100));
  });

  it('is refused what the SAS does not allow, and everything after its end', async () => {
    const { store } = await open('r');
    await expect(store.put('new', bytes(1))).rejects.toMatchObject({ code: 'blob/forbidden' });
    const { store: create } = await open('c');
    await create.put('unread', bytes(1));
    await expect(create.get('unread')).rejects.toMatchObject({ code: 'blob/forbidden' });
    const { store: over } = await open('rc', new Date(Date.now() - 60_000));
    await expect(over.get('once')).rejects.toMatchObject({ code: 'blob/forbidden' });
    await expect(over.put('new', bytes(1))).rejects.toMatchObject({ code: 'blob/forbidden' });
  });

  it('passes the check of store URLs only when read-only', async () => {
    const { origin } = new URL(container.url);
    const { url } = await open('rl');
    expect(checkStoreUrl(url, [origin], { now: Date.now() }).origin).toBe(origin);
    const { url: writable } = await open('rcl');
    expect(() => checkStoreUrl(writable, [origin], { now: Date.now() })).toThrow(
      expect.objectContaining({ code: 'store/writable' }),
    );
  });
});
