// Projects and who takes part. Every read here is by an organisation: what it does not take part in does not exist.
import type { ProjectShape } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import type { Role } from '@sealroom/contract';
import type { Db, Tx } from '../db.ts';
import { notFound } from '../error.ts';
import type { Actor } from '../sessions/rules.ts';
import type { Participant } from './rules.ts';

export type NewProject = {
  readonly project: string;
  readonly name: string;
  readonly description: string;
  readonly technology: string;
  readonly participants: readonly Participant[];
};

export async function insertProject(tx: Tx, actor: Actor, now: Date, given: NewProject): Promise<void> {
  const { participants, ...project } = given;
  await tx
    .insertInto('projects')
    .values({ ...project, created_at: now, created_by: actor.kid })
    .execute();
  const rows = participants.map((item, place) => ({ ...item, project: project.project, place }));
  await tx.insertInto('project_participants').values(rows).execute();
}

/** The participants, if the organisation is one of them. @throws hub/not-found (of `what`) */
export async function participantsFor(
  db: Db,
  actor: Actor,
  project: string,
  what = 'project',
): Promise<Participant[]> {
  const rows = await db
    .selectFrom('project_participants')
    .select(['org', 'role'])
    .where('project', '=', project)
    .orderBy('place')
    .execute();
  if (!rows.some(({ org }) => org === actor.org)) throw notFound(what);
  return rows as { org: Digest; role: Role }[];
}

async function shapes(db: Db, wanted: readonly string[]): Promise<ProjectShape[]> {
  if (wanted.length === 0) return [];
  const rows = await db
    .selectFrom('projects')
    .selectAll()
    .where('project', 'in', wanted)
    .orderBy('created_at', 'desc')
    .execute();
  const participants = await db
    .selectFrom('project_participants')
    .innerJoin('organisations', 'organisations.org', 'project_participants.org')
    .select(['project', 'project_participants.org as org', 'role', 'organisations.name as name'])
    .where('project', 'in', wanted)
    .orderBy('place')
    .execute();
  return rows.map(({ project, name, description, technology, state, created_at }) => ({
    project,
    name,
    description,
    technology,
    state: state as ProjectShape['state'],
    createdAt: created_at.toISOString(),
    participants: participants
      .filter((item) => item.project === project)
      .map((item) => ({ org: item.org, name: item.name, role: item.role as Role })),
  }));
}

export async function loadProjects(db: Db, actor: Actor): Promise<ProjectShape[]> {
  const rows = await db
    .selectFrom('project_participants')
    .select('project')
    .where('org', '=', actor.org)
    .execute();
  return shapes(
    db,
    rows.map(({ project }) => project),
  );
}

/** @throws hub/not-found */
export async function loadProject(db: Db, actor: Actor, project: string): Promise<ProjectShape> {
  await participantsFor(db, actor, project);
  const [found] = await shapes(db, [project]);
  if (!found) throw notFound('project');
  return found;
}
