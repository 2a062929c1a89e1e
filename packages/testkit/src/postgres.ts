// A real PostgreSQL for tests: one cluster a process, started at the first call and gone with the process; a migrated
// template for each folder of migrations; and a fresh copy of it for each call.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, migrate, openDatabase, type RunningPostgres, startPostgres } from '@sealroom/host';

import { type SmallDisk, smallDisk } from './small-disk.ts';

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

/** A PostgreSQL of its own, for tests that take it away or leave it no room. */
export type OwnPostgres = {
  /** A migrated database in it. */
  database<Tables>(migrationsFolder: string): Promise<TestDatabase<Tables>>;
  close(): Promise<void>;
};

async function migrated<Tables>(url: string, migrationsFolder: string): Promise<TestDatabase<Tables>> {
  const db = openDatabase<Tables>(url);
  await migrate(db, migrationsFolder);
  return { url, db, close: () => db.destroy() };
}

/** The server with its workers, which else would go on with what they have in hand. Its supervisor starts it again. */
function killAll(pid: number): void {
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const one of [pid, ...workers]) if (one > 0) process.kill(one, 'SIGKILL');
}

/** One that can be killed and kept away. */
export async function mortalPostgres(): Promise<
  OwnPostgres & { kill(): void; stop(): Promise<void>; start(): Promise<void> }
> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'sealroom-test-postgres-'));
  tidyAfterwards(dataDirectory);
  let running = await startPostgres({ dataDirectory });
  const { port } = running;
  return {
    database: async (migrationsFolder) => {
      const name = `own_${count++}`;
      await running.createDatabase(name, ROLE);
      return migrated(running.url(name, ROLE), migrationsFolder);
    },
    kill: () => killAll(running.pid()),
    stop: () => running.stop(),
    start: async () => {
      running = await startPostgres({ dataDirectory, port });
    },
    close: () => running.stop(),
  };
}

const SMALL_PROGRAM = `
const { startPostgres } = await import(process.argv[1]);
const running = await startPostgres({ dataDirectory: process.argv[2] });
await running.createDatabase('small', 'small');
console.log(running.url('small', 'small'));
process.stdin.on('end', () => running.stop().then(() => process.exit(0)));
process.stdin.resume();
`;

/** One with one database on a disk of its own, which the test fills. Needs {@link hasSmallDisks}. */
export async function smallPostgres(bytes: number): Promise<OwnPostgres & { readonly disk: SmallDisk }> {
  let url = '';
  const host = import.meta.resolve('@sealroom/host');
  const command = [process.execPath, '--input-type=module', '-e', SMALL_PROGRAM, host, '{disk}/postgres'];
  const disk = await smallDisk(bytes, { command, onLine: (line) => (url = line) });
  return {
    disk,
    database: (migrationsFolder) => migrated(url, migrationsFolder),
    close: async () => disk.close(),
  };
}
