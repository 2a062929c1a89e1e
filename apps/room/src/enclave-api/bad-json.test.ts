// An algorithm is taken as hostile: what it posts in a form that two readers could take for two things is refused, as the
// body and inside `json_data`, and nothing of it is kept.
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { describe, expect, it } from 'vitest';
import { createEnclaveApi } from './api.ts';
import { memoryApi } from './fixture.ts';

const { options, recorded } = memoryApi({ 'a.csv': new Uint8Array(3) });
const app = createEnclaveApi(options);
const post = (path: string, body: Uint8Array<ArrayBuffer> | string) =>
  app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
const PATHS = ['/api/v1/validate', '/api/v1/report', '/api/v1/log'];

describe.each(BAD_JSON)('a post with %s', (_, body) => {
  it('is refused as a body', async () => {
    for (const path of PATHS) {
      const answer = await post(path, body);
      expect([path, answer.status]).toEqual([path, 400]);
      expect(await answer.json()).toMatchObject({ status: 'failed' });
    }
  });

  it('is refused in json_data', async () => {
    const data = Buffer.from(body).toString('base64');
    const report = JSON.stringify({ name: 'r', status: 'Completed', json_data: data });
    for (const path of PATHS.slice(0, 2)) expect((await post(path, report)).status).toBe(400);
  });
});

it('none of it was kept, and a good report still is', async () => {
  expect([recorded.logs, recorded.accepted, recorded.failed]).toEqual([[], [], []]);
  const report = { name: 'r', status: 'Completed', json_data: { score: 1 } };
  expect((await post('/api/v1/report', JSON.stringify(report))).status).toBe(200);
  expect(recorded.accepted).toHaveLength(1);
});
