// Starting the ledger: its key, its data directory (locked for this process), the log taken up from it, and the server.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, utf8Decode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import {
  codeOf,
  ensureDirectory,
  lockDirectory,
  type Log,
  readSecretFile,
  startServer,
  writeFileAtomic,
} from '@sealroom/host';
import { z } from 'zod';
import { type Admission, contractAdmission } from './admission.ts';
import { createLedgerApp } from './app.ts';
import { type Disk, openDisk } from './disk.ts';
import { LedgerError } from './error.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { CHECKPOINT } from './recovery.ts';

/** Settings; in the environment `SEALROOM_LEDGER_DATA_DIRECTORY` and so on. */
export const ledgerSettings = {
  /** The log's name in every checkpoint and receipt: a URL without its scheme. It never changes. */
  origin: z.string().regex(/^[^\s+]+$/),
  dataDirectory: z.string().min(1),
  /** File with the log's signing key, 32 bytes as base64url; `<data>/ledger.key` when left out. */
  keyPath: z.string().min(1).optional(),
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  /** PEM texts; with neither, plain HTTP on loopback only. */
  tlsCertificate: z.string().optional(),
  tlsKey: z.string().optional(),
  /** End when standard input ends, for supervisors. */
  stopWithParent: z.boolean().default(false),
};

export type LedgerConfig = z.output<z.ZodObject<typeof ledgerSettings>>;

export type RunningLedger = {
  readonly url: string;
  readonly ledger: Ledger;
  close(): Promise<void>;
};

/** Reads the log's key, or makes one for a log that does not exist yet. @throws ledger/key-missing */
async function openKey(path: string, disk: Disk): Promise<Signer> {
  try {
    return await ed25519Signer(base64urlDecode(utf8Decode(readSecretFile(path)).trim()));
  } catch (error) {
    if (codeOf(error) !== 'file/missing') throw error;
  }
  if (await disk.read(CHECKPOINT)) {
    const message = `The log exists but its key ${path} does not; restore the key. A log cannot change it.`;
    throw new LedgerError('ledger/key-missing', message);
  }
  const secret = generateSecret();
  await writeFileAtomic(path, `${base64urlEncode(secret)}\n`, 0o600);
  return ed25519Signer(secret);
}

/** Whether the data directory takes a file now. */
async function probe(disk: Disk): Promise<void> {
  await disk.write([{ path: 'probe', bytes: new Uint8Array() }]);
  await disk.remove('probe');
}

/**
 * Starts a ledger process's work.
 * @param createAdmission who may add what; the contract's record unless a test gives another
 * @throws file/locked · ledger/half-tls · ledger/key-missing, and what {@link openLedger} and the server throw
 */
export async function startLedger(
  config: LedgerConfig,
  log: Log,
  createAdmission: (origin: string) => Admission = contractAdmission,
): Promise<RunningLedger> {
  const { origin, dataDirectory, tlsCertificate, tlsKey, host, port } = config;
  if ((tlsCertificate === undefined) !== (tlsKey === undefined)) {
    throw new LedgerError(
      'ledger/half-tls',
      'TLS needs both a certificate and its key; give both or neither.',
    );
  }
  await mkdir(dataDirectory, { recursive: true });
  await ensureDirectory(dataDirectory);
  const lock = lockDirectory(dataDirectory);
  try {
    const disk = openDisk(dataDirectory);
    const signer = await openKey(config.keyPath ?? join(dataDirectory, 'ledger.key'), disk);
    const ledger = await openLedger({ disk, signer, origin, createAdmission: () => createAdmission(origin) });
    const app = createLedgerApp({ ledger, log, checkWritable: () => probe(disk) });
    const tls = tlsCertificate && tlsKey ? { certPem: tlsCertificate, keyPem: tlsKey } : undefined;
    const server = await startServer({ app, host, port, tls, log });
    return {
      url: server.url,
      ledger,
      async close() {
        await server.close();
        await ledger.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
