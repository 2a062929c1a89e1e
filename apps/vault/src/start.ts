// Starting the vault: its settings, its keys, its database brought up to date, and the work that goes on beside the calls.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, type Bytes, BytesError, type Digest } from '@sealroom/bytes';
import { CUSTODIES, digest, keyText, platformName, shortText, url } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import {
  codeOf,
  createLog,
  ensureDirectory,
  lockDirectory,
  migrate,
  openDatabase,
  readSecretFile,
  startServer,
  tlsFetch,
  writeFileAtomic,
} from '@sealroom/host';
import { z } from 'zod';
import { createVaultApp } from './app.ts';
import { collateralSettings, openVaultCollateral, type VaultCollateral } from './attest/collateral.ts';
import { type AttestParty, PINNED } from './attest/supply.ts';
import { type Identity, openVault, type Vault } from './context.ts';
import { MIGRATIONS, type Tables, type VaultDatabase } from './db.ts';
import { refuse } from './error.ts';
import { createKekPool } from './keys/pool.ts';
import { flushOutbox } from './releases/outbox.ts';

/** Settings; in the environment `SEALROOM_VAULT_DATABASE_URL` and so on. */
export const vaultSettings = {
  /** The vault's own database and role, never the hub's. */
  databaseUrl: z.string().min(1),
  dataDirectory: z.string().min(1),
  /** File with the vault's signing key, 32 bytes as base64url; `<data>/vault.key` when left out. */
  keyPath: z.string().min(1).optional(),
  /**
   * File with the 32-byte root key (base64url) that seals every KEK. Naming it says yes to a root key in a plain file,
   * which its reader can copy; there is no default.
   */
  plainRootKeyPath: z.string().min(1),
  /** Ids (root thumbprints) of the organisations served. */
  organisations: z.array(digest).default([]),
  /** A file with more of them, one a line, read again when it changes. */
  organisationsPath: z.string().min(1).optional(),
  custody: z.enum(CUSTODIES),
  allowSimulated: z.boolean().default(false),
  /** What this vault's owner says of hardware rooms beyond each contract. */
  attest: z
    .strictObject({
      /** Platforms, as results name them, that nothing is released to any more. */
      distrust: z.array(platformName).max(10_000).default([]),
      /** How old revocation lists and vendors' statements may be; as their vendors say when left out. */
      maxCollateralAgeDays: z.int().min(1).max(3650).optional(),
      /** What vendors publish beside evidence: where it is kept, and whom it is fetched from. */
      collateral: collateralSettings.default({ services: { keySets: {} } }),
    })
    .default({ distrust: [], collateral: { services: { keySets: {} } } }),
  ledgerUrl: url,
  ledgerOrigin: shortText,
  ledgerKey: keyText,
  /** File with the PEM authorities to trust for the ledger's TLS; the system's when left out. */
  caPath: z.string().min(1).optional(),
  /** Key pairs made ahead. */
  keyPool: z.int().min(0).max(64).default(2),
  followSeconds: z.int().min(1).max(3600).default(10),
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  /** PEM texts; with neither, plain HTTP on loopback only. */
  tlsCertificate: z.string().optional(),
  tlsKey: z.string().optional(),
  /** End when standard input ends, for supervisors. */
  stopWithParent: z.boolean().default(false),
};

export type VaultConfig = z.output<z.ZodObject<typeof vaultSettings>>;

export function createVaultLog(silent = false) {
  return createLog({
    name: 'vault',
    silent,
    events: {
      'vault.refused': [],
      'vault.behind': ['what'],
      'vault.collateral-missing': ['need', 'code'],
      'vault.collateral-ends': ['what', 'until', 'ended'],
      'vault.collateral-bad': ['file', 'code'],
    },
  });
}
export type VaultLog = ReturnType<typeof createVaultLog>;

export type RunningVault = { readonly url: string; readonly vault: Vault; close(): Promise<void> };

function secretIn(path: string): Bytes {
  const text = readSecretFile(path).toString('utf8').trim();
  try {
    const secret = base64urlDecode(text);
    if (secret.length === 32) return secret;
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
  }
  throw refuse('vault/key-file', `${path} does not hold 32 bytes as base64url; restore the right file.`);
}

/** Reads 32 bytes as base64url; makes them only for a vault that has kept nothing yet. */
async function openSecretFile(path: string, db: VaultDatabase): Promise<Bytes> {
  try {
    return secretIn(path);
  } catch (error) {
    if (codeOf(error) !== 'file/missing') throw error;
  }
  const used = await db.selectFrom('checkpoint').select('size').executeTakeFirst();
  if (used) throw refuse('vault/key-file', `This vault has been used but ${path} is gone; restore it.`);
  const secret = generateSecret();
  await writeFileAtomic(path, `${base64urlEncode(secret)}\n`, 0o600);
  return secret;
}

