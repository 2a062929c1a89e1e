// Serves the Enclave API over TLS (1.2 or newer, HTTP/1.1): on the Unix socket that the sandbox's forwarder reaches, so
// that the key never enters the sandbox, or on the host's loopback at isolation level `none`.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Hono } from 'hono';
import type { ApiPlace, ServedApi } from '../sandbox/types.ts';

export type ServeOptions = {
  readonly app: Hono;
  /** PEM texts; the certificate names localhost, 127.0.0.1 and ::1. */
  readonly tls: { readonly key: string; readonly cert: string };
  readonly place: ApiPlace;
};

const MAX_CONNECTIONS = 256;
// Longer than clients keep idle connections, so that theirs is the side that closes.
const KEEP_ALIVE_MS = 120_000;

function toRequest(incoming: IncomingMessage): Request | undefined {
  const { url = '', method = 'GET' } = incoming;
  if (!url.startsWith('/') || !URL.canParse(url, 'https://localhost:5000')) return undefined;
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? '', incoming.rawHeaders[at + 1] ?? '');
  }
  const bare = method === 'GET' || method === 'HEAD';
  return new Request(new URL(url, 'https://localhost:5000'), {
    method,
    headers,
    ...(bare ? {} : { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' }),
  });
}

async function answer(app: Hono, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const request = toRequest(incoming);
  if (request === undefined) {
    outgoing.writeHead(400).end();
    return;
  }
  const response = await app.fetch(request);
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) outgoing.end();
  else await pipeline(response.body, outgoing);
}

async function listen(options: ServeOptions, at: ListenOptions): Promise<Server> {
  const server = createServer({ ...options.tls, minVersion: 'TLSv1.2' }, (incoming, outgoing) => {
    // A refused or aborted request ends its own connection and nothing else.
    answer(options.app, incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(at);
  await once(server, 'listening');
  return server;
}

function served(url: string, servers: readonly Server[]): ServedApi {
  return {
    url,
    async close() {
      await Promise.all(
        servers.map((server) => {
          const closed = once(server, 'close');
          server.close();
          server.closeAllConnections();
          return closed;
        }),
      );
    },
  };
}

function isAddressError(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}

/** Both loopback addresses at one port: "localhost" may mean either, and somebody else's ::1 must not answer for us. */
async function listenOnLoopback(options: ServeOptions, port: number): Promise<Server[] | undefined> {
  let first: Server;
  try {
    first = await listen(options, { host: '127.0.0.1', port });
  } catch (cause) {
    if (isAddressError(cause, 'EADDRINUSE')) return undefined;
    throw cause;
  }
  try {
    return [first, await listen(options, { host: '::1', port: (first.address() as AddressInfo).port })];
  } catch (cause) {
    if (!isAddressError(cause, 'EADDRINUSE')) return [first]; // a host without IPv6
    await served('', [first]).close();
    return undefined;
  }
}

/**
 * Starts the server and gives its address back. At level `none` another port is taken when 5000 is not free; the
 * algorithm then finds it in ENCLAVE_URL.
 */
export async function serveEnclaveApi(options: ServeOptions): Promise<ServedApi> {
  const { place } = options;
  if (place.kind === 'socket') {
    return served('https://localhost:5000', [await listen(options, { path: place.socketPath })]);
  }
  for (let attempt = 0; attempt < 10; attempt++) {
    const servers = await listenOnLoopback(options, attempt === 0 ? place.preferredPort : 0);
    const address = servers?.[0]?.address();
    if (servers !== undefined && typeof address === 'object' && address !== null) {
      return served(`https://localhost:${address.port}`, servers);
    }
  }
  throw new Error('No loopback port is free for the Enclave API; end other programs that listen there.');
}
