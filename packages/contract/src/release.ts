// The static checks of a key release (protocol.md section 7): everything a vault can decide from the folded record, the
// room's evidence and its own keys. All reasons are collected; nothing is released unless there are none. Not decided
// here: freshness and inclusion of the record (the vault follows the log before it asks), and the local transaction.
import { type CollateralUse, type Evidence, technologyOf } from '@sealroom/attest';
import { type Bytes, bytesEqual, type Digest, sha256 } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import { ContractError, type ReleaseCode } from './error.ts';
import { buildManifest, encodeManifest, type Manifest, type RoomKeys, type VaultNonce } from './manifest.ts';
import { checkParameters } from './parameters.ts';
import { countBefore } from './quota.ts';
import { mayUse, stewardsOf } from './record-state.ts';
import { type AttestPolicy, type AttestWorld, evidenceReasons } from './release-evidence.ts';
import {
  type ArtifactKind,
  artifactKey,
  type ArtifactState,
  type ContractState,
  type LedgerRecord,
  type RunState,
  type Signature,
} from './record-types.ts';
import type { PayloadOf } from './statement-table.ts';
import { mayOpenReal, type Use, vaultOf } from './terms.ts';

/** `check` names the check of the evidence that did not hold, where one did not (docs/attestation/). */
export type Reason = {
  readonly code: ReleaseCode;
  readonly check?: string | undefined;
  readonly detail: string;
};

/** What a vault's owner allows beyond the contract; one more party whose strictest term holds. */
export type VaultPolicy = AttestPolicy & { readonly allowSimulated: boolean };

export type ReleaseQuestion = {
  /** Milliseconds since 1970 by the vault's clock. */
  readonly now: number;
  readonly record: LedgerRecord;
  readonly vault: { readonly kid: Digest; readonly orgs: readonly Digest[]; readonly policy: VaultPolicy };
  readonly run: Digest;
  /** What this vault's store says of the nonce it gave out. */
  readonly nonce: 'fresh' | 'unknown' | 'used' | 'expired';
  /** One nonce of every vault of the run; their signatures have been checked. */
  readonly nonces: readonly VaultNonce[];
  readonly room: RoomKeys;
  readonly manifest: Uint8Array;
  readonly evidence: Evidence;
  /** What the vault holds evidence against: vendors' collateral as it has it now, and the pinned roots. */
  readonly attest: AttestWorld;
  /** Key commitment (base64url) of each served asset under the owner's present CEK; absent when there is none. */
  readonly commitments: ReadonlyMap<Digest, string>;
};

/** An asset whose key this vault holds. */
export type ServedAsset = {
  readonly asset: Digest;
  readonly kind: 'dataset' | 'algorithm';
  readonly org: Digest;
  readonly published: ArtifactState;
};

export type ReleaseDecision = {
  readonly reasons: readonly Reason[];
  readonly run: RunState | undefined;
  readonly contracts: readonly ContractState[];
  readonly served: readonly ServedAsset[];
  readonly manifest: Manifest | undefined;
  readonly manifestBytes: Bytes | undefined;
  readonly platform: string | undefined;
  /** The collateral that the evidence was held against. */
  readonly used: readonly CollateralUse[];
};

type Reasons = Reason[];

function reason(code: ReleaseCode, detail: string): Reason {
  return { code, detail };
}

function artifactOf(
  record: LedgerRecord,
  kind: ArtifactKind,
  org: Digest,
  digest: Digest,
): ArtifactState | undefined {
  return record.artifacts.get(artifactKey(kind, org, digest));
}

/** A key counts from the leaf that vouches for it up to the leaf that revokes it. */
function keyCounts(record: LedgerRecord, signature: Signature): boolean {
  const entry = record.keys.get(signature.kid);
  return (
    entry !== undefined &&
    entry.from <= signature.index &&
    (entry.until === undefined || signature.index < entry.until)
  );
}

function contractReasons(state: ContractState, { now, record }: ReleaseQuestion): Reasons {
  const found: Reasons = [];
  const { contract } = state;
  if (contract.participants.some((participant) => !state.signatures.has(participant.org))) {
    found.push(reason('release/contract-signature', 'not every participant has signed the contract'));
  }
  if (now < Date.parse(contract.notBefore) || now > Date.parse(contract.notAfter)) {
    found.push(reason('release/contract-window', 'the contract does not run at this time'));
  }
  if (state.suspensions.size > 0)
    found.push(reason('release/contract-suspended', 'a participant has suspended the contract'));
  if (state.revokedBy || state.supersededBy)
    found.push(reason('release/contract-revoked', 'the contract was revoked or replaced'));
  for (const [org, signature] of state.signatures) {
    if (!keyCounts(record, signature) || !mayUse(contract, org, signature.kid, 'contract')) {
      found.push(reason('release/key-not-valid', 'a key that signed the contract was not valid at its leaf'));
    }
  }
  return found;
}

