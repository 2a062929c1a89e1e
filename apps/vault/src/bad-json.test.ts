// What two readers of JSON could take for two things is refused at the vault's door, on every call.
import { type Route, vaultRoutes } from '@sealroom/api';
import { utf8Encode } from '@sealroom/bytes';
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setStage, type Stage } from './fixtures.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

const taking = Object.entries<Route>(vaultRoutes).filter(([, { body }]) => body !== undefined);

async function codeFor({ method, path }: Route, body: Uint8Array<ArrayBuffer>): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await stage.steward.fetch(`https://vault.test${path}`, { method, headers, body });
  return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
}

it.each(taking)('%s takes strict JSON only', async (_, route) => {
  for (const [what, body] of BAD_JSON)
    expect([what, await codeFor(route, body)]).toEqual([what, '400 http/bad-json']);
  const polluting = utf8Encode('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}');
  expect(await codeFor(route, polluting)).toBe('400 http/bad-request');
});

it('every call with a body was tried', () => {
  expect(taking.length).toBe(6);
});
