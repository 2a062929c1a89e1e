// The hub's HTTP application: each feature gets the few parts it needs, and mounts its own routes.
import { hubRoutes, recordStatus } from '@sealroom/api';
import { type App, type Log, mount, openApiDocument, pingDatabase, serverApp } from '@sealroom/host';
import { mountArtifacts } from './artifacts/routes.ts';
import type { Vaulting } from './artifacts/secrets.ts';
import { mountContracts } from './contracts/routes.ts';
import type { Db } from './db.ts';
import { mountNodes, nodeOf as nodeOfParts } from './nodes/routes.ts';
import type { Objects } from './objects.ts';
import { mountOrganisations } from './organisations/routes.ts';
import { mountProjects } from './projects/routes.ts';
import { mountReceipts } from './receipts/routes.ts';
import type { Book } from './record/book.ts';
import { followLedger } from './record/follow.ts';
import { createBell } from './runs/bell.ts';
import { learnedTaking } from './runs/learned.ts';
import type { Queue } from './runs/queue.ts';
import { mountRuns } from './runs/routes.ts';
import { runsOf } from './runs/submit.ts';
import { actorOf as actorOfParts, mountSessions } from './sessions/routes.ts';
import { type FileStore, mountStores } from './stores/routes.ts';

export type HubParts = {
  /** The hub's own URL as others reach it; what messages to it name as their audience. */
  readonly origin: string;
  readonly registration: 'open' | 'code';
  readonly storeOrigins: readonly string[];
  readonly db: Db;
  readonly book: Book;
  readonly queue: Queue;
  readonly objects: Objects;
  readonly vaulting: Vaulting;
  readonly files: FileStore;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long a node is kept waiting for work, in milliseconds. */
  readonly waitMs?: number;
};

const WAIT_MS = 20_000;

function mountDescribe(app: App, { origin, book, registration, storeOrigins }: HubParts): void {
  const { origin: name, key, url } = book.ledger;
  mount(
    app,
    hubRoutes.describe,
  )(() => ({
    origin,
    ledger: { origin: name, key, url },
    registration,
    storeOrigins: [...storeOrigins],
  }));
  const document = openApiDocument(Object.values(hubRoutes), { title: 'Sealroom hub', version: '1' });
  app.get('/openapi.json', (c) => c.json(document));
}

export type Hub = {
  readonly app: App;
  /** Reads the ledger for what was said past this hub; gives how many statements it found. */
  readonly catchUp: () => Promise<number>;
};

export function createHub(parts: HubParts): Hub {
  const { db, book, queue, objects, vaulting, origin, now, log } = parts;
  const app = serverApp({
    name: 'hub',
    log,
    statusOf: recordStatus,
    checks: { database: () => pingDatabase(db) },
  });
  const actorOf = actorOfParts({ db, now });
  const nodeOf = nodeOfParts({ db, origin, now });
  const bell = createBell();
  const runs = runsOf({ db, book, queue, now, wake: () => bell.ring() });
  const stores = { origins: parts.storeOrigins, vaulting };

  mountDescribe(app, parts);
  mountSessions(app, { db, book, origin, now });
  mountOrganisations(app, { db, book, actorOf, registration: parts.registration, now });
  mountProjects(app, { db, actorOf, now });
  mountArtifacts(app, { db, book, actorOf, now, stores });
  mountStores(app, { db, actorOf, files: parts.files, now });
  mountContracts(app, { db, book, actorOf, runs, now });
  mountRuns(app, {
    rooms: { db, book, objects, origin, now },
    work: { db, book, queue, vaulting, now },
    actorOf,
    nodeOf,
    waiting: { bell, waitMs: parts.waitMs ?? WAIT_MS },
  });
  mountReceipts(app, { db, book, actorOf });
  mountNodes(app, { db, actorOf, origin, now });
  const follow = followLedger({ db, book, takingOf: learnedTaking({ db, runs }) });
  const catchUp = async () => {
    const found = await follow();
    if (found > 0) bell.ring();
    return found;
  };
  return { app, catchUp };
}
