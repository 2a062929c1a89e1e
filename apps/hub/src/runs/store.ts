// Runs, their stages and the rooms that were vouched for.
import type { RunShape } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import type { Db, Tx } from '../db.ts';
import { notFound } from '../error.ts';
import { participantsFor } from '../projects/store.ts';
import { recordedOf, selectStatements } from '../record/store.ts';
import type { Actor } from '../sessions/rules.ts';
import { findEnd } from './end-store.ts';
import type { RunStatus } from './rules.ts';

export type RunRow = {
  readonly run: Digest;
  readonly run_number: number;
  readonly run_configuration: string;
  readonly project: string;
  readonly contract: Digest;
  readonly status: string;
  readonly detail: string | null;
  readonly requested_at: Date;
  readonly ended_at: Date | null;
  readonly node: Digest | null;
  readonly sealed: Digest | null;
  readonly envelope: Digest | null;
};

export async function openRunOf(db: Db, configuration: string): Promise<Digest | undefined> {
  const row = await db
    .selectFrom('runs')
    .select('run')
    .where('run_configuration', '=', configuration)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return row?.run;
}

export async function addStage(
  tx: Tx,
  run: Digest,
  { stage, at, detail = null }: { stage: string; at: Date; detail?: string | null },
): Promise<void> {
  await tx.insertInto('run_stages').values({ run, stage, at, detail }).execute();
}

export async function insertRun(
  tx: Tx,
  given: Pick<RunRow, 'run' | 'run_configuration' | 'project' | 'contract'>,
  at: Date,
): Promise<void> {
  const row = await tx
    .selectFrom('runs')
    .select(({ fn }) => fn.max('run_number').as('last'))
    .where('project', '=', given.project)
    .executeTakeFirst();
  const status = 'Run Requested' satisfies RunStatus;
  await tx
    .insertInto('runs')
    .values({ ...given, run_number: (row?.last ?? 0) + 1, status, requested_at: at })
    .execute();
  await addStage(tx, given.run, { stage: status, at });
}

export async function initiateRun(tx: Tx, run: Digest, at: Date): Promise<void> {
  const status = 'Run Initiated' satisfies RunStatus;
  await tx.updateTable('runs').set({ status, initiated_at: at }).where('run', '=', run).execute();
  await addStage(tx, run, { stage: status, at });
}

/** Ends a run that is open. True if it was. */
export async function endRun(
  tx: Tx,
  run: Digest,
  { status, detail = null, at }: { status: RunStatus; detail?: string | null; at: Date },
): Promise<boolean> {
  const ended = await tx
    .updateTable('runs')
    .set({ status, detail, ended_at: at })
    .where('run', '=', run)
    .where('ended_at', 'is', null)
    .returning('run')
    .executeTakeFirst();
  if (ended) await addStage(tx, run, { stage: status, at, detail });
  return ended !== undefined;
}

/** Adds the words to an end that the hub has heard of without them. */
export async function explainEnd(
  tx: Tx,
  run: Digest,
  { status, detail }: { status: RunStatus; detail: string | null },
): Promise<void> {
  await tx
    .updateTable('runs')
    .set({ detail })
    .where('run', '=', run)
    .where('status', '=', status)
    .where('detail', 'is', null)
    .execute();
}

/** Ends an open run that its room or node has lost, unless the room has handed in an end that is not settled yet. True if it did. */
export async function giveUpRun(
  tx: Tx,
  run: Digest,
  { detail, at }: { detail: string; at: Date },
): Promise<boolean> {
  if ((await findEnd(tx, run)) !== undefined) return false;
  return endRun(tx, run, { status: 'Run Failed', detail, at });
}

