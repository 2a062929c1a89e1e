// Typed calls over the route table. The caller brings `fetch` (a browser's, or host's with its own authority), so this
// file opens no connection by itself. Answers are parsed with the route's schema: a service is not trusted to be right.
import { parseStrictJson, canonicalBytes } from '@sealroom/bytes';
import type { Route, RouteBodyInput, RouteParamsInput, RouteQueryInput, RouteResponse } from '@sealroom/api';
import type { z } from 'zod';
import { ClientError } from './error.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Headers that authenticate one request, given its method, path with query, and body bytes. */
export type Authenticate = (request: {
  method: string;
  path: string;
  body: Uint8Array;
}) => Promise<Readonly<{ [header: string]: string }>>;

export type Service = {
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly authenticate?: Authenticate;
};

type Part<Name extends string, Value> = [Value] extends [undefined]
  ? { readonly [K in Name]?: undefined }
  : { readonly [K in Name]: Value };
/** What a call needs: the route's params, query and body, where it has them. */
export type CallInput<R extends Route> = Part<'params', RouteParamsInput<R>> &
  Part<'query', RouteQueryInput<R>> &
  Part<'body', RouteBodyInput<R>> & {
    readonly headers?: Readonly<{ [name: string]: string }>;
    readonly signal?: AbortSignal;
  };

type Scalar = string | number | boolean;
type LooseInput = {
  readonly params?: Readonly<{ [name: string]: Scalar }> | undefined;
  readonly query?: Readonly<{ [name: string]: Scalar | undefined }> | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<{ [name: string]: string }>;
  readonly signal?: AbortSignal;
};

function pathOf(route: Route, { params, query }: LooseInput): string {
  const path = route.path.replaceAll(/\{([A-Za-z]+)(\*?)\}/g, (_, name: string, greedy: string) => {
    const value = String(params?.[name] ?? '');
    return greedy ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

async function refusal(response: Response): Promise<ClientError> {
  const status = response.status;
  try {
    const problem = parseStrictJson(await response.text(), { fractions: true });
    if (problem !== null && typeof problem === 'object' && !Array.isArray(problem)) {
      const { code, detail, title } = problem as { readonly [key: string]: unknown };
      const words =
        typeof detail === 'string' ? detail : typeof title === 'string' ? title : 'The service refused.';
      return new ClientError('client/refused', words, {
        status,
        ...(typeof code === 'string' ? { problem: code } : {}),
      });
    }
  } catch {
    // Not a problem document; the status says enough.
  }
  return new ClientError('client/refused', `The service answered with status ${status}.`, { status });
}

function unreachable({ baseUrl }: Service, cause: unknown): ClientError {
  const where = new URL(baseUrl).origin;
  return new ClientError(
    'client/unreachable',
    `${where} cannot be reached; nothing was sent or it is unknown whether it arrived. Try again.`,
    { cause },
  );
}

async function read(service: Service, route: Route, response: Response): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    // The service went away in the middle of its answer.
    throw unreachable(service, cause);
  }
  if (route.response === 'bytes') return bytes;
  const text = new TextDecoder().decode(bytes);
  if (route.response === 'text') return text;
  try {
    return (route.response as z.ZodType).parse(parseStrictJson(text, { fractions: true }));
  } catch (cause) {
    throw new ClientError(
      'client/bad-answer',
      `The service's answer to ${route.method} ${route.path} is not what it should be.`,
      { cause },
    );
  }
}

/**
 * Calls a route.
 * @throws client/unreachable · client/refused (with the service's code) · client/bad-answer
 */
export async function call<R extends Route>(
  service: Service,
  route: R,
  input: CallInput<R>,
): Promise<RouteResponse<R>> {
  const loose = input as LooseInput;
  const path = pathOf(route, loose);
  const bytes = loose.body instanceof Uint8Array ? new Uint8Array(loose.body) : undefined;
  const body =
    bytes ?? (loose.body === undefined ? new Uint8Array() : canonicalBytes(loose.body, { fractions: true }));
  const proof = (await service.authenticate?.({ method: route.method, path, body })) ?? {};
  const type: { [name: string]: string } =
    loose.body === undefined
      ? {}
      : { 'content-type': bytes ? 'application/octet-stream' : 'application/json' };
  const init: RequestInit = {
    method: route.method,
    headers: { accept: 'application/json', ...type, ...proof, ...loose.headers },
  };
  if (loose.body !== undefined) init.body = body;
  if (loose.signal) init.signal = loose.signal;
  let response: Response;
  try {
    response = await service.fetch(service.baseUrl + path, init);
  } catch (cause) {
    throw unreachable(service, cause);
  }
  if (!response.ok) throw await refusal(response);
  return (await read(service, route, response)) as RouteResponse<R>;
}
