// Verify before you sign (docs/protocol.md sections 1 and 6): a contract is held against the pins and the verified record, and
// laid out for the reader's eyes. A client signs only what `checkBeforeSigning` lets pass and its user has seen.
import { type Digest, sha256Digest } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import {
  type ArtifactState,
  type Contract,
  type ContractState,
  type Custody,
  parseContract,
  type PayloadOf,
  type Role,
} from '@sealroom/contract';
import { ClientError } from './error.ts';
import { fingerprintWords } from './fingerprint.ts';
import { identitiesOf, type PinnedLedger, vaultsOf, type VerifiedRecord } from './verified-record.ts';

/** How an organisation's root came to be believed. */
export type PinCheck = 'own' | 'out-of-band' | 'did-web';
export type KnownPins = {
  readonly ledger: PinnedLedger;
  readonly organisations: readonly {
    readonly org: Digest;
    readonly checked: PinCheck;
    readonly name?: string;
  }[];
};

export type ReviewedParty = {
  readonly org: Digest;
  readonly role: Role;
  readonly fingerprint: string;
  /** Undefined: never compared; the contract must not be signed. */
  readonly checked: PinCheck | undefined;
  readonly name: string | undefined;
  readonly signed: boolean;
  readonly custody: Custody | undefined;
};

export type ContractReview = {
  readonly digest: Digest;
  readonly contract: Contract;
  readonly parties: readonly ReviewedParty[];
  /** False for contracts that accept simulated rooms. */
  readonly hardwareAttested: boolean;
  /** Sentences that the reader must see before signing. */
  readonly warnings: readonly string[];
  /** What the contract says otherwise than the record or the pins. Nobody should sign while there is one. */
  readonly problems: readonly string[];
};

const CUSTODY_WORDS: Readonly<Record<Custody, string | undefined>> = {
  own: undefined,
  attested: undefined,
  operator: 'is in the operator’s custody: the operator can read this organisation’s keys and data',
};

function partyProblems(contract: Contract, verified: VerifiedRecord): string[] {
  const found: string[] = [];
  for (const { org, root, keys } of contract.participants) {
    if (verified.record.organisations.get(org)?.root !== root)
      found.push('a participant’s root key is not the registered one');
    const people = new Set(identitiesOf(verified, org).map(({ kid }) => kid));
    if (keys.some(({ kid }) => !people.has(kid)))
      found.push('a participant’s key is not one that its organisation vouches for now');
  }
  for (const { org, key } of contract.output.recipients) {
    if (!identitiesOf(verified, org).some(({ receiving }) => receiving === key))
      found.push('the output goes to a key that no person of the recipient organisation holds');
  }
  return found;
}

function artifact(
  { record }: VerifiedRecord,
  kind: ArtifactState['kind'],
  { digest, org, project }: { digest: Digest; org?: Digest; project: string },
): ArtifactState | undefined {
  return [...record.artifacts.values()].find(
    (item) =>
      item.kind === kind &&
      item.digest === digest &&
      item.project === project &&
      (org === undefined || item.org === org),
  );
}

function assetProblems(contract: Contract, verified: VerifiedRecord): string[] {
  const found: string[] = [];
  const { project } = contract;
  for (const term of contract.datasets) {
    const state = artifact(verified, 'dataset', { digest: term.digest, org: term.steward, project });
    const payload = state?.published.payload as PayloadOf<'dataset.published'> | undefined;
    const same =
      payload?.specification === term.specification &&
      payload.attestation === term.attestation &&
      payload.sensitivity === term.sensitivity;
    if (!same || state?.withdrawn)
      found.push('a dataset is not published as the contract says, or was withdrawn');
  }
  for (const term of contract.algorithms) {
    const state = artifact(verified, 'algorithm', { digest: term.package, org: term.owner, project });
    const payload = state?.published.payload as PayloadOf<'algorithm.published'> | undefined;
    const same =
      payload?.image === term.image && payload.base === term.base && payload.criteria === contract.criteria;
    if (!same || state?.withdrawn)
      found.push('the algorithm is not published as the contract says, or was withdrawn');
  }
  if (!artifact(verified, 'criteria', { digest: contract.criteria, project }))
    found.push('nobody has published the validation criteria');
  return found;
}

function vaultProblems(contract: Contract, verified: VerifiedRecord): string[] {
  const found: string[] = [];
  for (const { org, key, url, custody, keks } of contract.vaults) {
    const registered = vaultsOf(verified, org).some(
      (vault) => vault.key === key && vault.url === url && vault.custody === custody,
    );
    if (!registered) found.push('a vault is not the one that its organisation registered');
    const own = keks.every((kek) => {
      const created = verified.record.keks.get(kek);
      return created?.org === org && created.project === contract.project;
    });
    if (!own) found.push('a key-encryption key is not one that its organisation’s vault announced');
  }
  return found;
}

