import type { Route } from '@sealroom/api';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serverApp } from './http.ts';
import { createLog } from './log.ts';
import { mount, openApiDocument } from './routes.ts';

const rename = {
  method: 'POST',
  path: '/v1/things/{id}',
  summary: 'Rename a thing',
  params: z.strictObject({ id: z.string().regex(/^[a-z]+$/) }),
  query: z.strictObject({ dry: z.stringbool().optional() }),
  body: z.strictObject({ name: z.string() }),
  response: z.strictObject({ id: z.string(), name: z.string(), dry: z.boolean() }),
  status: 201,
  errors: ['thing/taken'],
} as const satisfies Route;

const store = {
  method: 'PUT',
  path: '/v1/files/{path*}',
  summary: 'Store bytes',
  params: z.strictObject({ path: z.string() }),
  body: 'bytes',
  maxBytes: 8,
  response: 'text',
} as const satisfies Route;

const fetchBytes = {
  method: 'GET',
  path: '/v1/bytes',
  summary: 'Bytes',
  response: 'bytes',
} as const satisfies Route;

function appWithRoutes() {
  const app = serverApp({ name: 'test', log: createLog({ name: 'test', silent: true }) });
  mount(
    app,
    rename,
  )(({ params, query, body }) => ({
    id: params.id,
    name: body.name,
    dry: query.dry ?? false,
  }));
  mount(app, store, ({ params, body }) => `${params.path}:${body.length}`);
  mount(app, fetchBytes, () => new Uint8Array([1, 2, 3]));
  return app;
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

describe('mounted routes', () => {
  const app = appWithRoutes();
  const codeOf = async (response: Response | Promise<Response>) => {
    const found = await response;
    return [found.status, ((await found.json()) as { code: string }).code];
  };

  it('hand over parsed input and answer with the route’s status', async () => {
    const response = await app.request('/v1/things/abc?dry=true', json({ name: 'n' }));
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ id: 'abc', name: 'n', dry: true });
  });

  it('take bytes and greedy paths, and answer text and bytes', async () => {
    const text = await app.request('/v1/files/a/b%20c', { method: 'PUT', body: '1234' });
    expect(await text.text()).toBe('a/b c:4');
    expect((await (await app.request('/v1/bytes')).bytes()).length).toBe(3);
  });

  it('refuse bad parameters, unknown members, and queries nobody asked for', async () => {
    expect(await codeOf(app.request('/v1/things/ABC', json({ name: 'n' })))).toEqual([
      400,
      'http/bad-request',
    ]);
    expect(await codeOf(app.request('/v1/things/abc?x=1', json({ name: 'n' })))).toEqual([
      400,
      'http/bad-request',
    ]);
    expect(await codeOf(app.request('/v1/things/abc', json({ name: 'n', extra: 1 })))).toEqual([
      400,
      'http/bad-request',
    ]);
    expect(await codeOf(app.request('/v1/bytes?x=1'))).toEqual([400, 'http/bad-request']);
  });

  it('hold the route’s own size limit', async () => {
    const init = { method: 'PUT', body: '123456789' };
    expect(await codeOf(app.request('/v1/files/a', init))).toEqual([413, 'http/too-large']);
  });

  it('never let an answer out that does not fit its schema', async () => {
    const other = serverApp({ name: 'test', log: createLog({ name: 'test', silent: true }) });
    mount(other, rename, () => ({ id: 'a', name: 'b', dry: false, secret: 'x' }));
    expect(await codeOf(other.request('/v1/things/abc', json({ name: 'n' })))).toEqual([500, 'internal']);
  });

  it('refuse to be mounted with parameters that have no schema', () => {
    const bad = { method: 'GET', path: '/x/{id}', summary: '', response: 'text' } as const satisfies Route;
    expect(() => mount(app, bad, () => '')).toThrow(expect.objectContaining({ code: 'http/bad-route' }));
  });
});

describe('the OpenAPI document', () => {
  it('describes parameters, bodies, answers and refusals', () => {
    const document = openApiDocument([rename, store, fetchBytes], { title: 'Test', version: '1' });
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Test', version: '1' },
      paths: {
        '/v1/things/{id}': {
          post: {
            parameters: [
              { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
              { name: 'dry', in: 'query', required: false },
            ],
            requestBody: { content: { 'application/json': { schema: { required: ['name'] } } } },
            responses: { 201: {}, default: { description: expect.stringContaining('thing/taken') } },
          },
        },
        '/v1/files/{path}': { put: { requestBody: { content: { 'application/octet-stream': {} } } } },
        '/v1/bytes': { get: {} },
      },
    });
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
