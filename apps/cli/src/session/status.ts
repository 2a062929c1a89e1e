// `status`: what waits for me, on top of everything; verified like every list.
import { hubRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import type { Action } from '../context.ts';
import { type ProjectView, roleOf, viewProject } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { short, table } from '../terminal/text.ts';

type Waiting = {
  readonly project: string;
  readonly what: string;
  readonly id: string;
  readonly command: string;
};

function forSteward(
  { project, runs, runConfigurations, artifacts, verified }: ProjectView,
  { org }: Link,
): Waiting[] {
  const name = project.name;
  const runsToDecide = runs
    .filter(
      ({ run, status }) => status === 'Run Requested' && !verified.record.runs.get(run)?.approvals.has(org),
    )
    .map(({ run, runNumber }) => ({
      project: name,
      what: `run ${runNumber} is requested`,
      id: run,
      command: `sealroom run initiate ${short(run)}`,
    }));
  const offers = runConfigurations
    .filter(({ signedBy, revoked }) => !revoked && !signedBy.includes(org))
    .map(({ runConfiguration, name: title }) => ({
      project: name,
      what: `"${title}" is offered`,
      id: runConfiguration,
      command: `sealroom run-config review ${runConfiguration}`,
    }));
  const criteria = artifacts
    .filter(
      (item) =>
        item.kind === 'criteria' && item.org !== org && !item.answers.some((said) => said.org === org),
    )
    .map(({ digest, details }) => ({
      project: name,
      what: `criteria "${details.name}" await your answer`,
      id: digest,
      command: `sealroom criteria accept ${short(digest)}`,
    }));
  return [...runsToDecide, ...offers, ...criteria];
}

function forOwner({ project, runs, artifacts }: ProjectView, { org }: Link): Waiting[] {
  const name = project.name;
  const reports = runs
    .filter(({ status, hasOutput }) => status === 'Run Completed' && hasOutput)
    .map(({ run, runNumber }) => ({
      project: name,
      what: `run ${runNumber} has a report`,
      id: run,
      command: `sealroom report open ${short(run)}`,
    }));
  const attestations = artifacts
    .filter(
      (item) =>
        item.kind === 'attestation' && item.org !== org && !item.answers.some((said) => said.org === org),
    )
    .map(({ digest, details }) => ({
      project: name,
      what: `attestation "${details.name}" awaits your answer`,
      id: digest,
      command: `sealroom attestation accept ${short(digest)}`,
    }));
  return [...reports, ...attestations];
}

export const status: Action = async (context, input) => {
  const hub = await link(context, input);
  const { projects } = await call(hub.service, hubRoutes.projects, {});
  const waiting: Waiting[] = [];
  for (const project of projects) {
    const view = await viewProject(hub, project);
    const find = roleOf(project, hub.org) === 'data-steward' ? forSteward : forOwner;
    waiting.push(...find(view, hub));
  }
  const rows = waiting.map(({ project, what, command }) => [project, what, command]);
  return { json: waiting, text: table(['project', 'what', 'next'], rows, 'Nothing waits for you.') };
};
