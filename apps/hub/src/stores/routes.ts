// The built-in store for sealed files: a fresh container per call, behind signed URLs. The hub holds ciphertext only; who
// has a URL can read or write that one container until it ends.
import { hubRoutes } from '@sealroom/api';
import { type App, fileStoreRoutes, mount, signContainerUrl } from '@sealroom/host';
import type { Db } from '../db.ts';
import { participantsFor } from '../projects/store.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { freshContainer, READ_MS, WRITE_MS } from './rules.ts';

export type FileStore = {
  readonly directory: string;
  readonly secret: Uint8Array;
  /** The base URL under which clients and rooms reach it. */
  readonly url: string;
};

export type StoresParts = {
  readonly db: Db;
  readonly actorOf: ActorOf;
  readonly files: FileStore;
  readonly now: () => number;
};

export function mountStores(app: App, { db, actorOf, files, now }: StoresParts): void {
  const { directory, secret, url: baseUrl } = files;
  app.route('/', fileStoreRoutes({ directory, secret, now }));

  mount(
    app,
    hubRoutes.createStore,
  )(async ({ params, request }) => {
    await participantsFor(db, await actorOf(request), params.project);
    const container = freshContainer();
    const sign = (permissions: 'r' | 'w', milliseconds: number) => {
      const expires = (now() + milliseconds) / 1000;
      return signContainerUrl({ baseUrl, container, secret, expires, permissions });
    };
    return {
      container,
      writeUrl: sign('w', WRITE_MS),
      readUrl: sign('r', READ_MS),
      expiresAt: new Date(now() + WRITE_MS).toISOString(),
    };
  });
}
