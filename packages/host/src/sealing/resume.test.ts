// Sealings that were interrupted: by a cancel, a kill, a full disk; and what somebody may do to what they left.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { base64urlDecode, type Bytes, hexEncode } from '@sealroom/bytes';
import { assetKey, generateCek, parseHeader } from '@sealroom/seal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFolder, type SealedVersion, sealFolder } from './index.ts';
import { openPartial, partialName } from './partial.ts';

let root: string;
let input: string;
let sealed: string;
let cek: Bytes;
let partial: string;

const SMALL = 20;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'resume-'));
  [input, sealed] = [join(root, 'input'), join(root, 'sealed')];
  partial = partialName(sealed);
  cek = generateCek();
  for (let i = 0; i < SMALL; i++) await put(`small/${i}.csv`, randomBytes(1000));
  await put('large.bin', randomBytes(5_000_000));
});
afterEach(async () => rm(root, { recursive: true }));

async function put(path: string, content: Uint8Array): Promise<void> {
  const file = join(input, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    found[file.slice(folder.length + 1)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return found;
}

const seal = async (change: object = {}): Promise<SealedVersion> =>
  sealFolder({ input, output: sealed, cek, kind: 'dataset', ...change });

/** Cancels when the small files are done, which is before the large one. */
async function interrupt(): Promise<void> {
  const controller = new AbortController();
  const stopped = seal({ signal: controller.signal, onProgress: () => controller.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'sealing/cancelled' });
  expect((await readdir(root)).toSorted()).toEqual(['.sealed.sealroom-partial', 'input']);
}

const saltOf = async (file: string) => hexEncode(parseHeader(await readFile(file)).salt);
const inPartial = (path: string) => join(partial, 'sealed', path);

/** Opens what was sealed, which must be what the input holds now, and nothing else may be left. */
async function opens(version: SealedVersion): Promise<void> {
  const opened = join(root, 'opened');
  const key = await assetKey(cek, base64urlDecode(version.assetSalt), 'dataset');
  await openFolder({ input: sealed, output: opened, assetKey: key, expected: { digest: version.digest } });
  expect(await contents(opened)).toEqual(await contents(input));
  expect((await readdir(root)).toSorted()).toEqual(['input', 'opened', 'sealed']);
}

test('goes on after a cancel with the files that are whole, as they are', async () => {
  await interrupt();
  const { 'large.bin': _unfinished, ...before } = await contents(join(partial, 'sealed'));
  const version = await seal();
  expect(version.kept).toBe(SMALL);
  expect(await contents(sealed)).toMatchObject(before);
  await opens(version);
});

test('goes on after it was killed, however often', async () => {
  for (let i = 0; i < 2000; i++) await put(`many/${i}`, randomBytes(10));
  const program = `
    import { sealFolder } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
    const cek = Uint8Array.from(Buffer.from(process.argv[3], 'hex'));
    await sealFolder({ input: process.argv[1], output: process.argv[2], cek, kind: 'dataset',
      onProgress: ({ path }) => process.stdout.write(path + '\\n') });`;
  const given = ['--input-type=module', '-e', program, input, sealed, hexEncode(cek)];
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout.once('data', () => child.kill('SIGKILL'));
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
  }
  const version = await seal();
  expect(version.kept).toBeGreaterThan(0);
  expect(version.inventory.files.length).toBe(SMALL + 2001);
  await opens(version);
});

test('goes on after the disk would take no more', async () => {
  // A limit on the size of one file answers like a full disk, for the large file alone.
  const program = `
    import { sealFolder } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
    const cek = Uint8Array.from(Buffer.from(process.argv[3], 'hex'));
    await sealFolder({ input: process.argv[1], output: process.argv[2], cek, kind: 'dataset' })
      .catch((error) => process.stdout.write(error.code));`;
  const limited = 'ulimit -f 2000; exec "$0" "$@"';
  const given = [
    '-c',
    limited,
    process.execPath,
    '--input-type=module',
    '-e',
    program,
    input,
    sealed,
    hexEncode(cek),
  ];
  const child = spawn('bash', given, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  await new Promise((resolve) => child.once('close', resolve));
  expect(said).toBe('sealing/io');
  expect(await readdir(root)).not.toContain('sealed');
  const version = await seal();
  expect(version.kept).toBe(SMALL);
  await opens(version);
});

test('seals a source that changed meanwhile anew, under another salt, even if its time was set back', async () => {
  await interrupt();
  const [changed, same] = ['small/3.csv', 'small/4.csv'];
  const salts = { changed: await saltOf(inPartial(changed)), same: await saltOf(inPartial(same)) };
  const { atime, mtime } = await stat(join(input, changed));
  await put(changed, randomBytes(1000));
  await utimes(join(input, changed), atime, mtime);
  const version = await seal();
  expect(version.kept).toBe(SMALL - 1);
  expect(await saltOf(join(sealed, changed))).not.toBe(salts.changed);
  expect(await saltOf(join(sealed, same))).toBe(salts.same);
  await opens(version);
});

test('leaves out what is gone from the source, and takes in what is new', async () => {
  await interrupt();
  await rm(join(input, 'small/3.csv'));
  await put('small/new.csv', randomBytes(10));
  const version = await seal();
  expect(version.kept).toBe(SMALL - 1);
  await opens(version);
});

test('starts anew when asked, under another key', async () => {
  await interrupt();
  const before = await saltOf(inPartial('small/1.csv'));
  const version = await seal({ fresh: true });
  expect(version.kept).toBe(0);
  expect(await saltOf(join(sealed, 'small/1.csv'))).not.toBe(before);
  await opens(version);
});

test('what is kept beside the folder is written before the folder has its name', async () => {
  const seen: boolean[] = [];
  const version = await seal({
    beforePlacing: async () => {
      seen.push((await readdir(root)).includes('sealed'));
    },
  });
  expect(seen).toEqual([false]);
  const failing = seal({
    overwrite: true,
    beforePlacing: async () => Promise.reject(new Error('the version file could not be written')),
  });
  await expect(failing).rejects.toThrow('the version file');
  expect((await seal({ overwrite: true })).kept).toBe(SMALL + 1);
  expect(version.kept).toBe(0);
});

describe('cheating', () => {
  async function flip(file: string, at: number): Promise<void> {
    const bytes = await readFile(file);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
  }

  test('a sealed file that was replaced in between is sealed anew and not kept', async () => {
    await interrupt();
    await flip(inPartial('small/1.csv'), 500);
    // Another file of the same owner and sealing, leaves and all.
    await cp(inPartial('small/2.csv'), inPartial('small/3.csv'));
    await cp(inPartial('small/2.csv.tree'), inPartial('small/3.csv.tree'));
    await flip(inPartial('small/4.csv.tree'), 3);
    await writeFile(inPartial('small/5.csv'), 'short');
    await rm(inPartial('small/6.csv'));
    await rm(inPartial('small/7.csv.tree'));
    const version = await seal();
    expect(version.kept).toBe(SMALL - 6);
    await opens(version);
  });

  test('a file that nobody sealed, put into the folder, does not stay', async () => {
    await interrupt();
    await writeFile(inPartial('planted'), 'x');
    await writeFile(inPartial('large.bin'), 'x');
    await opens(await seal());
    expect(await readdir(sealed)).not.toContain('planted');
  });

  test('a link in the folder, or in its place, stops the sealing', async () => {
    await interrupt();
    await rm(inPartial('small/1.csv'));
    await symlink('/etc/passwd', inPartial('small/1.csv'));
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/odd-file' });
    await rename(partial, join(root, 'elsewhere'));
    await symlink(join(root, 'elsewhere'), partial);
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/bad-partial' });
    await rm(partial);
    await mkdir(partial);
    await chmod(partial, 0o777);
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/bad-partial' });
  });

  test('a sealing under another key, or of another kind, is not gone on with', async () => {
    await interrupt();
    await expect(seal({ cek: generateCek() })).rejects.toMatchObject({ code: 'sealing/bad-partial' });
    await expect(seal({ kind: 'algorithm' })).rejects.toMatchObject({ code: 'sealing/bad-partial' });
    const version = await seal();
    expect(version.kept).toBe(SMALL);
    await opens(version);
  });

  test('two sealings to one output do not meet', async () => {
    const first = await openPartial({ output: sealed, cek, kind: 'dataset', fresh: false });
    await expect(seal()).rejects.toMatchObject({ code: 'sealing/busy' });
    await first.close(false);
    await opens(await seal());
  });
});

describe('the journal', () => {
  const open = async () => openPartial({ output: sealed, cek, kind: 'dataset', fresh: false });
  const source = { size: 1, inode: 2, mtimeMs: 3.5, ctimeMs: 4 };
  const entryOf = (path: string) =>
    ({ path, source, size: 1, tree: `sha256:${'a'.repeat(64)}`, salt: 'c2FsdA' }) as const;

  async function written(): Promise<Buffer> {
    const made = await open();
    await made.note([entryOf('Größe 😀'), entryOf('b')]);
    await made.note([entryOf('c')]);
    await made.close(true);
    return readFile(join(partial, 'journal'));
  }

  test('cut off at any byte, gives what was written whole before, and can be written on', async () => {
    const journal = await written();
    const ends = journal.reduce<number[]>((all, byte, at) => (byte === 10 ? [...all, at + 1] : all), []);
    expect(ends.length).toBe(3);
    for (let cut = 0; cut < journal.length; cut++) {
      await writeFile(join(partial, 'journal'), journal.subarray(0, cut));
      const whole = ends.filter((end) => end <= cut).length;
      const again = await open();
      expect(again.entries.map(({ path }) => path)).toEqual(whole < 2 ? [] : ['Größe 😀', 'b']);
      await again.note([entryOf('d')]);
      await again.close(true);
      const last = await open();
      expect(last.entries.at(-1)).toEqual(entryOf('d'));
      await last.close(true);
    }
  });

  test('with a line changed, moved or written by somebody else, gives nothing from there on', async () => {
    const journal = (await written()).toString('latin1');
    const [start = '', one = '', two = ''] = journal.split('\n');
    const cases: [string, string[]][] = [
      [[start, two, one, ''].join('\n'), []],
      [[start, one, one, ''].join('\n'), ['Größe 😀', 'b']],
      [[start, one.replace('"b"', '"x"'), two, ''].join('\n'), []],
      [[start, `[]\t${'0'.repeat(64)}`, ''].join('\n'), []],
      [[start, one, '\0'.repeat(100), ''].join('\n'), ['Größe 😀', 'b']],
    ];
    for (const [text, paths] of cases) {
      await writeFile(join(partial, 'journal'), text, 'latin1');
      const again = await open();
      expect(again.entries.map(({ path }) => path)).toEqual(paths);
      await again.close(true);
    }
    for (const bad of [start.replace('dataset', 'algorithm'), 'no journal', '{"v":2}\t00', '', one]) {
      await writeFile(join(partial, 'journal'), `${bad}\n${one}\n`, 'latin1');
      await expect(open()).rejects.toMatchObject({ code: 'sealing/bad-partial' });
    }
  });
});
