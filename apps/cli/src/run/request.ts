// `run request`: parameters are read as the contract declares them, and checked before anything is signed.
import { checkBeforeSigning, reviewContract } from '@sealroom/client';
import { base64urlDecode } from '@sealroom/bytes';
import {
  checkParameters,
  type Contract,
  freshSalt,
  mayUse,
  type ParameterType,
  type ParameterValue,
} from '@sealroom/contract';
import type { Action, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { sign, submit } from '../hub/statement.ts';
import { findRunConfig, knownPins } from '../run-config/agreement.ts';
import { facts, short } from '../terminal/text.ts';
import { remarkOnNodes } from './nodes.ts';

function valueOf(type: ParameterType | undefined, name: string, text: string): ParameterValue {
  const wrong = (what: string) => new CliError('cli/usage', `The parameter ${name} takes ${what}.`);
  if (type?.type === 'integer') {
    if (!/^-?\d{1,15}$/.test(text)) throw wrong(`a whole number from ${type.minimum} to ${type.maximum}`);
    return Number(text);
  }
  if (type?.type === 'boolean') {
    if (text !== 'true' && text !== 'false') throw wrong('true or false');
    return text === 'true';
  }
  return text;
}

function parametersOf(input: Input, { parameters }: Contract): Record<string, ParameterValue> {
  const pairs = input.list('param').map((pair) => {
    const at = pair.indexOf('=');
    if (at <= 0) throw new CliError('cli/usage', 'The option --param takes NAME=VALUE.');
    const name = pair.slice(0, at);
    const type = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    return [name, valueOf(type, name, pair.slice(at + 1))] as const;
  });
  const given = Object.fromEntries(pairs);
  checkParameters(parameters, given);
  return given;
}

export const requestRun: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const configuration = findRunConfig(view, input.optional('runConfig'));
  const bytes = base64urlDecode(configuration.contractBytes);
  const review = await reviewContract(bytes, {
    pins: await knownPins(context, hub),
    verified: view.verified,
  });
  const { contract, digest } = review;
  checkBeforeSigning(review, hub);
  if (!mayUse(contract, hub.org, hub.kid, 'request'))
    throw new CliError('cli/refused', 'The contract does not let this identity request runs.', {
      exit: EXIT.refused,
    });
  const [algorithm] = contract.algorithms;
  if (!algorithm)
    throw new CliError('cli/refused', 'The contract names no algorithm.', { exit: EXIT.refused });
  const parameters = parametersOf(input, contract);
  const asked = { vcpu: input.whole('vcpu') ?? 1, memoryGiB: input.whole('memory') ?? 1 };
  await remarkOnNodes(context, hub, contract, asked);
  const cose = await sign(context, hub, 'run.requested', {
    salt: freshSalt(),
    contract: digest,
    contracts: [digest],
    project: contract.project,
    runConfiguration: configuration.runConfiguration,
    datasets: contract.datasets.map((item) => item.digest),
    algorithm: algorithm.package,
    criteria: contract.criteria,
    parameters,
    ...asked,
  });
  const { runConfiguration, name } = configuration;
  const placed = await submit(context, hub, { runConfiguration, contract }, cose);
  return {
    json: {
      ok: true,
      run: placed.digest,
      runConfiguration,
      contract: digest,
      parameters,
      index: placed.index,
    },
    text: `Requested a run of "${name}".\n${facts([
      ['run', placed.digest],
      ['parameters', JSON.stringify(parameters)],
      ['next', `the data steward runs: sealroom run initiate ${short(placed.digest)}`],
    ])}`,
  };
};
