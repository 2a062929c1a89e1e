// What the vault's features share: who this vault is, its database, its root key, the ledger it follows and its clock.
import type { Bytes, Digest } from '@sealroom/bytes';
import type { Custody } from '@sealroom/contract';
import type { Fetch } from '@sealroom/client';
import type { KeyText, Signer } from '@sealroom/cose';
import type { VaultDatabase } from './db.ts';
import { openRecords, type Records } from './follower/fold.ts';
import { type LogCopy, openLogCopy } from './follower/follow.ts';
import type { LedgerPlace } from './follower/ledger.ts';
import { type AttestParty, PINNED } from './attest/supply.ts';
import type { KekPool } from './keys/pool.ts';
import { type Allowance, createAllowance } from './refusals/rules.ts';
import { createTurns, type Turns } from './turns.ts';

export type Identity = {
  readonly signer: Signer;
  /** Ids (root thumbprints) of the organisations this vault serves; may grow while it runs. */
  readonly orgs: readonly Digest[];
  readonly custody: Custody;
  readonly allowSimulated: boolean;
};

export type Timing = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** How long a release waits for the other vaults' reservations, and how often it looks, in milliseconds. */
  readonly waitMs: number;
  readonly pollMs: number;
  /** Refusals leave at multiples of this, so that their time tells little about their cause. */
  readonly gridMs: number;
};

/** Places between the steps of a release at which a test may stop the vault. */
export type Step = 'decided' | 'reserved' | 'appended' | 'checked' | 'released';

export type Vault = {
  readonly identity: Identity;
  readonly db: VaultDatabase;
  readonly rootKey: Bytes;
  readonly pool: KekPool;
  readonly timing: Timing;
  readonly ledger: LedgerPlace;
  readonly attest: AttestParty;
  readonly log: LogCopy;
  readonly records: Records;
  readonly turns: Turns;
  /** Key commitments by wrapped key and asset, so that only an answer costs a decryption. */
  readonly commitments: Map<string, string>;
  /** How many refusals of unverified requests may still be kept for their owners. */
  readonly allowance: Allowance;
  readonly barrier: (step: Step, run: Digest) => Promise<void>;
};

export type VaultOptions = {
  readonly identity: Identity;
  readonly db: VaultDatabase;
  readonly rootKey: Bytes;
  readonly pool: KekPool;
  readonly ledger: { readonly url: string; readonly origin: string; readonly key: KeyText };
  readonly fetch: Fetch;
  /** What this vault holds hardware evidence against; without it, pinned roots and no collateral. */
  readonly attest?: AttestParty;
  readonly timing?: Partial<Timing>;
  readonly barrier?: Vault['barrier'];
};

const UNVERIFIED_PER_MINUTE = 60;
const TIMING: Timing = { clock: Date.now, waitMs: 30_000, pollMs: 250, gridMs: 250 };

/** Takes up the state that the database holds. */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const { identity, db, rootKey, pool, attest = PINNED, barrier = async () => undefined } = options;
  const timing = { ...TIMING, ...options.timing };
  const ledger = { ...options.ledger, fetch: options.fetch };
  const log = await openLogCopy(db, ledger, timing.clock);
  const records = await openRecords({ db, ledger }, log.entries);
  const kept = { commitments: new Map<string, string>(), allowance: createAllowance(UNVERIFIED_PER_MINUTE) };
  const own = { identity, db, rootKey, pool, attest, timing, barrier };
  return { ...own, ...kept, ledger, log, records, turns: createTurns() };
}

/** RFC 3339 with milliseconds. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
