// Listening over TLS (or plain HTTP on loopback), the ready line for supervisors, and a graceful stop.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { isLoopbackHost } from './addresses.ts';
import type { App } from './http.ts';
import type { Log } from './log.ts';
import { refusal } from './problem.ts';

export type StartServerOptions = {
  readonly app: Pick<App, 'fetch'>;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls?: { readonly certPem: string; readonly keyPem: string } | undefined;
  readonly log: Log;
  /** Plain HTTP on an address that other machines reach: only behind a proxy that ends TLS. */
  readonly allowPlainHttp?: boolean;
  /** How long `close` waits for requests in flight, in milliseconds. */
  readonly drainMs?: number;
};

export type RunningServer = { readonly url: string; readonly port: number; close(): Promise<void> };

const HEADERS_TIMEOUT_MS = 15_000;
const DRAIN_MS = 10_000;
/** Longer than callers pause: a call that goes out on a connection as it is closed fails, and a POST is not made again. */
const KEEP_ALIVE_MS = 75_000;

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function makeServer({ app, host, tls }: StartServerOptions) {
  const fetch = (request: Request, bindings: unknown) => app.fetch(request, bindings);
  // The adaptor would otherwise replace the global Request and Response, whose stand-ins lack bytes().
  const common = { fetch, hostname: host, overrideGlobalObjects: false };
  if (tls === undefined) return createAdaptorServer({ ...common, createServer });
  const serverOptions = { cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.2' as const };
  return createAdaptorServer({ ...common, createServer: createTlsServer, serverOptions });
}

/** Starts to listen. @throws http/insecure for plain HTTP beyond loopback; the system's error if the port is taken. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { host, port: wanted, tls, log, drainMs = DRAIN_MS } = options;
  if (tls === undefined && !isLoopbackHost(host) && options.allowPlainHttp !== true) {
    throw refusal(
      'http/insecure',
      `Plain HTTP on ${host} is refused; give a certificate, or listen on 127.0.0.1.`,
    );
  }
  const server = makeServer(options);
  if ('headersTimeout' in server) {
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    // Node's limit for a whole request would cut long uploads; a handler has its own limit (http.ts).
    server.requestTimeout = 0;
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${port}`;
  log.event('server.listening', { url, port });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const started = performance.now();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // Kept-alive connections become idle one by one, as their last request ends; Node closes only those idle now.
    const sweep = setInterval(() => {
      if ('closeIdleConnections' in server) server.closeIdleConnections();
    }, 20);
    const force = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections();
    }, drainMs);
    await closed;
    clearInterval(sweep);
    clearTimeout(force);
    log.event('server.stopped', { milliseconds: Math.round(performance.now() - started) });
  };
  return { url, port, close: () => (closing ??= close()) };
}
