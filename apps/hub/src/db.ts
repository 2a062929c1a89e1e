// Row types of the hub's tables (migrations/). Times are Dates; digests, kids and ids are text.
import type { Digest } from '@sealroom/bytes';
import type { StatementType } from '@sealroom/contract';
import type { Database, inTransaction } from '@sealroom/host';
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

export type StatementRow = {
  cose_digest: Digest;
  digest: Digest;
  type: StatementType;
  org: Digest;
  kid: Digest;
  leaf: number;
  proof: string;
  cose: Buffer;
  issued_at: Date;
  project: string | null;
  contract: Digest | null;
  run: Digest | null;
};

export type Tables = {
  statements: StatementRow;
  ledger_view: { one: Generated<boolean>; size: number; root: Digest; position: number };
  organisations: {
    org: Digest;
    name: string;
    domain: string;
    root: string;
    vaults: JSONColumnType<{ key: string; url: string; custody: string }[]>;
    registered_at: Date;
  };
  people: {
    kid: Digest;
    org: Digest;
    name: string;
    key: string;
    receiving: string;
    uses: JSONColumnType<string[]>;
    revoked: ColumnType<boolean, boolean | undefined, boolean>;
  };
  registration_codes: { code_hash: Digest; expires_at: Date; used_by: Digest | null };
  challenges: { challenge_hash: Digest; expires_at: Date };
  sessions: { token_hash: Digest; kid: Digest; org: Digest; expires_at: Date };
  projects: {
    project: string;
    name: string;
    description: string;
    technology: string;
    state: ColumnType<string, string | undefined, string>;
    created_at: Date;
    created_by: Digest;
  };
  project_participants: { project: string; org: Digest; role: string; place: number };
  artifacts: {
    project: string;
    org: Digest;
    kind: string;
    digest: Digest;
    version: number;
    published_at: Date;
    published_by: Digest;
    sensitivity: string | null;
    withdrawn: ColumnType<boolean, boolean | undefined, boolean>;
    statement: Digest;
  };
  artifact_details: {
    statement: Digest;
    name: string;
    description: string;
    version_tag: string;
    version_description: string;
  };
  artifact_answers: { project: string; kind: string; digest: Digest; org: Digest; said: string };
  documents: { project: string; digest: Digest; content: Buffer };
  asset_urls: { project: string; org: Digest; kind: string; digest: Digest; sealed: Buffer };
  run_configurations: {
    run_configuration: string;
    project: string;
    name: string;
    description: string;
    contract: Digest;
    pair: Digest;
    revoked: ColumnType<boolean, boolean | undefined, boolean>;
    created_at: Date;
    created_by: Digest;
  };
  runs: {
    run: Digest;
    run_number: number;
    run_configuration: string;
    project: string;
    contract: Digest;
    status: string;
    detail: string | null;
    requested_at: Date;
    initiated_at: Date | null;
    taken_at: Date | null;
    node: Digest | null;
    heard_at: Date | null;
    ended_at: Date | null;
    sealed: Digest | null;
    envelope: Digest | null;
  };
  run_stages: { run: Digest; place: Generated<number>; stage: string; at: Date; detail: string | null };
  run_rooms: {
    run: Digest;
    kid: Digest;
    sign: string;
    manifest: Digest;
    sequence: Generated<number>;
    last_event: Digest | null;
  };
  run_ends: { run: Digest; cose_digest: Digest; cose: Buffer; parts: Buffer; handed_in_at: Date };
  notes: { digest: Digest; run_configuration: string; content: string };
  receipts: { run: Digest; parts: Buffer; receipt: Buffer | null };
  node_codes: { code_hash: Digest; name: string; created_by: Digest | null; expires_at: Date };
  nodes: {
    node: Digest;
    name: string;
    key: string;
    simulator: string | null;
    hardware: string | null;
    launch: Digest;
    isolation: string;
    max_vcpu: number;
    max_memory_gib: number;
    enrolled_by: Digest | null;
    last_seen_at: Date | null;
  };
  node_nonces: { node: Digest; nonce: string; seen_at: Date };
};

export type Db = Database<Tables>;
/** Inside `inTransaction`; a query that needs no transaction takes a `Db` as well. */
export type Tx = Parameters<Parameters<typeof inTransaction<Tables, unknown>>[1]>[0];
