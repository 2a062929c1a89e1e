// Test support: the Enclave API of a room, as little of it as an algorithm needs, over HTTPS on a free port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const CERTIFICATES = join(
  import.meta.dirname,
  '..',
  '..',
  '..',
  '..',
  'sdk',
  'python',
  'tests',
  'certificates',
);

/** A running stub: what algorithms get as environment, and what they posted. */
export type StubEnclave = {
  readonly environment: Readonly<Record<string, string>>;
  readonly reports: readonly unknown[];
  readonly stop: () => Promise<void>;
};

async function jsonOf(request: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** Serves `files`; `accepts` decides on the posted `json_data`, and a refused report is answered 400. */
export async function startStubEnclave(
  files: ReadonlyMap<string, Uint8Array>,
  accepts: (report: unknown) => boolean = () => true,
): Promise<StubEnclave> {
  const reports: unknown[] = [];
  const pem = (name: string) => readFileSync(join(CERTIFICATES, name));
  const server = createServer({ key: pem('server.key'), cert: pem('server.pem') }, (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const url = new URL(request.url ?? '/', 'https://localhost');
    if (request.method === 'GET' && url.pathname === '/api/v1/data/files') {
      const listed = [...files].map(([name, bytes]) => ({
        id: name,
        name,
        size: bytes.length,
        uploadDate: '2026-01-02T03:04:05Z',
      }));
      answer(200, { files: listed, totalFiles: listed.length });
    } else if (request.method === 'GET' && url.pathname === '/api/v1/data/file') {
      const bytes = files.get(url.searchParams.get('filepath') ?? '');
      if (bytes === undefined) answer(404, { message: 'File not found' });
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes);
    } else if (request.method === 'POST' && url.pathname === '/api/v1/report') {
      jsonOf(request).then(
        (body) => {
          const report =
            typeof body === 'object' && body !== null && 'json_data' in body ? body.json_data : undefined;
          if (!accepts(report)) {
            answer(400, { status: 'failed', message: {} });
            return;
          }
          reports.push(report);
          answer(200, { message: 'Report posted successfully' });
        },
        () => answer(400, { message: 'not JSON' }),
      );
    } else answer(404, { message: 'no such endpoint' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      ENCLAVE_URL: `https://localhost:${port}`,
      ENCLAVE_CA_FILE: join(CERTIFICATES, 'ca.pem'),
    },
    reports,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
