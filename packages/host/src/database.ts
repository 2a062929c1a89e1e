// PostgreSQL through Kysely: typed queries, forward-only migrations in plain SQL, transactions that repeat themselves when
// the database asks for it. Not here: the server process (postgres.ts), any table of an app.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type IsolationLevel, Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Pool, type CustomTypesConfig, types } from 'pg';
import type { Log } from './log.ts';
import { codeOf, type HostCode, Refusal, refusal } from './problem.ts';

export type Database<Tables> = Kysely<Tables>;

export type OpenDatabaseOptions = {
  readonly log?: Log;
  /** The most connections at once. */
  readonly connections?: number;
};

const INT8 = 20;
const DATE = 1082;
const TIMESTAMP = 1114;

/** @throws database/unsafe-integer beyond ±(2^53-1), where a number would silently be another one. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw refusal('database/unsafe-integer', 'A whole number in the database is too large to be read exactly.');
}

// Days and times without a zone stay text: as a Date they would shift with the machine's time zone.
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [INT8]: parseInt8,
  [DATE]: (text) => text,
  [TIMESTAMP]: (text) => text,
};

const customTypes: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    const own = format === 'binary' ? undefined : PARSERS[oid];
    return own ?? types.getTypeParser(oid, format);
  }) as CustomTypesConfig['getTypeParser'],
};

/** Opens a pool; `destroy()` of what it gives ends it. Connects with the first query. */
export function openDatabase<Tables>(url: string, options: OpenDatabaseOptions = {}): Database<Tables> {
  const pool = new Pool({
    connectionString: url,
    max: options.connections ?? 10,
    types: customTypes,
    connectionTimeoutMillis: 10_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: 'sealroom',
  });
  // Without a listener an idle connection that breaks would end the process; the next query opens another.
  pool.on('error', (error) => options.log?.failure('database.error', error, {}));
  // Nor has a connection in use a listener of its own when it breaks between two queries; the next query on it fails.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

// Of PostgreSQL: connection lost or refused (08, 57P), no room on disk, in memory or for connections (53), the disk fails (58).
const UNAVAILABLE = /^(?:08...|57P0[1-4]|53...|58...)$/;
const NOBODY_THERE = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;
// What the client library says without a code.
const LOST =
  /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered a connection error/;

/** A connection that the system could not make or keep; for a name with several addresses there is an error for each. */
function isBroken(error: Error): boolean {
  const own = 'syscall' in error && NOBODY_THERE.test(codeOf(error) ?? '');
  return (
    own ||
    (error instanceof AggregateError && error.errors.some((one) => one instanceof Error && isBroken(one)))
  );
}

/**
 * The refusal that stands for a database that is away or in trouble: the caller may try again. Undefined for all else. Calls
 * to other services have errors of their own (`fetch/…`), so that a broken connection that comes here is the database's.
 */
export function outageOf(error: unknown): Refusal<HostCode> | undefined {
  if (!(error instanceof Error) || error instanceof Refusal) return undefined;
  const code = codeOf(error);
  const told = code === undefined ? LOST.test(error.message) : UNAVAILABLE.test(code);
  if (!told && !isBroken(error)) return undefined;
  const message =
    'The database cannot be reached or has no room; nothing was decided. Try again in a moment.';
  return refusal('database/unavailable', message, { cause: error });
}

/** Resolves when the database answers: a readiness check. */
export async function pingDatabase<Tables>(db: Database<Tables>): Promise<void> {
  await sql`select 1`.execute(db);
}

export type Migration = { readonly name: string; readonly text: string; readonly checksum: string };

/** The files `0001_name.sql`, `0002_…` of a folder. @throws database/migration-name for anything else in it. */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .toSorted()
    .map((name, index) => {
      if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name) || Number(name.slice(0, 4)) !== index + 1) {
        throw refusal(
          'database/migration-name',
          `Migrations are 0001_name.sql, 0002_… without gaps; found ${name}.`,
        );
      }
      const text = readFileSync(join(folder, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

type Applied = { readonly name: string; readonly checksum: string };

function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  applied.forEach(({ name, checksum }, index) => {
    const own = migrations[index];
    if (own === undefined || own.name !== name) {
      throw refusal(
        'database/migration-missing',
        `The database has had ${name}, which this program does not have; start the version that made it, or a newer one.`,
      );
    }
    if (own.checksum !== checksum) {
      throw refusal(
        'database/migration-changed',
        `${name} was changed after it ran; undo that and add a new file.`,
      );
    }
  });
  return migrations.slice(applied.length);
}

// One number for every Sealroom database: 'seal' in ASCII. Locks are per database, so that is enough.
const MIGRATION_LOCK = 0x7365616c;

/**
 * Brings a database up to date, one transaction a file; processes that start together wait for each other.
 * @returns the names of the files that ran now.
 * @throws database/migration-name, database/migration-missing, database/migration-changed; the database's own error.
 */
export async function migrate<Tables>(
  db: Database<Tables>,
  folder: string,
  { log }: { readonly log?: Log } = {},
): Promise<string[]> {
  const migrations = readMigrations(folder);
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`.execute(connection);
    try {
      await sql`create table if not exists sealroom_migrations (
        name text primary key, checksum text not null, applied_at timestamptz not null default now()
      )`.execute(connection);
      const { rows } =
        await sql<Applied>`select name, checksum from sealroom_migrations order by name`.execute(connection);
      const pending = pendingOf(migrations, rows);
      for (const { name, text, checksum } of pending) {
        await connection.transaction().execute(async (transaction) => {
          await sql.raw(text).execute(transaction);
          await sql`insert into sealroom_migrations (name, checksum) values (${name}, ${checksum})`.execute(
            transaction,
          );
        });
        log?.event('database.migrated', { file: name });
      }
      return pending.map(({ name }) => name);
    } finally {
      await sql`select pg_advisory_unlock(${MIGRATION_LOCK})`.execute(connection);
    }
  });
}

/** Errors after which PostgreSQL asks for the whole transaction again: serialization failure and deadlock. */
const REPEATABLE = new Set(['40001', '40P01']);

/**
 * Runs `work` in a transaction (serializable unless told) and repeats it when the database says that it collided with
 * another. `work` must do nothing outside the database that may not happen twice.
 */
export async function inTransaction<Tables, Result>(
  db: Database<Tables>,
  work: (transaction: Transaction<Tables>) => Promise<Result>,
  {
    isolation = 'serializable',
    attempts = 8,
  }: { readonly isolation?: IsolationLevel; readonly attempts?: number } = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().setIsolationLevel(isolation).execute(work);
    } catch (error) {
      if (attempt >= attempts || !REPEATABLE.has(codeOf(error) ?? '')) throw error;
      await delay(Math.random() * 10 * 2 ** attempt);
    }
  }
}
