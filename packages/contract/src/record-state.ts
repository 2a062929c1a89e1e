// Which statement may follow which (the "allowed state" column of the statement table), against the folded record.
import { base64urlDecode, type Digest, sha256Digest } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import { ContractError } from './error.ts';
import {
  type ArtifactKind,
  artifactKey,
  type ContractState,
  type KeyEntry,
  type LedgerRecord,
  type RunState,
} from './record-types.ts';
import type { Statement } from './statement.ts';
import type { PayloadOf } from './statement-table.ts';
import type { Contract, Use } from './terms.ts';

function wrong(message: string): ContractError {
  return new ContractError('statement/wrong-state', message);
}

function wrongSigner(message: string): ContractError {
  return new ContractError('statement/wrong-signer', message);
}

/** True while no organisation's suspension is open and nobody revoked or replaced the contract. */
export function contractStands(state: ContractState): boolean {
  return (
    state.completeAt !== undefined &&
    state.suspensions.size === 0 &&
    state.revokedBy === undefined &&
    state.supersededBy === undefined
  );
}

/** The participant of an organisation whose contract gives this key this use. */
export function mayUse(contract: Contract, org: Digest, kid: Digest, use: Use): boolean {
  const participant = contract.participants.find((item) => item.org === org);
  return participant?.keys.some((key) => key.kid === kid && key.uses.includes(use)) ?? false;
}

/** The stewards whose datasets a run asks for. */
export function stewardsOf(contract: Contract, datasets: readonly Digest[]): Set<Digest> {
  return new Set(
    contract.datasets.filter((item) => datasets.includes(item.digest)).map((item) => item.steward),
  );
}

function contractOf(record: LedgerRecord, digest: Digest): ContractState {
  const state = record.contracts.get(digest);
  if (!state) throw wrong('Nobody has signed the contract that this statement names.');
  return state;
}

function openRun(record: LedgerRecord, digest: Digest): RunState {
  const run = record.runs.get(digest);
  if (!run) throw wrong('Nobody has requested the run that this statement names.');
  if (run.ended) throw wrong(`The run has ended already (${run.ended}).`);
  return run;
}

function artifact(record: LedgerRecord, kind: ArtifactKind, digest: Digest) {
  const found = [...record.artifacts.values()].find((item) => item.kind === kind && item.digest === digest);
  if (!found) throw wrong(`Nobody has published the ${kind} that this statement names.`);
  return found;
}

/** A later version ends the earlier ones and inherits their counters, so it needs the signatures of all who made them. */
function checkVersion(record: LedgerRecord, contract: Contract, first: Digest): void {
  const family = [...record.contracts.values()].filter(
    (state) => state.digest === first || state.contract.first === first,
  );
  const origin = contractOf(record, first).contract;
  if (origin.first !== null || origin.project !== contract.project)
    throw wrong(
      'The contract is a version of something that is not the first version of its project’s contract.',
    );
  const orgs = contract.participants.map((participant) => participant.org);
  for (const state of family) {
    const complete = state.completeAt !== undefined;
    if (complete && state.contract.version >= contract.version)
      throw wrong('The contract has this version, or a later one, already.');
    const counts = complete || state.digest === first;
    if (counts && state.revokedBy)
      throw wrong('The contract was revoked for good; agree on a new one instead of a new version.');
    if (counts && !state.contract.participants.every(({ org }) => orgs.includes(org)))
      throw wrongSigner('A version must be signed by every participant of the versions that it replaces.');
  }
}

async function checkSignedContract(
  record: LedgerRecord,
  statement: Statement<'contract.signed'>,
  signer: KeyEntry,
): Promise<void> {
  const contract = statement.payload;
  const org = statement.claims.iss as Digest;
  for (const participant of contract.participants) {
    if ((await keyThumbprint(participant.root)) !== participant.org) {
      throw new ContractError(
        'contract/malformed',
        'A participant’s organisation is not the thumbprint of its root key.',
      );
    }
  }
  if (!mayUse(contract, org, signer.kid, 'contract'))
    throw wrongSigner('This key is not one that the contract lets sign for its organisation.');
  if (contract.ledger.origin !== record.origin)
    throw new ContractError('statement/wrong-ledger', 'The contract names another ledger.');
  if (record.contracts.get(statement.digest)?.signatures.has(org)) {
    throw new ContractError('statement/repeated', 'This organisation has signed the contract already.');
  }
  if (contract.first !== null) checkVersion(record, contract, contract.first);
}

function checkChange(
  record: LedgerRecord,
  statement: Statement<'contract.suspended' | 'contract.resumed' | 'contract.revoked'>,
  signer: KeyEntry,
): void {
  const { contract, org, prev } = statement.payload;
  const state = contractOf(record, contract);
  if (org !== statement.claims.iss || !mayUse(state.contract, org, signer.kid, 'suspend')) {
    throw wrongSigner('This key may not suspend, resume or revoke the contract for its organisation.');
  }
  if (state.revokedBy) throw wrong('The contract was revoked already.');
  if (statement.type === 'contract.resumed') {
    if (state.suspensions.get(statement.payload.suspension) !== org) {
      throw wrong('Only the organisation that suspended resumes, naming its own open suspension.');
    }
    if (prev !== state.last)
      throw wrong(
        'Something happened to the contract since the signer last looked; look again and sign anew.',
      );
  }
}