function signedFor(
  question: ReleaseQuestion,
  contracts: readonly ContractState[],
  org: Digest,
  signature: Signature,
  use: Use,
): boolean {
  const allowed = contracts.every(({ contract }) => mayUse(contract, org, signature.kid, use));
  return allowed && (question.record.keys.get(signature.kid)?.orgs.has(org) ?? false);
}

function runReasons(question: ReleaseQuestion, run: RunState, contracts: readonly ContractState[]): Reasons {
  const found: Reasons = [];
  if (run.ended) found.push(reason('release/run-ended', `the run has ended (${run.ended})`));
  const owners = contracts.map(
    ({ contract }) => contract.algorithms.find((item) => item.package === run.request.algorithm)?.owner,
  );
  const asked = (owner: Digest) => signedFor(question, contracts, owner, run.requested, 'request');
  // An algorithm that a contract does not know has no owner here; `release/algorithm` tells that.
  if (!owners.every((owner) => owner === undefined || asked(owner))) {
    found.push(
      reason('release/request-signer', 'the request is not signed by a key whose use is to request'),
    );
  }
  const signatures = [run.requested, ...run.approvals.values()];
  if (signatures.some((signature) => !keyCounts(question.record, signature))) {
    found.push(
      reason('release/key-not-valid', 'a key that requested or approved the run was not valid at its leaf'),
    );
  }
  const stewards = new Set(
    contracts.flatMap(({ contract }) => [...stewardsOf(contract, run.request.datasets)]),
  );
  for (const steward of stewards) {
    const approval = run.approvals.get(steward);
    if (!approval)
      found.push(reason('release/approval-missing', 'a steward of the data has not approved this run'));
    else if (!signedFor(question, contracts, steward, approval, 'approve')) {
      found.push(
        reason('release/approval-signer', 'an approval is not signed by a key whose use is to approve'),
      );
    }
  }
  return found;
}

function datasetReasons(question: ReleaseQuestion, run: RunState, { contract }: ContractState): Reasons {
  const found: Reasons = [];
  for (const digest of run.request.datasets) {
    const term = contract.datasets.find((item) => item.digest === digest);
    const published = term && artifactOf(question.record, 'dataset', term.steward, digest);
    if (!term || !published || published.withdrawn) {
      found.push(
        reason(
          'release/dataset',
          'a dataset is not the contract’s, or its steward has not published it or has withdrawn it',
        ),
      );
      continue;
    }
    const payload = published.published.payload as PayloadOf<'dataset.published'>;
    if (payload.specification !== term.specification || payload.attestation !== term.attestation) {
      found.push(
        reason('release/dataset', 'a dataset was published with other documents than the contract names'),
      );
    }
    const real = term.sensitivity === 'real' || payload.sensitivity === 'real';
    if (real && !mayOpenReal(question.evidence.technology)) {
      found.push(
        reason(
          'release/sensitivity',
          'a room whose hardware does not keep its memory from the host may only open data marked "test"',
        ),
      );
    }
  }
  return found;
}

function algorithmReasons(question: ReleaseQuestion, run: RunState, { contract }: ContractState): Reasons {
  const found: Reasons = [];
  const { request } = run;
  const term = contract.algorithms.find((item) => item.package === request.algorithm);
  const published = term && artifactOf(question.record, 'algorithm', term.owner, request.algorithm);
  if (!term || !published || published.withdrawn) {
    found.push(
      reason(
        'release/algorithm',
        'the algorithm is not the contract’s, or its owner has not published it or has withdrawn it',
      ),
    );
  } else {
    const payload = published.published.payload as PayloadOf<'algorithm.published'>;
    if (payload.image !== term.image || payload.base !== term.base) {
      found.push(reason('release/image', 'the algorithm’s image or base is not the contract’s'));
    }
    if (payload.criteria !== contract.criteria)
      found.push(reason('release/criteria', 'the algorithm was published with other criteria'));
  }
  if (request.criteria !== contract.criteria)
    found.push(reason('release/criteria', 'the request names other criteria than the contract'));
  return found;
}

function requestReasons({ request }: RunState, { contract }: ContractState): Reasons {
  const found: Reasons = [];
  try {
    checkParameters(contract.parameters, request.parameters);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    found.push(reason('release/parameters', error.message));
  }
  if (request.vcpu > contract.room.maxVcpu || request.memoryGiB > contract.room.maxMemoryGiB) {
    found.push(
      reason('release/resources', 'the run asks for more processors or memory than the contract allows'),
    );
  }
  return found;
}

function quotaReasons(question: ReleaseQuestion, run: RunState, state: ContractState): Reasons {
  const found: Reasons = [];
  const { quota } = state.contract;
  const { spent, attempts } = countBefore(question.record, state, run, question.room.sign);
  if (spent >= quota.runs) found.push(reason('release/quota', 'the contract’s runs are used up'));
  if (attempts >= quota.attemptsPerRun)
    found.push(reason('release/attempts', 'another room has been given this run already'));
  return found;
}

