// Azure's metadata service as a server of our own on loopback plays it, with genuine certificates and a genuine TD report and quote.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, bytesEqual } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { azureMetadata } from './azure-metadata.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Asked = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & { readonly body: string };
type Answer = { readonly status?: number; readonly text: string; readonly headers?: Record<string, string> };

/** @returns the service's origin */
async function serve(answer: (asked: Asked) => Answer | undefined): Promise<string> {
  const made = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.once('end', () => {
      const { method, url, headers } = incoming;
      const answered = answer({ method, url, headers, body: Buffer.concat(parts).toString() });
      if (answered) response.writeHead(answered.status ?? 200, answered.headers).end(answered.text);
    });
  });
  server = made;
  const { promise, resolve } = Promise.withResolvers<void>();
  made.listen(0, '127.0.0.1', resolve);
  await promise;
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

const vectors = sharedVectors('azure-vtpm');
const read = async (name: string) => readFile(join(vectors ?? '', name));
const codeOf = async (asked: Promise<unknown>) =>
  asked.then(
    () => 'no refusal',
    (error: { code?: string }) => error.code,
  );
const report = new Uint8Array(1024).fill(7);

describe.skipIf(vectors === undefined)('Azure’s metadata service', () => {
  test('gives the chip’s certificate and those above it', async () => {
    const seen: unknown[] = [];
    const chain = await read('kinvolk-certs.pem');
    const vcek = await read('coco-snp-vcek.pem');
    const origin = await serve(({ method, url, headers }) => {
      seen.push([method, url, headers['metadata']]);
      const answer = {
        vcekCert: vcek.toString(),
        tcbm: 'DB18000000000004',
        certificateChain: chain.toString(),
      };
      return { text: JSON.stringify({ ...answer, cacheControl: '86400' }) };
    });
    const found = await azureMetadata({ origin }).vcek();
    expect(seen).toEqual([['GET', '/metadata/THIM/amd/certification', 'true']]);
    const blocks =
      Buffer.concat([vcek, chain])
        .toString()
        .match(/BEGIN CERTIFICATE/g) ?? [];
    expect(found).toHaveLength(blocks.length);
    const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]+)-----/.exec(vcek.toString()) ?? [];
    expect(bytesEqual(found[0] ?? report, Buffer.from(base64, 'base64'))).toBe(true);
  });

  test('gives the quote over a TD report', async () => {
    const hcl = await read('coco-tdx-hcl-report.bin');
    const [tdReport, quote] = [
      new Uint8Array(hcl.subarray(32, 32 + 1024)),
      await read('coco-tdx-td-quote.bin'),
    ];
    const seen: unknown[] = [];
    const origin = await serve(({ method, url, headers, body }) => {
      const { report: text } = JSON.parse(body) as { report: string };
      const same = bytesEqual(base64urlDecode(text), tdReport);
      seen.push([method, url, headers['metadata'], headers['content-type'], same]);
      return { text: JSON.stringify({ quote: base64urlEncode(quote) }) };
    });
    const found = await azureMetadata({ origin }).tdQuote(tdReport);
    expect(seen).toEqual([['POST', '/acc/tdquote', 'true', 'application/json', true]]);
    expect(bytesEqual(found, quote)).toBe(true);
    // The paravisor's claims are what the report and so the quote are over.
    expect(bytesEqual(quote.subarray(48 + 520, 48 + 584), tdReport.subarray(128, 192))).toBe(true);
  });
});

test.each<[string, string, Answer]>([
  ['a refusal', 'provider/refused', { status: 500, text: '{"error":"no"}' }],
  [
    'a redirection',
    'provider/refused',
    { status: 302, text: '', headers: { location: 'http://127.0.0.1:1/' } },
  ],
  ['text', 'provider/malformed', { text: '<html>' }],
  ['nothing', 'provider/malformed', { text: '' }],
  ['other members', 'provider/malformed', { text: '{"other":1}' }],
  ['a list', 'provider/malformed', { text: '["quote"]' }],
  [
    'members of another kind',
    'provider/malformed',
    { text: '{"quote":1,"vcekCert":1,"certificateChain":{}}' },
  ],
  ['empty members', 'provider/malformed', { text: '{"quote":"","vcekCert":"","certificateChain":""}' }],
  [
    'what is no Base64',
    'provider/malformed',
    { text: '{"quote":"*","vcekCert":"-","certificateChain":"-"}' },
  ],
  [
    'a broken certificate',
    'provider/malformed',
    {
      text: JSON.stringify({
        quote: '=',
        vcekCert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
        certificateChain: 'x',
      }),
    },
  ],
  ['more than it can', 'provider/too-large', { text: 'x'.repeat(300_000) }],
])('%s is an error that says so', async (_, code, answer) => {
  const origin = await serve(() => answer);
  const metadata = azureMetadata({ origin });
  expect([await codeOf(metadata.vcek()), await codeOf(metadata.tdQuote(report))]).toEqual([code, code]);
});

test('a service that is not there, or does not answer, is unavailable', async () => {
  const silent = await serve(() => undefined);
  expect(await codeOf(azureMetadata({ origin: silent, timeoutMs: 100 }).vcek())).toBe('provider/unavailable');
  server?.closeAllConnections();
  server?.close();
  expect(await codeOf(azureMetadata({ origin: silent }).tdQuote(report))).toBe('provider/unavailable');
});
