// Uploading to a file store as the hub runs it, whose connections break and whose holder may swap files.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog, fileStoreRoutes, serverApp, signContainerUrl, startServer } from '@sealroom/host';
import { generateCek } from '@sealroom/seal';
import { expect, onTestFinished, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';
import { EXIT } from '../error.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

type Stage = {
  readonly upload: (...more: string[]) => ReturnType<typeof sealroom>;
  readonly sealed: string;
  readonly stored: (path: string) => string;
  /** Paths of the uploads that arrived. */
  readonly puts: string[];
  /** Breaks every upload from this one on. */
  breakFrom: number;
};

async function setStage(): Promise<Stage> {
  const folder = await temporaryFolder();
  const plain = join(folder, 'plain');
  await mkdir(plain);
  for (const name of ['a.csv', 'b.csv', 'c.csv']) await writeFile(join(plain, name), name.repeat(1000));
  const cek = await fileIn(folder, 'cek.key', generateCek());
  const sealed = join(folder, 'sealed');
  const made = await sealroom(['seal', 'folder', plain, sealed, '--cek', cek, '--kind', 'dataset', '--json']);
  expect(made.exit).toBe(EXIT.ok);
  const directory = join(folder, 'store');
  const secret = new Uint8Array(32).fill(7);
  const log = createLog({ name: 'test', silent: true });
  const app = serverApp({ name: 'test', log });
  const stage = { sealed, puts: [] as string[], breakFrom: Number.POSITIVE_INFINITY };
  app.use('/files/*', async (c, next) => {
    if (c.req.method === 'PUT') {
      if (stage.puts.length >= stage.breakFrom) throw new Error('the store broke');
      stage.puts.push(new URL(c.req.url).pathname.slice('/files/data/'.length));
    }
    await next();
  });
  app.route('/', fileStoreRoutes({ directory, secret, now: () => NOW }));
  const server = await startServer({ app, host: '127.0.0.1', port: 0, log, drainMs: 10 });
  onTestFinished(() => server.close());
  const common = { baseUrl: server.url, container: 'data', secret, expires: NOW / 1000 + 3600 };
  const write = await fileIn(folder, 'write.url', `${signContainerUrl({ ...common, permissions: 'w' })}\n`);
  const read = await fileIn(folder, 'read.url', `${signContainerUrl({ ...common, permissions: 'r' })}\n`);
  const given = ['upload', sealed, '--to-file', write, '--read-url-file', read, '--json'];
  return Object.assign(stage, {
    upload: (...more: string[]) => sealroom([...given, ...more]),
    stored: (path: string) => join(directory, 'data', path),
  });
}

test('an upload that broke goes on with what the store does not hold', async () => {
  const stage = await setStage();
  stage.breakFrom = 3;
  const broken = await stage.upload();
  expect(broken.exit).toBe(EXIT.unreachable);
  expect(stage.puts).toEqual(['a.csv', 'a.csv.tree', 'b.csv']);
  stage.breakFrom = Number.POSITIVE_INFINITY;
  const done = await stage.upload();
  expect(done).toMatchObject({ exit: EXIT.ok, json: { ok: true, files: 7, kept: 3 } });
  expect(stage.puts.slice(3)).toEqual(['b.csv.tree', 'c.csv', 'c.csv.tree', 'inventory.sealed']);
  for (const path of stage.puts) {
    expect(await readFile(stage.stored(path))).toEqual(await readFile(join(stage.sealed, path)));
  }
  expect(await stage.upload()).toMatchObject({ exit: EXIT.ok, json: { kept: 7 } });
  expect(stage.puts.length).toBe(7);
});

test('a file that lies at the store with other bytes of the same length is not taken for ours', async () => {
  const stage = await setStage();
  stage.breakFrom = 3;
  await stage.upload();
  stage.breakFrom = Number.POSITIVE_INFINITY;
  const swapped = await readFile(stage.stored('a.csv'));
  swapped[100] = (swapped[100] ?? 0) ^ 1;
  await writeFile(stage.stored('a.csv'), swapped);
  expect(await stage.upload()).toMatchObject({ exit: EXIT.refused, json: { code: 'blob/exists' } });
});
