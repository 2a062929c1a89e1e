import { X509Certificate as NodeCertificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serverApp } from './http.ts';
import { createLog } from './log.ts';
import { type RunningServer, startServer } from './server.ts';
import {
  type CertificatePair,
  certificatePin,
  createAuthority,
  issueCertificate,
  LOOPBACK_HOSTS,
} from './tls.ts';
import { type TlsFetch, tlsFetch, type TlsFetchOptions } from './tls-fetch.ts';

const log = createLog({ name: 'test', silent: true });
let authority: CertificatePair;
let certificate: CertificatePair;
let server: RunningServer;
const clients: TlsFetch[] = [];

function client(options: TlsFetchOptions): TlsFetch {
  const made = tlsFetch(options);
  clients.push(made);
  return made;
}

beforeAll(async () => {
  authority = await createAuthority();
  certificate = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS });
  const app = serverApp({ name: 'test', log });
  app.post('/echo', async (c) => new Response(await c.req.arrayBuffer(), { status: 201 }));
  app.get('/range', (c) => c.text(c.req.header('range') ?? 'none', 206));
  app.get('/away', (c) => c.redirect('https://example.org/'));
  app.get('/large', () => new Response(new Uint8Array(3_000_000)));
  app.get('/chunked', () => {
    const body = new ReadableStream<Uint8Array>({ pull: (sink) => sink.enqueue(new Uint8Array(1000)) });
    return new Response(body);
  });
  app.get('/stuck', () => new Promise<Response>(() => {}));
  server = await startServer({ app, host: '127.0.0.1', port: 0, log, tls: certificate, drainMs: 10 });
});
afterEach(() => {
  for (const made of clients.splice(0)) made.close();
});
afterAll(() => server.close());

describe('certificates', () => {
  it('are what strict verifiers want: CA and leaf linked by key identifiers, names as alternatives', () => {
    const root = new NodeCertificate(authority.certPem);
    const leaf = new NodeCertificate(certificate.certPem);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost('localhost')).toBe('localhost');
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.checkIP('::1')).toBe('::1');
    expect(leaf.checkHost('example.org')).toBeUndefined();
  });

  it('have the dates asked for', async () => {
    const now = Date.UTC(2030, 0, 1);
    const { certPem } = await issueCertificate(authority, { hosts: ['a.example'], days: 2, now });
    const leaf = new NodeCertificate(certPem);
    expect(new Date(leaf.validTo).getTime() - now).toBe(2 * 86_400_000);
  });

  it('are refused for wildcards, odd names, no names and too many days', async () => {
    for (const hosts of [['*.example'], ['Upper.example'], ['a_b'], ['-a'], ['a..b'], ['a b'], []]) {
      await expect(issueCertificate(authority, { hosts })).rejects.toMatchObject({ code: 'tls/bad-name' });
    }
    const long = issueCertificate(authority, { hosts: ['a'], days: 900 });
    await expect(long).rejects.toMatchObject({ code: 'tls/bad-name' });
  });
});

