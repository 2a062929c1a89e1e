// A fetch for processes: an authority or a pinned key of its own, no redirects, limits on time and size, and a say in which
// addresses a name may lead to. Not here: cookies, caches, proxies, decompression.
import { lookup as lookupName } from 'node:dns';
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Digest } from '@sealroom/bytes';
import { hostOf, isLoopbackHost } from './addresses.ts';
import { codeOf, type Refusal, refusal } from './problem.ts';

export type TlsFetchOptions = {
  /** Authorities to trust instead of the system's. */
  readonly caPem?: string | readonly string[] | undefined;
  /** The server's public key (`certificatePin`); it replaces the check of chain and name. */
  readonly pinned?: Digest | undefined;
  /** How long the head of an answer may take, and how long the body may stand still, in milliseconds. */
  readonly timeoutMs?: number;
  /** The most bytes of an answer's body. */
  readonly maxBytes?: number;
  /** Decides about each address that a name resolves to, at the time of the connection. */
  readonly allowAddress?: (address: string, host: string) => boolean;
};

export type TlsFetch = {
  (url: string | URL, init?: RequestInit): Promise<Response>;
  /** Ends the idle connections. */
  readonly close: () => void;
};

const TIMEOUT_MS = 30_000;
const STREAM_BUFFER_BYTES = 1024 * 1024;

function refusedAddress(host: string): Refusal {
  return refusal(
    'fetch/refused-address',
    `${host} leads to an address that this process may not connect to.`,
  );
}

/** Name resolution that gives back permitted addresses only, so that a name cannot change its mind in between. */
function guardedLookup(allow: (address: string, host: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookupName(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 4);
      const permitted = addresses.filter(({ address }) => allow(address, host));
      const [first] = permitted;
      if (first === undefined) return callback(refusedAddress(host), '', 4);
      return options.all === true ? callback(null, permitted) : callback(null, first.address, first.family);
    });
  };
}

function pinOf(socket: TLSSocket): string | undefined {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  return key === undefined ? undefined : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** An agent whose connections are handed over only after the server has proved to have the pinned key. */
function pinningAgent(pinned: Digest): HttpsAgent {
  const agent = new HttpsAgent({ keepAlive: true });
  agent.createConnection = (options, callback) => {
    const { host, port, servername } = options as { host?: string; port?: number; servername?: string };
    const target = { host, port, servername, rejectUnauthorized: false, minVersion: 'TLSv1.2' } as const;
    const lookup = options.lookup === undefined ? {} : { lookup: options.lookup };
    const socket = connect({ ...target, ...lookup } as ConnectionOptions);
    const fail = (error: Error): void => callback?.(error, socket);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      if (pinOf(socket) === pinned) return callback?.(null, socket);
      socket.destroy();
      return callback?.(refusal('fetch/pin', 'The server has another key than the pinned one.'), socket);
    });
    return undefined;
  };
  return agent;
}

type Body = Uint8Array | string | Readable | undefined;

function bodyOf(init: RequestInit): Body {
  const { body } = init;
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    return Readable.from(body as unknown as AsyncIterable<Uint8Array>, { objectMode: false });
  }
  throw refusal('fetch/failed', 'A request body is text, bytes, or a stream of bytes.');
}

function failure(error: unknown, url: URL): Refusal {
  const code = codeOf(error);
  if (code?.startsWith('fetch/')) return error as Refusal;
  const words = `${url.origin} cannot be reached (${code ?? 'connection lost'}).`;
  return refusal('fetch/failed', words, { cause: error });
}

function tooLarge(url: URL, maxBytes: number): Refusal {
  return refusal(
    'fetch/too-large',
    `${url.origin} answers with more than the ${maxBytes} bytes that are accepted.`,
  );
}

