// The ledger's one call that takes JSON, and the numbers in its queries: one form each.
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { createLog } from '@sealroom/host';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLedgerApp } from './app.ts';
import { fixture, statement } from './fixtures.ts';

const place = await fixture();
let app: ReturnType<typeof createLedgerApp>;
beforeAll(async () => {
  const ledger = await place.open();
  for (let i = 0; i < 3; i++) await ledger.append(statement(i));
  app = createLedgerApp({ ledger, log: createLog({ name: 'ledger', silent: true }) });
});
afterAll(() => place.remove());

const codeOf = async (answer: Response | Promise<Response>): Promise<string> => {
  const { status, code } = (await (await answer).json()) as { status: number; code: string };
  return `${status} ${code}`;
};
const proofs = (body: Uint8Array<ArrayBuffer> | string) =>
  app.request('/v1/proofs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });

it.each(BAD_JSON)('a request for proofs with %s is refused', async (_, body) => {
  expect(await codeOf(proofs(body))).toBe('400 http/bad-json');
});

it('leaves and sizes that no tree has are refused, however they are written', async () => {
  for (const indexes of ['[-1]', '[1.5]', '["1"]', '[null]', `[${'1,'.repeat(1000)}1]`])
    expect(await codeOf(proofs(`{"indexes":${indexes}}`))).toBe('400 http/bad-request');
  expect(await codeOf(proofs('{"indexes":[],"__proto__":{"size":1}}'))).toBe('400 http/bad-request');
  for (const from of ['01', '+1', '1e0', '0x1', '-1', '', ' 1', '9'.repeat(17)])
    expect([from, await codeOf(app.request(`/v1/consistency?from=${encodeURIComponent(from)}`))]).toEqual([
      from,
      '400 http/bad-request',
    ]);
});
