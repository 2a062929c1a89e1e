import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PackageError } from './error.ts';
import { packageFiles, readPackage } from './read.ts';

const code = (value: string) => expect.objectContaining({ constructor: PackageError, code: value });
const DOCKERFILE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["run.sh"]\n';
const SECRETS = 'secretFiles:\n - ["models/m.json.sealed", "models/m.json"]\n';
const made: string[] = [];

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-package-'));
  made.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

describe('an algorithm package', () => {
  const whole = {
    Dockerfile: DOCKERFILE,
    'run.sh': '#!/bin/sh\n',
    'secrets.yaml': SECRETS,
    'models/m.json': '{}',
    'a b/é.txt': 'x',
  };

  test('is read with its files in order and its secret ones marked', async () => {
    const found = await readPackage(folderWith(whole));
    expect(found).toMatchObject({
      workdir: '/app',
      base: 'python:3.11-slim',
      entrypoint: { form: 'exec', command: ['run.sh'] },
      secretFiles: [{ sealed: 'models/m.json.sealed', plain: 'models/m.json' }],
    });
    expect(found.files.map((file) => [file.path, file.size, file.secret])).toEqual([
      ['Dockerfile', DOCKERFILE.length, false],
      ['a b/é.txt', 1, false],
      ['models/m.json', 2, true],
      ['run.sh', 10, false],
      ['secrets.yaml', SECRETS.length, false],
    ]);
    expect(await packageFiles(found.folder)).toEqual(found.files);
  });

  test('with compiled modules for the Python of its image says so; with a Python of its own any will do', async () => {
    const fitting = { ...whole, 'deps/m.cpython-311-x86_64-linux-gnu.so': '' };
    const other = { ...whole, 'deps/m.cpython-312-x86_64-linux-gnu.so': '', 'runtime/bin/python3.12': '' };
    expect((await readPackage(folderWith(fitting))).compiled).toHaveLength(1);
    expect((await readPackage(folderWith(other))).compiled).toEqual([]);
  });

  test('says which file its owner may execute', async () => {
    const folder = folderWith({ Dockerfile: DOCKERFILE });
    writeFileSync(join(folder, 'run.sh'), '', { mode: 0o755 });
    const files = await packageFiles(folder);
    expect(files.filter((file) => file.executable).map((file) => file.path)).toEqual(['run.sh']);
  });

  test('leaves out what version control, Python and desktops leave behind', async () => {
    const folder = folderWith({
      ...whole,
      '.git/config': '',
      'a b/__pycache__/x.pyc': '',
      '.DS_Store': '',
      '.env': 'kept',
    });
    expect((await packageFiles(folder)).map((file) => file.path)).toEqual([
      '.env',
      'Dockerfile',
      'a b/é.txt',
      'models/m.json',
      'run.sh',
      'secrets.yaml',
    ]);
  });

  test.each([
    ['package/missing-dockerfile', { 'run.sh': '' }],
    ['package/missing-dockerfile', { 'sub/Dockerfile': DOCKERFILE, 'run.sh': '' }],
    ['package/bad-entrypoint', { Dockerfile: `${DOCKERFILE}ENTRYPOINT ["./other.sh"]\n` }],
    ['package/bad-entrypoint', { Dockerfile: DOCKERFILE, 'run.sh': '#!/bin/sh\r\necho\r\n' }],
    ['package/secret-missing', { Dockerfile: DOCKERFILE, 'run.sh': '', 'secrets.yaml': SECRETS }],
    [
      'package/secret-missing',
      {
        ...whole,
        'models/m.json': '',
        'secrets.yaml': SECRETS.replace('"models/m.json"', '"models/M.json"'),
      },
    ],
    ['package/already-sealed', { ...whole, 'models/m.json.sealed': 'x' }],
    ['package/bad-secrets', { ...whole, 'secrets.yaml': 'secretFiles: &a []' }],
    ['package/too-large', { ...whole, 'secrets.yaml': `#${'x'.repeat(70_000)}` }],
    ['package/too-large', { ...whole, Dockerfile: `#${'x'.repeat(70_000)}` }],
    ['package/foreign-modules', { ...whole, 'deps/m.cpython-312-x86_64-linux-gnu.so': '' }],
    ['package/foreign-modules', { ...whole, 'deps/m.cp311-win_amd64.pyd': '' }],
    ['package/bad-path', { ...whole, 'x.tree': '' }],
    ['package/bad-path', { ...whole, 'inventory.sealed': '' }],
    ['package/bad-path', { ...whole, 'a\nb': '' }],
  ])('refuses with %s: %j', async (expected, files) => {
    await expect(readPackage(folderWith(files))).rejects.toThrow(code(expected));
  });

  test('refuses an encrypted package of EscrowAI, whose plain file is absent', async () => {
    const { 'models/m.json': _, ...rest } = whole;
    await expect(readPackage(folderWith({ ...rest, 'models/m.json.sealed': 'x' }))).rejects.toThrow(
      code('package/already-sealed'),
    );
  });

  test('refuses links, to files and to folders, and a link in place of the package', async () => {
    for (const target of ['run.sh', '/etc']) {
      const folder = folderWith(whole);
      symlinkSync(target, join(folder, 'link'));
      await expect(packageFiles(folder)).rejects.toThrow(code('package/not-a-file'));
    }
    const folder = folderWith({});
    symlinkSync(folderWith(whole), join(folder, 'package'));
    await expect(packageFiles(join(folder, 'package'))).rejects.toThrow(code('package/missing-folder'));
  });

  test('refuses a socket', async () => {
    const folder = folderWith(whole);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    try {
      await expect(packageFiles(folder)).rejects.toThrow(code('package/not-a-file'));
    } finally {
      server.close();
    }
  });

  // Where letter case does not count in file names there cannot be two such files.
  test.skipIf(process.platform === 'darwin')('refuses names that differ in letter case only', async () => {
    await expect(readPackage(folderWith({ ...whole, 'RUN.sh': '' }))).rejects.toThrow(
      code('package/bad-path'),
    );
  });

  test('refuses very many files, before it has looked at all of them', async () => {
    const folder = folderWith(whole);
    for (let count = 0; count <= 10_000; count++) closeSync(openSync(join(folder, `f${count}`), 'w'));
    await expect(packageFiles(folder)).rejects.toThrow(code('package/too-large'));
  });

  test('refuses a folder that is not there', async () => {
    await expect(readPackage(join(folderWith({}), 'none'))).rejects.toThrow(code('package/missing-folder'));
  });
});
