// A real PostgreSQL for tests: one cluster a process, started at the first call and gone with the process; a migrated
// template for each folder of migrations; and a fresh copy of it for each call.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, migrate, openDatabase, type RunningPostgres, startPostgres } from '@sealroom/host';

const ROLE = 'sealroom_test';

let cluster: Promise<RunningPostgres> | undefined;
const templates = new Map<string, Promise<string>>();
let count = 0;

// A test runner may end its workers without letting them tidy up, so a process of its own does it: its input ends when
// this process does, however that happens.
const TIDY = `cat >/dev/null
kill -QUIT "$(head -n 1 "$1/cluster/postmaster.pid")" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit; sleep 0.2; done`;

function tidyAfterwards(directory: string): void {
  const tidier = spawn('sh', ['-c', TIDY, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  tidier.unref();
  if (tidier.stdin instanceof Socket) tidier.stdin.unref();
}

async function startCluster(): Promise<RunningPostgres> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'sealroom-test-postgres-'));
  // Nothing here outlives the process, so nothing has to reach the disk.
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '200',
  };
  tidyAfterwards(dataDirectory);
  return startPostgres({ dataDirectory, settings });
}

/** The cluster itself, for tests that need several roles. */
export function testPostgres(): Promise<RunningPostgres> {
  cluster ??= startCluster();
  return cluster;
}

async function makeTemplate(migrationsFolder: string): Promise<string> {
  const running = await testPostgres();
  const name = `template_${count++}`;
  await running.createDatabase(name, ROLE);
  const db = openDatabase(running.url(name, ROLE), { connections: 1 });
  try {
    await migrate(db, migrationsFolder);
  } finally {
    await db.destroy();
  }
  return name;
}

export type TestDatabase<Tables> = {
  readonly url: string;
  readonly db: Database<Tables>;
  /** Closes the connections; the database goes with the process. */
  close(): Promise<void>;
};

/** A fresh database with the migrations of a folder applied, owned by an ordinary role. */
export async function testDatabase<Tables>(migrationsFolder: string): Promise<TestDatabase<Tables>> {
  const running = await testPostgres();
  const template = templates.get(migrationsFolder) ?? makeTemplate(migrationsFolder);
  templates.set(migrationsFolder, template);
  const name = `test_${count++}`;
  await running.createDatabase(name, ROLE, { template: await template });
  const url = running.url(name, ROLE);
  const db = openDatabase<Tables>(url);
  return { url, db, close: () => db.destroy() };
}
