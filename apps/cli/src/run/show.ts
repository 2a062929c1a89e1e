// Listing, showing and watching runs. Stages come from the hub; a state that somebody must have signed is held against the
// verified record.
import { setTimeout as delay } from 'node:timers/promises';
import { hubRoutes, type RunShape } from '@sealroom/api';
import { call } from '@sealroom/client';
import type { Action, Answer } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { facts, short, table, timeText } from '../terminal/text.ts';
import { findRun } from './find.ts';
import { checkBorneOut, isBorneOut } from './proved.ts';

const POLL_MS = 1000;
const ENDED: readonly RunShape['status'][] = [
  'Run Completed',
  'Run Failed',
  'Run Cancelled',
  'Run Rejected',
  'Run Withdrawn',
];

export const listRuns: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const json = view.runs.map(({ statements, ...run }) => ({
    ...run,
    leaves: statements.map(({ index }) => index),
  }));
  const rows = json.map(({ runNumber, run, status, requestedAt, runConfiguration, hasOutput, detail }) => [
    `#${runNumber}`,
    short(run),
    isBorneOut(view.verified.record, { run, status }) ? status : `${status} (NOT PROVED)`,
    timeText(requestedAt),
    runConfiguration,
    hasOutput ? 'yes' : '',
    detail ?? '',
  ]);
  return { json, text: table(['run', 'id', 'status', 'requested', 'run configuration', 'output', ''], rows) };
};

function answerOf({ statements, ...run }: RunShape): Answer {
  const rows = run.stages.map(({ stage, at, detail }) => [timeText(at), stage, detail ?? '']);
  const ended = ENDED.includes(run.status);
  const failed = ended && run.status !== 'Run Completed';
  return {
    json: { ok: !failed, ended, ...run, leaves: statements.map(({ index }) => index) },
    text: `${facts([
      ['run', `#${run.runNumber} ${run.run}`],
      ['status', run.status],
      ['detail', run.detail ?? undefined],
      ['output', run.hasOutput ? `sealroom report open ${short(run.run)}` : 'none'],
      ['receipt', run.hasReceipt ? `sealroom receipt get ${short(run.run)}` : 'none'],
    ])}\n${table(['when', 'stage', ''], rows, 'It has not started.')}`,
  };
}

export const showRun: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const run = findRun(view, input.arg(0));
  checkBorneOut(view.verified.record, run);
  return answerOf(run);
};

export const watchRun: Action = async (context, input) => {
  const hub = await link(context, input);
  const { run } = findRun(await openProject(context, input, hub), input.arg(0));
  const seconds = input.whole('timeout');
  const deadline = seconds === undefined ? Number.POSITIVE_INFINITY : context.now() + seconds * 1000;
  let told = 0;
  for (;;) {
    const now = await call(hub.service, hubRoutes.run, { params: { run } });
    for (const { stage, at, detail } of now.stages.slice(told)) {
      const words = detail === null ? '' : ` (${detail})`;
      context.note(`${timeText(at)}  ${stage}${words}\n`);
    }
    told = now.stages.length;
    if (ENDED.includes(now.status)) {
      checkBorneOut((await openProject(context, input, hub)).verified.record, now);
      const answer = answerOf(now);
      return { ...answer, exit: now.status === 'Run Completed' ? EXIT.ok : EXIT.refused };
    }
    if (context.now() > deadline) {
      throw new CliError(
        'cli/refused',
        `The run has not ended after ${seconds ?? 0} s; it is at "${now.status}".`,
        {
          exit: EXIT.refused,
          next: 'The run goes on; watch it again.',
        },
      );
    }
    await delay(POLL_MS, undefined, { signal: context.signal });
  }
};
