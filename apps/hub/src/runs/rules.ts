// A run's life as the hub shows it: who may ask for one, what each statement and each word from its room makes of it, which
// nodes it may go to, and when it counts as lost. Pure; times are milliseconds since 1970.
import type { RUN_OUTCOMES } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import {
  checkParameters,
  type Contract,
  contractStands,
  type Isolation,
  ISOLATIONS,
  isolationSuffices,
  type LedgerRecord,
  type PayloadOf,
  type Statement,
  stewardsOf,
} from '@sealroom/contract';
import { refuse } from '../error.ts';

export type RunStatus = (typeof RUN_OUTCOMES)[number];

export const RUN_TYPES = [
  'run.requested',
  'run.approved',
  'run.rejected',
  'run.withdrawn',
  'run.cancelled',
] as const;
export type RunStatement = Extract<Statement, { type: (typeof RUN_TYPES)[number] }>;

/** @throws hub/wrong-type */
export function expectRunStatement(statement: Statement): RunStatement {
  if (RUN_TYPES.some((type) => type === statement.type)) return statement as RunStatement;
  throw refuse('hub/wrong-type', `A ${statement.type} statement is not handed in by a person.`);
}

export function runNamed(statement: RunStatement): Digest {
  return statement.type === 'run.requested' ? statement.digest : statement.payload.run;
}

/** What a person's statement makes of the run, once it is taken. */
export function statusAfter(type: Exclude<RunStatement['type'], 'run.approved'>): RunStatus {
  return (
    {
      'run.requested': 'Run Requested',
      'run.rejected': 'Run Rejected',
      'run.withdrawn': 'Run Withdrawn',
      'run.cancelled': 'Run Cancelled',
    } as const
  )[type];
}

function mismatch(what: string) {
  return refuse('hub/contract-mismatch', what);
}

/** @throws hub/contract-mismatch · contract/parameters */
export function checkRequest(
  request: PayloadOf<'run.requested'>,
  contract: Contract,
  configuration: { readonly run_configuration: string; readonly project: string; readonly contract: Digest },
): void {
  if (
    request.runConfiguration !== configuration.run_configuration ||
    request.project !== configuration.project
  )
    throw mismatch('The request was signed for another run configuration.');
  if (request.contracts.length !== 1 || request.contracts[0] !== configuration.contract)
    throw mismatch('The request stands under another contract than its run configuration.');
  const known = new Set(contract.datasets.map((item) => item.digest));
  if (new Set(request.datasets).size !== known.size || request.datasets.some((digest) => !known.has(digest)))
    throw mismatch('The request’s datasets are not those of the run configuration.');
  if (!contract.algorithms.some((item) => item.package === request.algorithm))
    throw mismatch('The request’s algorithm is not the run configuration’s.');
  if (request.criteria !== contract.criteria)
    throw mismatch('The request’s validation criteria are not the contract’s.');
  if (request.vcpu > contract.room.maxVcpu || request.memoryGiB > contract.room.maxMemoryGiB)
    throw mismatch('The request asks for more processors or memory than the contract allows.');
  checkParameters(contract.parameters, request.parameters);
}

/** Whether the approval of `org` is the last one that the run needs. */
export function completesApproval(record: LedgerRecord, run: Digest, org: Digest): boolean {
  const state = record.runs.get(run);
  const contract = state && record.contracts.get(state.request.contract)?.contract;
  if (!state || !contract) return false;
  const stewards = stewardsOf(contract, state.request.datasets);
  return [...stewards].every((steward) => steward === org || state.approvals.has(steward));
}

export type NodeFacts = {
  readonly simulator: string | null;
  readonly hardware: string | null;
  readonly launch: Digest;
  readonly isolation: Isolation;
  readonly maxVcpu: number;
  readonly maxMemoryGiB: number;
};

/**
 * A kind of room that work waits for: of a simulated one the node's own key and the room program, of hardware the technology
 * alone, since which machine it is its evidence tells the vaults; and the isolation that is needed.
 */
export type RoomKind =
  | { readonly simulator: string; readonly launch: Digest; readonly isolation: Isolation }
  | { readonly hardware: string; readonly isolation: Isolation };

