import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { layOut } from './fixture.ts';
import { canReach, chooseIdentity, type Identity, releaseIdentity } from './identity.ts';
import { createStage, hasSpace } from './stage.ts';

const roots: string[] = [];
const identities: Identity[] = [];
function packageOf(files: Readonly<Record<string, string>>): string {
  const root = layOut(files);
  roots.push(root);
  return root;
}
function identity(): Identity {
  const chosen = chooseIdentity();
  identities.push(chosen);
  return chosen;
}
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
  for (const chosen of identities.splice(0)) releaseIdentity(chosen);
});

const base = { files: [], spool: tmpdir() };

describe('a stage', () => {
  test('holds copies that belong to the run alone, scripts executable, and goes away', async () => {
    const root = packageOf({ 'run.sh': '#!/bin/sh\n', 'data/model.bin': 'x', empty: '' });
    const user = identity();
    const stage = await createStage(
      { root, ...base, files: [{ name: 'ca.pem', content: 'pem' }] },
      user,
      false,
    );
    expect(readdirSync(stage.package).sort()).toEqual(['data', 'empty', 'run.sh']);
    expect(statSync(join(stage.package, 'run.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(join(stage.package, 'data', 'model.bin')).mode & 0o777).toBe(0o644);
    expect(readFileSync(join(stage.files, 'ca.pem'), 'utf8')).toBe('pem');
    expect(statSync(stage.folder).mode & 0o077).toBe(0);
    expect(statSync(stage.folder).uid).toBe(user.uid);
    await stage.remove();
    expect(existsSync(stage.folder)).toBe(false);
    expect(existsSync(join(root, 'run.sh'))).toBe(true);
  });

  test('refuses a package with a link in it', async () => {
    const root = packageOf({ 'run.sh': '#!/bin/sh\n' });
    symlinkSync('/etc/passwd', join(root, 'link'));
    await expect(createStage({ root, ...base }, identity(), false)).rejects.toMatchObject({
      code: 'sandbox/bad-package',
    });
  });

  test.each(['../x', 'a/b', '', '.hidden', '/etc/passwd', 'a\0b'])(
    'refuses an extra file named %j',
    async (name) => {
      const root = packageOf({ 'run.sh': '#!/bin/sh\n' });
      const files = [{ name, content: '' }];
      await expect(createStage({ root, ...base, files }, identity(), false)).rejects.toMatchObject({
        code: 'sandbox/bad-file',
      });
    },
  );
});

describe('the user of a run', () => {
  test('is another one for every run while they last, where the room is root', () => {
    const [first, second] = [identity(), identity()];
    if (process.getuid?.() === 0) {
      expect(first.uid).not.toBe(second.uid);
      expect([first.uid, second.uid]).not.toContain(0);
    } else {
      expect(first.uid).toBe(process.getuid?.());
    }
  });

  test('reaches what others may enter, and nothing below a private folder', () => {
    const stranger: Identity = { uid: 64_999, gid: 64_999, dedicated: true };
    expect(canReach('/usr/bin', stranger)).toBe(true);
    const root = packageOf({ 'private/open/file': 'x' }); // its own mode is 700
    mkdirSync(join(root, 'more'), { mode: 0o755 });
    expect(canReach(join(root, 'more'), stranger)).toBe(false);
    expect(canReach(join(root, 'missing'), stranger)).toBe(false);
  });
});

test('a folder has space for files when they fit with some to spare, as often as asked', async () => {
  const { bavail, bsize } = statfsSync(tmpdir());
  const half = Math.floor((bavail * bsize) / 2);
  expect(await hasSpace(tmpdir(), [1, 2, 3], 2)).toBe(true);
  expect(await hasSpace(tmpdir(), [half], 1)).toBe(true);
  expect(await hasSpace(tmpdir(), [half], 2)).toBe(false);
  expect(await hasSpace(join(tmpdir(), 'not-there'), [1], 1)).toBe(false);
});
