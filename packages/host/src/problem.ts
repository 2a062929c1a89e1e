// Refusals, and their form on the wire: RFC 9457 problem JSON with a stable `code`. An error that nobody mapped is an
// internal one: the caller learns its request id and nothing else.
import { STATUS_CODES } from 'node:http';

/** The refusals of this package itself. Apps add codes of their own. */
export type HostCode =
  | 'http/bad-json'
  | 'http/bad-request'
  | 'http/too-large'
  | 'http/timeout'
  | 'http/not-found'
  | 'http/method-not-allowed'
  | 'http/unsupported-media-type'
  | 'http/insecure'
  | 'http/bad-route'
  | 'config/invalid'
  | 'file/not-private'
  | 'file/missing'
  | 'file/locked'
  | 'file/unavailable'
  | 'tls/bad-name'
  | 'fetch/failed'
  | 'fetch/timeout'
  | 'fetch/redirect'
  | 'fetch/too-large'
  | 'fetch/pin'
  | 'fetch/refused-address'
  | 'fetch/gate'
  | 'postgres/no-binaries'
  | 'postgres/start'
  | 'postgres/name'
  | 'database/unavailable'
  | 'database/unsafe-integer'
  | 'database/migration-changed'
  | 'database/migration-missing'
  | 'database/migration-name'
  | 'blob/bad-path'
  | 'blob/bad-range'
  | 'blob/exists'
  | 'blob/forbidden'
  | 'blob/expired'
  | 'blob/missing'
  | 'blob/length'
  | 'blob/failed'
  | 'store/bad-url'
  | 'store/no-expiry'
  | 'store/expired'
  | 'store/writable'
  | 'store/not-allowed'
  | 'collateral/no-service'
  | 'collateral/backing-off'
  | 'collateral/rate-limited'
  | 'collateral/status'
  | 'collateral/wrong-answer'
  | 'collateral/older'
  | 'collateral/busy';

export type RefusalOptions = {
  /** The HTTP status, where the code alone does not decide it. */
  readonly status?: number;
  /** Facts for the caller's program, JSON; they go out on the wire. */
  readonly details?: unknown;
  readonly cause?: unknown;
};

/** A refusal with a stable `code`; the message tells a person what to do next. */
export class Refusal<Code extends string = string> extends Error {
  readonly code: Code;
  readonly status: number | undefined;
  readonly details: unknown;
  constructor(code: Code, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.code = code;
    this.status = options.status;
    this.details = options.details;
  }
}

/** A refusal of this package. */
export function refusal(code: HostCode, message: string, options?: RefusalOptions): Refusal<HostCode> {
  return new Refusal(code, message, options);
}

/** The `code` of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly instance: string;
  readonly details?: unknown;
};

export type StatusOf = (code: string) => number | undefined;

const HOST_STATUS: Partial<Record<HostCode, number>> = {
  'http/bad-json': 400,
  'http/bad-request': 400,
  'http/too-large': 413,
  'http/timeout': 503,
  'http/not-found': 404,
  'http/method-not-allowed': 405,
  'http/unsupported-media-type': 415,
  'database/unavailable': 503,
  'file/unavailable': 503,
  'blob/bad-path': 400,
  'blob/bad-range': 416,
  'blob/exists': 409,
  'blob/forbidden': 403,
  'blob/expired': 403,
  'blob/missing': 404,
  'blob/length': 400,
  'store/bad-url': 400,
  'store/no-expiry': 400,
  'store/expired': 400,
  'store/writable': 400,
  'store/not-allowed': 403,
};

function hostStatus(code: string): number | undefined {
  return Object.hasOwn(HOST_STATUS, code) ? HOST_STATUS[code as HostCode] : undefined;
}

function problem(status: number, code: string, detail: string, requestId: string): Problem {
  const title = STATUS_CODES[status] ?? 'Problem';
  return { type: `urn:sealroom:problem:${code}`, title, status, code, detail, instance: requestId };
}

/**
 * The problem that an error is to the caller. An error is a refusal when it carries a status, or when `statusOf` or this
 * package knows its code; everything else is `internal`, with nothing of the error in it.
 */
export function problemOf(error: unknown, statusOf: StatusOf, requestId: string): Problem {
  const code = codeOf(error);
  if (error instanceof Error && code !== undefined) {
    const own = error instanceof Refusal ? error.status : undefined;
    const status = own ?? statusOf(code) ?? hostStatus(code);
    if (status !== undefined) {
      const details = error instanceof Refusal ? error.details : undefined;
      const found = problem(status, code, error.message, requestId);
      return details === undefined ? found : { ...found, details };
    }
  }
  const detail =
    'The server failed. Nothing about the cause is shown here; quote the instance to its operator.';
  return problem(500, 'internal', detail, requestId);
}

export function problemResponse(found: Problem): Response {
  return new Response(JSON.stringify(found), {
    status: found.status,
    headers: { 'content-type': 'application/problem+json' },
  });
}