/** The rooms that a contract accepts, each kind once. */
export function kindsOf({ room }: Contract): RoomKind[] {
  const { accept, isolation } = room;
  const hardware = new Set(accept.map(({ technology }) => technology).filter((one) => one !== 'simulated'));
  const simulated = accept.flatMap((entry) =>
    entry.technology === 'simulated'
      ? entry.keys.flatMap((simulator) => entry.launch.map((launch) => ({ simulator, launch, isolation })))
      : [],
  );
  return [...simulated, ...[...hardware].map((one) => ({ hardware: one, isolation }))];
}

/** The rooms that a node can start, the most demanding first. */
export function kindsFor(node: NodeFacts): RoomKind[] {
  const { simulator, hardware, launch } = node;
  return ISOLATIONS.filter((needed) => isolationSuffices(node.isolation, needed))
    .toReversed()
    .flatMap((isolation) => [
      ...(hardware === null ? [] : [{ hardware, isolation }]),
      ...(simulator === null ? [] : [{ simulator, launch, isolation }]),
    ]);
}

export function isLargeEnough(
  node: NodeFacts,
  request: { readonly vcpu: number; readonly memoryGiB: number },
): boolean {
  return request.vcpu <= node.maxVcpu && request.memoryGiB <= node.maxMemoryGiB;
}

/** Whether nothing can be done under the contract any more. */
export function hasEnded(record: LedgerRecord, contract: Digest): boolean {
  const state = record.contracts.get(contract);
  return state?.revokedBy !== undefined || state?.supersededBy !== undefined;
}

/** What an initiated run is for this node now: over, to be had, or perhaps later (too large, or suspended). */
export function standingOf(record: LedgerRecord, run: Digest, node: NodeFacts): 'ended' | 'ready' | 'later' {
  const state = record.runs.get(run);
  const contract = state && record.contracts.get(state.request.contract);
  if (!state || !contract || state.ended !== undefined) return 'ended';
  if (!isLargeEnough(node, state.request)) return 'later';
  return contractStands(contract) || hasEnded(record, contract.digest) ? 'ready' : 'later';
}

const MINUTE_MS = 60_000;
/** How long a room may take to be known, and what it may take on top of the contract's minutes. */
export const GRACE_MS = 10 * MINUTE_MS;
/** How long an approved run waits for a node that may take it. */
export const WAIT_MS = 24 * 60 * MINUTE_MS;

export type Waiting = {
  readonly initiatedAt: number;
  readonly takenAt: number | null;
  readonly heardAt: number | null;
  readonly maxMinutes: number;
};

/** Why an initiated run has to be ended now, if it has to. */
export function lossOf(run: Waiting, now: number): string | undefined {
  if (run.takenAt === null) return now - run.initiatedAt > WAIT_MS ? 'no node has taken the run' : undefined;
  if (run.heardAt === null) return now - run.takenAt > GRACE_MS ? 'room lost' : undefined;
  return now - run.heardAt > run.maxMinutes * MINUTE_MS + GRACE_MS ? 'room lost' : undefined;
}

/** Statement types of a project that a run's work may need. */
export const WORK_TYPES = [
  'kek.created',
  'key.wrapped',
  'specification.published',
  'attestation.published',
  'criteria.published',
  'dataset.published',
  'algorithm.published',
] as const;

/** Whether a project's statement is about what this contract names. */
export function concerns(contract: Contract, statement: Statement): boolean {
  const { payload, type } = statement;
  const orgs = contract.participants.map(({ org }) => org);
  if (type === 'kek.created' || type === 'key.wrapped') return orgs.includes(payload.org);
  const documents = new Set<Digest>([
    contract.criteria,
    ...contract.datasets.flatMap((item) => [item.specification, item.attestation]),
  ]);
  if ('document' in payload) return documents.has(payload.document);
  if (type === 'dataset.published')
    return contract.datasets.some((item) => item.digest === payload.digest && item.steward === payload.org);
  if (type === 'algorithm.published')
    return contract.algorithms.some((item) => item.package === payload.digest && item.owner === payload.org);
  return false;
}
