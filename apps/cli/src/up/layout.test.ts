import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { layoutOf, readState, writeState } from './layout.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-up-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('begins empty, and finds what was written', async () => {
  const layout = layoutOf(folder);
  const empty = await readState(layout);
  expect(empty.vaults).toEqual({});
  const state = { ...empty, vaults: { hospital: [] }, storeOrigins: ['https://store.example'] };
  await writeState(layout, state);
  expect(await readState(layout)).toEqual(state);
});

// Found by fuzzing: the reader was told of a defect of the program.
test.each(['', '{', '{"v":2}', '{"v":1,"v":1}', '[]'])('refuses a state file that holds %j', async (text) => {
  await writeFile(join(folder, 'up.json'), text);
  await expect(readState(layoutOf(folder))).rejects.toMatchObject({ code: 'cli/bad-file' });
});