describe('fetching over TLS', () => {
  it('trusts the authority given, sends bytes and headers, and reads the answer', async () => {
    const fetch = client({ caPem: authority.certPem });
    const answer = await fetch(`${server.url}/echo`, { method: 'POST', body: new Uint8Array([1, 2]) });
    expect([answer.status, await answer.bytes()]).toEqual([201, new Uint8Array([1, 2])]);
    const range = await fetch(`${server.url}/range`, { headers: { range: 'bytes=1-2' } });
    expect([range.status, await range.text()]).toEqual([206, 'bytes=1-2']);
    const streamed = new ReadableStream({
      start(sink) {
        sink.enqueue(new Uint8Array([7]));
        sink.close();
      },
    });
    const init = { method: 'POST', body: streamed, duplex: 'half' } as RequestInit;
    expect(await (await fetch(`${server.url}/echo`, init)).bytes()).toEqual(new Uint8Array([7]));
    expect((await fetch(`${server.url}/large`, { method: 'HEAD' })).status).toBe(200);
  });

  it('refuses another authority, and a name that the certificate does not have', async () => {
    const other = await createAuthority();
    const stranger = client({ caPem: other.certPem })(`${server.url}/livez`);
    await expect(stranger).rejects.toMatchObject({ code: 'fetch/failed' });
    const wrong = await issueCertificate(authority, { hosts: ['other.example'] });
    const app = serverApp({ name: 'test', log });
    const elsewhere = await startServer({ app, host: '127.0.0.1', port: 0, log, tls: wrong, drainMs: 10 });
    const found = client({ caPem: authority.certPem })(`${elsewhere.url}/livez`);
    await expect(found).rejects.toMatchObject({ code: 'fetch/failed' });
    await elsewhere.close();
  });

  it('takes a pinned key in place of a chain and sends nothing to another key', async () => {
    const pinned = await certificatePin(certificate.certPem);
    expect((await client({ pinned })(`${server.url}/livez`)).status).toBe(200);
    const other = await certificatePin(authority.certPem);
    await expect(client({ pinned: other })(`${server.url}/livez`)).rejects.toMatchObject({
      code: 'fetch/pin',
    });
  });

  it('follows no redirect', async () => {
    const away = client({ caPem: authority.certPem })(`${server.url}/away`);
    await expect(away).rejects.toMatchObject({ code: 'fetch/redirect' });
  });

  it('stops at the size limit, declared or found', async () => {
    const fetch = client({ caPem: authority.certPem, maxBytes: 100_000 });
    await expect(fetch(`${server.url}/large`)).rejects.toMatchObject({ code: 'fetch/too-large' });
    const chunked = await fetch(`${server.url}/chunked`);
    await expect(chunked.bytes()).rejects.toMatchObject({ code: 'fetch/too-large' });
  });

  it('gives up on a server that does not answer, and when it is told to', async () => {
    const fetch = client({ caPem: authority.certPem, timeoutMs: 50 });
    await expect(fetch(`${server.url}/stuck`)).rejects.toMatchObject({ code: 'fetch/timeout' });
    const patient = client({ caPem: authority.certPem });
    const aborted = patient(`${server.url}/stuck`, { signal: AbortSignal.timeout(30) });
    await expect(aborted).rejects.toMatchObject({ code: 'fetch/failed' });
  });

  it('breaks an answer that the server cuts short', async () => {
    const cutter: Server = createServer((_request, answer) => {
      answer.writeHead(200, { 'content-length': '10' });
      answer.write('half');
      setTimeout(() => answer.destroy(), 10);
    });
    await new Promise<void>((done) => cutter.listen(0, '127.0.0.1', done));
    const { port } = cutter.address() as AddressInfo;
    const answer = await client({})(`http://127.0.0.1:${port}/`);
    await expect(answer.text()).rejects.toMatchObject({ code: 'fetch/failed' });
    cutter.close();
  });

  it('refuses plain HTTP beyond this machine, and addresses that are not allowed', async () => {
    await expect(client({})('http://example.org/')).rejects.toMatchObject({ code: 'http/insecure' });
    await expect(client({})('ftp://localhost/')).rejects.toMatchObject({ code: 'http/insecure' });
    const guarded = client({ caPem: authority.certPem, allowAddress: () => false });
    await expect(guarded(`${server.url}/livez`)).rejects.toMatchObject({ code: 'fetch/refused-address' });
    const byName = guarded(`https://localhost:${server.port}/livez`);
    await expect(byName).rejects.toMatchObject({ code: 'fetch/refused-address' });
    const open = client({ caPem: authority.certPem, allowAddress: (address) => address === '127.0.0.1' });
    expect((await open(`https://localhost:${server.port}/livez`)).status).toBe(200);
  });
});
