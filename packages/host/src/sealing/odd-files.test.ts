// Things in a folder that are not plain files with a content of their own, and what is left of them in a sealed version.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, link, lstat, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64urlDecode } from '@sealroom/bytes';
import { assetKey, generateCek } from '@sealroom/seal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolder, sealFolder } from './index.ts';

let root: string;
let input: string;
const cek = generateCek();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sealroom-odd-'));
  input = join(root, 'input');
  await mkdir(input);
});
afterEach(() => rm(root, { recursive: true }));

async function throughASeal(): Promise<string> {
  const [output, back] = [join(root, 'sealed'), join(root, 'back')];
  const version = await sealFolder({ input, output, cek, kind: 'dataset' });
  const key = await assetKey(cek, base64urlDecode(version.assetSalt), 'dataset');
  await openFolder({ input: output, output: back, assetKey: key });
  return back;
}

/** A folder of character devices that is there on every Linux with terminals. */
const DEVICES = '/dev/pts';
const devices = existsSync(DEVICES) && readdirSync(DEVICES).length > 0;
if (!devices) process.stderr.write(`skipped: ${DEVICES} holds no device here\n`);

describe('a folder to seal', () => {
  it.skipIf(!devices && process.env['CI'] !== 'true')('holds no devices', async () => {
    const sealing = sealFolder({ input: DEVICES, output: join(root, 'sealed'), cek, kind: 'dataset' });
    await expect(sealing).rejects.toMatchObject({ code: 'sealing/odd-file' });
    expect(existsSync(join(root, 'sealed'))).toBe(false);
  });

  it('gives a file that has two names two contents of their own', async () => {
    const content = randomBytes(100);
    await writeFile(join(input, 'a'), content);
    await link(join(input, 'a'), join(input, 'b'));
    const back = await throughASeal();
    const [a, b] = [await stat(join(back, 'a')), await stat(join(back, 'b'))];
    expect(a.ino).not.toBe(b.ino);
    expect([a.nlink, b.nlink]).toEqual([1, 1]);
    expect(await readFile(join(back, 'b'))).toEqual(content);
    const sealed = await Promise.all(['a', 'b'].map((name) => readFile(join(root, 'sealed', name))));
    expect(sealed[0]).not.toEqual(sealed[1]);
  });

  it('carries no right to run as somebody else', async () => {
    for (const [name, mode] of [
      ['setuid', 0o4755],
      ['setgid', 0o2755],
      ['sticky', 0o1777],
    ] as const) {
      await writeFile(join(input, name), '#!/bin/sh\n');
      await chmod(join(input, name), mode);
    }
    const back = await throughASeal();
    for (const name of ['setuid', 'setgid', 'sticky'])
      expect((await lstat(join(back, name))).mode & 0o7000).toBe(0);
  });

  it('has holes in its files filled: what comes out is as long as what was read', async () => {
    const sparse = await open(join(input, 'sparse'), 'w');
    await sparse.truncate(8 * 1024 * 1024 + 1);
    await sparse.write(Buffer.from('x'), 0, 1, 5_000_000);
    await sparse.close();
    const back = await throughASeal();
    const bytes = await readFile(join(back, 'sparse'));
    expect(bytes.length).toBe(8 * 1024 * 1024 + 1);
    expect(bytes[5_000_000]).toBe('x'.charCodeAt(0));
    // Nothing is compressed, so nothing grows when it is opened: a sealed file is longer than its content.
    expect((await stat(join(root, 'sealed', 'sparse'))).size).toBeGreaterThan(bytes.length);
  });
});
