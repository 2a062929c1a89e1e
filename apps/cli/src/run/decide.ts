// Rejecting, withdrawing and cancelling runs.
import { freshSalt, type StatementType } from '@sealroom/contract';
import type { Action } from '../context.ts';
import { openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { noteOf, sign, submit } from '../hub/statement.ts';
import { runParts } from './find.ts';

const TYPES = {
  reject: 'run.rejected',
  withdraw: 'run.withdrawn',
  cancel: 'run.cancelled',
} as const satisfies { readonly [verb: string]: StatementType };
const WORDS = { reject: 'Rejected', withdraw: 'Withdrew', cancel: 'Cancelled' } as const;

export function endRun(verb: keyof typeof TYPES): Action {
  return async (context, input) => {
    const hub = await link(context, input);
    const view = await openProject(context, input, hub);
    const { run, configuration, contract } = runParts(view, input.arg(0));
    const note = await noteOf(input.optional('reason'));
    const cose = await sign(context, hub, TYPES[verb], {
      salt: freshSalt(),
      contract: configuration.contract,
      run: run.run,
      org: hub.org,
      note: note.digest,
    });
    const { runConfiguration } = configuration;
    const { index } = await submit(context, hub, { runConfiguration, contract }, cose, note.text);
    return { json: { ok: true, run: run.run, index }, text: `${WORDS[verb]} run #${run.runNumber}.\n` };
  };
}
