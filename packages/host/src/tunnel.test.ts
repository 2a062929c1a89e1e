import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificatePin, createAuthority, issueCertificate } from './tls.ts';
import { tlsFetch } from './tls-fetch.ts';
import { GATE_CODE_HEADER } from './tunnel.ts';

let folder: string;
let socket: string;
let gate: Server;
let secure: ReturnType<typeof createHttpsServer>;
let plain: Server;
let authority: Awaited<ReturnType<typeof createAuthority>>;
let certPem: string;
const asked: string[] = [];

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-tunnel-'));
  socket = join(folder, 'gate.sock');
  authority = await createAuthority({ name: 'test', days: 1 });
  const certificate = await issueCertificate(authority, { hosts: ['service.example', '127.0.0.1'], days: 1 });
  certPem = certificate.certPem;
  secure = createHttpsServer({ key: certificate.keyPem, cert: certPem }, (request, response) => {
    response.end(`secure ${request.url}`);
  }).listen(0, '127.0.0.1');
  plain = createServer((_, response) => void response.end('plain')).listen(0, '127.0.0.1');
  // A gate that knows one name, which no resolver knows.
  gate = createServer().listen(socket);
  gate.on('connect', (request, near) => {
    asked.push(request.url ?? '');
    if (request.url === 'silent.example:443') return;
    const port = { 'service.example:443': portOf(secure), [`127.0.0.1:${portOf(plain)}`]: portOf(plain) }[
      request.url ?? ''
    ];
    const code = request.url?.startsWith('down') === true ? 'gate/unreachable' : 'gate/not-allowed';
    if (port === undefined) {
      near.end(`HTTP/1.1 403 No\r\n${GATE_CODE_HEADER}: ${code}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const far = connect(port, '127.0.0.1', () => {
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(near).pipe(far);
    });
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
  });
});
afterAll(async () => {
  for (const server of [gate, secure, plain]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

test('a fetch goes through the gate, which resolves the name; TLS ends at the service', async () => {
  const fetch = tlsFetch({ caPem: authority.certPem, through: socket });
  for (const path of ['/one', '/two']) {
    const answer = await fetch(`https://service.example${path}`);
    expect(await answer.text()).toBe(`secure ${path}`);
  }
  expect(asked.filter((name) => name === 'service.example:443').length).toBe(1); // one connection is kept
  fetch.close();
});

test('a store in plain HTTP on loopback is reached through the gate as well', async () => {
  const fetch = tlsFetch({ through: socket });
  expect(await (await fetch(`http://127.0.0.1:${portOf(plain)}/`)).text()).toBe('plain');
  fetch.close();
});

test('a gate that leads to somebody else does not get past the certificate', async () => {
  const other = await createAuthority({ name: 'other', days: 1 });
  const fetch = tlsFetch({ caPem: other.certPem, through: socket });
  await expect(fetch('https://service.example/')).rejects.toMatchObject({ code: 'fetch/failed' });
  const pinned = tlsFetch({ pinned: await certificatePin(other.certPem), through: socket });
  await expect(pinned('https://service.example/')).rejects.toMatchObject({ code: 'fetch/pin' });
  const right = tlsFetch({ pinned: await certificatePin(certPem), through: socket });
  expect((await right('https://service.example/')).status).toBe(200);
  right.close();
});

test.each([
  ['https://elsewhere.example/', 'fetch/gate'],
  ['https://service.example:8443/', 'fetch/gate'],
  ['https://[::1]:9/', 'fetch/gate'],
  ['https://down.example/', 'fetch/failed'],
])('what the gate refuses, %s, is refused with %s', async (url, code) => {
  const fetch = tlsFetch({ caPem: authority.certPem, through: socket });
  await expect(fetch(url)).rejects.toMatchObject({ code });
});

test('a gate that does not answer, or is not there, ends the fetch', async () => {
  const fetch = tlsFetch({ through: socket, timeoutMs: 300 });
  await expect(fetch('https://silent.example/')).rejects.toMatchObject({ code: 'fetch/timeout' });
  const nowhere = tlsFetch({ through: join(folder, 'nothing.sock') });
  await expect(nowhere('https://service.example/')).rejects.toMatchObject({ code: 'fetch/failed' });
});
