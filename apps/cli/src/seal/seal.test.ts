// Keys, files and folders through the command line.
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKekPair, importKekSecret, unwrapKey } from '@sealroom/seal';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';
import { EXIT } from '../error.ts';

async function withKey(): Promise<{ folder: string; key: string }> {
  const folder = await temporaryFolder();
  const key = join(folder, 'cek.key');
  expect((await sealroom(['key', 'cek', 'generate', key, '--json'])).json).toMatchObject({
    ok: true,
    out: key,
  });
  return { folder, key };
}

test('a CEK is 32 bytes that only its owner may read, and is never overwritten', async () => {
  const { key } = await withKey();
  expect(await readFile(key)).toHaveLength(32);
  expect((await stat(key)).mode & 0o777).toBe(0o600);
  expect((await sealroom(['key', 'cek', 'generate', key, '--json'])).json).toMatchObject({
    code: 'cli/file-exists',
  });
});

test('a CEK is wrapped so that the private half opens it', async () => {
  const { folder, key } = await withKey();
  const pair = await generateKekPair();
  const kek = await fileIn(folder, 'kek.der', pair.publicDer);
  const out = join(folder, 'wcek.bkenc');
  expect((await sealroom(['key', 'wrap', out, '--kek', kek, '--cek', key, '--json'])).exit).toBe(EXIT.ok);
  const secret = await importKekSecret(pair.privatePkcs8);
  expect(Buffer.from(await unwrapKey(secret, await readFile(out)))).toEqual(await readFile(key));
});

test('a file that is sealed opens again, under its path only', async () => {
  const { folder, key } = await withKey();
  const [plain, sealed, back] = [
    await fileIn(folder, 'a.csv', 'one,two\n'),
    join(folder, 'a.sealed'),
    join(folder, 'back'),
  ];
  const as = (path: string) => ['--key', key, '--path', path, '--json'];
  expect((await sealroom(['seal', 'file', plain, sealed, ...as('data/a.csv')])).json).toMatchObject({
    ok: true,
  });
  const moved = await sealroom(['open', 'file', sealed, back, ...as('data/b.csv')]);
  expect(moved).toMatchObject({ exit: EXIT.refused, json: { code: 'seal/not-authentic' } });
  expect((await sealroom(['open', 'file', sealed, back, ...as('data/a.csv')])).exit).toBe(EXIT.ok);
  expect(await readFile(back, 'utf8')).toBe('one,two\n');
});

test.each([
  ['a missing input', ['nothing'], 'sealing/no-input'],
  ['a key that is not 32 bytes', ['--short'], 'cli/bad-file'],
])('%s is unusable input', async (_name, [what], code) => {
  const { folder, key } = await withKey();
  const plain = what === 'nothing' ? join(folder, 'nothing') : await fileIn(folder, 'a.csv', 'one');
  const used = what === '--short' ? await fileIn(folder, 'short.key', `${'0'.repeat(32)}\n`) : key;
  const said = await sealroom([
    'seal',
    'file',
    plain,
    join(folder, 'x'),
    '--key',
    used,
    '--path',
    'a',
    '--json',
  ]);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code } });
});

test('a folder that is sealed opens again with what sealing wrote beside it', async () => {
  const { folder, key } = await withKey();
  const [plain, sealed, back] = ['plain', 'sealed', 'back'].map((name) => join(folder, name));
  await mkdir(join(plain ?? '', 'sub'), { recursive: true });
  await writeFile(join(plain ?? '', 'sub', 'a.csv'), 'one');
  const made = await sealroom([
    'seal',
    'folder',
    plain ?? '',
    sealed ?? '',
    '--cek',
    key,
    '--kind',
    'dataset',
    '--json',
  ]);
  expect(made.json).toMatchObject({ ok: true, kind: 'dataset', files: 1, bytes: 3 });
  const opened = await sealroom(['open', 'folder', sealed ?? '', back ?? '', '--cek', key, '--json']);
  expect(opened.exit).toBe(EXIT.ok);
  expect(await readFile(join(back ?? '', 'sub', 'a.csv'), 'utf8')).toBe('one');
});

test('a sealed folder does not open with another key', async () => {
  const { folder, key } = await withKey();
  const other = await fileIn(folder, 'other.key', new Uint8Array(32).fill(1));
  const plain = join(folder, 'plain');
  await mkdir(plain);
  await writeFile(join(plain, 'a.csv'), 'one');
  const sealed = join(folder, 'sealed');
  await sealroom(['seal', 'folder', plain, sealed, '--cek', key, '--kind', 'dataset', '--json']);
  const said = await sealroom(['open', 'folder', sealed, join(folder, 'back'), '--cek', other, '--json']);
  expect(said).toMatchObject({ exit: EXIT.refused, json: { code: 'seal/wrong-key' } });
});

