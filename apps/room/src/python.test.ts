import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sandboxPython } from './python.ts';

let folder: string;

async function bin(name: string, program: string, link?: string): Promise<string> {
  const made = join(folder, name);
  await mkdir(made);
  await writeFile(join(made, program), '');
  if (link !== undefined) await symlink(program, join(made, link));
  return made;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-python-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test('the first python3 of the path counts, by the program that it links to', async () => {
  const old = await bin('old', 'python3.9', 'python3');
  const recent = await bin('recent', 'python3.13', 'python3');
  expect(sandboxPython([old, recent]).version).toBe('3.9');
  expect(sandboxPython([join(folder, 'absent'), recent, old]).version).toBe('3.13');
});

test('nothing is said of a python3 that does not name its version, nor of the one behind it', async () => {
  const plain = await bin('plain', 'python3');
  const behind = await bin('behind', 'python3.11', 'python3');
  expect(sandboxPython([plain, behind])).not.toHaveProperty('version');
  expect(sandboxPython([])).not.toHaveProperty('version');
});
