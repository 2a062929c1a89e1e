// A real PostgreSQL as a supervised child: made on first start, restarted when it crashes, ended with its parent. It
// listens on loopback with SCRAM passwords that are derived from one secret in a 0600 file; fsync stays on.
// Not here: backups, upgrades between major versions.
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { chown, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { ensureDirectory, lockDirectory, readSecretFile, syncDirectory, writeFileAtomic } from './files.ts';
import type { Log } from './log.ts';
import { findPostgres, type PostgresBinaries, programEnvironment } from './postgres-binaries.ts';
import { endOrphans } from './postgres-orphans.ts';
import { codeOf, refusal } from './problem.ts';

export type StartPostgresOptions = {
  /** A directory of its own; it holds the cluster, the secret and PostgreSQL's log. */
  readonly dataDirectory: string;
  readonly log?: Log | undefined;
  /** Any free port when left out. */
  readonly port?: number;
  readonly binaries?: PostgresBinaries;
  /** Server settings on top of the safe defaults, such as `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type RunningPostgres = {
  readonly port: number;
  /** The major version. */
  readonly version: number;
  /** The process id of the server that runs now. */
  pid(): number;
  /** A connection URL with the role's password; without a role, the superuser's. */
  url(database: string, role?: string): string;
  /** Makes the role (which cannot make others) and its database, which no other role may enter. Does nothing twice. */
  createDatabase(name: string, role: string, options?: { readonly template?: string }): Promise<void>;
  stop(): Promise<void>;
};

const SUPERUSER = 'sealroom_admin';
const NOBODY = 65534;
const START_ATTEMPTS = 5;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const NAME = /^[a-z][a-z0-9_]{0,39}$/;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  full_page_writes: 'on',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  logging_collector: 'off',
  log_destination: 'stderr',
  // A log of failed statements would hold rows.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
} as const;

/** How to start a program as PostgreSQL wants it: not as root. */
type Launch = { readonly prefix: readonly string[]; readonly uid?: number };

function works(command: readonly string[]): boolean {
  const [program = '', ...rest] = command;
  return spawnSync(program, [...rest, 'true'], { stdio: 'ignore' }).status === 0;
}

const USER_NAMESPACE = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'];
// The kernel sends the signal when the parent dies, however it dies. SIGINT is PostgreSQL's fast, clean shutdown. It must
// come after unshare, since a change of credentials clears it.
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'INT', '--'];

/** `owner` is the user that a cluster made earlier belongs to; as root its server must run as that user. */
function chooseLaunch(owner: number | undefined): Launch {
  const root = process.getuid?.() === 0;
  const namespace = root && (owner ?? 0) === 0 && works(USER_NAMESPACE) ? USER_NAMESPACE : [];
  const bound = works([...namespace, ...DIE_WITH_PARENT]) ? DIE_WITH_PARENT : [];
  const prefix = [...namespace, ...bound];
  return root && namespace.length === 0
    ? { prefix, uid: owner === 0 ? NOBODY : (owner ?? NOBODY) }
    : { prefix };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

type Cluster = {
  readonly directory: string;
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly environment: NodeJS.ProcessEnv;
  readonly launch: Launch;
  readonly secret: string;
};

function passwordOf(secret: string, role: string): string {
  return role === SUPERUSER ? secret : createHmac('sha256', secret).update(role).digest('base64url');
}

function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw refusal(
    'postgres/name',
    'Names of databases and roles are lower-case letters, digits and underscores.',
  );
}

function urlFor(cluster: Cluster, port: number, database: string, role: string): string {
  const password = passwordOf(cluster.secret, role);
  return `postgresql://${checkName(role)}:${password}@127.0.0.1:${port}/${checkName(database)}`;
}

async function readOrMakeSecret(path: string): Promise<string> {
  if (!existsSync(path)) await writeFileAtomic(path, randomBytes(32).toString('base64url'), 0o600);
  return readSecretFile(path).toString('utf8').trim();
}

function commandLine(cluster: Cluster, program: string, rest: readonly string[]): [string, string[]] {
  const [first = '', ...others] = [...cluster.launch.prefix, join(cluster.binaries.folder, program), ...rest];
  return [first, others];
}

