// The vault as a process would run it: settings, files, a real server, a stop that leaves nothing behind.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vaultRoutes } from '@sealroom/api';
import { sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { loadConfig, serverApp, createLog, startServer, tlsFetch, type RunningServer } from '@sealroom/host';
import { createFakeLedger, type FakeLedger } from '@sealroom/testkit/ledger';
import { testPostgres } from '@sealroom/testkit/postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVaultLog, startVault, type VaultConfig, vaultSettings } from './start.ts';

const silent = createVaultLog(true);
const fetch = tlsFetch();
let folder = '';
let databaseUrl = '';
let count = 0;
let ledger: FakeLedger;
let ledgerServer: RunningServer;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-'));
  ledger = await createFakeLedger({ origin: 'ledger.example/start' });
  const log = createLog({ name: 'ledger', silent: true });
  const app = serverApp({ name: 'ledger', log });
  app.all('/*', async (c) => ledger.fetch(c.req.url, { method: c.req.method }));
  ledgerServer = await startServer({ app, host: '127.0.0.1', port: 0, log });
});
afterEach(async () => {
  for (const running of open.splice(0)) await running.close();
});
afterAll(async () => {
  fetch.close();
  await ledgerServer.close();
  await rm(folder, { recursive: true, force: true });
});

async function freshDatabase(): Promise<void> {
  const postgres = await testPostgres();
  const name = `vault_start_${count++}`;
  await postgres.createDatabase(name, 'vault_start');
  databaseUrl = postgres.url(name, 'vault_start');
}

function environment(change: Record<string, string | undefined> = {}): Record<string, string | undefined> {
  const data = join(folder, `data-${count}`);
  return {
    SEALROOM_VAULT_DATABASE_URL: databaseUrl,
    SEALROOM_VAULT_DATA_DIRECTORY: data,
    SEALROOM_VAULT_PLAIN_ROOT_KEY_PATH: join(data, 'root.key'),
    SEALROOM_VAULT_CUSTODY: 'own',
    SEALROOM_VAULT_LEDGER_URL: ledgerServer.url,
    SEALROOM_VAULT_LEDGER_ORIGIN: ledger.origin,
    SEALROOM_VAULT_LEDGER_KEY: ledger.key,
    SEALROOM_VAULT_KEY_POOL: '0',
    ...change,
  };
}

function configOf(change: Record<string, string | undefined> = {}): VaultConfig {
  const prefix = 'SEALROOM_VAULT_';
  return loadConfig({ shape: vaultSettings, prefix, environment: environment(change) });
}

async function start(config: VaultConfig) {
  const running = await startVault(config, silent);
  open.push(running);
  return running;
}

const describeAt = (url: string) => call({ baseUrl: url, fetch }, vaultRoutes.describe, {});

describe('a vault process', () => {
  it('makes its keys at the first start, private, and is the same vault at the next', async () => {
    await freshDatabase();
    const config = configOf();
    const first = await start(config);
    const before = await describeAt(first.url);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    for (const name of ['vault.key', 'root.key'])
      expect((await stat(join(config.dataDirectory, name))).mode & 0o777).toBe(0o600);
    await open.pop()?.close();
    expect(await describeAt((await start(config)).url)).toEqual(before);
    expect(before).toMatchObject({ custody: 'own', allowSimulated: false, organisations: [] });
  });

  it('does not start without a root key that is named, nor with a lost, open or broken one', async () => {
    await freshDatabase();
    expect(() => configOf({ SEALROOM_VAULT_PLAIN_ROOT_KEY_PATH: undefined })).toThrow(
      expect.objectContaining({ code: 'config/invalid' }),
    );
    const config = configOf();
    await (await startVault(config, silent)).close();
    const key = await readFile(config.plainRootKeyPath);
    await rm(config.plainRootKeyPath);
    await expect(startVault(config, silent)).rejects.toMatchObject({ code: 'vault/key-file' });
    await writeFile(config.plainRootKeyPath, key, { mode: 0o644 });
    await expect(startVault(config, silent)).rejects.toMatchObject({ code: 'file/not-private' });
    await rm(config.plainRootKeyPath);
    await writeFile(config.plainRootKeyPath, key.subarray(1), { mode: 0o600 });
    await expect(startVault(config, silent)).rejects.toMatchObject({ code: 'vault/key-file' });
  });

  it('runs once on its data directory', async () => {
    await freshDatabase();
    const config = configOf();
    await start(config);
    await expect(startVault(config, silent)).rejects.toMatchObject({ code: 'file/locked' });
  });

  it('serves organisations that are added to its file while it runs', async () => {
    await freshDatabase();
    const path = join(folder, `organisations-${count}`);
    await writeFile(path, '');
    const running = await start(configOf({ SEALROOM_VAULT_ORGANISATIONS_PATH: path }));
    expect((await describeAt(running.url)).organisations).toEqual([]);
    const org = await sha256Digest();
    await writeFile(path, `${org}\n`);
    expect((await describeAt(running.url)).organisations).toEqual([org]);
  });

  it('needs both halves of TLS', async () => {
    await freshDatabase();
    const config = configOf({ SEALROOM_VAULT_TLS_CERTIFICATE: 'PEM' });
    await expect(startVault(config, silent)).rejects.toMatchObject({ code: 'vault/half-tls' });
  });
});
