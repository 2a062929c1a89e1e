// Whether a run's request is one that its contract allows, for the verifier of a receipt. The vaults judge the same before
// they release (release.ts); a receipt of a run that they should have refused must not pass because all of them cheated.
// Not checked here: signatures, approvals, evidence, outcome (receipt.ts).
import { ContractError } from './error.ts';
import { checkParameters } from './parameters.ts';
import type { PayloadOf } from './statement-table.ts';
import type { Contract } from './terms.ts';

/** @throws receipt/contract */
export function checkTerms(contract: Contract, request: PayloadOf<'run.requested'>): void {
  const good =
    request.datasets.every((digest) => contract.datasets.some((item) => item.digest === digest)) &&
    contract.algorithms.some((item) => item.package === request.algorithm) &&
    request.criteria === contract.criteria &&
    request.vcpu <= contract.room.maxVcpu &&
    request.memoryGiB <= contract.room.maxMemoryGiB;
  if (!good)
    throw new ContractError(
      'receipt/contract',
      'The run used or asked for what its contract does not allow.',
    );
  try {
    checkParameters(contract.parameters, request.parameters);
  } catch (cause) {
    if (!(cause instanceof ContractError)) throw cause;
    throw new ContractError('receipt/contract', 'A parameter of the run does not fit its contract.', {
      cause,
    });
  }
}