/** Makes the cluster under another name first, so that one that was cut short is never taken for a whole one. */
async function makeCluster(cluster: Cluster): Promise<void> {
  const making = `${cluster.folder}.making`;
  const passwordFile = join(cluster.directory, 'initdb-password');
  const { uid } = cluster.launch;
  await rm(making, { recursive: true, force: true });
  await ensureDirectory(making, 0o700);
  await writeFileAtomic(passwordFile, cluster.secret, 0o600);
  if (uid !== undefined) {
    await Promise.all([chown(making, uid, uid), chown(passwordFile, uid, uid)]);
  }
  const [program, rest] = commandLine(cluster, 'initdb', [
    `--pgdata=${making}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--data-checksums',
  ]);
  const identity = uid === undefined ? {} : { uid, gid: uid };
  try {
    await promisify(execFile)(program, rest, {
      env: cluster.environment,
      cwd: cluster.directory,
      ...identity,
    });
  } catch (cause) {
    const told = typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr) : '';
    throw refusal('postgres/start', `PostgreSQL could not make its data directory: ${told.trim()}`, {
      cause,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(making, cluster.folder);
  await syncDirectory(cluster.directory);
}

function launchServer(
  cluster: Cluster,
  port: number,
  settings: Readonly<Record<string, string>>,
): ChildProcess {
  const all = { ...SETTINGS, ...settings, port: String(port) };
  const [program, rest] = commandLine(cluster, 'postgres', [
    '-D',
    cluster.folder,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const { uid } = cluster.launch;
  const output = openSync(join(cluster.directory, 'postgres.log'), 'w', 0o600);
  try {
    return spawn(program, rest, {
      env: cluster.environment,
      cwd: cluster.directory,
      stdio: ['ignore', output, output],
      // A process group of its own: Ctrl-C in a terminal reaches the supervisor, which stops the database last.
      detached: true,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
  } finally {
    closeSync(output);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<boolean> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!hasEnded(child) && performance.now() < deadline) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      return true;
    } catch {
      await delay(25);
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

async function startServer(
  cluster: Cluster,
  options: StartPostgresOptions,
  fixedPort: number | undefined,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt++) {
    // What a supervisor that was killed left behind; after a crash, also backends that still hold shared memory.
    await endOrphans(cluster.folder);
    const port = fixedPort ?? (await freePort());
    const child = launchServer(cluster, port, options.settings ?? {});
    child.once('error', () => {});
    if (await waitUntilReady(child, urlFor(cluster, port, 'postgres', SUPERUSER))) return { child, port };
    if (!hasEnded(child)) await end(child);
    await delay(100 * attempt);
  }
  const told = readFileSync(join(cluster.directory, 'postgres.log'), 'utf8').slice(-2000).trim();
  throw refusal('postgres/start', `PostgreSQL does not start in ${cluster.directory}: ${told}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGINT');
  const force = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(force);
}

type NewDatabase = {
  readonly name: string;
  readonly role: string;
  readonly password: string;
  readonly template: string;
};

async function createDatabase(
  adminUrl: string,
  { name, role, password, template }: NewDatabase,
): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const asRole = escapeIdentifier(role);
    const asName = escapeIdentifier(name);
    const roles = await client.query('select 1 from pg_roles where rolname = $1', [role]);
    await client.query(
      `${roles.rowCount === 0 ? 'create' : 'alter'} role ${asRole} login nosuperuser nocreatedb nocreaterole password ${escapeLiteral(password)}`,
    );
    const databases = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (databases.rowCount === 0)
      await client.query(`create database ${asName} owner ${asRole} template ${escapeIdentifier(template)}`);
    await client.query(`revoke all on database ${asName} from public`);
  } finally {
    await client.end();
  }
}

async function openCluster(options: StartPostgresOptions): Promise<Cluster> {
  const directory = resolve(options.dataDirectory);
  const folder = join(directory, 'cluster');
  const versionFile = join(folder, 'PG_VERSION');
  const major = existsSync(versionFile) ? Number.parseInt(readFileSync(versionFile, 'utf8'), 10) : undefined;
  const binaries = options.binaries ?? findPostgres(major);
  const launch = chooseLaunch(major === undefined ? undefined : statSync(folder).uid);
  // Another user's server has to reach its cluster through here; it cannot look around.
  if (launch.uid !== undefined) await ensureDirectory(directory, 0o711);
  const cluster: Cluster = {
    directory,
    folder,
    binaries,
    environment: programEnvironment(binaries, join(directory, 'libraries')),
    launch,
    secret: await readOrMakeSecret(join(directory, 'password')),
  };
  if (major === undefined) await makeCluster(cluster);
  return cluster;
}

/** Keeps a server running: whenever it ends unasked it is started again on the same port. */
function supervise(cluster: Cluster, options: StartPostgresOptions, first: ChildProcess, port: number) {
  let child = first;
  let stopping = false;
  let restarting: Promise<void> = Promise.resolve();
  const restart = async (): Promise<void> => {
    for (let attempt = 1; !stopping; attempt++) {
      options.log?.event('postgres.restarted', { attempt });
      try {
        ({ child } = await startServer(cluster, options, port));
        watch();
        return;
      } catch (error) {
        options.log?.failure('postgres.stopped', error, {});
        await delay(Math.min(5_000, 200 * attempt));
      }
    }
  };
  const watch = (): void => {
    child.once('exit', (status) => {
      options.log?.event('postgres.stopped', { status });
      if (!stopping) restarting = restart();
    });
  };
  watch();
  const endAtExit = (): void => void child.kill('SIGINT');
  process.on('exit', endAtExit);
  return {
    pid: () => child.pid ?? 0,
    stop: async (): Promise<void> => {
      stopping = true;
      await restarting;
      await end(child);
      process.off('exit', endAtExit);
    },
  };
}

/**
 * Starts PostgreSQL in a directory of its own and waits until it answers.
 * @throws file/locked when another process supervises it; postgres/no-binaries; postgres/start with the server's words.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  await ensureDirectory(options.dataDirectory, 0o700);
  const lock = lockDirectory(options.dataDirectory);
  try {
    const cluster = await openCluster(options);
    const { child, port } = await startServer(cluster, options, options.port);
    const { pid, stop } = supervise(cluster, options, child, port);
    const { version } = cluster.binaries;
    options.log?.event('postgres.started', { version, port });
    let stopped: Promise<void> | undefined;
    const url = (database: string, role = SUPERUSER): string => urlFor(cluster, port, database, role);
    return {
      port,
      version,
      pid,
      url,
      createDatabase: (name, role, { template = 'template1' } = {}) => {
        const password = passwordOf(cluster.secret, checkName(role));
        return createDatabase(url('postgres'), { name: checkName(name), role, password, template });
      },
      stop: () => (stopped ??= stop().finally(() => lock.release())),
    };
  } catch (error) {
    lock.release();
    throw codeOf(error) === undefined
      ? refusal('postgres/start', 'PostgreSQL could not be started.', { cause: error })
      : error;
  }
}
