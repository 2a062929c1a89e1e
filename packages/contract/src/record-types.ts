// The shape of the folded record (record.ts folds, record-state.ts decides, record-apply.ts writes).
import type { Bytes, Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import type { Statement } from './statement.ts';
import type { PayloadOf, SignerKind } from './statement-table.ts';
import type { Contract, Use } from './terms.ts';

export type KeyEntry = {
  readonly key: KeyText;
  readonly kid: Digest;
  readonly kind: SignerKind;
  /** Organisations that vouch for the key (a vault may serve several). */
  readonly orgs: Set<Digest>;
  readonly uses: ReadonlySet<Use>;
  readonly receiving: KeyText | undefined;
  /** Leaf from which the key counts, and the leaf of its revocation. */
  readonly from: number;
  until: number | undefined;
  /** Digest of the statement that vouches for it. */
  readonly statement: Digest;
};

export type Signature = { readonly statement: Digest; readonly kid: Digest; readonly index: number };

export type ContractState = {
  readonly digest: Digest;
  readonly contract: Contract;
  readonly signatures: Map<Digest, Signature>;
  /** Leaf of the last signature that was missing; undefined while the contract is an offer. */
  completeAt: number | undefined;
  /** Open suspensions: statement digest to the organisation that suspended. */
  readonly suspensions: Map<Digest, Digest>;
  revokedBy: Digest | undefined;
  supersededBy: Digest | undefined;
  last: Digest;
};

export type Reservation = Signature & { readonly payload: PayloadOf<'key.reserved'> };
export type Denial = Signature & { readonly payload: PayloadOf<'key.denied'> };
export type RunState = {
  readonly run: Digest;
  readonly request: PayloadOf<'run.requested'>;
  readonly requested: Signature;
  readonly approvals: Map<Digest, Signature>;
  readonly reservations: Reservation[];
  /** A vault's denial takes back its own reservations below that leaf. */
  readonly denials: Denial[];
  readonly cleared: Map<Digest, PayloadOf<'output.cleared'>>;
  /** The statement type that ended the run before or after it ran. */
  ended: 'run.withdrawn' | 'run.rejected' | 'run.cancelled' | 'run.finished' | undefined;
};

export type ArtifactKind = 'specification' | 'attestation' | 'criteria' | 'dataset' | 'algorithm';
/** Where an artifact stands in {@link LedgerRecord.artifacts}: each organisation's own, whoever else names the digest. */
export function artifactKey(kind: ArtifactKind, org: Digest, digest: Digest): string {
  return `${kind}/${org}/${digest}`;
}
export type ArtifactState = {
  readonly kind: ArtifactKind;
  readonly digest: Digest;
  readonly org: Digest;
  readonly project: string;
  readonly published: Statement<
    | 'specification.published'
    | 'attestation.published'
    | 'criteria.published'
    | 'dataset.published'
    | 'algorithm.published'
  >;
  readonly index: number;
  readonly answers: Map<Digest, 'accepted' | 'declined'>;
  withdrawn: boolean;
};

export type OrganisationState = { readonly org: Digest; readonly root: KeyText; last: Digest };

/** The fold. Only `applyStatement` writes to it. */
export type LedgerRecord = {
  readonly origin: string;
  readonly seen: Set<Digest>;
  readonly organisations: Map<Digest, OrganisationState>;
  readonly keys: Map<Digest, KeyEntry>;
  readonly contracts: Map<Digest, ContractState>;
  readonly runs: Map<Digest, RunState>;
  readonly artifacts: Map<string, ArtifactState>;
  readonly keks: Map<Digest, PayloadOf<'kek.created'>>;
  /** Latest key.wrapped per `org/project/role`. */
  readonly wrapped: Map<string, Statement<'key.wrapped'>>;
};

/** A statement that may stand next: signed by someone who may say it, in a state that allows it. */
export type Admitted = {
  readonly statement: Statement;
  readonly signer: KeyEntry;
  /** `public`, or the 16-byte salt of the first version of the contract it belongs to (protocol.md section 5). */
  readonly subject: 'public' | Bytes;
};
