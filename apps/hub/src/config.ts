// The hub's settings; in the environment SEALROOM_HUB_DATA_DIRECTORY and so on. A path as `…_FILE` is the way for secrets.
import { keyText } from '@sealroom/contract';
import { loadConfig } from '@sealroom/host';
import { z } from 'zod';

export const PREFIX = 'SEALROOM_HUB_';

const shape = {
  dataDirectory: z.string().min(1),
  /** PostgreSQL; without it the hub runs one of its own below the data directory. */
  databaseUrl: z.string().min(1).optional(),
  /** The hub's URL as others reach it, when that is not the address it listens on. */
  origin: z.url().optional(),
  ledgerUrl: z.url(),
  /** The ledger's name and key are pinned: the hub asks nobody who its ledger is. */
  ledgerOrigin: z.string().min(1),
  ledgerKey: keyText,
  /** Whether organisations register by themselves, or with a one-time code of the operator. */
  registration: z.enum(['open', 'code']).default('code'),
  /** Origins of stores that datasets may lie in, besides the hub's own file store. */
  storeOrigins: z.array(z.string()).default([]),
  /** File with the secret of the file store's signed URLs, 32 bytes as base64url; `<data>/file-store.key` when left out. */
  fileStoreKeyPath: z.string().min(1).optional(),
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  /** PEM texts; with neither, plain HTTP on loopback only. */
  tlsCertificate: z.string().optional(),
  tlsKey: z.string().optional(),
  /** File with the PEM authorities to trust for the ledger's TLS; the system's when left out. */
  caPath: z.string().min(1).optional(),
  /** End when standard input ends, for supervisors. */
  stopWithParent: z.boolean().default(false),
};

export type HubConfig = Readonly<z.output<z.ZodObject<typeof shape>>>;

/** @throws config/invalid */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): HubConfig {
  return loadConfig({ shape, prefix: PREFIX, environment });
}
