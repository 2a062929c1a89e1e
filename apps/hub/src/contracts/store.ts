// Run configurations: a contract, its name, and where it stands.
import type { RunConfigurationShape } from '@sealroom/api';
import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { encodeContract, type LedgerRecord } from '@sealroom/contract';
import type { Db, Tx } from '../db.ts';
import { notFound } from '../error.ts';
import { participantsFor } from '../projects/store.ts';
import { recordedOf, selectStatements } from '../record/store.ts';
import type { Actor } from '../sessions/rules.ts';
import { configurationStatus } from './rules.ts';

export type Configuration = {
  readonly run_configuration: string;
  readonly project: string;
  readonly name: string;
  readonly description: string;
  readonly contract: Digest;
  readonly created_at: Date;
};

export async function insertConfiguration(
  tx: Tx,
  actor: Actor,
  given: Configuration & { readonly pair: Digest },
): Promise<void> {
  await tx
    .insertInto('run_configurations')
    .values({ ...given, created_by: actor.kid })
    .execute();
}

export async function pairIsTaken(db: Db, project: string, pair: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('run_configurations')
    .select('run_configuration')
    .where('project', '=', project)
    .where('pair', '=', pair)
    .where('revoked', '=', false)
    .executeTakeFirst();
  return row !== undefined;
}

export async function findByContract(db: Db, contract: Digest): Promise<string | undefined> {
  const row = await db
    .selectFrom('run_configurations')
    .select('run_configuration')
    .where('contract', '=', contract)
    .executeTakeFirst();
  return row?.run_configuration;
}

export async function markRevoked(tx: Tx, contract: Digest): Promise<void> {
  await tx
    .updateTable('run_configurations')
    .set({ revoked: true })
    .where('contract', '=', contract)
    .execute();
}

export async function saveNote(
  tx: Tx,
  configuration: string,
  note: { readonly digest: Digest; readonly content: string },
): Promise<void> {
  await tx
    .insertInto('notes')
    .values({ ...note, run_configuration: configuration })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function findConfiguration(db: Db, id: string): Promise<Configuration | undefined> {
  return db
    .selectFrom('run_configurations')
    .selectAll()
    .where('run_configuration', '=', id)
    .executeTakeFirst();
}

/** The configuration, if the caller's organisation takes part in its project. @throws hub/not-found */
export async function configurationFor(db: Db, actor: Actor, id: string): Promise<Configuration> {
  const row = await findConfiguration(db, id);
  if (!row) throw notFound('run configuration');
  await participantsFor(db, actor, row.project, 'run configuration');
  return row;
}

async function shape(db: Db, record: LedgerRecord, row: Configuration): Promise<RunConfigurationShape> {
  const state = record.contracts.get(row.contract);
  if (!state) throw notFound('run configuration');
  const open = await db
    .selectFrom('runs')
    .select('status')
    .where('run_configuration', '=', row.run_configuration)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  const statements = await selectStatements(db, { contracts: [row.contract] });
  return {
    runConfiguration: row.run_configuration,
    project: row.project,
    name: row.name,
    description: row.description,
    contract: row.contract,
    contractBytes: base64urlEncode(encodeContract(state.contract)),
    status: configurationStatus(open?.status),
    signedBy: [...state.signatures.keys()],
    suspended: state.suspensions.size > 0,
    revoked: state.revokedBy !== undefined || state.supersededBy !== undefined,
    createdAt: row.created_at.toISOString(),
    statements: statements.map(recordedOf),
  };
}

export async function loadConfiguration(
  db: Db,
  record: LedgerRecord,
  actor: Actor,
  id: string,
): Promise<RunConfigurationShape> {
  return shape(db, record, await configurationFor(db, actor, id));
}

export async function loadConfigurations(
  db: Db,
  record: LedgerRecord,
  project: string,
): Promise<RunConfigurationShape[]> {
  const rows = await db
    .selectFrom('run_configurations')
    .selectAll()
    .where('project', '=', project)
    .orderBy('created_at', 'desc')
    .execute();
  const shapes: RunConfigurationShape[] = [];
  for (const row of rows) shapes.push(await shape(db, record, row));
  return shapes;
}
