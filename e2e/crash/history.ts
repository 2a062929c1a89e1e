// What happened in a crash run, as plain data: what was seen on the wire while processes were killed, and what ledger,
// vaults and hub hold afterwards. The invariants are judged on this alone (invariants.ts).
import type { Bytes, Digest } from '@sealroom/bytes';
import type { Trust } from '@sealroom/contract';

/** The ledger said that these bytes stand at this leaf, with a proof. */
export type SeenReceipt = { readonly cose: Digest; readonly index: number; readonly proof: string };

/** A vault's answer that went to a room, and the reservation beside it. */
export type SeenRelease = { readonly answer: Bytes; readonly reservation: Bytes };

export type VaultRelease = {
  readonly run: Digest;
  readonly room: string;
  readonly state: string;
  readonly reservation: Bytes;
  readonly answer: Bytes | null;
};
export type VaultClearance = { readonly run: Digest; readonly room: string; readonly statement: Bytes };
export type VaultOutgoing = {
  readonly cose: Bytes;
  readonly leaf: number | null;
  readonly refused: string | null;
};

/** What a vault's database holds. */
export type VaultState = {
  readonly kid: Digest;
  readonly releases: readonly VaultRelease[];
  readonly clearances: readonly VaultClearance[];
  readonly outbox: readonly VaultOutgoing[];
};

/** A run as the hub shows it. */
export type HubRun = {
  readonly run: Digest;
  readonly status: string;
  readonly detail: string | null;
  readonly ended: boolean;
  readonly stages: readonly string[];
  readonly receipt: Bytes | null;
  /** Digest of the sealed output that the hub gives out. */
  readonly output: Digest | null;
};

export type History = {
  readonly ledger: { readonly origin: string; readonly key: string };
  readonly trust: Trust;
  /** What the parties mean each contract to allow: runs, and rooms for each of them. */
  readonly quota: { readonly runs: number; readonly attemptsPerRun: number };
  /** Every statement that anybody sent to the ledger, by the digest of its COSE bytes. */
  readonly sent: ReadonlyMap<Digest, Bytes>;
  readonly receipts: readonly SeenReceipt[];
  /** Every checkpoint that the ledger showed anybody, by the digest of its note. */
  readonly notes: ReadonlyMap<Digest, string>;
  readonly releases: readonly SeenRelease[];
  /** Statements that a person was told stand, by the digest of their payload. */
  readonly told: readonly Digest[];
  /** Runs whose end did not come within its time. */
  readonly overdue: readonly Digest[];
  /** The ledger's last checkpoint and all its entries. */
  readonly note: string;
  readonly entries: readonly Bytes[];
  readonly vaults: readonly VaultState[];
  readonly runs: readonly HubRun[];
  /** Processes, folders and files of rooms that are still there when all is over. */
  readonly leftovers: readonly string[];
};
