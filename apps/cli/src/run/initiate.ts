// INITIATE RUN: the steward reviews contract and request, every statement and fingerprint is verified, the contract is
// countersigned if that is missing, and the run is approved.
import { checkRunRequest } from '@sealroom/client';
import { checkParameters, freshSalt, mayUse } from '@sealroom/contract';
import type { Action } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { sign, submit } from '../hub/statement.ts';
import { acceptedIn, heldToPolicy } from '../run-config/accept.ts';
import { reviewAndAgree, reviewConfiguration, signContract } from '../run-config/agreement.ts';
import { facts, short } from '../terminal/text.ts';
import { runParts } from './find.ts';
import { remarkOnNodes } from './nodes.ts';

export const initiateRun: Action = async (context, input) => {
  const own = await acceptedIn(input);
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const { run, configuration } = runParts(view, input.arg(0));
  const { review: found, bytes } = await reviewConfiguration(context, hub, configuration, view.verified);
  const review = heldToPolicy(found, own);
  const { contract } = review;
  const request = checkRunRequest(review, view.verified, run.run);
  checkParameters(contract.parameters, request.parameters);
  if (!mayUse(contract, hub.org, hub.kid, 'approve'))
    throw new CliError('cli/refused', 'The contract does not let this identity initiate runs.', {
      exit: EXIT.refused,
    });
  const signed = view.verified.record.contracts.get(review.digest)?.signatures.has(hub.org) === true;
  const more = `\n${facts([
    ['run', `#${run.runNumber} ${run.run}`],
    ['parameters', JSON.stringify(request.parameters)],
    ['asks for', `${request.vcpu} processors, ${request.memoryGiB} GiB`],
  ])}`;
  await remarkOnNodes(context, hub, contract, request);
  const question = signed ? 'Initiate this run?' : 'Sign this contract and initiate the run?';
  await reviewAndAgree(context, hub, review, {
    question,
    look: `sealroom run-config review ${configuration.runConfiguration}`,
    more,
  });
  const target = { runConfiguration: configuration.runConfiguration, contract };
  if (!signed) {
    await submit(context, hub, target, await signContract(context, hub, { review, bytes }));
    context.did('The contract was countersigned.');
  }
  const payload = { salt: freshSalt(), contract: review.digest, run: run.run, org: hub.org };
  const { index } = await submit(context, hub, target, await sign(context, hub, 'run.approved', payload));
  return {
    json: {
      ok: true,
      run: run.run,
      contract: review.digest,
      countersigned: !signed,
      index,
      warnings: review.warnings,
    },
    text: `${signed ? 'Initiated' : 'Countersigned the contract and initiated'} run #${run.runNumber} (${short(run.run)}).\nFollow it: sealroom run watch ${short(run.run)}\n`,
  };
};
