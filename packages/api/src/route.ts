// A route of the wire contract as plain data: what both the server and the client need to know about one call.
// Not here: how it is served (`@sealroom/host` mounts it) or called (`@sealroom/client`).
import type { z } from 'zod';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * One call of an API. `path` names its parameters in braces (`/v1/runs/{id}`); the last may be greedy
 * (`/v1/files/{path*}`) and then holds slashes. Every parameter of the path has a member in `params`.
 * Without `query` the call takes no query at all; without `body` no body.
 */
export type Route = {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType | 'bytes';
  readonly response: z.ZodType | 'bytes' | 'text';
  /** The status of success; 200 when left out. 204 answers without a body. */
  readonly status?: number;
  /** The most bytes that a request's body may have; 1 MiB when left out. */
  readonly maxBytes?: number;
  /** How long a server may work on the call, in milliseconds; the server's own limit when left out. */
  readonly timeoutMs?: number;
  /** The codes of the refusals that a caller should be ready for. */
  readonly errors?: readonly string[];
};

type ReadyBytes = Uint8Array<ArrayBuffer>;
type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Given<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined;
type Member<R extends Route, Name extends keyof Route> = Name extends keyof R ? R[Name] : undefined;

/** What a server's handler receives. */
export type RouteParams<R extends Route> = Parsed<Member<R, 'params'>>;
export type RouteQuery<R extends Route> = Parsed<Member<R, 'query'>>;
export type RouteBody<R extends Route> =
  Member<R, 'body'> extends 'bytes' ? ReadyBytes : Parsed<Member<R, 'body'>>;

/** What a client gives. */
export type RouteParamsInput<R extends Route> = Given<Member<R, 'params'>>;
export type RouteQueryInput<R extends Route> = Given<Member<R, 'query'>>;
export type RouteBodyInput<R extends Route> =
  Member<R, 'body'> extends 'bytes' ? ReadyBytes : Given<Member<R, 'body'>>;

/** What a server's handler gives for an answer, before its schema is applied. */
export type RouteResponseInput<R extends Route> = R['response'] extends z.ZodType
  ? z.input<R['response']>
  : R['response'] extends 'text'
    ? string
    : ReadyBytes;

/** What a client receives, after the schema was applied. */
export type RouteResponse<R extends Route> = R['response'] extends z.ZodType
  ? z.output<R['response']>
  : R['response'] extends 'text'
    ? string
    : ReadyBytes;
