// What two readers of JSON could take for two things is refused at the hub's door, on every call, before anything is looked
// up or written.
import { gzipSync } from 'node:zlib';
import { hubRoutes, type Route } from '@sealroom/api';
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { utf8Encode } from '@sealroom/bytes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hub, startHub } from './testing/hub-for-tests.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());

const digest = `sha256:${'0'.repeat(64)}`;
const taking = Object.entries<Route>(hubRoutes).filter(([, { body }]) => body !== undefined);

async function codeFor({ method, path }: Route, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const filled = path.replace('{run}', digest).replace(/\{\w+\}/g, 'x');
  const headers = { 'content-type': 'application/json' };
  const answer = await hub.request(filled, { method, headers, body });
  return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
}

it.each(taking)('%s takes strict JSON only', async (_, route) => {
  for (const [what, body] of BAD_JSON)
    expect([what, await codeFor(route, body)]).toEqual([what, '400 http/bad-json']);
  const polluting = utf8Encode('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}');
  expect(await codeFor(route, polluting)).toBe('400 http/bad-request');
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

it('a body is taken as it comes: what is compressed is not unpacked, however small it is', async () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)));
  for (const encoding of ['gzip', 'deflate', 'br']) {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const answer = await hub.request('/v1/sessions', { method: 'POST', headers, body: bomb });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'http/bad-json' }]);
  }
});

it('every call with a body was tried, and nothing was written', async () => {
  expect(taking.length).toBeGreaterThan(12);
  expect(await hub.db.selectFrom('statements').select('leaf').execute()).toEqual([]);
  expect(await hub.db.selectFrom('organisations').select('org').execute()).toEqual([]);
});
