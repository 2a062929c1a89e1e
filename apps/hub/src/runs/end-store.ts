// Ends of runs that rooms have handed in and that are not yet settled.
import type { Bytes, Digest } from '@sealroom/bytes';
import type { Db, Tx } from '../db.ts';
import { refuse } from '../error.ts';

export type End = {
  readonly run: Digest;
  readonly cose_digest: Digest;
  readonly cose: Bytes;
  readonly parts: Bytes;
  readonly handed_in_at: Date;
};

type EndRow = Omit<End, 'cose' | 'parts'> & { readonly cose: Buffer; readonly parts: Buffer };

function endOf(row: EndRow): End {
  return { ...row, cose: new Uint8Array(row.cose), parts: new Uint8Array(row.parts) };
}

/** Durable when it resolves. @throws hub/end-unsettled when another end of the run is waiting */
export async function keepEnd(db: Db, end: End): Promise<void> {
  await db
    .insertInto('run_ends')
    .values({ ...end, cose: Buffer.from(end.cose), parts: Buffer.from(end.parts) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if ((await findEnd(db, end.run))?.cose_digest === end.cose_digest) return;
  throw refuse(
    'hub/end-unsettled',
    'The hub is settling another end of this run with the ledger; try again in a moment.',
  );
}

export async function findEnd(db: Db, run: Digest): Promise<End | undefined> {
  const row = await db.selectFrom('run_ends').selectAll().where('run', '=', run).executeTakeFirst();
  return row && endOf(row);
}

export async function allEnds(db: Db): Promise<End[]> {
  const rows = await db.selectFrom('run_ends').selectAll().orderBy('handed_in_at').execute();
  return rows.map(endOf);
}

export async function dropEnd(db: Db | Tx, coseDigest: Digest): Promise<void> {
  await db.deleteFrom('run_ends').where('cose_digest', '=', coseDigest).execute();
}