const digestList = z.array(digest);

/** The organisations served: those of the configuration, and those of the file as it is now. */
function organisations({ organisations: fixed, organisationsPath: path }: VaultConfig): () => Digest[] {
  let read = { stamp: '', found: [...fixed] };
  return () => {
    if (path === undefined) return read.found;
    const { mtimeMs, size } = statSync(path);
    const stamp = `${mtimeMs} ${size}`;
    if (stamp !== read.stamp) {
      const lines = readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      read = { stamp, found: [...new Set([...fixed, ...digestList.parse(lines)])] };
    }
    return read.found;
  };
}

/** Follows the ledger and empties the outbox every so often, so that trouble shows before a room asks. */
function startTending(vault: Vault, log: VaultLog, seconds: number): () => Promise<void> {
  let tending = Promise.resolve();
  const tend = async (): Promise<void> => {
    await vault.log
      .follow()
      .catch((error: unknown) => log.failure('vault.behind', error, { what: 'record' }));
    await flushOutbox(vault).catch((error: unknown) =>
      log.failure('vault.behind', error, { what: 'outbox' }),
    );
  };
  const timer = setInterval(() => {
    tending = tending.then(tend);
  }, seconds * 1000);
  tending = tend();
  return async () => {
    clearInterval(timer);
    await tending;
  };
}

async function openIdentity(config: VaultConfig, db: VaultDatabase): Promise<Identity> {
  const secret = await openSecretFile(config.keyPath ?? join(config.dataDirectory, 'vault.key'), db);
  const signer = await ed25519Signer(secret);
  secret.fill(0);
  const served = organisations(config);
  const { custody, allowSimulated } = config;
  return {
    signer,
    get orgs() {
      return served();
    },
    custody,
    allowSimulated,
  };
}

const DAY_MS = 24 * 3_600_000;

/** Roots are never a setting: those pinned in the program count. */
function attestOf({ attest }: VaultConfig, collateral: VaultCollateral): AttestParty {
  const { distrust, maxCollateralAgeDays: days } = attest;
  return {
    ...PINNED,
    distrust,
    maxCollateralAgeMs: days === undefined ? undefined : days * DAY_MS,
    collateral: (evidence) => collateral.forEvidence(evidence),
    keySets: (evidence) => collateral.keySets(evidence),
    collateralStatus: () => collateral.status(),
  };
}

function tlsOf({ tlsCertificate, tlsKey }: VaultConfig) {
  if (tlsCertificate !== undefined && tlsKey !== undefined)
    return { certPem: tlsCertificate, keyPem: tlsKey };
  if (tlsCertificate === undefined && tlsKey === undefined) return undefined;
  throw refuse('vault/half-tls', 'TLS needs both a certificate and its key; give both or neither.');
}

async function startOn(config: VaultConfig, log: VaultLog, db: VaultDatabase): Promise<RunningVault> {
  const tls = tlsOf(config);
  await migrate(db, MIGRATIONS, { log });
  const identity = await openIdentity(config, db);
  const rootKey = await openSecretFile(config.plainRootKeyPath, db);
  const caPem = config.caPath === undefined ? undefined : readFileSync(config.caPath, 'utf8');
  const fetch = tlsFetch({ caPem });
  const { ledgerUrl, ledgerOrigin: origin, ledgerKey: key } = config;
  const ledger = { url: ledgerUrl.replace(/\/$/, ''), origin, key };
  const pool = createKekPool(config.keyPool);
  const collateral = await openVaultCollateral(config.attest.collateral, {
    dataDirectory: config.dataDirectory,
    log,
  });
  const attest = attestOf(config, collateral);
  const vault = await openVault({ identity, db, rootKey, pool, ledger, fetch, attest });
  const app = createVaultApp(vault, log);
  const server = await startServer({ app, host: config.host, port: config.port, tls, log });
  const stopTending = startTending(vault, log, config.followSeconds);
  return {
    url: server.url,
    vault,
    async close() {
      await server.close();
      await stopTending();
      fetch.close();
      collateral.close();
      rootKey.fill(0);
    },
  };
}

/**
 * Starts a vault process's work.
 * @throws file/locked · vault/key-file · vault/half-tls, and what the database and the server throw
 */
export async function startVault(config: VaultConfig, log: VaultLog): Promise<RunningVault> {
  await ensureDirectory(config.dataDirectory);
  const lock = lockDirectory(config.dataDirectory);
  const db = openDatabase<Tables>(config.databaseUrl, { log });
  const release = async (): Promise<void> => {
    await db.destroy();
    lock.release();
  };
  try {
    const running = await startOn(config, log, db);
    const close = async (): Promise<void> => {
      await running.close();
      await release();
    };
    return { ...running, close };
  } catch (error) {
    await release();
    throw error;
  }
}
