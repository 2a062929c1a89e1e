// What every server app starts from: a Hono app with one error boundary, request ids, limits, security headers and
// health. Not here: routes of an API (routes.ts), listening (server.ts), who may call.
import { randomUUID } from 'node:crypto';
import { type Bytes, BytesError, concat, parseStrictJson, utf8Decode } from '@sealroom/bytes';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { routePath } from 'hono/route';
import type { z } from 'zod';
import { outageOf } from './database.ts';
import { diskOutageOf } from './files.ts';
import type { Log } from './log.ts';
import { problemOf, problemResponse, type Refusal, refusal, type StatusOf } from './problem.ts';

export type AppEnv = { Variables: { requestId: string; allowTime: (milliseconds: number) => void } };
export type App = Hono<AppEnv>;
export type AppContext = Context<AppEnv>;

/** A named question to which the answer is "ready", or a rejection. */
export type Checks = { readonly [name: string]: () => Promise<unknown> };

export type ServerAppOptions = {
  readonly name: string;
  readonly log: Log;
  readonly statusOf?: StatusOf;
  readonly checks?: Checks;
  /** How long a handler may take before the caller gets 503, in milliseconds. */
  readonly timeoutMs?: number;
};

const DEFAULT_TIMEOUT_MS = 30_000;
const CHECK_TIMEOUT_MS = 5_000;
export const DEFAULT_MAX_BYTES = 1024 * 1024;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Gives this request more time (or less) from now on; `Infinity` lifts the limit, for streams that watch themselves. */
export function allowTime(c: AppContext, milliseconds: number): void {
  c.get('allowTime')(milliseconds);
}

/** The pattern of the route that answered, never the path itself: a path can hold what a log must not. */
function answeredRoute(c: AppContext): string {
  const route = routePath(c, -1);
  return route === '' || route === '/*' || route === '*' ? '(none)' : route;
}

function observe(log: Log): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const requestId = randomUUID();
    const started = performance.now();
    c.set('requestId', requestId);
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      if (!c.res.headers.has(name)) c.header(name, value);
    }
    c.header('x-request-id', requestId);
    log.event('http.request', {
      request: requestId,
      method: c.req.method,
      route: answeredRoute(c),
      status: c.res.status,
      milliseconds: Math.round(performance.now() - started),
    });
  };
}

function limitTime(defaultMs: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    let timer: NodeJS.Timeout | undefined;
    const overdue = Promise.withResolvers<never>();
    const start = (milliseconds: number): void => {
      clearTimeout(timer);
      if (!Number.isFinite(milliseconds)) return;
      timer = setTimeout(() => {
        overdue.reject(
          refusal('http/timeout', 'The server took too long to answer; try again, with less at once.'),
        );
      }, milliseconds);
    };
    c.set('allowTime', start);
    start(defaultMs);
    try {
      await Promise.race([next(), overdue.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function passes(check: () => Promise<unknown>): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error('The check gave no answer in time.')),
    CHECK_TIMEOUT_MS,
  );
  try {
    return await Promise.race([check(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function mountHealth(app: App, { name, log, checks = {} }: ServerAppOptions): void {
  app.get('/livez', (c) => c.json({ name, status: 'alive' }));
  app.get('/readyz', async (c) => {
    const states = await Promise.all(
      Object.entries(checks).map(async ([check, ask]) => {
        try {
          await passes(ask);
          return [check, 'ready'] as const;
        } catch (error) {
          log.failure('ready.failed', error, { check });
          return [check, 'failed'] as const;
        }
      }),
    );
    const ready = states.every(([, state]) => state === 'ready');
    const answer = { name, status: ready ? 'ready' : 'not-ready', checks: Object.fromEntries(states) };
    return c.json(answer, ready ? 200 : 503);
  });
}

/**
 * A Hono app with the error boundary, `/livez` and `/readyz`. Errors with a `code` that `statusOf` (or this package)
 * knows become that status; others become 500 `internal` and are logged. Checks are asked at each `/readyz`.
 */
export function serverApp(options: ServerAppOptions): App {
  const { log, statusOf = () => undefined, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const app: App = new Hono<AppEnv>();
  app.use(observe(log));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const found = refusal('http/method-not-allowed', `This path takes ${methods.join(', ')} only.`);
        const answer = problemResponse(problemOf(found, statusOf, c.get('requestId')));
        answer.headers.set('allow', methods.join(', '));
        return answer;
      },
    }),
  );
  app.use(limitTime(timeoutMs));
  app.onError((error, c) => {
    const found = problemOf(outageOf(error) ?? diskOutageOf(error) ?? error, statusOf, c.get('requestId'));
    if (found.status >= 500) {
      const route = answeredRoute(c);
      log.failure('http.failed', error, { request: found.instance, method: c.req.method, route });
    }
    return problemResponse(found);
  });
  app.notFound((c) => {
    const found = refusal(
      'http/not-found',
      'There is nothing at this address; compare it with /openapi.json.',
    );
    return problemResponse(problemOf(found, statusOf, c.get('requestId')));
  });
  mountHealth(app, options);
  return app;
}

function tooLarge(maxBytes: number): Refusal {
  return refusal('http/too-large', `The body has more than the ${maxBytes} bytes that this call takes.`);
}

/** The whole body. @throws http/too-large beyond `maxBytes`, whatever the request says about its length. */
export async function readBytes(c: Context, maxBytes: number): Promise<Bytes> {
  const declared = c.req.header('content-length');
  if (declared !== undefined && Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const body = c.req.raw.body;
  if (body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body as ReadableStream<Uint8Array>) {
    length += part.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return concat(...parts);
}

/** Applies a schema. @throws http/bad-request with the paths of all that is wrong (names and rules, no values). */
export function checkInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const details = found.error.issues.slice(0, 20).map((issue) => ({
    path: [where, ...issue.path.map(String)].join('.'),
    code: issue.code,
    message: issue.message,
  }));
  const first = details[0];
  throw refusal(
    'http/bad-request',
    `The request does not fit the call (${first?.path ?? where}: ${first?.message ?? 'not accepted'}).`,
    { details },
  );
}

/** @throws http/unsupported-media-type unless the request says that its body is JSON. */
export function checkJsonType(c: Context): void {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return;
  throw refusal('http/unsupported-media-type', 'Send the body as application/json.');
}

/** A body's bytes as strict JSON that fits the schema. @throws http/bad-json, http/bad-request. */
export function parseJson<Schema extends z.ZodType>(bytes: Bytes, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = parseStrictJson(utf8Decode(bytes), { fractions: true });
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    const details = { reason: cause.code };
    throw refusal('http/bad-json', `The body is not strict JSON: ${cause.message}`, { details, cause });
  }
  return checkInput(schema, value, 'body');
}

/** Reads a strict JSON body. @throws http/unsupported-media-type, http/too-large, http/bad-json, http/bad-request. */
export async function readJson<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
  maxBytes: number = DEFAULT_MAX_BYTES,
): Promise<z.output<Schema>> {
  checkJsonType(c);
  return parseJson(await readBytes(c, maxBytes), schema);
}
