// What the hub asks of a contract before it becomes a run configuration, and the configuration's status. Pure. Each vault
// decides again when keys are asked for; this is so that people hear of a mistake while they can still mend it.
import { canonicalBytes, type Digest, sha256Digest } from '@sealroom/bytes';
import type { ArtifactState, Contract, LedgerRecord, PayloadOf, Statement } from '@sealroom/contract';
import { refuse } from '../error.ts';
import type { Participant } from '../projects/rules.ts';
import { kindsOf } from '../runs/rules.ts';
import type { Actor } from '../sessions/rules.ts';

/** The pair (algorithm version, dataset versions) that a run configuration is unique for. */
export function pairOf(contract: Contract): Promise<Digest> {
  const algorithms = contract.algorithms.map((item) => item.package).toSorted();
  const datasets = contract.datasets.map((item) => item.digest).toSorted();
  return sha256Digest(canonicalBytes({ algorithms, datasets }));
}

function mismatch(what: string) {
  return refuse('hub/contract-mismatch', what);
}

function sameParticipants(contract: Contract, participants: readonly Participant[]): boolean {
  return (
    contract.participants.length === participants.length &&
    contract.participants.every(({ org, role }) =>
      participants.some((item) => item.org === org && item.role === role),
    )
  );
}

/** @throws hub/wrong-role · hub/not-a-participant · hub/contract-mismatch */
export function checkOffer(
  contract: Contract,
  {
    actor,
    project,
    participants,
    ledger,
  }: {
    readonly actor: Actor;
    readonly project: string;
    readonly participants: readonly Participant[];
    readonly ledger: { readonly origin: string; readonly key: string };
  },
): void {
  if (participants.find(({ org }) => org === actor.org)?.role !== 'algorithm-owner')
    throw refuse('hub/wrong-role', 'The algorithm owner creates run configurations.');
  if (contract.project !== project) throw mismatch('The contract names another project.');
  if (!sameParticipants(contract, participants))
    throw refuse('hub/not-a-participant', 'The contract’s participants and roles are not the project’s.');
  if (contract.version !== 1) throw mismatch('A run configuration begins with version 1 of its contract.');
  if (contract.ledger.origin !== ledger.origin || contract.ledger.key !== ledger.key)
    throw mismatch('The contract names another ledger than this hub’s.');
  // Each kind of room is a queue of its own here.
  if (kindsOf(contract).length > MAX_KINDS)
    throw mismatch(`The contract accepts more than ${MAX_KINDS} kinds of rooms; name the nodes it is for.`);
}

const MAX_KINDS = 256;

function standing(record: LedgerRecord, name: string, project: string): ArtifactState {
  const found = record.artifacts.get(name);
  if (!found || found.project !== project || found.withdrawn) {
    throw refuse(
      'hub/unknown-asset',
      `The contract names a ${name.slice(0, name.indexOf('/'))} that its owner has not published in this project, or has withdrawn.`,
    );
  }
  return found;
}

/** Everything the contract names stands on the project's shelf as it says. @throws hub/unknown-asset · hub/contract-mismatch */
export function checkAssets(contract: Contract, record: LedgerRecord): void {
  for (const term of contract.datasets) {
    const { published } = standing(record, `dataset/${term.steward}/${term.digest}`, contract.project);
    const payload = published.payload as PayloadOf<'dataset.published'>;
    const same =
      payload.specification === term.specification &&
      payload.attestation === term.attestation &&
      payload.sensitivity === term.sensitivity;
    if (!same)
      throw mismatch('A dataset was published with another specification, attestation or sensitivity.');
  }
  for (const term of contract.algorithms) {
    const { published } = standing(record, `algorithm/${term.owner}/${term.package}`, contract.project);
    const payload = published.payload as PayloadOf<'algorithm.published'>;
    if (payload.image !== term.image || payload.base !== term.base || payload.criteria !== contract.criteria)
      throw mismatch('The algorithm was published with another image, base or criteria.');
  }
}

export const CONTRACT_TYPES = [
  'contract.signed',
  'contract.suspended',
  'contract.resumed',
  'contract.revoked',
] as const;
export type ContractStatement = Extract<Statement, { type: (typeof CONTRACT_TYPES)[number] }>;

export function isContractStatement(statement: Statement): statement is ContractStatement {
  return CONTRACT_TYPES.some((type) => type === statement.type);
}

/** The contract that a statement is about. */
export function contractNamed(statement: ContractStatement): Digest {
  return statement.type === 'contract.signed' ? statement.digest : statement.payload.contract;
}

/** Status of a run configuration, from the run that is open under it, if one is. */
export function configurationStatus(
  openRun: string | undefined,
): 'Pending' | 'Run Requested' | 'In Progress' {
  if (openRun === undefined) return 'Pending';
  return openRun === 'Run Requested' ? 'Run Requested' : 'In Progress';
}