/** An answer's body as a stream that takes from the connection only what its reader asks for. */
function streamOf(incoming: IncomingMessage, url: URL, maxBytes: number): ReadableStream<Uint8Array> {
  let length = 0;
  let ended = false;
  const finish = (act: () => unknown): void => {
    if (!ended) act();
    ended = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        incoming.on('data', (part: Uint8Array) => {
          if (ended) return;
          length += part.length;
          if (length > maxBytes) {
            finish(() => controller.error(tooLarge(url, maxBytes)));
            incoming.destroy();
            return;
          }
          controller.enqueue(part);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.on('end', () => finish(() => controller.close()));
        incoming.on('error', (error) => finish(() => controller.error(failure(error, url))));
        incoming.on('close', () => finish(() => controller.error(failure(undefined, url))));
        incoming.pause();
      },
      pull: () => void incoming.resume(),
      cancel: () => finish(() => incoming.destroy()),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: STREAM_BUFFER_BYTES }),
  );
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return headers;
}

function respond(incoming: IncomingMessage, method: string, url: URL, maxBytes: number): Response {
  const status = incoming.statusCode ?? 0;
  if (status >= 300 && status < 400 && status !== 304) {
    incoming.destroy();
    throw refusal('fetch/redirect', `${url.origin} sends elsewhere; redirects are not followed.`);
  }
  if (method !== 'HEAD' && Number(incoming.headers['content-length'] ?? 0) > maxBytes) {
    incoming.destroy();
    throw tooLarge(url, maxBytes);
  }
  const empty = method === 'HEAD' || status === 204 || status === 304;
  if (empty) incoming.resume();
  return new Response(empty ? null : streamOf(incoming, url, maxBytes), {
    status,
    headers: headersOf(incoming),
  });
}

function send(request: ClientRequest, body: Body): void {
  if (body instanceof Readable) {
    // A broken body breaks the request; the request's own listener reports it.
    pipeline(body, request).catch((error: unknown) => request.destroy(error as Error));
  } else {
    request.end(body);
  }
}

/**
 * A fetch with its own trust and limits. Plain HTTP is for loopback only.
 * @throws (from the calls) http/insecure, fetch/failed, fetch/timeout, fetch/redirect, fetch/too-large, fetch/pin,
 * fetch/refused-address; messages name the origin, never the path or the query.
 */
export function tlsFetch(options: TlsFetchOptions = {}): TlsFetch {
  const {
    caPem,
    pinned,
    timeoutMs = TIMEOUT_MS,
    maxBytes = Number.POSITIVE_INFINITY,
    allowAddress,
  } = options;
  const secure = pinned === undefined ? new HttpsAgent({ keepAlive: true }) : pinningAgent(pinned);
  const plain = new HttpAgent({ keepAlive: true });
  const trust = caPem === undefined ? {} : { ca: [caPem].flat() };
  const lookup = allowAddress === undefined ? {} : { lookup: guardedLookup(allowAddress) };

  const run = (url: URL, init: RequestInit): Promise<Response> => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const method = init.method ?? 'GET';
    const body = bodyOf(init);
    const headers: Record<string, string> = Object.fromEntries(new Headers(init.headers ?? {}));
    headers['accept-encoding'] = 'identity';
    if (typeof body === 'string') headers['content-type'] ??= 'text/plain; charset=utf-8';
    const common = { method, headers, ...lookup, ...(init.signal ? { signal: init.signal } : {}) };
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...common, ...trust, agent: secure, minVersion: 'TLSv1.2' })
        : httpRequest(url, { ...common, agent: plain });
    const overdue = (): void => {
      request.destroy(refusal('fetch/timeout', `${url.origin} does not answer in time; try again.`));
    };
    request.setTimeout(timeoutMs, overdue);
    request.on('error', (error) => reject(failure(error, url)));
    request.on('response', (incoming) => {
      try {
        resolve(respond(incoming, method, url, maxBytes));
      } catch (error) {
        reject(error);
      }
    });
    send(request, body);
    return promise;
  };

  const fetchOnce = async (target: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(target);
    const host = hostOf(url);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(host))) {
      throw refusal('http/insecure', 'Only https addresses are fetched (http on loopback).');
    }
    // An address in the URL itself is never looked up, so it is judged here.
    if (allowAddress !== undefined && isIP(host) !== 0 && !allowAddress(host, host))
      throw refusedAddress(host);
    return run(url, init);
  };
  const close = (): void => {
    secure.destroy();
    plain.destroy();
  };
  return Object.assign(fetchOnce, { close });
}