async function problemsOf(contract: Contract, pins: KnownPins, verified: VerifiedRecord): Promise<string[]> {
  const found = [
    ...partyProblems(contract, verified),
    ...assetProblems(contract, verified),
    ...vaultProblems(contract, verified),
  ];
  for (const { org, root } of contract.participants)
    if ((await keyThumbprint(root)) !== org)
      found.push('an organisation is not the thumbprint of its root key');
  if (contract.ledger.key !== pins.ledger.key || contract.ledger.origin !== pins.ledger.origin)
    found.push('the ledger is not the one you pinned');
  return [...new Set(found)];
}

function warningsOf(contract: Contract, parties: readonly ReviewedParty[]): string[] {
  const warnings: string[] = [];
  if (contract.room.accept.some(({ technology }) => technology === 'simulated')) {
    warnings.push(
      'Not hardware-attested: the room is simulated, so whoever runs its machine can read what is opened in it.',
    );
  }
  if (contract.room.isolation === 'none')
    warnings.push('The algorithm may run without a sandbox on the machine that starts the room.');
  for (const { custody, name, org } of parties) {
    const words = custody && CUSTODY_WORDS[custody];
    if (words) warnings.push(`The vault of ${name ?? org.slice(7, 19)} ${words}.`);
  }
  if (contract.output.timing === 'at-once')
    warnings.push('The end of a run is told at once, so its duration can carry a little information.');
  return warnings;
}

/**
 * Reads a contract from the bytes that are to be signed and holds it against what is pinned and proved.
 * @throws contract/malformed
 */
export async function reviewContract(
  bytes: Uint8Array,
  { pins, verified }: { readonly pins: KnownPins; readonly verified: VerifiedRecord },
): Promise<ContractReview> {
  const contract = parseContract(bytes);
  const digest = await sha256Digest(bytes);
  const state: ContractState | undefined = verified.record.contracts.get(digest);
  const parties = contract.participants.map(({ org, role }): ReviewedParty => {
    const pin = pins.organisations.find((item) => item.org === org);
    const custody = contract.vaults.find((vault) => vault.org === org)?.custody;
    const base = { org, role, fingerprint: fingerprintWords(org), checked: pin?.checked, custody };
    return { ...base, name: pin?.name, signed: state?.signatures.has(org) ?? false };
  });
  return {
    digest,
    contract,
    parties,
    hardwareAttested: contract.room.accept.every(({ technology }) => (technology as string) !== 'simulated'),
    warnings: warningsOf(contract, parties),
    problems: await problemsOf(contract, pins, verified),
  };
}

/**
 * The last gate before a signature.
 * @throws client/mismatch for a problem · client/unpinned for a party whose fingerprint nobody here compared
 */
export function checkBeforeSigning(
  review: ContractReview,
  { org, kid }: { readonly org: Digest; readonly kid: Digest },
): void {
  const { contract, parties, problems } = review;
  if (problems.length > 0)
    throw new ClientError('client/mismatch', `The contract must not be signed: ${problems.join('; ')}.`);
  const own = contract.participants.find((participant) => participant.org === org);
  if (!own?.keys.some((key) => key.kid === kid && key.uses.includes('contract')))
    throw new ClientError(
      'client/mismatch',
      'The contract does not let this identity sign for its organisation.',
    );
  const unknown = parties.filter(({ checked }) => checked === undefined);
  if (unknown.length === 0) return;
  const names = unknown.map(({ org: id }) => id).join(', ');
  throw new ClientError(
    'client/unpinned',
    `You have not compared the fingerprint of every party; missing: ${names}. Compare it by another way than the hub, then run: sealroom org pin ${unknown[0]?.org ?? ''} --checked out-of-band`,
  );
}

/** The organisation that says a run may go on, and what it decides about. @throws client/mismatch */
export function checkRunRequest(
  review: ContractReview,
  verified: VerifiedRecord,
  run: Digest,
): PayloadOf<'run.requested'> {
  const state = verified.record.runs.get(run);
  if (state?.request.contract !== review.digest)
    throw new ClientError('client/mismatch', 'The run was not requested under this contract.');
  if (state.ended) throw new ClientError('client/mismatch', `The run has ended already (${state.ended}).`);
  const { request } = state;
  const { contract } = review;
  const known = contract.datasets.map(({ digest }) => digest);
  const fits =
    request.contracts.length === 1 &&
    request.datasets.every((digest) => known.includes(digest)) &&
    contract.algorithms.some(({ package: digest }) => digest === request.algorithm) &&
    request.criteria === contract.criteria &&
    request.vcpu <= contract.room.maxVcpu &&
    request.memoryGiB <= contract.room.maxMemoryGiB;
  if (!fits)
    throw new ClientError('client/mismatch', 'The request asks for something that is not in the contract.');
  return request;
}