/** What the room's signed statement says stands, whatever the hub had assumed before. */
export async function finishRun(
  tx: Tx,
  run: Digest,
  given: { status: RunStatus; at: Date; sealed: Digest | null; envelope: Digest | null },
): Promise<void> {
  const { status, at, sealed, envelope } = given;
  const before = await findRun(tx, run);
  // A room that failed has told its reason just before; one that the hub had given up already keeps the hub's.
  const detail = status === 'Run Failed' ? (before?.detail ?? null) : null;
  await tx
    .updateTable('runs')
    .set({ status, detail, ended_at: before?.ended_at ?? at, heard_at: at, sealed, envelope })
    .where('run', '=', run)
    .execute();
  if (before?.status !== status) await addStage(tx, run, { stage: status, at, detail });
}

/** Gives an initiated run that nobody has to a node. True for the one who gets it. */
export async function claimRun(tx: Tx, run: Digest, node: Digest, at: Date): Promise<boolean> {
  const row = await tx
    .updateTable('runs')
    .set({ node, taken_at: at })
    .where('run', '=', run)
    .where('node', 'is', null)
    .where('initiated_at', 'is not', null)
    .where('ended_at', 'is', null)
    .returning('run')
    .executeTakeFirst();
  return row !== undefined;
}

/** Runs that a node took and that have not ended. */
export async function runsWith(db: Db, node: Digest) {
  return db
    .selectFrom('runs')
    .select(['run', 'contract', 'heard_at'])
    .where('node', '=', node)
    .where('ended_at', 'is', null)
    .execute();
}

/** Takes a run back from a node that never began it. True if it had it. */
export async function unclaimRun(tx: Tx, run: Digest, node: Digest): Promise<boolean> {
  const row = await tx
    .updateTable('runs')
    .set({ node: null, taken_at: null })
    .where('run', '=', run)
    .where('node', '=', node)
    .where('heard_at', 'is', null)
    .where('ended_at', 'is', null)
    .returning('run')
    .executeTakeFirst();
  return row !== undefined;
}

export async function findRun(db: Db, run: Digest): Promise<RunRow | undefined> {
  return db.selectFrom('runs').selectAll().where('run', '=', run).executeTakeFirst();
}

/** Runs that were initiated and have not ended. */
export async function unfinishedRuns(db: Db) {
  return db
    .selectFrom('runs')
    .select(['run', 'contract', 'initiated_at', 'taken_at', 'heard_at'])
    .where('initiated_at', 'is not', null)
    .where('ended_at', 'is', null)
    .execute();
}

/** The run, if the caller's organisation takes part in its project. @throws hub/not-found */
export async function runFor(db: Db, actor: Actor, run: Digest): Promise<RunRow> {
  const row = await findRun(db, run);
  if (!row) throw notFound('run');
  await participantsFor(db, actor, row.project, 'run');
  return row;
}

async function shape(db: Db, row: RunRow): Promise<RunShape> {
  const { run } = row;
  const stages = await db
    .selectFrom('run_stages')
    .select(['stage', 'at', 'detail'])
    .where('run', '=', run)
    .orderBy('place')
    .execute();
  const receipt = await db.selectFrom('receipts').select('run').where('run', '=', run).executeTakeFirst();
  const statements = await selectStatements(db, { run });
  return {
    run,
    runNumber: row.run_number,
    runConfiguration: row.run_configuration,
    project: row.project,
    status: row.status as RunStatus,
    detail: row.detail,
    requestedAt: row.requested_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    stages: stages.map(({ stage, at, detail }) => ({ stage, at: at.toISOString(), detail })),
    hasOutput: row.sealed !== null,
    hasReceipt: receipt !== undefined,
    statements: statements.map(recordedOf),
  };
}

export async function loadRun(db: Db, actor: Actor, run: Digest): Promise<RunShape> {
  return shape(db, await runFor(db, actor, run));
}

export async function loadRuns(db: Db, project: string): Promise<RunShape[]> {
  const rows = await db
    .selectFrom('runs')
    .selectAll()
    .where('project', '=', project)
    .orderBy('run_number', 'desc')
    .execute();
  const shapes: RunShape[] = [];
  for (const row of rows) shapes.push(await shape(db, row));
  return shapes;
}
