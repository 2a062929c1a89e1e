// A proxy between two processes of the house: TLS ends here, so that the harness sees every request and answer whole and
// can stop either side at that moment. It changes no byte. When the other side is gone, the caller's connection breaks.
import { createServer, Agent, request as httpsRequest, type Server } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type Exchange = {
  /** Who calls whom, such as `hub→ledger`. */
  readonly link: string;
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  /** The caller's port, by which its process is found. */
  readonly callerPort: number;
};
export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
};

export type Watch = {
  /** The request is here and nobody has it yet. False: it never arrives. */
  before(exchange: Exchange): Promise<boolean>;
  /** The answer is here and the caller has not got it. False: it never arrives. */
  after(exchange: Exchange, answer: Answer): Promise<boolean>;
};

export type Proxy = { readonly url: string; target(url: string): void; close(): Promise<void> };

async function bodyOf(message: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return new Uint8Array(Buffer.concat(parts));
}

type Forward = { readonly agent: Agent; readonly ca: string; readonly base: string };

function forward(
  { agent, ca, base }: Forward,
  { method, path, body }: Exchange,
  headers: IncomingHttpHeaders,
  gone: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { host: _, ...rest } = headers;
  const outgoing = httpsRequest(new URL(path, base), { method, headers: rest, agent, ca, signal: gone });
  outgoing.on('error', reject);
  outgoing.on('response', (incoming) => {
    const { statusCode: status = 502, headers: found } = incoming;
    bodyOf(incoming).then((bytes) => resolve({ status, headers: found, body: bytes }), reject);
  });
  outgoing.end(body);
  return promise;
}

function deliver(response: ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _, connection: __, ...rest } = headers;
  response.writeHead(status, { ...rest, 'content-length': String(body.length) });
  response.end(body);
}

/** Listens on a free port; calls fail until it has a target. */
export async function startProxy(
  link: string,
  tls: { readonly cert: string; readonly key: string; readonly ca: string },
  watch: Watch,
): Promise<Proxy> {
  const agent = new Agent({ keepAlive: false });
  const sockets = new Set<Socket>();
  let base: string | undefined;
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const callerPort = incoming.socket.remotePort ?? 0;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const body = await bodyOf(incoming);
      const { method = 'GET', url: path = '/' } = incoming;
      const exchange = { link, method, path, body, callerPort };
      if (base === undefined || !(await watch.before(exchange))) return void incoming.socket.destroy();
      const answer = await forward({ agent, ca: tls.ca, base }, exchange, incoming.headers, gone.signal);
      if (await watch.after(exchange, answer)) return deliver(response, answer);
      incoming.socket.destroy();
    } catch {
      // Either side is gone; the other has to see that.
      incoming.socket.destroy();
    }
  };
  const server: Server = createServer({ cert: tls.cert, key: tls.key }, (incoming, response) => {
    void handle(incoming, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    target: (url) => {
      base = url;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        agent.destroy();
      }),
  };
}
