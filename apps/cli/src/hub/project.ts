// A project as this client has verified it: the hub's lists for names and states, and the record that its statements make.
import {
  type ArtifactShape,
  hubRoutes,
  type OrganisationShape,
  type ProjectShape,
  type RunConfigurationShape,
  type RunShape,
} from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { call, type Recorded, verifyRecorded, type VerifiedRecord } from '@sealroom/client';
import type { Role } from '@sealroom/contract';
import type { Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import type { Link } from './session.ts';

export type ProjectView = {
  readonly project: ProjectShape;
  readonly organisations: readonly OrganisationShape[];
  readonly artifacts: readonly ArtifactShape[];
  readonly runConfigurations: readonly RunConfigurationShape[];
  readonly runs: readonly RunShape[];
  readonly verified: VerifiedRecord;
};

export async function loadOrganisation({ service }: Link, org: Digest): Promise<OrganisationShape> {
  return call(service, hubRoutes.organisation, { params: { org } });
}

/** The project that `--project` names by id or name, the home's, or the only one. */
export async function findProject(context: Context, input: Input, hub: Link): Promise<ProjectShape> {
  const { projects } = await call(hub.service, hubRoutes.projects, {});
  const wanted =
    input.optional('project') ?? context.terminal.environment['SEALROOM_PROJECT'] ?? hub.settings.project;
  const found =
    wanted === undefined
      ? projects
      : projects.filter(({ project, name }) => project === wanted || name === wanted);
  const [only] = found;
  if (only && found.length === 1) return only;
  const names = projects.map(({ project, name }) => `${project} (${name})`).join(', ');
  if (projects.length === 0) {
    throw new CliError('cli/not-found', 'Your organisation takes part in no project yet.', {
      next: 'Create one: sealroom project create',
    });
  }
  throw new CliError(
    found.length === 0 ? 'cli/not-found' : 'cli/ambiguous',
    found.length === 0 ? 'You take part in no such project.' : 'It is not clear which project is meant.',
    { next: `Give --project with one of: ${names}` },
  );
}

function recordedOf(parts: Omit<ProjectView, 'verified'>): Recorded[] {
  return [
    ...parts.organisations.flatMap(({ statements }) => statements),
    ...parts.artifacts.map(({ statement }) => statement),
    ...parts.runConfigurations.flatMap(({ statements }) => statements),
    ...parts.runs.flatMap(({ statements }) => statements),
  ];
}

/** Loads and verifies all of a project. @throws client/not-proved */
export async function viewProject(hub: Link, project: ProjectShape): Promise<ProjectView> {
  const params = { project: project.project };
  const { service } = hub;
  const [organisations, { artifacts }, { runConfigurations }, { runs }] = await Promise.all([
    Promise.all(project.participants.map(({ org }) => loadOrganisation(hub, org))),
    call(service, hubRoutes.artifacts, { params }),
    call(service, hubRoutes.runConfigurations, { params }),
    call(service, hubRoutes.runs, { params }),
  ]);
  const parts = { project, organisations, artifacts, runConfigurations, runs };
  return { ...parts, verified: await verifyRecorded(hub.ledger, recordedOf(parts)) };
}

export async function openProject(context: Context, input: Input, hub: Link): Promise<ProjectView> {
  return viewProject(hub, await findProject(context, input, hub));
}

/** My organisation's role here. @throws cli/refused */
export function roleOf(project: ProjectShape, org: Digest): Role {
  const role = project.participants.find((participant) => participant.org === org)?.role;
  if (role) return role;
  throw new CliError('cli/refused', 'Your organisation does not take part in this project.', { exit: 1 });
}

export function nameOf({ project }: ProjectView, org: Digest): string {
  return project.participants.find((participant) => participant.org === org)?.name ?? org.slice(7, 19);
}

/** True when a digest is meant by a whole digest, eight or more of its first digits, or a name. */
function meant(reference: string, { digest, details, version }: ArtifactShape): boolean {
  if (digest === reference || details.name === reference || `${details.name}@${version}` === reference)
    return true;
  const prefix = reference.replace(/^sha256:/, '');
  return /^[0-9a-f]{8,64}$/.test(prefix) && digest.startsWith(`sha256:${prefix}`);
}

/**
 * The artifact that a reference means: digest, its beginning, name or name@version; a name means its newest version that
 * was not withdrawn. Without a reference the only one, if there is only one.
 * @throws cli/not-found · cli/ambiguous
 */
export function findArtifact(
  { artifacts }: Pick<ProjectView, 'artifacts'>,
  kind: ArtifactShape['kind'],
  reference: string | undefined,
): ArtifactShape {
  const known = artifacts.filter((item) => item.kind === kind && !item.withdrawn);
  const found = reference === undefined ? known : known.filter((item) => meant(reference, item));
  const newest = found.toSorted((a, b) => b.version - a.version)[0];
  const sameName = found.every(
    (item) => item.details.name === newest?.details.name && item.org === newest.org,
  );
  if (newest && sameName) return newest;
  const list = known.map(({ digest, details }) => `${digest.slice(7, 19)} (${details.name})`).join(', ');
  if (found.length === 0) {
    const what = known.length === 0 ? `This project has no ${kind} yet.` : `There is no such ${kind}.`;
    throw new CliError('cli/not-found', what, known.length === 0 ? {} : { next: `Known: ${list}` });
  }
  throw new CliError('cli/ambiguous', `It is not clear which ${kind} is meant.`, {
    next: `Name one of: ${list}`,
  });
}

type Identified<K extends string> = { readonly [key in K]: string } & { readonly name?: string };

/** Finds by a whole id, a name, or eight or more digits of a digest. @throws cli/not-found · cli/ambiguous */
export function findById<K extends string, T extends Identified<K>>(
  items: readonly T[],
  key: K,
  reference: string | undefined,
  what: string,
): T {
  const prefix = reference?.replace(/^sha256:/, '') ?? '';
  const isPrefix = /^[0-9a-f]{8,64}$/.test(prefix);
  const found =
    reference === undefined
      ? items
      : items.filter(
          (item) =>
            item[key] === reference ||
            item.name === reference ||
            (isPrefix && item[key].startsWith(`sha256:${prefix}`)),
        );
  const [only] = found;
  if (only && found.length === 1) return only;
  const next =
    items.length === 0
      ? {}
      : { next: `Known: ${items.map((item) => item.name ?? item[key].slice(0, 19)).join(', ')}` };
  if (found.length === 0) throw new CliError('cli/not-found', `There is no such ${what}.`, next);
  throw new CliError('cli/ambiguous', `It is not clear which ${what} is meant.`, next);
}
