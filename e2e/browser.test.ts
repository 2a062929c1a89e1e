// The verdicts of vectors/attest/verdicts.json in a browser: @sealroom/attest, bundled for a page, judges every row in Chromium
// and must say what the command line says (apps/cli/src/attest/vectors.test.ts).
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '@sealroom/host/linux';
import { sharedVectors } from '@sealroom/testkit';
import { filesOf, type Table } from '@sealroom/testkit/verdicts';
import { build } from 'vite';
import { expect, test } from 'vitest';
import type { Outcome } from './browser/outcome.ts';

const ROOT = join(import.meta.dirname, '..');
const { cases } = JSON.parse(readFileSync(join(ROOT, 'vectors', 'attest', 'verdicts.json'), 'utf8')) as Table;
type Told = { readonly agent: string; readonly outcomes: readonly Outcome[] };

function chromium(): string | undefined {
  const found = ['chromium', 'chromium-browser', 'google-chrome']
    .map((name) => findProgram(name))
    .find(Boolean);
  if (found) return found;
  if (process.env['CI'] === 'true') throw new Error('Chromium is missing; CI must have it.');
  console.log('skipped: Chromium is not installed (apt-get install chromium)');
  return undefined;
}

async function bundle(folder: string): Promise<string> {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: false,
      lib: {
        entry: join(import.meta.dirname, 'browser', 'attest-page.ts'),
        formats: ['es'],
        fileName: 'page',
      },
    },
  });
  return readFileSync(join(folder, 'page.js'), 'utf8');
}

/** Serves page, cases and vectors on loopback; resolves with what the page posts. */
async function serve(script: string, vectors: string) {
  const { promise: told, resolve } = Promise.withResolvers<Told>();
  const known = new Set(cases.flatMap(filesOf));
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const vector = path.startsWith('/vectors/') ? path.slice('/vectors/'.length) : '';
    if (request.method === 'POST') {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      request.on('end', () => {
        response.end();
        resolve(JSON.parse(text) as Told);
      });
    } else if (path === '/page.js') response.setHeader('content-type', 'text/javascript').end(script);
    else if (path === '/cases')
      response.setHeader('content-type', 'application/json').end(JSON.stringify(cases));
    else if (known.has(vector)) response.end(readFileSync(join(vectors, vector)));
    else
      response.setHeader('content-type', 'text/html').end('<script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, told, close: () => server.close() };
}

const places = [...new Set(cases.map(({ evidence }) => evidence.split('/')[0] ?? ''))].map(sharedVectors);
const [place] = places;
const program = chromium();

test.skipIf(places.includes(undefined) || program === undefined)(
  'a browser gives every row the same verdict for the same reasons',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'browser-'));
    const server = await serve(await bundle(folder), join(place ?? '', '..'));
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
    ];
    const browser = spawn(program ?? '', [...flags, server.url], { stdio: 'ignore' });
    try {
      const { agent, outcomes } = await server.told;
      expect(agent).toContain('Chrome');
      expect(outcomes).toHaveLength(cases.length);
      const plain = ({ evidence, at, verdict, codes }: Outcome) => ({
        evidence,
        at,
        verdict,
        codes: codes.toSorted(),
      });
      for (const [index, row] of cases.entries()) {
        const told = outcomes[index];
        expect(told && plain(told)).toEqual(plain(row));
      }
    } finally {
      browser.kill('SIGKILL');
      server.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
    expect(existsSync(folder)).toBe(false);
  },
  300_000,
);