test('an algorithm that could not run is refused before it is sealed', async () => {
  const { folder, key } = await withKey();
  const plain = join(folder, 'plain');
  await mkdir(plain);
  await writeFile(join(plain, 'a.py'), 'print(1)');
  const said = await sealroom([
    'seal',
    'folder',
    plain,
    join(folder, 's'),
    '--cek',
    key,
    '--kind',
    'algorithm',
    '--json',
  ]);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code: 'package/missing-dockerfile' } });
});

test('a package to start from can be checked and sealed as it is', async () => {
  const { folder, key } = await withKey();
  const dir = join(folder, 'model');
  expect((await sealroom(['algorithm', 'init', dir, '--language', 'javascript', '--json'])).exit).toBe(
    EXIT.ok,
  );
  expect((await sealroom(['algorithm', 'check', dir, '--json'])).json).toMatchObject({ ok: true });
  const sealed = join(folder, 'sealed');
  expect(
    (await sealroom(['seal', 'folder', dir, sealed, '--cek', key, '--kind', 'algorithm', '--json'])).exit,
  ).toBe(EXIT.ok);
});

/** A file as EscrowAI's tools make it: one salt for each. */
function bkenc(cek: Uint8Array, plaintext: string, salt = randomBytes(8)): Uint8Array {
  const derived = pbkdf2Sync(cek, salt, 10_000, 44, 'sha256');
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return new Uint8Array(Buffer.concat([Buffer.from('Salted__'), salt, body, cipher.getAuthTag()]));
}

test('EscrowAI’s files open, alone and by the folder, and a folder of them is sealed again', async () => {
  const { folder, key } = await withKey();
  const cek = new Uint8Array(32).fill(9);
  const theirs = await fileIn(folder, 'theirs.key', cek);
  const input = join(folder, 'input');
  await mkdir(input);
  const one = await fileIn(input, 'a.csv.bkenc', bkenc(cek, 'one'));
  await fileIn(input, 'b.csv.bkenc', bkenc(cek, 'two'));
  const [file, opened, sealed, back] = ['file', 'opened', 'sealed', 'back'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  const asBkenc = ['--format', 'bkenc', '--json'];
  expect((await sealroom(['open', 'file', one, file, '--key', theirs, ...asBkenc])).exit).toBe(EXIT.ok);
  expect(await readFile(file, 'utf8')).toBe('one');
  const all = await sealroom(['open', 'folder', input, opened, '--cek', theirs, ...asBkenc]);
  expect(all.json).toMatchObject({ ok: true, files: 2, bytes: 6 });
  expect(await readFile(join(opened, 'b.csv'), 'utf8')).toBe('two');
  const again = ['seal', 'folder', input, sealed, '--cek', key, '--bkenc-cek', theirs, '--json'];
  expect((await sealroom([...again, '--kind', 'dataset'])).json).toMatchObject({
    ok: true,
    files: 2,
    kept: 0,
  });
  expect((await sealroom(['open', 'folder', sealed, back, '--cek', key, '--json'])).exit).toBe(EXIT.ok);
  expect(await readFile(join(back, 'a.csv'), 'utf8')).toBe('one');
  expect((await sealroom([...again, '--kind', 'algorithm'])).json).toMatchObject({ code: 'cli/usage' });
});

test('EscrowAI’s files under one salt, or with options that mean nothing to them, are refused', async () => {
  const { folder, key } = await withKey();
  const cek = new Uint8Array(await readFile(key));
  const input = join(folder, 'input');
  await mkdir(input);
  const salt = randomBytes(8);
  const one = await fileIn(input, 'a.csv.bkenc', bkenc(cek, 'one', salt));
  await fileIn(input, 'b.csv.bkenc', bkenc(cek, 'two', salt));
  const out = join(folder, 'out');
  const open = ['open', 'folder', input, out, '--cek', key, '--json', '--format'];
  expect(await sealroom([...open, 'bkenc'])).toMatchObject({ json: { code: 'seal/repeated-salt' } });
  const sealed = [
    'seal',
    'folder',
    input,
    out,
    '--cek',
    key,
    '--kind',
    'dataset',
    '--bkenc-cek',
    key,
    '--json',
  ];
  expect(await sealroom(sealed)).toMatchObject({ exit: EXIT.refused, json: { code: 'seal/repeated-salt' } });
  const usage = { exit: EXIT.usage, json: { code: 'cli/usage' } };
  expect(await sealroom([...open, 'zip'])).toMatchObject(usage);
  expect(await sealroom([...open, 'bkenc', '--version-file', one])).toMatchObject(usage);
  const file = ['open', 'file', one, out, '--key', key, '--json'];
  expect(await sealroom([...file, '--format', 'bkenc', '--path', 'a.csv'])).toMatchObject(usage);
  expect(await sealroom(file)).toMatchObject(usage);
});
