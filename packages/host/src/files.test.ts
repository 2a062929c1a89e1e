import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureDirectory, lockDirectory, readSecretFile, writeFileAtomic } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('atomic writes', () => {
  it('replace a file whole, with the mode asked for, and leave nothing beside it', async () => {
    const own = join(folder, 'atomic');
    await ensureDirectory(own);
    await writeFileAtomic(join(own, 'f'), 'one', 0o644);
    await writeFileAtomic(join(own, 'f'), new Uint8Array([0x32]), 0o600);
    expect(readFileSync(join(own, 'f'), 'utf8')).toBe('2');
    expect(statSync(join(own, 'f')).mode & 0o777).toBe(0o600);
    expect(readdirSync(own)).toEqual(['f']);
  });

  it('leave nothing behind when the rename fails', async () => {
    const own = join(folder, 'failing');
    await ensureDirectory(join(own, 'taken'));
    await expect(writeFileAtomic(join(own, 'taken'), 'x')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readdirSync(own)).toEqual(['taken']);
  });
});

describe('secrets and directories', () => {
  it('refuse a secret that the group or others may read', () => {
    const path = join(folder, 'secret');
    writeFileSync(path, 'x', { mode: 0o600 });
    expect(readSecretFile(path).toString()).toBe('x');
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      chmodSync(path, mode);
      expect(() => readSecretFile(path)).toThrow(expect.objectContaining({ code: 'file/not-private' }));
    }
    expect(() => readSecretFile(join(folder, 'none'))).toThrow(
      expect.objectContaining({ code: 'file/missing' }),
    );
  });

  it('tighten a directory that was open', async () => {
    const path = join(folder, 'deep', 'er');
    await ensureDirectory(path, 0o755);
    await ensureDirectory(path, 0o700);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });
});

describe('directory locks', () => {
  it('refuse a second holder until the first releases', async () => {
    const path = join(folder, 'locked');
    await ensureDirectory(path);
    const lock = lockDirectory(path);
    expect(() => lockDirectory(path)).toThrow(expect.objectContaining({ code: 'file/locked' }));
    lock.release();
    lockDirectory(path).release();
    expect(readdirSync(path)).toEqual([]);
  });

  it('take over from a process that is gone, or whose pid now belongs to another', async () => {
    const path = join(folder, 'stale');
    await ensureDirectory(path);
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(join(path, 'lock'), `${pid} 1\n`);
    lockDirectory(path).release();
    if (existsSync('/proc/self/stat')) {
      writeFileSync(join(path, 'lock'), `${process.pid} 1\n`);
      lockDirectory(path).release();
    }
    expect(readdirSync(path)).toEqual([]);
  });
});
