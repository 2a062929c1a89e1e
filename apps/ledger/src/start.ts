// Starting the ledger: its key, its data directory (locked for this process), the log taken up from it, and the server.
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, utf8Decode } from '@sealroom/bytes';
import { keyText, shortText, url } from '@sealroom/contract';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import {
  codeOf,
  createLog,
  ensureDirectory,
  lockDirectory,
  readSecretFile,
  startServer,
  tlsFetch,
  writeFileAtomic,
} from '@sealroom/host';
import { z } from 'zod';
import { type Admission, contractAdmission } from './admission.ts';
import { createLedgerApp } from './app.ts';
import { type Disk, openDisk } from './disk.ts';
import { LedgerError } from './error.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { CHECKPOINT } from './recovery.ts';
import { collectCosignatures, isSetBack, type WitnessLink, type Witnesses } from './witnesses.ts';

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
  /** Who is asked to cosign every checkpoint (C2SP tlog-witness); `url` is the submission prefix. */
  witnesses: z
    .array(z.strictObject({ name: shortText, key: keyText, url }))
    .max(16)
    .default([]),
  /** File with the PEM authorities to trust for the witnesses' TLS; the system's when left out. */
  caPath: z.string().min(1).optional(),
  /** End when standard input ends, for supervisors. */
  stopWithParent: z.boolean().default(false),
};

export function createLedgerLog(silent = false) {
  return createLog({
    name: 'ledger',
    silent,
    events: { 'ledger.refused': [], 'ledger.lost': [], 'ledger.witness': ['witness'] },
  });
}
export type LedgerLog = ReturnType<typeof createLedgerLog>;

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

/** Room for a small group of statements; an empty file would fit on a full disk. */
const PROBE_BYTES = 4096;

/** Whether the data directory takes a file now. */
async function probe(disk: Disk): Promise<void> {
  try {
    await disk.write([{ path: 'probe', bytes: new Uint8Array(PROBE_BYTES) }]);
  } finally {
    await disk.remove('probe');
  }
}

const MAX_ANSWER = 64 * 1024;

/** Sends `add-checkpoint` to the witnesses of the configuration. */
function linksOf({ witnesses, caPath }: LedgerConfig): { links: WitnessLink[]; close: () => void } {
  const caPem = caPath === undefined ? undefined : readFileSync(caPath, 'utf8');
  const fetch = tlsFetch({ caPem, maxBytes: MAX_ANSWER });
  const links = witnesses.map(({ name, key, url: prefix }) => ({
    name,
    key,
    async ask(body: string, signal: AbortSignal) {
      const answer = await fetch(`${prefix.replace(/\/$/, '')}/add-checkpoint`, {
        method: 'POST',
        body,
        signal,
      });
      return { status: answer.status, body: await answer.text() };
    },
  }));
  return { links, close: fetch.close };
}

type Asking = { readonly witnesses: Witnesses; readonly close: () => Promise<void> };

/**
 * Asks the witnesses once before anything is served: a log that one of them has seen larger, or otherwise, was set back.
 * Witnesses that do not answer do not hold up the start.
 */
async function askWitnesses(config: LedgerConfig, ledger: Ledger, log: LedgerLog): Promise<Asking> {
  const { links, close: closeLinks } = linksOf(config);
  const witnesses = collectCosignatures({
    links,
    head: () => ledger.head(),
    clock: Date.now,
    onProblem: (witness, error) => log.failure('ledger.witness', error, { witness }),
  });
  const close = async () => {
    await witnesses.close();
    closeLinks();
  };
  await witnesses.witnessed(0);
  const setBack = [...witnesses.problems().values()].find(isSetBack);
  if (setBack) {
    await close();
    throw setBack;
  }
  ledger.onGrown(() => witnesses.wake());
  return { witnesses, close };
}

/**
 * Starts a ledger process's work.
 * @param createAdmission who may add what; the contract's record unless a test gives another
 * @throws file/locked · ledger/half-tls · ledger/key-missing · ledger/witness-ahead · ledger/witness-conflict, and what {@link openLedger} and the server throw
 */
export async function startLedger(
  config: LedgerConfig,
  log: LedgerLog,
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
    const asking = await askWitnesses(config, ledger, log);
    const { witnesses } = asking;
    const app = createLedgerApp({ ledger, log, witnesses, checkWritable: () => probe(disk) });
    const tls = tlsCertificate && tlsKey ? { certPem: tlsCertificate, keyPem: tlsKey } : undefined;
    const server = await startServer({ app, host, port, tls, log });
    return {
      url: server.url,
      ledger,
      async close() {
        await server.close();
        await asking.close();
        await ledger.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
