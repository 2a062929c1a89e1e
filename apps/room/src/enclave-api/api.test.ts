import { describe, expect, test } from 'vitest';
import { createEnclaveApi } from './api.ts';
import { memoryApi } from './fixture.ts';

const HOST = 'https://localhost:5000';
const contents = {
  'a.csv': new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
  'dir/b ü.bkenc': new Uint8Array(0),
};

function setUp(overrides: Parameters<typeof memoryApi>[1] = {}): {
  get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  post: (path: string, body: unknown) => Promise<Response>;
  recorded: ReturnType<typeof memoryApi>['recorded'];
} {
  const { options, recorded } = memoryApi(contents, overrides);
  const app = createEnclaveApi(options);
  return {
    recorded,
    get: async (path, headers = {}) => app.request(`${HOST}${path}`, { headers }),
    post: async (path, body) =>
      app.request(`${HOST}${path}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

const completed = { name: 'n', status: 'Completed', json_data: { score: 0.9 } };

describe('GET /api/v1/data/files', () => {
  test('lists every file in the manual’s shape', async () => {
    const answer = await setUp().get('/api/v1/data/files');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      files: [
        { id: `sha256:${'0'.repeat(64)}`, name: 'a.csv', size: 10, uploadDate: '2026-11-22T10:00:00Z' },
        {
          id: `sha256:${'0'.repeat(63)}1`,
          name: 'dir/b ü.bkenc',
          size: 0,
          uploadDate: '2026-11-22T10:00:00Z',
        },
      ],
      totalFiles: 2,
    });
  });

  test('gives pages, and the total of all of them', async () => {
    const answer = await setUp().get('/api/v1/data/files?page=2&limit=1');
    expect(await answer.json()).toMatchObject({ files: [{ name: 'dir/b ü.bkenc' }], totalFiles: 2 });
    expect(await (await setUp().get('/api/v1/data/files?page=9')).json()).toMatchObject({ files: [] });
  });

  test('ignores storage parameters', async () => {
    const answer = await setUp().get('/api/v1/data/files?SASUrl=aHR0cHM6Ly94&s3_bucket_name=b&s3_prefix=p');
    expect(answer.status).toBe(200);
  });

  test.each([
    'page=0',
    'page=-1',
    'page=x',
    'page=1.5',
    'page=',
    'limit=0',
    'limit=10001',
    'limit=1e3',
    'page=1&page=2',
  ])('answers %s with 400', async (query) => {
    expect((await setUp().get(`/api/v1/data/files?${query}`)).status).toBe(400);
  });
});

describe('GET /api/v1/data/file', () => {
  test('sends the bytes of a listed name', async () => {
    const answer = await setUp().get('/api/v1/data/file?filepath=a.csv&SASUrl=x');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-length')).toBe('10');
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(contents['a.csv']);
  });

  test('sends an empty file with an odd but listed name', async () => {
    const answer = await setUp().get(`/api/v1/data/file?filepath=${encodeURIComponent('dir/b ü.bkenc')}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('0');
    expect((await answer.arrayBuffer()).byteLength).toBe(0);
  });

  test('sends one range', async () => {
    const answer = await setUp().get('/api/v1/data/file?filepath=a.csv', { range: 'bytes=2-4' });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe('bytes 2-4/10');
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(new Uint8Array([3, 4, 5]));
  });

  test('answers a range outside the file with 416 and its size', async () => {
    const answer = await setUp().get('/api/v1/data/file?filepath=a.csv', { range: 'bytes=10-' });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */10');
  });

  test('sends the whole file for several ranges, or for a range of another version', async () => {
    const { get } = setUp();
    const path = '/api/v1/data/file?filepath=a.csv';
    expect((await get(path, { range: 'bytes=0-1,3-4' })).status).toBe(200);
    expect((await get(path, { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
    const etag = (await get(path)).headers.get('etag') ?? '';
    expect((await get(path, { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
  });

  test.each([
    'x',
    '',
    '../a.csv',
    './a.csv',
    '/a.csv',
    'a.csv%00',
    'A.CSV',
    'a.csv/',
    'dir%2F..%2Fa.csv',
    '%ff',
    '__proto__',
    'dir',
  ])('finds no file named %s and opens nothing', async (path) => {
    const { get, recorded } = setUp();
    const answer = await get(`/api/v1/data/file?filepath=${path}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ status: 404 });
    expect(recorded.opened).toBe(0);
  });

  test('wants filepath exactly once', async () => {
    expect((await setUp().get('/api/v1/data/file')).status).toBe(400);
    expect((await setUp().get('/api/v1/data/file?filepath=a.csv&filepath=a.csv')).status).toBe(400);
  });
});

describe('POST /api/v1/validate', () => {
  test('says successful for what passes the gate, and keeps nothing', async () => {
    const { post, recorded } = setUp();
    const answer = await post('/api/v1/validate', completed);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'successful', message: {} });
    expect(recorded.accepted).toEqual([]);
  });

  test('says failed, with the gate’s messages', async () => {
    const answer = await setUp().post('/api/v1/validate', { ...completed, json_data: { score: 'x' } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ status: 'failed', message: { score: ['must be a number'] } });
  });

  test('hands the caller’s own schema to the gate', async () => {
    const answer = await setUp().post('/api/v1/validate', { ...completed, json_schema: { refuse: true } });
    expect(answer.status).toBe(400);
  });
});

describe('POST /api/v1/report', () => {
  test('takes the first Completed report that passes, and only that', async () => {
    const { post, recorded } = setUp();
    expect((await post('/api/v1/report', { ...completed, json_data: {} })).status).toBe(400);
    const answer = await post('/api/v1/report', completed);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ message: expect.any(String) });
    expect((await post('/api/v1/report', completed)).status).toBe(409);
    expect((await post('/api/v1/report', { ...completed, status: 'Failed' })).status).toBe(409);
    expect(recorded.accepted).toEqual([{ name: 'n', data: { score: 0.9 } }]);
    expect(recorded.failed).toEqual([]);
  });

  test('takes one of many that arrive at the same moment', async () => {
    const { post, recorded } = setUp();
    const answers = await Promise.all(Array.from({ length: 16 }, () => post('/api/v1/report', completed)));
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 15 }, () => 409)]);
    expect(recorded.accepted.length).toBe(1);
  });

  test('answers 409 when the room says that the run is final', async () => {
    const { post } = setUp({ submitReport: async () => 'final' });
    expect((await post('/api/v1/report', completed)).status).toBe(409);
  });

  test('takes In Progress as a log, without the gate', async () => {
    const { post, recorded } = setUp();
    const answer = await post('/api/v1/report', {
      ...completed,
      status: 'In Progress',
      json_data: { b: 1, a: 2 },
    });
    expect(answer.status).toBe(200);
    expect(recorded.logs).toEqual([{ source: 'report', message: '{"a":2,"b":1}', status: 'In Progress' }]);
    expect(recorded.accepted).toEqual([]);
  });

  test('ends the run on Failed', async () => {
    const { post, recorded } = setUp();
    expect((await post('/api/v1/report', { ...completed, status: 'Failed' })).status).toBe(200);
    expect(recorded.failed.length).toBe(1);
    expect((await post('/api/v1/report', completed)).status).toBe(409);
    expect(recorded.accepted).toEqual([]);
  });

  test('refuses a report that is too long', async () => {
    const { post } = setUp({ limits: { reportBytes: 1000, logBytes: 100 } });
    expect((await post('/api/v1/report', { ...completed, name: 'n'.repeat(2000) })).status).toBe(413);
    expect((await post('/api/v1/validate', { ...completed, name: 'n'.repeat(2000) })).status).toBe(413);
    expect((await post('/api/v1/log', { message: 'm'.repeat(200) })).status).toBe(413);
  });
});

describe('POST /api/v1/log', () => {
  test('passes message and status on', async () => {
    const { post, recorded } = setUp();
    const answer = await post('/api/v1/log', { message: 'half way', status: 'In Progress' });
    expect(answer.status).toBe(200);
    expect(recorded.logs).toEqual([{ source: 'log', message: 'half way', status: 'In Progress' }]);
  });
});

describe('every other request', () => {
  test('is 404', async () => {
    const { get, post } = setUp();
    expect((await get('/')).status).toBe(404);
    expect((await get('/api/v1/report')).status).toBe(404);
    expect((await post('/api/v1/data/files', {})).status).toBe(404);
  });

  test('that fails inside the room is 500 without a reason, which the room keeps', async () => {
    const failure = new Error('a secret reason');
    const { get, post, recorded } = setUp({
      openFile: () => Promise.reject(failure),
      gateReport: () => Promise.reject(failure),
    });
    const answer = await get('/api/v1/data/file?filepath=a.csv');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
    expect((await post('/api/v1/report', completed)).status).toBe(500);
    expect(recorded.errors).toEqual([failure, failure]);
  });
});
