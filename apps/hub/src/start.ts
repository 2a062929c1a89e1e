// Starting the hub: its directory (locked for this process), its database brought up to date, its record folded from the
// statements and checked against the ledger's proofs, and the server.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type App,
  ensureDirectory,
  lockDirectory,
  migrate,
  openDatabase,
  startPostgres,
  startServer,
  tlsFetch,
  writeFileAtomic,
} from '@sealroom/host';
import { createHub } from './app.ts';
import { urlVaulting } from './artifacts/secrets.ts';
import type { HubConfig } from './config.ts';
import type { Tables } from './db.ts';
import { refuse } from './error.ts';
import type { HubLog } from './log.ts';
import { openObjects } from './objects.ts';
import { openBook } from './record/book.ts';
import { ledgerLink } from './record/ledger.ts';
import { settleEnds } from './runs/ends.ts';
import { openQueue } from './runs/queue.ts';
import { endLostRuns } from './runs/watch.ts';
import { requeueWaiting } from './runs/work.ts';
import { openSecret } from './secrets.ts';

export const MIGRATIONS = join(import.meta.dirname, '..', 'migrations');
/** Where the operator's command finds the database of a hub that runs its own. */
export const DATABASE_URL_FILE = 'database.url';
const WATCH_MS = 30_000;
const FOLLOW_MS = 10_000;

export type RunningHub = {
  readonly url: string;
  readonly origin: string;
  close(): Promise<void>;
};

type Undo = () => Promise<unknown> | void;

async function databaseUrl(config: HubConfig, log: HubLog, undo: Undo[]): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const postgres = await startPostgres({ dataDirectory: join(config.dataDirectory, 'postgres'), log });
  undo.push(() => postgres.stop());
  await postgres.createDatabase('sealroom_hub', 'sealroom_hub');
  const url = postgres.url('sealroom_hub', 'sealroom_hub');
  await writeFileAtomic(join(config.dataDirectory, DATABASE_URL_FILE), url, 0o600);
  return url;
}

async function openParts(config: HubConfig, log: HubLog, undo: Undo[]) {
  const { dataDirectory } = config;
  const url = await databaseUrl(config, log, undo);
  const db = openDatabase<Tables>(url, { log });
  undo.push(() => db.destroy());
  await migrate(db, MIGRATIONS, { log });
  const caPem = config.caPath === undefined ? undefined : await readFile(config.caPath, 'utf8');
  const fetch = tlsFetch({ caPem, timeoutMs: 15_000, maxBytes: 16 * 1024 * 1024 });
  undo.push(() => fetch.close());
  const { ledgerOrigin: origin, ledgerKey: key, ledgerUrl } = config;
  const book = await openBook({ db, ledger: ledgerLink({ origin, key, url: ledgerUrl, fetch }) });
  const queue = await openQueue({ url, log });
  undo.push(() => queue.stop());
  await requeueWaiting({ db, book, queue });
  return {
    db,
    book,
    queue,
    objects: await openObjects(join(dataDirectory, 'objects')),
    vaulting: await urlVaulting(await openSecret(join(dataDirectory, 'urls.key'))),
    storeSecret: await openSecret(config.fileStoreKeyPath ?? join(dataDirectory, 'file-store.key')),
  };
}

/** Does something now and then, one at a time; a failure is logged and tried again. Gives how to end it. */
function repeat(everyMs: number, name: string, work: () => Promise<unknown>, log: HubLog): Undo {
  let stopped = false;
  const pause = new AbortController();
  const loop = (async () => {
    while (!stopped) {
      await work().catch((error: unknown) => log.failure('hub.background', error, { work: name }));
      await delay(everyMs, undefined, { signal: pause.signal }).catch(() => undefined);
    }
  })();
  return () => {
    stopped = true;
    pause.abort();
    return loop;
  };
}

/** The address is known when the server listens; the application, which has to know it, answers from then on. */
function laterApp(): Pick<App, 'fetch'> & { set(app: App): void } {
  let inner: App | undefined;
  const starting = () => new Response(null, { status: 503, headers: { 'retry-after': '1' } });
  return {
    fetch: (...call: Parameters<App['fetch']>) => (inner === undefined ? starting() : inner.fetch(...call)),
    set: (app) => {
      inner = app;
    },
  };
}

/**
 * Starts a hub process's work.
 * @throws file/locked · hub/half-tls · hub/record-broken · database/… · postgres/… · http/insecure
 */
export async function startHub(config: HubConfig, log: HubLog): Promise<RunningHub> {
  const { dataDirectory, tlsCertificate, tlsKey, host, port, registration } = config;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined))
    throw refuse('hub/half-tls', 'TLS needs both a certificate and its key; give both or neither.');
  await ensureDirectory(dataDirectory);
  const lock = lockDirectory(dataDirectory);
  const undo: Undo[] = [() => lock.release()];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const { storeSecret, ...parts } = await openParts(config, log, undo);
    const tls = tlsCertificate && tlsKey ? { certPem: tlsCertificate, keyPem: tlsKey } : undefined;
    const later = laterApp();
    const server = await startServer({ app: later, host, port, tls, log });
    undo.push(() => server.close());
    const origin = new URL(config.origin ?? server.url).origin;
    const files = { directory: join(dataDirectory, 'files'), secret: storeSecret, url: origin };
    await ensureDirectory(files.directory);
    const storeOrigins = [...new Set([...config.storeOrigins, origin])];
    const hub = createHub({ ...parts, origin, registration, storeOrigins, files, log, now: Date.now });
    later.set(hub.app);
    const follow = async () => {
      const statements = await hub.catchUp();
      if (statements > 0) log.event('ledger.found', { statements });
    };
    undo.push(repeat(FOLLOW_MS, 'follow the ledger', follow, log));
    const settle = async () => {
      const { finished, refused } = await settleEnds(parts);
      if (finished + refused.length > 0) log.event('ends.settled', { finished, refused: refused.join(' ') });
    };
    undo.push(repeat(FOLLOW_MS, 'settle ends of runs', settle, log));
    undo.push(repeat(WATCH_MS, 'end lost runs', () => endLostRuns(parts, Date.now()), log));
    return { url: server.url, origin, close };
  } catch (error) {
    await close();
    throw error;
  }
}
