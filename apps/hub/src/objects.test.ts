import { sha256Digest, utf8Encode } from '@sealroom/bytes';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openObjects } from './objects.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-objects-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('gives back what was put, and nothing that was altered or never put', async () => {
  const objects = await openObjects(folder);
  const bytes = utf8Encode('sealed');
  const digest = await objects.put(bytes);
  expect(await objects.put(bytes)).toBe(digest);
  expect(await objects.get(digest)).toEqual(bytes);
  expect(await objects.get(await sha256Digest(utf8Encode('other')))).toBeUndefined();
  const path = join(folder, digest.slice(7, 9), digest.slice(7));
  expect(readdirSync(join(folder, digest.slice(7, 9)))).toHaveLength(1);
  writeFileSync(path, 'altered');
  expect(await objects.get(digest)).toBeUndefined();
});
