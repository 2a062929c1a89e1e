// The project's shelf: versions with their details, answers, documents and (sealed) store URLs.
import type { ArtifactShape, Details } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import type { Db, Tx } from '../db.ts';
import { issuedAt } from '../record/rules.ts';
import { recordedOf } from '../record/store.ts';
import type { ArtifactStatement, Kind, Shelving } from './rules.ts';

export async function lastVersion(db: Db, project: string, org: Digest, kind: Kind): Promise<number> {
  const row = await db
    .selectFrom('artifacts')
    .select(({ fn }) => fn.max('version').as('last'))
    .where('project', '=', project)
    .where('org', '=', org)
    .where('kind', '=', kind)
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** The organisations that have published this in the project. */
export async function publishersOf(db: Db, project: string, kind: Kind, digest: Digest): Promise<Digest[]> {
  const rows = await db
    .selectFrom('artifacts')
    .select('org')
    .where('project', '=', project)
    .where('kind', '=', kind)
    .where('digest', '=', digest)
    .execute();
  return rows.map(({ org }) => org);
}

export type Extras = {
  readonly details: Details | undefined;
  readonly document: Uint8Array | undefined;
  /** The store URL, sealed. */
  readonly url: Buffer | undefined;
};

export async function shelve(
  tx: Tx,
  statement: ArtifactStatement,
  shelving: Extract<Shelving, { does: 'publish' }>,
  { details, document, url }: Extras,
): Promise<void> {
  const { project, org } = statement.payload;
  const { kind, digest, sensitivity } = shelving;
  const version = shelving.version ?? (await lastVersion(tx, project, org, kind)) + 1;
  const by = {
    published_at: issuedAt(statement),
    published_by: statement.kid,
    statement: statement.coseDigest,
  };
  await tx
    .insertInto('artifacts')
    .values({ project, org, kind, digest, version, sensitivity, ...by })
    .execute();
  if (details) {
    const { name, description, versionTag, versionDescription } = details;
    await tx
      .insertInto('artifact_details')
      .values({
        statement: statement.coseDigest,
        name,
        description,
        version_tag: versionTag,
        version_description: versionDescription,
      })
      .execute();
  }
  if (document) {
    await tx
      .insertInto('documents')
      .values({ project, digest, content: Buffer.from(document) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  if (url) await tx.insertInto('asset_urls').values({ project, org, kind, digest, sealed: url }).execute();
}

export async function saveAnswer(
  tx: Tx,
  { payload }: ArtifactStatement,
  { kind, digest, said }: Extract<Shelving, { does: 'answer' }>,
): Promise<void> {
  const { project, org } = payload;
  await tx
    .insertInto('artifact_answers')
    .values({ project, kind, digest, org, said })
    .onConflict((conflict) => conflict.columns(['project', 'kind', 'digest', 'org']).doUpdateSet({ said }))
    .execute();
}

export async function saveWithdrawal(
  tx: Tx,
  { payload }: ArtifactStatement,
  { kind, digest }: Extract<Shelving, { does: 'withdraw' }>,
): Promise<void> {
  await tx
    .updateTable('artifacts')
    .set({ withdrawn: true })
    .where('project', '=', payload.project)
    .where('org', '=', payload.org)
    .where('kind', '=', kind)
    .where('digest', '=', digest)
    .execute();
}

export async function loadArtifacts(db: Db, project: string): Promise<ArtifactShape[]> {
  const rows = await db
    .selectFrom('artifacts')
    .innerJoin('statements', 'statements.cose_digest', 'artifacts.statement')
    .leftJoin('artifact_details', 'artifact_details.statement', 'artifacts.statement')
    .select([
      'artifacts.kind',
      'artifacts.digest',
      'artifacts.org',
      'artifacts.version',
      'artifacts.sensitivity',
      'artifacts.withdrawn',
      'artifacts.published_at',
      'artifacts.published_by',
      'statements.cose',
      'statements.leaf',
      'statements.proof',
      'artifact_details.name',
      'artifact_details.description',
      'artifact_details.version_tag',
      'artifact_details.version_description',
    ])
    .where('artifacts.project', '=', project)
    .orderBy('statements.leaf')
    .execute();
  const answers = await db
    .selectFrom('artifact_answers')
    .select(['kind', 'digest', 'org', 'said'])
    .where('project', '=', project)
    .orderBy('org')
    .execute();
  return rows.map((row) => ({
    kind: row.kind as ArtifactShape['kind'],
    digest: row.digest,
    org: row.org,
    project,
    version: row.version,
    details: {
      name: row.name ?? `${row.kind} ${row.version}`,
      description: row.description ?? '',
      versionTag: row.version_tag ?? '',
      versionDescription: row.version_description ?? '',
    },
    publishedAt: row.published_at.toISOString(),
    publishedBy: row.published_by,
    sensitivity: row.sensitivity as ArtifactShape['sensitivity'],
    answers: answers
      .filter(({ kind, digest }) => kind === row.kind && digest === row.digest)
      .map(({ org, said }) => ({ org, said: said as 'accepted' | 'declined' })),
    withdrawn: row.withdrawn,
    statement: recordedOf(row),
  }));
}

export async function loadDocument(db: Db, project: string, digest: Digest): Promise<Buffer | undefined> {
  const row = await db
    .selectFrom('documents')
    .select('content')
    .where('project', '=', project)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row?.content;
}

/** The store URL of an asset, still sealed. */
export async function loadUrl(
  db: Db,
  project: string,
  { org, kind, digest }: { org: Digest; kind: Kind; digest: Digest },
): Promise<Buffer | undefined> {
  const row = await db
    .selectFrom('asset_urls')
    .select('sealed')
    .where('project', '=', project)
    .where('org', '=', org)
    .where('kind', '=', kind)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row?.sealed;
}