async function servedAssets(
  question: ReleaseQuestion,
  run: RunState,
  contracts: readonly ContractState[],
): Promise<ServedAsset[]> {
  const served: ServedAsset[] = [];
  const add = (asset: Digest, kind: 'dataset' | 'algorithm', org: Digest) => {
    const published = artifactOf(question.record, kind, org, asset);
    if (published && !served.some((item) => item.asset === asset))
      served.push({ asset, kind, org, published });
  };
  for (const { contract } of contracts) {
    for (const vault of contract.vaults) {
      if ((await keyThumbprint(vault.key)) !== question.vault.kid || !question.vault.orgs.includes(vault.org))
        continue;
      for (const item of contract.datasets) {
        if (item.steward === vault.org && run.request.datasets.includes(item.digest))
          add(item.digest, 'dataset', vault.org);
      }
      for (const item of contract.algorithms) {
        if (item.owner === vault.org && run.request.algorithm === item.package)
          add(item.package, 'algorithm', vault.org);
      }
    }
  }
  return served;
}

const ROLE_OF = { dataset: 'data-steward', algorithm: 'algorithm-owner' } as const;

function commitmentReasons(
  question: ReleaseQuestion,
  served: readonly ServedAsset[],
  contracts: readonly ContractState[],
): Reasons {
  const found: Reasons = [];
  for (const { asset, kind, org, published } of served) {
    const { keyCommitment } = published.published.payload as PayloadOf<'dataset.published'>;
    const kek = question.record.wrapped.get(`${org}/${published.project}/${ROLE_OF[kind]}`)?.payload.kek;
    if (kek && !contracts.every(({ contract }) => vaultOf(contract, org)?.keks.includes(kek))) {
      found.push(
        reason(
          'release/commitment',
          'an asset’s key is wrapped for a key-encryption key that the contract does not name',
        ),
      );
    }
    const present = question.commitments.get(asset);
    if (present === undefined)
      found.push(reason('release/commitment', 'no wrapped key has been uploaded for an asset'));
    else if (present !== keyCommitment)
      found.push(
        reason('release/commitment', 'an asset was sealed with another key than the one now wrapped'),
      );
  }
  return found;
}

async function nonceReasons(
  question: ReleaseQuestion,
  contracts: readonly ContractState[],
): Promise<Reasons> {
  const found: Reasons = [];
  if (question.nonce !== 'fresh')
    found.push(reason('release/nonce', `this vault's nonce is ${question.nonce}`));
  const expected = new Set<Digest>();
  for (const { contract } of contracts)
    for (const vault of contract.vaults) expected.add(await keyThumbprint(vault.key));
  const named = question.nonces.map((item) => item.vault);
  if (
    named.length !== expected.size ||
    named.some((kid) => !expected.has(kid)) ||
    new Set(named).size !== named.length
  ) {
    found.push(
      reason('release/nonce', 'the room must bring exactly one nonce of every vault of the contract'),
    );
  }
  return found;
}

function undecidable(found: Reason): ReleaseDecision {
  const nothing = {
    run: undefined,
    contracts: [],
    served: [],
    manifest: undefined,
    manifestBytes: undefined,
    platform: undefined,
    used: [],
  };
  return { reasons: [found], ...nothing };
}

/**
 * Makes every static check and tells all reasons against the release. An empty list of reasons is the permission to go on
 * to the local transaction; anything else releases nothing.
 */
export async function decideRelease(question: ReleaseQuestion): Promise<ReleaseDecision> {
  const run = question.record.runs.get(question.run);
  if (!run) return undecidable(reason('release/run-unknown', 'nobody has requested this run'));
  const contracts: ContractState[] = [];
  for (const digest of run.request.contracts) {
    const state = question.record.contracts.get(digest);
    if (!state)
      return undecidable(
        reason(
          'release/contract-digest',
          'the record holds no contract with the digest that the request names',
        ),
      );
    contracts.push(state);
  }
  const approvals = [...run.approvals.values()].map((item) => item.statement);
  const manifest = await buildManifest(question.run, run.request, approvals, question.evidence.technology);
  const manifestBytes = encodeManifest(manifest);
  const reasons: Reasons = [
    ...(await nonceReasons(question, contracts)),
    ...runReasons(question, run, contracts),
  ];
  for (const state of contracts) {
    reasons.push(
      ...contractReasons(state, question),
      ...datasetReasons(question, run, state),
      ...algorithmReasons(question, run, state),
      ...requestReasons(run, state),
      ...quotaReasons(question, run, state),
    );
  }
  const { found, platform, used } = await evidenceReasons(question, contracts, await sha256(manifestBytes));
  const served = await servedAssets(question, run, contracts);
  reasons.push(...found, ...commitmentReasons(question, served, contracts));
  if (served.length === 0)
    reasons.push(reason('release/not-served', 'the contract gives this vault no asset of the run'));
  if (!bytesEqual(manifestBytes, question.manifest)) {
    reasons.push(reason('release/manifest', 'the room’s manifest is not the one that the statements make'));
  }
  if (!technologyOf(question.evidence.technology).hardware && !question.vault.policy.allowSimulated) {
    reasons.push(reason('release/policy', 'this vault’s owner does not allow simulated rooms'));
  }
  return { reasons, run, contracts, served, manifest, manifestBytes, platform, used };
}
