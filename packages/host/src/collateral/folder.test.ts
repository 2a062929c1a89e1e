// The folder: whole files or none, one writer, bounded, believed only while names are true; kills and several processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Encode } from '@sealroom/bytes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDirectory } from '../files.ts';
import { openCollateralFolder } from './folder.ts';
import { makeVendors, setStage, type Stage } from './stage-for-tests.ts';

const vendors = await makeVendors();
const { snp, tdx } = vendors;

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

const piece = (name: string, text: string) => ({ name, form: 'json' as const, bytes: utf8Encode(text) });

test('two stores at once over one folder keep one file of each, and both are served', async () => {
  const stores = await Promise.all([stage.open(), stage.open()]);
  const found = await Promise.all(stores.flatMap((store) => [store.gather(snp), store.gather(tdx)]));
  expect(found.flatMap(({ unmet }) => unmet)).toEqual([]);
  const names = (await readdir(stage.folder)).map((file) => file.replace(/_\d{13}_.*$/, ''));
  expect(names).toHaveLength(new Set(names).size);
  expect(names).not.toContain('lock');
});

test('what a killed writer left is not read, and is cleared by the next one', async () => {
  const store = await stage.open();
  await store.gather(snp);
  const [file = ''] = await readdir(stage.folder);
  const whole = await readFile(join(stage.folder, file));
  const half = `.${file}.0011223344556677.tmp`;
  await writeFile(join(stage.folder, half), whole.subarray(0, whole.length / 2));
  await rm(join(stage.folder, file));
  const next = await stage.open();
  const { unmet } = await next.gather(snp);
  expect(unmet).toEqual([]);
  expect(await readdir(stage.folder)).not.toContain(half);
});

test('the lock of a process that died is taken over', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  await writeFile(join(stage.folder, 'lock'), `${child.pid} 1\n`);
  const folder = await openCollateralFolder(stage.folder);
  expect(await folder.put([piece('a_b', '{}')], 1)).toHaveLength(1);
});

test('a writer waits for another, and gives up with a code when that goes on', async () => {
  const folder = await openCollateralFolder(stage.folder);
  const lock = lockDirectory(stage.folder);
  const waiting = folder.put([piece('a', '{}')], 1);
  lock.release();
  expect(await waiting).toHaveLength(1);
  const other = lockDirectory(stage.folder);
  await expect(folder.put([piece('b', '{}')], 1)).rejects.toMatchObject({ code: 'collateral/busy' });
  other.release();
  expect(await folder.list()).toHaveLength(1);
}, 20_000);

test.each([
  [
    'a bit that flipped',
    async (path: string) => {
      const bytes = await readFile(path);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      await writeFile(path, bytes);
    },
  ],
  ['half of its bytes', async (path: string) => writeFile(path, (await readFile(path)).subarray(0, 100))],
  ['no bytes', async (path: string) => writeFile(path, '')],
  [
    'a link to itself in its place',
    async (path: string) => {
      await rm(path);
      await symlink(path, path);
    },
  ],
])('a file with %s counts as none and is fetched again', async (_, damage) => {
  await (await stage.open()).gather(snp);
  const file = (await readdir(stage.folder)).find((name) => name.startsWith('amd-crl')) ?? '';
  await damage(join(stage.folder, file));
  const offline = await stage.open({ offline: true });
  expect((await offline.forEvidence(snp)).crls).toEqual([]);
  expect((await offline.list()).bad.map(({ code }) => code)).toEqual(['collateral/damaged']);
  expect((await (await stage.open()).forEvidence(snp)).crls).toHaveLength(1);
});

test('a genuine piece under the name of another answers neither', async () => {
  const store = await stage.open();
  await store.gather(tdx);
  const files = await readdir(stage.folder);
  const file = files.find((name) => name.startsWith('intel-root-crl')) ?? '';
  await rename(
    join(stage.folder, file),
    join(stage.folder, file.replace('intel-root-crl', 'intel-pck-crl_platform')),
  );
  const pck = files.find((name) => name.startsWith('intel-pck-crl')) ?? '';
  await rm(join(stage.folder, pck));
  const offline = await stage.open({ offline: true });
  expect((await offline.forEvidence(tdx)).crls).toEqual([]);
  expect((await offline.list()).bad.map(({ code }) => code)).toEqual(['collateral/misnamed']);
});

test('other files in the folder are left alone and not read', async () => {
  await writeFile(join(stage.folder, 'README.txt'), 'mine');
  await writeFile(join(stage.folder, 'amd-crl_vcek_Milan_1.der'), 'mine');
  const store = await stage.open();
  await store.gather(snp);
  expect((await store.list()).bad).toEqual([]);
  expect(await readdir(stage.folder)).toEqual(
    expect.arrayContaining(['README.txt', 'amd-crl_vcek_Milan_1.der']),
  );
});

test('the folder stays bounded, and many of one kind do not push out another', async () => {
  const folder = await openCollateralFolder(stage.folder, { files: 4, bytes: 1_000_000 });
  await folder.put([piece('crl_a', '{}')], 1);
  for (let at = 2; at < 12; at++) await folder.put([piece(`chip_${at}`, `{"at":${at}}`)], at);
  const names = (await folder.list()).map(({ name }) => name).toSorted();
  expect(names).toEqual(['chip_10', 'chip_11', 'chip_9', 'crl_a']);
  const small = await openCollateralFolder(stage.folder, { files: 100, bytes: 20 });
  await small.put([piece('crl_b', '{}')], 20);
  expect((await small.list()).length).toBeLessThan(4);
});

test('a name that no file may have is not written', async () => {
  const folder = await openCollateralFolder(stage.folder);
  for (const name of ['../a', 'a/b', '', 'a b', `${'a_'.repeat(9)}a`])
    await expect(folder.put([piece(name, '{}')], 1)).rejects.toThrow(TypeError);
  expect(await readdir(stage.folder)).toEqual([]);
});

test('a folder that others may write into is refused, and the mode of one that is there stays', async () => {
  const path = join(stage.folder, 'given');
  await mkdir(path);
  await chmod(path, 0o777);
  await expect(openCollateralFolder(path)).rejects.toMatchObject({ code: 'file/not-private' });
  await chmod(path, 0o755);
  await openCollateralFolder(path);
  expect((await stat(path)).mode & 0o777).toBe(0o755);
});

function writer(name: string, count: number) {
  const script = join(import.meta.dirname, 'writer-for-tests.ts');
  return spawn(process.execPath, [script, stage.folder, name, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('of processes that write at once and are killed, the folder holds whole files alone', async () => {
  const folder = await openCollateralFolder(stage.folder);
  for (let round = 0; round < 4; round++) {
    const writers = [writer('one', 10_000), writer('two', 10_000)];
    const ended = writers.map((child) => once(child, 'exit'));
    // Killed at different places: after some writes of either, wherever both then are.
    await Promise.race(writers.map((child) => once(child.stdout, 'data')));
    await new Promise((resolve) => {
      setTimeout(resolve, 7 * round);
    });
    for (const child of writers) child.kill('SIGKILL');
    await Promise.all(ended);
    for (const kept of await folder.list()) expect(await folder.read(kept)).toBeDefined();
  }
  const last = writer('three', 2);
  expect(await once(last, 'exit')).toEqual([0, null]);
  const files = await readdir(stage.folder);
  expect(files.filter((file) => file.startsWith('.') || file === 'lock')).toEqual([]);
  expect(files.filter((file) => file.startsWith('three'))).toHaveLength(2);
}, 120_000);
