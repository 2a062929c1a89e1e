import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { testDatabase } from './postgres.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-testkit-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('gives each caller a migrated database of its own', async () => {
  writeFileSync(join(folder, '0001_t.sql'), 'create table t (a int not null);');
  const one = await testDatabase<{ t: { a: number } }>(folder);
  const two = await testDatabase<{ t: { a: number } }>(folder);
  await one.db.insertInto('t').values({ a: 1 }).execute();
  expect(await one.db.selectFrom('t').selectAll().execute()).toEqual([{ a: 1 }]);
  expect(await two.db.selectFrom('t').selectAll().execute()).toEqual([]);
  await Promise.all([one.close(), two.close()]);
});
