// For tests and benchmarks: a folder behind plain HTTP on loopback, like a blob container, whose owner may cheat: it counts
// what it sends, breaks connections, and changes what it serves.
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export type Asked = { readonly path: string; readonly range: string | undefined };

export type CountingStore = {
  readonly url: string;
  readonly asked: Asked[];
  /** Bytes of bodies handed to connections. */
  sent(): number;
  close(): Promise<void>;
};

export type StoreTricks = {
  /** Bytes after which the connection breaks, for the given request; undefined for none. */
  readonly breakAfter?: (asked: Asked, count: number) => number | undefined;
  /** The folder to serve a request from. */
  readonly folderOf?: (asked: Asked, count: number) => string;
  /** Answers instead of the store, and says that it did. */
  readonly instead?: (asked: Asked, response: ServerResponse) => boolean;
};

export async function countingStore(folder: string, tricks: StoreTricks = {}): Promise<CountingStore> {
  const asked: Asked[] = [];
  let sent = 0;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://store').pathname.slice(3));
    const one = { path, range: request.headers.range };
    asked.push(one);
    if (tricks.instead?.(one, response) === true) return;
    const file = join(tricks.folderOf?.(one, asked.length) ?? folder, path);
    const { size } = statSync(file);
    const found = /^bytes=(\d+)-(\d+)$/.exec(one.range ?? '');
    const [start, end] = found ? [Number(found[1]), Math.min(size, Number(found[2]) + 1)] : [0, size];
    response.statusCode = found ? 206 : 200;
    response.setHeader('content-length', end - start);
    if (found) response.setHeader('content-range', `bytes ${start}-${end - 1}/${size}`);
    const limit = tricks.breakAfter?.(one, asked.length) ?? Number.POSITIVE_INFINITY;
    let mine = 0;
    const body = createReadStream(file, { start, end: end - 1, highWaterMark: 1_048_576 });
    body.on('data', (chunk: string | Buffer) => {
      const part = Buffer.from(chunk).subarray(0, Math.max(0, limit - mine));
      mine += part.length;
      sent += part.length;
      if (!response.write(part)) {
        body.pause();
        response.once('drain', () => body.resume());
      }
      if (mine >= limit) {
        body.destroy();
        setImmediate(() => response.destroy());
      }
    });
    body.on('end', () => response.end());
    response.on('close', () => body.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/c`,
    asked,
    sent: () => sent,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
