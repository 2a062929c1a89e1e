// A fetch for processes: an authority or a pinned key of its own, no redirects, limits on time and size, and a say in which
// addresses a name may lead to. In a room it goes through the node's gate. Not here: cookies, caches, other proxies,
// decompression.
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Digest } from '@sealroom/bytes';
import { guardedLookup, hostOf, isLoopbackHost, refusedAddress } from './addresses.ts';
import { codeOf, type Refusal, refusal } from './problem.ts';
import { openTunnel } from './tunnel.ts';

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
  /** The Unix socket of a gate (tunnel.ts) that every connection goes through; the gate then resolves the names. */
  readonly through?: string | undefined;
};

export type TlsFetch = {
  (url: string | URL, init?: RequestInit): Promise<Response>;
  /** Ends the idle connections. */
  readonly close: () => void;
};

const TIMEOUT_MS = 30_000;
const STREAM_BUFFER_BYTES = 1024 * 1024;

function pinOf(socket: TLSSocket): string | undefined {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  return key === undefined ? undefined : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

type Target = { readonly host?: string; readonly port?: number | string; readonly servername?: string };
type Way = {
  readonly pinned: Digest | undefined;
  readonly through: string | undefined;
  readonly timeoutMs: number;
};

function tunnelTo(through: string, { host = '', port = 443 }: Target, timeoutMs: number): Promise<Socket> {
  return openTunnel(through, host, Number(port), timeoutMs);
}

/** A TLS connection by the way given, resolved once the server has proved who it is: by its chain, or by the pinned key. */
async function connectSecurely(options: ConnectionOptions, way: Way): Promise<TLSSocket> {
  const { pinned, through, timeoutMs } = way;
  const { host, port, servername, lookup } = options;
  const carrier =
    through === undefined ? { port } : { socket: await tunnelTo(through, options as Target, timeoutMs) };
  const trust =
    pinned === undefined ? { ca: options.ca, checkServerIdentity } : { rejectUnauthorized: false };
  const given = { host, servername, lookup, minVersion: 'TLSv1.2', ...carrier, ...trust };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const socket = connect(Object.fromEntries(known) as ConnectionOptions);
  await new Promise<void>((resolve, reject) => {
    // A request's own clock runs only once it has its connection.
    const late = setTimeout(() => socket.destroy(new Error('The handshake takes too long.')), timeoutMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(late));
    socket.once('secureConnect', () => {
      clearTimeout(late);
      socket.off('error', reject);
      resolve();
    });
  });
  if (pinned === undefined || pinOf(socket) === pinned) return socket;
  socket.destroy();
  throw refusal('fetch/pin', 'The server has another key than the pinned one.');
}

/** Makes an agent take its connections from `open`, which may take its time. */
function feed(agent: HttpAgent, open: (options: ConnectionOptions) => Promise<Socket>): void {
  agent.createConnection = (options, callback) => {
    open(options as ConnectionOptions).then(
      (socket) => callback?.(null, socket),
      // The type wants a socket beside an error; there is none.
      (error: unknown) => (callback as ((error: Error) => void) | undefined)?.(error as Error),
    );
    return undefined;
  };
}

function agentsFor(way: Way): { readonly secure: HttpsAgent; readonly plain: HttpAgent } {
  const { pinned, through, timeoutMs } = way;
  const secure = new HttpsAgent({ keepAlive: true });
  const plain = new HttpAgent({ keepAlive: true });
  if (pinned !== undefined || through !== undefined) feed(secure, (options) => connectSecurely(options, way));
  if (through !== undefined) feed(plain, (options) => tunnelTo(through, options as Target, timeoutMs));
  return { secure, plain };
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
 * fetch/refused-address, fetch/gate; messages name the origin, never the path or the query.
 */
export function tlsFetch(options: TlsFetchOptions = {}): TlsFetch {
  const {
    caPem,
    pinned,
    timeoutMs = TIMEOUT_MS,
    maxBytes = Number.POSITIVE_INFINITY,
    allowAddress,
    through,
  } = options;
  const { secure, plain } = agentsFor({ pinned, through, timeoutMs });
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