function checkRequest(record: LedgerRecord, statement: Statement<'run.requested'>, signer: KeyEntry): void {
  const { contract, contracts } = statement.payload;
  if (contract !== contracts[0]) throw wrong('A run stands under the first contract it names.');
  for (const list of [contracts, statement.payload.datasets]) {
    if (new Set(list).size !== list.length) throw wrong('The request names a contract or a dataset twice.');
  }
  for (const digest of contracts) {
    const state = contractOf(record, digest);
    const org = statement.claims.iss as Digest;
    if (!mayUse(state.contract, org, signer.kid, 'request'))
      throw wrongSigner('The contract does not let this key request runs.');
    if (!state.signatures.has(org))
      throw wrong('The organisation that requests a run has not signed its contract.');
    if (state.revokedBy || state.supersededBy) throw wrong('The contract has ended.');
    if (statement.payload.project !== state.contract.project)
      throw wrong('The run names another project than its contract.');
  }
}

function checkRunDecision(
  record: LedgerRecord,
  statement: Statement<'run.approved' | 'run.rejected' | 'run.withdrawn' | 'run.cancelled'>,
  signer: KeyEntry,
): void {
  const { run: digest, org, contract } = statement.payload;
  const run = openRun(record, digest);
  const state = contractOf(record, contract);
  if (contract !== run.request.contract) throw wrong('The run stands under another contract.');
  const use = (
    {
      'run.approved': 'approve',
      'run.rejected': 'approve',
      'run.withdrawn': 'request',
      'run.cancelled': 'suspend',
    } as const
  )[statement.type];
  if (org !== statement.claims.iss || !mayUse(state.contract, org, signer.kid, use)) {
    throw wrongSigner(`The contract does not let this key ${use} for its organisation.`);
  }
  const steward = stewardsOf(state.contract, run.request.datasets).has(org);
  if ((statement.type === 'run.approved' || statement.type === 'run.rejected') && !steward) {
    throw wrongSigner('Only a steward of the data decides on the run.');
  }
  if (statement.type === 'run.approved') {
    if (run.approvals.has(org)) throw wrong('This steward has approved the run already.');
    if (!contractStands(state))
      throw wrong('The contract is not signed by all, or is suspended, revoked or replaced.');
  }
  if (statement.type === 'run.rejected' && run.reservations.length > 0)
    throw wrong('Keys were reserved already; cancel the run instead.');
  const requester = record.keys.get(run.requested.kid)?.orgs;
  if (statement.type === 'run.withdrawn' && requester?.has(org) !== true)
    throw wrongSigner('Only the organisation that requested the run withdraws it.');
  if (statement.type === 'run.withdrawn' && run.reservations.length > 0)
    throw wrong('Keys were reserved already; cancel the run instead.');
}

async function checkVault(
  record: LedgerRecord,
  payload: PayloadOf<'key.reserved' | 'output.cleared' | 'key.denied'>,
  signer: KeyEntry,
): Promise<RunState> {
  const run = openRun(record, payload.run);
  const { contract } = contractOf(record, payload.contract);
  if (payload.contract !== run.request.contract) throw wrong('The run stands under another contract.');
  for (const vault of contract.vaults) {
    if ((await keyThumbprint(vault.key)) === signer.kid) return run;
  }
  throw wrongSigner('This vault is none of the contract’s.');
}

async function checkReserved(
  record: LedgerRecord,
  statement: Statement<'key.reserved'>,
  signer: KeyEntry,
): Promise<void> {
  const run = await checkVault(record, statement.payload, signer);
  const state = contractOf(record, statement.payload.contract);
  if (!contractStands(state))
    throw wrong('The contract is not signed by all, or is suspended, revoked or replaced.');
  for (const steward of stewardsOf(state.contract, run.request.datasets)) {
    if (!run.approvals.has(steward)) throw wrong('A steward of the data has not approved the run.');
  }
  const same = run.reservations.find(
    (item) => item.kid === signer.kid && item.payload.room.sign === statement.payload.room.sign,
  );
  if (same)
    throw new ContractError('statement/repeated', 'This vault has reserved keys for this room already.');
}

async function checkCleared(
  record: LedgerRecord,
  statement: Statement<'output.cleared'>,
  signer: KeyEntry,
): Promise<void> {
  const run = await checkVault(record, statement.payload, signer);
  if (!contractStands(contractOf(record, statement.payload.contract))) {
    throw wrong('The contract is suspended, revoked or replaced: nothing leaves.');
  }
  const reserved = run.reservations.some(
    (item) =>
      item.kid === signer.kid &&
      item.payload.room.sign === statement.payload.room.sign &&
      item.payload.manifest === statement.payload.manifest,
  );
  if (!reserved) throw wrong('This vault reserved no keys for this room.');
  if (run.cleared.has(signer.kid))
    throw new ContractError('statement/repeated', 'This vault has cleared an output of the run already.');
}

