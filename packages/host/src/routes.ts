// Routes as data (`@sealroom/api`) served: input parsed strictly, the handler called, its answer checked against the
// schema; and the OpenAPI 3.1 document of the same data. Not here: authentication, which is the handler's.
import type { Route, RouteBody, RouteParams, RouteQuery, RouteResponseInput } from '@sealroom/api';
import type { Bytes } from '@sealroom/bytes';
import { z } from 'zod';
import {
  allowTime,
  type App,
  type AppContext,
  checkInput,
  DEFAULT_MAX_BYTES,
  checkJsonType,
  parseJson,
  readBytes,
} from './http.ts';
import { refusal } from './problem.ts';

export type Call<R extends Route> = {
  readonly params: RouteParams<R>;
  readonly query: RouteQuery<R>;
  readonly body: RouteBody<R>;
  /** The body as it came, for those who check a signature over it; empty where there is none. */
  readonly bytes: Bytes;
  readonly request: AppContext;
};

/** Gives the answer, or throws a refusal. A `Response` goes out as it is. */
export type Handler<R extends Route> = (call: Call<R>) => Answer<R> | Promise<Answer<R>>;
type Answer<R extends Route> =
  | RouteResponseInput<R>
  | (R['response'] extends 'bytes' ? ReadableStream<Uint8Array> : never)
  | Response;

const PARAMETER = /\{([A-Za-z][A-Za-z0-9]*)(\*?)\}/g;

/** `/v1/runs/{id}` as Hono writes it; a parameter takes no slash unless it is greedy. */
function honoPath(path: string): string {
  return path.replace(
    PARAMETER,
    (_, name: string, greedy: string) => `:${name}${greedy === '' ? '' : '{.+}'}`,
  );
}

function checkRoute(route: Route): void {
  const names = [...route.path.matchAll(PARAMETER)].map((match) => match[1] ?? '');
  if (names.length > 0 && route.params === undefined) {
    throw refusal('http/bad-route', `${route.method} ${route.path} has parameters but no schema for them.`);
  }
  if (route.method === 'GET' && route.body !== undefined) {
    throw refusal('http/bad-route', `${route.method} ${route.path} cannot take a body.`);
  }
}

function readQuery(route: Route, c: AppContext): unknown {
  const given = Object.entries(c.req.queries()).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  if (route.query !== undefined) return checkInput(route.query, Object.fromEntries(given), 'query');
  if (given.length > 0) throw refusal('http/bad-request', 'This call takes no query parameters.');
  return undefined;
}

async function readBody(route: Route, c: AppContext): Promise<{ body: unknown; bytes: Bytes }> {
  const maxBytes = route.maxBytes ?? DEFAULT_MAX_BYTES;
  if (route.body === undefined) return { body: undefined, bytes: new Uint8Array() };
  if (route.body !== 'bytes') checkJsonType(c);
  const bytes = await readBytes(c, maxBytes);
  return { bytes, body: route.body === 'bytes' ? bytes : parseJson(bytes, route.body) };
}

function answer(route: Route, value: unknown): Response {
  if (value instanceof Response) return value;
  const status = route.status ?? 200;
  if (status === 204) return new Response(null, { status });
  if (route.response === 'bytes') {
    return new Response(value as BodyInit, {
      status,
      headers: { 'content-type': 'application/octet-stream' },
    });
  }
  if (route.response === 'text') {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return new Response(String(value), { status, headers });
  }
  // A handler's answer that does not fit its own schema is the server's fault: ZodError has no code, hence 500.
  return Response.json(route.response.parse(value), { status });
}

/** Mounts one route; without a handler gives the function that takes it. @throws http/bad-route at once. */
export function mount<const R extends Route>(app: App, route: R): (handler: Handler<R>) => void;
export function mount<const R extends Route>(app: App, route: R, handler: Handler<R>): void;
export function mount<const R extends Route>(
  app: App,
  route: R,
  handler?: Handler<R>,
): void | ((handler: Handler<R>) => void) {
  checkRoute(route);
  const place = (handle: Handler<R>): void => {
    app.on(route.method, honoPath(route.path), async (c) => {
      if (route.timeoutMs !== undefined) allowTime(c, route.timeoutMs);
      const params =
        route.params === undefined ? undefined : checkInput(route.params, c.req.param(), 'params');
      const query = readQuery(route, c);
      const { body, bytes } = await readBody(route, c);
      // The three values come from the schemas that the types are computed from; TypeScript cannot follow that.
      const call = { params, query, body, bytes, request: c } as Call<R>;
      return answer(route, await handle(call));
    });
  };
  return handler === undefined ? place : place(handler);
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...found } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return found;
}

const MEDIA = { bytes: 'application/octet-stream', text: 'text/plain' } as const;

function content(schema: z.ZodType | 'bytes' | 'text', io: 'input' | 'output'): Record<string, unknown> {
  if (schema === 'bytes') return { [MEDIA.bytes]: {} };
  if (schema === 'text') return { [MEDIA.text]: { schema: { type: 'string' } } };
  return { 'application/json': { schema: schemaOf(schema, io) } };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input');
  return Object.entries(properties).map(([name, found]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: found,
  }));
}

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'instance'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'the id of the request' },
    details: {},
  },
};

function operation(route: Route): Record<string, unknown> {
  const status = route.status ?? 200;
  const codes = route.errors ?? [];
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  const refusals = codes.length === 0 ? 'A refusal.' : `A refusal; expect ${codes.join(', ')}.`;
  return {
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: content(route.body, 'input') } }),
    responses: {
      [String(status)]:
        status === 204
          ? { description: 'Done; no body.' }
          : { description: 'Success.', content: content(route.response, 'output') },
      default: {
        description: refusals,
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** The OpenAPI 3.1 document of routes, plain JSON. */
export function openApiDocument(
  routes: readonly Route[],
  info: { readonly title: string; readonly version: string },
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(PARAMETER, '{$1}');
    const methods = (paths[path] ??= {});
    methods[route.method.toLowerCase()] = operation(route);
  }
  return { openapi: '3.1.0', info, paths, components: { schemas: { Problem: PROBLEM_SCHEMA } } };
}
