// The vault's HTTP application (packages/api/src/vault-routes.ts). Callers have no accounts: what they send is signed.
import { vaultRoutes, recordStatus } from '@sealroom/api';
import { type App, type Log, openApiDocument, pingDatabase, serverApp } from '@sealroom/host';
import type { Vault } from './context.ts';
import { refuse } from './error.ts';
import { mountKeys } from './keys/routes.ts';
import { mountRefusals } from './refusals/routes.ts';
import { mountReleases } from './releases/routes.ts';
import { mountTold } from './told/routes.ts';

/** Fails while the ledger does not show the history that this vault has seen. */
async function checkRecord({ log }: Vault): Promise<void> {
  const problem = log.problem();
  if (problem) throw refuse(problem, 'The ledger could not be followed; nothing is released until it can.');
  if (!log.held()) await log.follow();
}

export function createVaultApp(vault: Vault, log: Log): App {
  const checks = { database: () => pingDatabase(vault.db), record: () => checkRecord(vault) };
  const app = serverApp({ name: 'vault', log, statusOf: recordStatus, checks });
  app.get('/openapi.json', (c) =>
    c.json(openApiDocument(Object.values(vaultRoutes), { title: 'Sealroom vault', version: '0.1.0' })),
  );
  mountKeys(app, vault);
  mountReleases(app, vault);
  mountTold(app, vault);
  mountRefusals(app, vault);
  return app;
}