async function checkFinished(record: LedgerRecord, { payload }: Statement<'run.finished'>): Promise<void> {
  const run = openRun(record, payload.run);
  if (payload.contract !== run.request.contract) throw wrong('The run stands under another contract.');
  const { contract } = contractOf(record, payload.contract);
  for (const vault of contract.vaults) {
    const cleared = run.cleared.get(await keyThumbprint(vault.key));
    const same =
      cleared?.room.sign === payload.room.sign &&
      cleared.manifest === payload.manifest &&
      cleared.outcome === payload.outcome &&
      cleared.bits === payload.bits &&
      cleared.bytes === payload.bytes;
    if (!same) throw wrong('A vault of the contract has not cleared this end of the run for this room.');
  }
}

async function checkRegistered(
  record: LedgerRecord,
  { payload }: Statement<'participant.registered'>,
  org: Digest,
): Promise<void> {
  if ((record.organisations.get(org)?.last ?? null) !== payload.prev)
    throw wrong('The registration does not follow the last one; look again and sign anew.');
  for (const { key } of payload.vaults) {
    const kid = await keyThumbprint(key);
    if (kid === org || (record.keys.get(kid)?.kind ?? 'vault') !== 'vault')
      throw wrong('A key that signs for people or organisations cannot be a vault’s as well.');
  }
}

async function checkKek(record: LedgerRecord, { payload }: Statement<'kek.created'>): Promise<void> {
  if ((await sha256Digest(base64urlDecode(payload.spki))) !== payload.kek)
    throw new ContractError('statement/malformed', 'The key-encryption key’s name is not its digest.');
  if (record.keks.has(payload.kek))
    throw new ContractError('statement/repeated', 'This key-encryption key was announced already.');
}

/** @throws statement/wrong-state · statement/wrong-signer · statement/repeated */
export async function checkState(
  record: LedgerRecord,
  statement: Statement,
  signer: KeyEntry,
): Promise<void> {
  const org = statement.claims.iss as Digest;
  if ('org' in statement.payload && statement.payload.org !== org)
    throw wrongSigner('The statement speaks for another organisation than its signer’s.');
  switch (statement.type) {
    case 'participant.registered':
      return checkRegistered(record, statement, org);
    case 'identity.added':
      if (!record.organisations.has(org)) throw wrong('The organisation is not registered.');
      if (record.keys.has(await keyThumbprint(statement.payload.key)))
        throw new ContractError('statement/repeated', 'This key is known already.');
      return;
    case 'identity.revoked': {
      const entry = record.keys.get(statement.payload.kid);
      if (entry?.kind !== 'identity' || !entry.orgs.has(org))
        throw wrong('The organisation has no such identity.');
      if (entry.until !== undefined) throw wrong('The identity was revoked already.');
      return;
    }
    case 'attestation.published':
      artifact(record, 'specification', statement.payload.specification);
      return;
    case 'attestation.accepted':
    case 'attestation.declined':
      artifact(record, 'attestation', statement.payload.document);
      return;
    case 'criteria.accepted':
    case 'criteria.declined':
      artifact(record, 'criteria', statement.payload.document);
      return;
    case 'dataset.published':
      artifact(record, 'specification', statement.payload.specification);
      artifact(record, 'attestation', statement.payload.attestation);
      return;
    case 'algorithm.published':
      artifact(record, 'criteria', statement.payload.criteria);
      return;
    case 'dataset.withdrawn':
    case 'algorithm.withdrawn': {
      const kind = statement.type === 'dataset.withdrawn' ? 'dataset' : 'algorithm';
      // Digests are public: others may have published this one too, before or after its owner.
      const own = record.artifacts.get(artifactKey(kind, org, statement.payload.digest));
      if (own?.withdrawn) throw wrong('The asset was withdrawn already.');
      if (own) return;
      artifact(record, kind, statement.payload.digest);
      throw wrongSigner('Only its owner withdraws an asset.');
    }
    case 'key.wrapped':
      if (record.keks.get(statement.payload.kek)?.org !== org)
        throw wrong('The organisation has no such key-encryption key.');
      return;
    case 'contract.signed':
      return checkSignedContract(record, statement, signer);
    case 'contract.suspended':
    case 'contract.resumed':
    case 'contract.revoked':
      return checkChange(record, statement, signer);
    case 'run.requested':
      return checkRequest(record, statement, signer);
    case 'run.approved':
    case 'run.rejected':
    case 'run.withdrawn':
    case 'run.cancelled':
      return checkRunDecision(record, statement, signer);
    case 'key.reserved':
      return checkReserved(record, statement, signer);
    case 'output.cleared':
      return checkCleared(record, statement, signer);
    case 'key.denied':
      await checkVault(record, statement.payload, signer);
      return;
    case 'run.finished':
      return checkFinished(record, statement);
    case 'key.released':
      throw wrong('A release is the vault’s answer to a room; it does not stand in the ledger.');
    case 'kek.created':
      return checkKek(record, statement);
    case 'specification.published':
    case 'criteria.published':
      return;
  }
}
