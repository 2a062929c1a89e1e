// Projects: create, list, show.
import { hubRoutes } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { digest, type Role } from '@sealroom/contract';
import type { Action, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { type OrganisationPin, readPins } from '../home/pins.ts';
import { changeSettings } from '../home/settings.ts';
import { findProject, viewProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { facts, table, timeText } from '../terminal/text.ts';

type Participant = { readonly org: Digest; readonly role: Role };

function organisation(text: string, own: Digest, pins: readonly OrganisationPin[]): Digest {
  if (text === 'me') return own;
  const named = pins.filter(({ name }) => name === text);
  const found = digest.safeParse(text).data ?? (named.length === 1 ? named[0]?.org : undefined);
  if (found) return found;
  throw new CliError(
    'cli/usage',
    `${JSON.stringify(text)} is neither an organisation’s id, nor a pinned name, nor "me".`,
  );
}

function participantsOf(input: Input, own: Digest, pins: readonly OrganisationPin[]): Participant[] {
  const inRole = (option: string, role: Role) =>
    input.list(option).map((text) => ({ org: organisation(text, own, pins), role }));
  const all = [...inRole('steward', 'data-steward'), ...inRole('algorithmOwner', 'algorithm-owner')];
  const roles = new Set(all.map(({ role }) => role));
  if (roles.size === 2 && all.some(({ org }) => org === own)) return all;
  throw new CliError('cli/usage', 'A project needs a data steward and an algorithm owner, one of them you.', {
    next: 'Give --steward and --algorithm-owner, with "me" for your own organisation.',
  });
}

export const createProject: Action = async (context, input) => {
  const hub = await link(context, input);
  const { organisations } = await readPins(context.home);
  const participants = participantsOf(input, hub.org, organisations);
  const name = input.text('name');
  const body = { name, description: input.optional('description') ?? '', participants };
  const project = await call(hub.service, hubRoutes.createProject, { body });
  const unpinned = participants.filter(({ org }) => !organisations.some((pin) => pin.org === org));
  const advice = unpinned
    .map(({ org }) => `Compare before you sign anything: sealroom org pin ${org}\n`)
    .join('');
  return {
    json: { ok: true, ...project },
    text: `Created the project ${name}.\n${facts([['project', project.project]])}${advice}`,
  };
};

export const listProjects: Action = async (context, input) => {
  const hub = await link(context, input);
  const { projects } = await call(hub.service, hubRoutes.projects, {});
  const rows = projects.map(({ project, name, state, createdAt, participants }) => [
    project,
    name,
    participants.find(({ org }) => org === hub.org)?.role ?? '',
    state,
    timeText(createdAt),
  ]);
  return { json: projects, text: table(['project', 'name', 'your role', 'state', 'created'], rows) };
};

function projectNamed(input: Input): Input {
  const named = input.optionalArg(0);
  if (named === undefined) return input;
  return { ...input, optional: (name) => (name === 'project' ? named : input.optional(name)) };
}

export const showProject: Action = async (context, input) => {
  const hub = await link(context, input);
  const project = await findProject(context, projectNamed(input), hub);
  const view = await viewProject(hub, project);
  const { organisations: pins } = await readPins(context.home);
  const parties = project.participants.map(({ name, role, org }) => [
    name,
    role,
    pins.find((pin) => pin.org === org)?.checked ?? 'NOT COMPARED YET',
    org,
  ]);
  const counts = ['specification', 'attestation', 'criteria', 'dataset', 'algorithm'].map((kind) => {
    return [kind, String(view.artifacts.filter((item) => item.kind === kind).length)] as const;
  });
  const about = facts([
    ['project', project.project],
    ['name', project.name],
    ['state', project.state],
    ...counts,
    ['run configuration', String(view.runConfigurations.length)],
    ['run', String(view.runs.length)],
    ['statements', `${view.verified.statements.length}, each verified`],
  ]);
  return {
    json: {
      ...project,
      counts: Object.fromEntries(counts),
      verifiedStatements: view.verified.statements.length,
    },
    text: `${about}\n${table(['party', 'role', 'checked', 'organisation'], parties)}`,
  };
};

export const useProject: Action = async (context, input) => {
  const hub = await link(context, input);
  const { project, name } = await findProject(context, projectNamed(input), hub);
  await changeSettings(context.home, { project });
  return { json: { ok: true, project }, text: `Later commands mean the project ${name}.\n` };
};
