// The statements table: append-only, in the order of the ledger's leaves.
import { base64urlEncode, type Digest, digestBytes, digestString } from '@sealroom/bytes';
import type { Statement } from '@sealroom/contract';
import type { Db, StatementRow, Tx } from '../db.ts';
import type { Place, Seen } from './ledger.ts';
import { aboutOf, issuedAt } from './rules.ts';

export type Recorded = Place & { readonly cose: string };

export async function findPlace(db: Db, coseDigest: Digest): Promise<Place | undefined> {
  const row = await db
    .selectFrom('statements')
    .select(['leaf', 'proof'])
    .where('cose_digest', '=', coseDigest)
    .executeTakeFirst();
  return row && { index: row.leaf, proof: row.proof };
}

export async function insertStatement(tx: Tx, statement: Statement, place: Place): Promise<void> {
  if (statement.type === 'contract.signed') await lookAgainFrom(tx, place.index);
  await tx
    .insertInto('statements')
    .values({
      cose_digest: statement.coseDigest,
      digest: statement.digest,
      type: statement.type,
      org: statement.claims.iss as Digest,
      kid: statement.kid,
      leaf: place.index,
      proof: place.proof,
      cose: Buffer.from(statement.bytes),
      issued_at: issuedAt(statement),
      ...aboutOf(statement),
    })
    .execute();
}

/** How far the hub has read the ledger: all entries before `position`, under a checkpoint. */
export type View = Seen & { readonly position: number };

export async function loadView(db: Db): Promise<View | undefined> {
  const row = await db.selectFrom('ledger_view').selectAll().executeTakeFirst();
  return row && { size: row.size, root: digestBytes(row.root), position: row.position };
}

export async function saveView(db: Db, { size, root, position }: View): Promise<void> {
  const values = { size, root: digestString(root), position };
  await db
    .insertInto('ledger_view')
    .values(values)
    .onConflict((conflict) => conflict.column('one').doUpdateSet(values))
    .execute();
}

// A contract that the hub hears of only now may have entries that it has read without knowing them.
async function lookAgainFrom(tx: Tx, leaf: number): Promise<void> {
  await tx.updateTable('ledger_view').set({ position: leaf }).where('position', '>', leaf).execute();
}

/** Which of these statements are stored. */
export async function knownAmong(db: Db, digests: readonly Digest[]): Promise<Set<Digest>> {
  const rows = await db
    .selectFrom('statements')
    .select('cose_digest')
    .where('cose_digest', 'in', digests)
    .execute();
  return new Set(rows.map((row) => row.cose_digest));
}

/** All statements in leaf order, a page at a time. */
export async function* inLeafOrder(db: Db, page = 500): AsyncGenerator<StatementRow> {
  for (let after = -1; ; ) {
    const rows = await db
      .selectFrom('statements')
      .selectAll()
      .where('leaf', '>', after)
      .orderBy('leaf')
      .limit(page)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    after = last.leaf;
  }
}

export function recordedOf(row: Pick<StatementRow, 'cose' | 'leaf' | 'proof'>): Recorded {
  return { cose: base64urlEncode(row.cose), index: row.leaf, proof: row.proof };
}

/** What is wanted: statements with any of these marks. */
export type Marks = {
  readonly orgs?: readonly Digest[];
  readonly project?: string;
  readonly projectTypes?: readonly StatementRow['type'][];
  readonly contracts?: readonly Digest[];
  readonly run?: Digest;
};

const IDENTITY_TYPES = ['participant.registered', 'identity.added', 'identity.revoked'] as const;

/**
 * Statements in leaf order: those that vouch for the keys of `orgs`, those of `projectTypes` in the project, those about
 * the contracts themselves and those about the run.
 */
export async function selectStatements(db: Db, marks: Marks): Promise<StatementRow[]> {
  return db
    .selectFrom('statements')
    .selectAll()
    .where((is) => {
      const wanted = [];
      if (marks.orgs && marks.orgs.length > 0)
        wanted.push(is.and([is('org', 'in', marks.orgs), is('type', 'in', IDENTITY_TYPES)]));
      if (marks.project !== undefined && marks.projectTypes)
        wanted.push(is.and([is('project', '=', marks.project), is('type', 'in', marks.projectTypes)]));
      if (marks.contracts && marks.contracts.length > 0)
        wanted.push(is.and([is('contract', 'in', marks.contracts), is('run', 'is', null)]));
      if (marks.run !== undefined) wanted.push(is('run', '=', marks.run));
      return is.or(wanted);
    })
    .orderBy('leaf')
    .execute();
}
