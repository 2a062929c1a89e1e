// The vault's own database (migrations/), as Kysely sees it. Secrets in it are sealed under the root key.
import { join } from 'node:path';
import type { Database } from '@sealroom/host';
import type { Generated, JSONColumnType, Transaction } from 'kysely';

export const MIGRATIONS: string = join(import.meta.dirname, '..', 'migrations');

/** `check` names the check of the evidence that did not hold. */
export type Reason = { readonly code: string; readonly check?: string | undefined; readonly detail: string };

export type Tables = {
  entries: { leaf: number; entry: Buffer };
  checkpoint: { single: Generated<boolean>; size: number; note: string; seen_at: Date };
  conflicts: { note: string; code: string; held: string; at: Date };
  statements: { cose_digest: string; cose: Buffer };
  contracts: { contract: string; salt: Buffer };
  told: { digest: string; contract: string; cose: Buffer; at: Date };
  keks: {
    kek: string;
    project: string;
    org: string;
    role: string;
    sealed: Buffer;
    statement: Buffer;
    created_at: Date;
  };
  wrapped_keys: { wcek: string; kek: string; bytes: Buffer };
  challenges: { nonce: string; expires_at: Date; used_by: string | null };
  releases: {
    run: string;
    room: string;
    contracts: string[];
    manifest: string;
    org: string;
    state: 'reserved' | 'released' | 'denied';
    reservation: Buffer;
    reserved_at: Date;
    answer: Buffer | null;
    release_not_after: Date | null;
    collateral: Buffer | null;
  };
  clearances: {
    run: string;
    room: string;
    outcome: string;
    bits: number;
    bytes: number;
    statement: Buffer;
  };
  denials: { run: string; code: string };
  outbox: {
    id: Generated<number>;
    run: string;
    cose: Buffer;
    salt: Buffer;
    leaf: number | null;
    refused: string | null;
  };
  refusals: {
    id: Generated<number>;
    run: string;
    orgs: string[];
    verified: boolean;
    at: Date;
    reasons: JSONColumnType<Reason[]>;
  };
};

export type VaultDatabase = Database<Tables>;
export type VaultTransaction = Transaction<Tables>;

/** PostgreSQL gives Buffers on a shared pool; what leaves the store is a plain array of its own. */
export function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
