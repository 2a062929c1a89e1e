// For this app's tests: a hub in process with a real PostgreSQL and a ledger in memory. Nothing here runs in a hub.
import { generateSecret } from '@sealroom/cose';
import type { Service } from '@sealroom/client';
import { createLog } from '@sealroom/host';
import { createFakeLedger, type FakeLedger } from '@sealroom/testkit/ledger';
import { testDatabase, type TestDatabase } from '@sealroom/testkit/postgres';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHub } from '../app.ts';
import { urlVaulting } from '../artifacts/secrets.ts';
import type { Db, Tables } from '../db.ts';
import { type Objects, openObjects } from '../objects.ts';
import { type Book, openBook } from '../record/book.ts';
import { ledgerLink } from '../record/ledger.ts';
import { openQueue, type Queue } from '../runs/queue.ts';

export const MIGRATIONS = join(import.meta.dirname, '..', '..', 'migrations');
export const HUB_ORIGIN = 'https://hub.example';
export const LEDGER_ORIGIN = 'ledger.example/one';
export const STORE = 'https://store.example';
/** 22 November 2026, noon. */
export const NOON = Date.UTC(2026, 10, 22, 12);

export type Clock = { now: number };
export type Hub = {
  readonly service: Service;
  readonly ledger: FakeLedger;
  readonly book: Book;
  readonly db: Db;
  readonly queue: Queue;
  readonly objects: Objects;
  readonly clock: Clock;
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  /** The record as a hub that starts now would fold it. */
  readonly reopen: () => Promise<Book>;
  readonly catchUp: () => Promise<number>;
  readonly close: () => Promise<void>;
};

export async function startHub({
  registration = 'open',
  database: given,
  objectsFolder,
}: {
  registration?: 'open' | 'code';
  /** Instead of one in the tests' own PostgreSQL. */
  database?: TestDatabase<Tables>;
  objectsFolder?: string;
} = {}): Promise<Hub> {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-hub-'));
  const database = given ?? (await testDatabase<Tables>(MIGRATIONS));
  const { db } = database;
  const ledger = await createFakeLedger({ origin: LEDGER_ORIGIN });
  const log = createLog({ name: 'hub', silent: true });
  const link = ledgerLink({
    origin: LEDGER_ORIGIN,
    key: ledger.key,
    url: 'https://ledger.example',
    fetch: (url, init) => ledger.fetch(url, init),
  });
  const book = await openBook({ db, ledger: link });
  const queue = await openQueue({ url: database.url, log });
  const objects = await openObjects(objectsFolder ?? join(folder, 'objects'));
  const clock: Clock = { now: NOON };
  const { app, catchUp } = createHub({
    origin: HUB_ORIGIN,
    registration,
    storeOrigins: [STORE],
    db,
    book,
    queue,
    objects,
    vaulting: await urlVaulting(generateSecret()),
    files: { directory: join(folder, 'files'), secret: generateSecret(), url: HUB_ORIGIN },
    log,
    now: () => clock.now,
    waitMs: 300,
  });
  const request = async (path: string, init: RequestInit = {}) => app.request(HUB_ORIGIN + path, init);
  return {
    service: { baseUrl: HUB_ORIGIN, fetch: async (url, init) => app.request(url, init) },
    ledger,
    book,
    db,
    queue,
    objects,
    clock,
    request,
    catchUp,
    reopen: () => openBook({ db, ledger: link }),
    close: async () => {
      await queue.stop();
      await database.close();
      rmSync(folder, { recursive: true });
    },
  };
}
