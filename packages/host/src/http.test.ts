import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allowTime, readBytes, readJson, serverApp, type ServerAppOptions } from './http.ts';
import { createLog } from './log.ts';
import { Refusal } from './problem.ts';

function recordedApp(options: Partial<ServerAppOptions> = {}) {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const log = createLog({ name: 'test', destination });
  return { app: serverApp({ name: 'test', log, ...options }), lines };
}

const post = (body: BodyInit, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
});

describe('the error boundary', () => {
  it('answers a mapped code with its status as problem JSON', async () => {
    const { app } = recordedApp({ statusOf: (code) => (code === 'run/over' ? 409 : undefined) });
    app.get('/x', () => {
      throw new Refusal('run/over', 'The run has ended; start another.', { details: { run: 1 } });
    });
    const response = await app.request('/x');
    expect(response.status).toBe(409);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: 'urn:sealroom:problem:run/over',
      title: 'Conflict',
      status: 409,
      code: 'run/over',
      detail: 'The run has ended; start another.',
      instance: response.headers.get('x-request-id'),
      details: { run: 1 },
    });
  });

  it('shows nothing of an unknown error but logs it', async () => {
    const { app, lines } = recordedApp();
    app.get('/x', () => {
      throw Object.assign(new Error('the secret detail'), { code: 'EBADF' });
    });
    const response = await app.request('/x');
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'internal' });
    expect(text).not.toContain('secret');
    expect(text).not.toContain('EBADF');
    expect(lines.some((line) => line.includes('the secret detail'))).toBe(true);
  });

  it('does not take an unmapped refusal for a known one', async () => {
    const { app } = recordedApp();
    app.get('/x', () => {
      throw new Refusal('toString', 'not a code of the table');
    });
    expect((await app.request('/x')).status).toBe(500);
  });

  it('answers unknown paths and wrong methods with problems', async () => {
    const { app } = recordedApp();
    app.get('/x', (c) => c.text('x'));
    const missing = await app.request('/y');
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'http/not-found' }]);
    const wrong = await app.request('/x', { method: 'PUT' });
    expect([wrong.status, await wrong.json()]).toMatchObject([405, { code: 'http/method-not-allowed' }]);
    expect(wrong.headers.get('allow')).toContain('GET');
  });

  it('sets the security headers and keeps those a handler chose', async () => {
    const { app } = recordedApp();
    app.get('/plain', (c) => c.text('x'));
    app.get('/kept', () => new Response('x', { headers: { 'cache-control': 'max-age=60' } }));
    const plain = await app.request('/plain');
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff');
    expect(plain.headers.get('cache-control')).toBe('no-store');
    expect((await app.request('/kept')).headers.get('cache-control')).toBe('max-age=60');
  });

  it('gives up on a handler that takes too long, unless it was given more time', async () => {
    const { app } = recordedApp({ timeoutMs: 20 });
    app.get('/stuck', () => new Promise<Response>(() => {}));
    app.get('/slow', async (c) => {
      allowTime(c, Number.POSITIVE_INFINITY);
      await new Promise((resolve) => setTimeout(resolve, 60));
      return c.text('done');
    });
    const stuck = await app.request('/stuck');
    expect([stuck.status, await stuck.json()]).toMatchObject([503, { code: 'http/timeout' }]);
    expect(await (await app.request('/slow')).text()).toBe('done');
  });

  it('logs the pattern of a route, never its path or query', async () => {
    const { app, lines } = recordedApp();
    app.get('/x/:id', (c) => c.text('x'));
    await app.request('/x/private-name?sig=secret');
    const line = lines.find((text) => text.includes('http.request')) ?? '';
    expect(JSON.parse(line)).toMatchObject({ event: 'http.request', route: '/x/:id', status: 200 });
    expect(lines.join('')).not.toMatch(/private-name|secret/);
  });
});

describe('health', () => {
  it('is alive without checks and ready only when all pass', async () => {
    let healthy = false;
    const check = async () => {
      if (!healthy) throw new Error('postgres://user:pw@host/db is away');
    };
    const { app } = recordedApp({ checks: { database: check } });
    expect((await app.request('/livez')).status).toBe(200);
    const before = await app.request('/readyz');
    expect([before.status, await before.json()]).toEqual([
      503,
      { name: 'test', status: 'not-ready', checks: { database: 'failed' } },
    ]);
    healthy = true;
    expect((await app.request('/readyz')).status).toBe(200);
  });
});

describe('reading bodies', () => {
  const { app } = recordedApp();
  app.post('/json', async (c) => c.json(await readJson(c, z.strictObject({ a: z.number() }), 40)));
  app.post('/bytes', async (c) => c.json((await readBytes(c, 4)).length));
  const codeFor = async (path: string, init: RequestInit) => {
    const response = await app.request(path, init);
    return [response.status, ((await response.json()) as { code: string }).code];
  };

  it('takes what fits', async () => {
    expect(await (await app.request('/json', post('{"a":1}'))).json()).toEqual({ a: 1 });
    expect(await (await app.request('/bytes', post('1234'))).json()).toBe(4);
    expect(await (await app.request('/bytes', { method: 'POST' })).json()).toBe(0);
  });

  it('refuses duplicate keys, broken JSON and bytes that are no UTF-8', async () => {
    expect(await codeFor('/json', post('{"a":1,"a":2}'))).toEqual([400, 'http/bad-json']);
    expect(await codeFor('/json', post('{'))).toEqual([400, 'http/bad-json']);
    expect(await codeFor('/json', post(new Uint8Array([0x22, 0xff, 0x22])))).toEqual([400, 'http/bad-json']);
  });

  it('refuses what does not fit the schema and names the path', async () => {
    const response = await app.request('/json', post('{"a":"secret","b":1}'));
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: 'http/bad-request', details: [{ path: 'body.a' }, {}] });
    expect(text).not.toContain('secret');
  });

  it('refuses other content types', async () => {
    expect(await codeFor('/json', post('{"a":1}', 'text/plain'))).toEqual([
      415,
      'http/unsupported-media-type',
    ]);
  });

  it('refuses a body that is too large, declared or not', async () => {
    expect(await codeFor('/bytes', post('12345'))).toEqual([413, 'http/too-large']);
    const declared = { ...post('1'), headers: { 'content-length': '5' } };
    expect(await codeFor('/bytes', declared)).toEqual([413, 'http/too-large']);
    expect(await codeFor('/json', post(`{"a":1${' '.repeat(40)}}`))).toEqual([413, 'http/too-large']);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(3)) });
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit;
    expect(await codeFor('/bytes', init)).toEqual([413, 'http/too-large']);
  });
});
