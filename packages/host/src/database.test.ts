import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, inTransaction, migrate, openDatabase, pingDatabase } from './database.ts';
import { type RunningPostgres, startPostgres } from './postgres.ts';

type Tables = { counter: { id: number; value: number } };

const folder = mkdtempSync(join(tmpdir(), 'sealroom-database-'));
let postgres: RunningPostgres;
let db: Database<Tables>;
let count = 0;

beforeAll(async () => {
  postgres = await startPostgres({ dataDirectory: join(folder, 'postgres'), settings: { fsync: 'off' } });
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  const name = `db${count++}`;
  await postgres.createDatabase(name, 'tester');
  db = openDatabase<Tables>(postgres.url(name, 'tester'));
  return () => db.destroy();
});

function migrations(files: Record<string, string>): string {
  const path = mkdtempSync(join(folder, 'migrations-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

const FIRST = {
  '0001_counter.sql': `create table counter (id int primary key, value int not null);
    insert into counter values (1, 0); -- two statements`,
};

describe('values', () => {
  it('come as the types that the code means', async () => {
    const { rows } = await sql`select count(*) as n, 9007199254740991::int8 as big, now() as at,
      '2026-01-02'::date as day, true as yes, '\\x0102'::bytea as raw, '{"a":[1]}'::jsonb as doc`.execute(db);
    expect(rows[0]).toMatchObject({ n: 1, big: Number.MAX_SAFE_INTEGER, day: '2026-01-02', yes: true });
    expect(rows[0]).toMatchObject({ at: expect.any(Date), raw: expect.any(Uint8Array), doc: { a: [1] } });
  });

  it('refuse a whole number that a JavaScript number cannot hold, and the connection stays usable', async () => {
    await expect(sql`select 9007199254740992::int8 as big`.execute(db)).rejects.toMatchObject({
      code: 'database/unsafe-integer',
    });
    await pingDatabase(db);
  });
});

describe('migrations', () => {
  it('run once each, in order', async () => {
    const path = migrations(FIRST);
    expect(await migrate(db, path)).toEqual(['0001_counter.sql']);
    writeFileSync(join(path, '0002_more.sql'), 'update counter set value = 5;');
    expect(await migrate(db, path)).toEqual(['0002_more.sql']);
    expect(await migrate(db, path)).toEqual([]);
    expect(await db.selectFrom('counter').selectAll().execute()).toEqual([{ id: 1, value: 5 }]);
  });

  it('run once when several processes start together', async () => {
    const path = migrations(FIRST);
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(db, path)));
    expect(ran.flat()).toEqual(['0001_counter.sql']);
  });

  it('leave nothing of a file that fails, and keep those before it', async () => {
    const path = migrations({
      ...FIRST,
      '0002_bad.sql': 'update counter set value = 9; select nothing_such();',
    });
    await expect(migrate(db, path)).rejects.toMatchObject({ code: '42883' });
    expect(await db.selectFrom('counter').select('value').execute()).toEqual([{ value: 0 }]);
    writeFileSync(join(path, '0002_bad.sql'), 'select 1;');
    expect(await migrate(db, path)).toEqual(['0002_bad.sql']);
  });

  it('refuse a file that was changed or taken away after it ran', async () => {
    const path = migrations(FIRST);
    await migrate(db, path);
    writeFileSync(join(path, '0001_counter.sql'), 'select 1;');
    await expect(migrate(db, path)).rejects.toMatchObject({ code: 'database/migration-changed' });
    await expect(migrate(db, migrations({}))).rejects.toMatchObject({ code: 'database/migration-missing' });
  });

  it('refuse names out of order or of another form', async () => {
    for (const name of ['0002_a.sql', '1_a.sql', '0001_A.sql', '0001_a.sql~']) {
      const found = migrate(db, migrations({ [name]: 'select 1;' }));
      await expect(found).rejects.toMatchObject({ code: 'database/migration-name' });
    }
  });
});

describe('transactions', () => {
  it('repeat themselves until every concurrent change has counted', async () => {
    await migrate(db, migrations(FIRST));
    const add = () =>
      inTransaction(
        db,
        async (transaction) => {
          const { value } = await transaction.selectFrom('counter').select('value').executeTakeFirstOrThrow();
          await transaction
            .updateTable('counter')
            .set({ value: value + 1 })
            .execute();
        },
        { attempts: 30 },
      );
    await Promise.all(Array.from({ length: 8 }, add));
    expect(await db.selectFrom('counter').select('value').execute()).toEqual([{ value: 8 }]);
  });

  it('roll back and do not repeat an error of the work itself', async () => {
    await migrate(db, migrations(FIRST));
    let runs = 0;
    const work = inTransaction(db, async (transaction) => {
      runs++;
      await transaction.updateTable('counter').set({ value: 3 }).execute();
      throw new Error('stop');
    });
    await expect(work).rejects.toThrow('stop');
    expect(runs).toBe(1);
    expect(await db.selectFrom('counter').select('value').execute()).toEqual([{ value: 0 }]);
  });
});
