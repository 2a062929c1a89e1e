// Finds a run of a project, with its configuration and contract.
import type { RunConfigurationShape, RunShape } from '@sealroom/api';
import { type Contract } from '@sealroom/contract';
import { CliError, EXIT } from '../error.ts';
import { findById, type ProjectView } from '../hub/project.ts';

export function findRun({ runs }: ProjectView, reference: string): RunShape {
  const number = /^#?(\d{1,7})$/.exec(reference)?.[1];
  const found = number === undefined ? [] : runs.filter(({ runNumber }) => runNumber === Number(number));
  const [only] = found;
  if (only && found.length === 1) return only;
  return findById(runs, 'run', reference, 'run');
}

export type RunParts = {
  readonly run: RunShape;
  readonly configuration: RunConfigurationShape;
  readonly contract: Contract;
};

/** @throws cli/refused when the hub does not prove the contract */
export function runParts(view: ProjectView, reference: string): RunParts {
  const run = findRun(view, reference);
  const configuration = view.runConfigurations.find((item) => item.runConfiguration === run.runConfiguration);
  const contract = configuration && view.verified.record.contracts.get(configuration.contract)?.contract;
  if (configuration && contract) return { run, configuration, contract };
  throw new CliError('cli/refused', 'The hub does not prove the contract of this run.', {
    exit: EXIT.refused,
  });
}
