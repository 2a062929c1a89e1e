// A kernel of our own behind real files: it makes the attributes when a folder is made, counts generations, and can be told
// to be disturbed, to refuse and to take only a part.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { base64urlDecode, concat, hexEncode } from '@sealroom/bytes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configfsTsm, LINUX_FILES, type TsmFiles, tsmTechnology } from './configfs-tsm.ts';

type Kernel = TsmFiles & {
  /** Called before each operation with the name of the file. */
  before: (operation: 'read' | 'write', name: string, folder: string) => Promise<void> | void;
  readonly made: string[];
};

const report = new Uint8Array(1184).fill(7);
const table = new Uint8Array(100).fill(8);
let folder: string;

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function bump(path: string): Promise<void> {
  const file = join(path, 'generation');
  await writeFile(file, `${Number(await readFile(file, 'utf8')) + 1}\n`);
}

function kernel({ provider = 'sev_guest', floor = 0, aux = true } = {}): Kernel {
  const self: Kernel = {
    before: () => undefined,
    made: [],
    async makeDirectory(path) {
      await mkdir(path);
      self.made.push(basename(path));
      await writeFile(join(path, 'generation'), '0\n');
      await writeFile(join(path, 'provider'), `${provider}\n`);
      await writeFile(join(path, 'privlevel_floor'), `${floor}\n`);
    },
    removeDirectory: async (path) => rm(path, { recursive: true }),
    async read(path) {
      await self.before('read', basename(path), dirname(path));
      if (basename(path) === 'outblob') {
        const asked = await readFile(join(dirname(path), 'inblob'));
        return concat(asked, report.subarray(asked.length));
      }
      if (basename(path) === 'auxblob') {
        if (!aux) throw failure('ENOENT');
        return table;
      }
      return LINUX_FILES.read(path);
    },
    async write(path, bytes) {
      await self.before('write', basename(path), dirname(path));
      await writeFile(path, '');
      const count = await LINUX_FILES.write(path, bytes);
      await bump(dirname(path));
      return count;
    },
  };
  return self;
}

const B = new Uint8Array(32).fill(5);
const run = new Uint8Array(32).fill(6);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-tsm-'));
});
afterEach(async () => {
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

async function bodyOf(files: Kernel, options: object = {}): Promise<Uint8Array> {
  const provider = await configfsTsm({ folder, files, ...options });
  return base64urlDecode((await provider.provide(B, run)).body);
}

test('asks with B and zeros, and gives report and certificate table of a SEV-SNP guest', async () => {
  const files = kernel();
  const provider = await configfsTsm({ folder, files });
  expect(provider).toMatchObject({ name: 'configfs-tsm', technology: 'sev-snp' });
  const evidence = await provider.provide(B, run);
  const bytes = base64urlDecode(evidence.body);
  expect(evidence.technology).toBe('sev-snp');
  expect(hexEncode(bytes.subarray(0, 64))).toBe('05'.repeat(32) + '00'.repeat(32));
  expect(bytes).toHaveLength(1184 + 100);
  expect(new Set(files.made).size).toBe(files.made.length);
});

test('gives the quote alone of a TDX guest, and the report alone where there is no table', async () => {
  expect(await tsmTechnology({ folder, files: kernel({ provider: 'tdx_guest' }) })).toBe('tdx');
  expect(await bodyOf(kernel({ provider: 'tdx_guest' }))).toHaveLength(1184);
  expect(await bodyOf(kernel({ aux: false }))).toHaveLength(1184);
});

test('tries again when another wrote in between, whichever file was being read', async () => {
  for (const name of ['outblob', 'auxblob']) {
    const files = kernel();
    let left = 2;
    files.before = async (_, file, path) => {
      if (file === name && left > 0) {
        left -= 1;
        await writeFile(join(path, 'inblob'), new Uint8Array(64).fill(0xee));
        await bump(path);
      }
    };
    const bytes = await bodyOf(files);
    expect(hexEncode(bytes.subarray(0, 32)), name).toBe('05'.repeat(32));
    expect(left).toBe(0);
  }
});

test('never gives a report over what another wrote, and says so when that goes on', async () => {
  const files = kernel();
  files.before = async (_, file, path) => {
    if (file === 'outblob') await bump(path);
  };
  await expect(bodyOf(files)).rejects.toMatchObject({ code: 'provider/busy' });
});

test.each(['EBUSY', 'EAGAIN', 'EINTR'])('tries again after %s', async (code) => {
  const files = kernel();
  let left = 3;
  files.before = (operation, file) => {
    if (left > 0 && (operation === 'write' || file === 'outblob')) {
      left -= 1;
      throw failure(code);
    }
  };
  expect(await bodyOf(files)).toHaveLength(1284);
});

test('tries again when only a part of the report data was taken', async () => {
  const files = kernel();
  const { write } = files;
  let left = 1;
  files.write = async (path, bytes) => {
    if (left === 0) return write(path, bytes);
    left -= 1;
    return write(path, bytes.subarray(0, 10));
  };
  expect(hexEncode((await bodyOf(files)).subarray(0, 32))).toBe('05'.repeat(32));
  files.write = async (path, bytes) => write(path, bytes.subarray(0, 10));
  await expect(bodyOf(files)).rejects.toMatchObject({ code: 'provider/busy' });
});

test.each([
  ['EFBIG', 'provider/too-large'],
  ['EACCES', 'provider/unavailable'],
  ['ENXIO', 'provider/refused'],
  ['EIO', 'provider/refused'],
])('tells %s as %s, and does not try again', async (code, told) => {
  const files = kernel();
  let count = 0;
  files.before = (_, file) => {
    if (file !== 'outblob') return;
    count += 1;
    throw failure(code);
  };
  await expect(bodyOf(files)).rejects.toMatchObject({ code: told });
  expect(count).toBe(1);
});

test('says so where there is no such interface, or a provider that is not known', async () => {
  await expect(configfsTsm({ folder: join(folder, 'none') })).rejects.toMatchObject({
    code: 'provider/unavailable',
  });
  for (const provider of ['arm_cca_guest', 'toString', ''])
    await expect(configfsTsm({ folder, files: kernel({ provider }) })).rejects.toMatchObject({
      code: 'provider/unavailable',
    });
});

test('asks at the privilege level it is told, and not below the floor', async () => {
  const files = kernel({ floor: 1 });
  const written: string[] = [];
  files.before = (operation, file) => {
    if (operation === 'write') written.push(file);
  };
  await bodyOf(files, { privilegeLevel: 2 });
  expect(written).toEqual(['privlevel', 'inblob']);
  await expect(bodyOf(files, { privilegeLevel: 0 })).rejects.toMatchObject({ code: 'provider/refused' });
});

test('does not believe a generation that is no number, a huge report or an empty one', async () => {
  const odd = async (name: string, bytes: Uint8Array) => {
    const files = kernel();
    const { read } = files;
    files.read = async (path) => (basename(path) === name ? bytes : read(path));
    return bodyOf(files);
  };
  for (const name of ['generation', 'provider'])
    await expect(odd(name, new Uint8Array([0xff, 0xfe]))).rejects.toMatchObject({
      code: expect.stringMatching(/^provider\/(?:malformed|unavailable)$/),
    });
  await expect(odd('generation', new Uint8Array([0x78]))).rejects.toMatchObject({
    code: 'provider/malformed',
  });
  await expect(odd('outblob', new Uint8Array(200_000))).rejects.toMatchObject({ code: 'provider/too-large' });
  await expect(odd('outblob', new Uint8Array())).rejects.toMatchObject({ code: 'provider/malformed' });
});
