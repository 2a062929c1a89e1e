// What may be published in a project, and what must come with each statement. Pure.
import type { ARTIFACT_KINDS } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import type { Role, Sensitivity, Statement, StatementType } from '@sealroom/contract';
import { refuse } from '../error.ts';
import type { Participant } from '../projects/rules.ts';
import type { Actor } from '../sessions/rules.ts';

export type Kind = (typeof ARTIFACT_KINDS)[number];

/** What the statement does to the project's shelf. */
export type Shelving =
  | {
      readonly does: 'publish';
      readonly kind: Kind;
      readonly digest: Digest;
      /** Null where the hub counts: a wrapped key has no number of its own. */
      readonly version: number | null;
      readonly sensitivity: Sensitivity | null;
      readonly needs: 'document' | 'url' | 'nothing';
    }
  | {
      readonly does: 'answer';
      readonly kind: Kind;
      readonly digest: Digest;
      readonly said: 'accepted' | 'declined';
    }
  | { readonly does: 'withdraw'; readonly kind: Kind; readonly digest: Digest };

export const ARTIFACT_TYPES = [
  'kek.created',
  'key.wrapped',
  'specification.published',
  'attestation.published',
  'attestation.accepted',
  'attestation.declined',
  'dataset.published',
  'dataset.withdrawn',
  'algorithm.published',
  'algorithm.withdrawn',
  'criteria.published',
  'criteria.accepted',
  'criteria.declined',
] as const satisfies readonly StatementType[];
type ArtifactType = (typeof ARTIFACT_TYPES)[number];
export type ArtifactStatement = Extract<Statement, { type: ArtifactType }>;

/** @throws hub/wrong-type */
export function expectArtifact(statement: Statement): ArtifactStatement {
  if (ARTIFACT_TYPES.some((type) => type === statement.type)) return statement as ArtifactStatement;
  throw refuse('hub/wrong-type', `A ${statement.type} statement is not published in a project.`);
}

/** What the statement is about. */
export function shelvingOf({ type, payload }: ArtifactStatement): Shelving {
  switch (type) {
    case 'kek.created':
      return publish('kek', payload.kek, payload.version, 'nothing');
    case 'key.wrapped':
      return publish('wcek', payload.wcek, null, 'nothing');
    case 'specification.published':
      return publish('specification', payload.document, payload.version, 'document');
    case 'attestation.published':
      return publish('attestation', payload.document, payload.version, 'document');
    case 'criteria.published':
      return publish('criteria', payload.document, payload.version, 'document');
    case 'dataset.published':
      return publish('dataset', payload.digest, payload.version, 'url', payload.sensitivity);
    case 'algorithm.published':
      return publish('algorithm', payload.digest, payload.version, 'url');
    case 'attestation.accepted':
      return { does: 'answer', kind: 'attestation', digest: payload.document, said: 'accepted' };
    case 'attestation.declined':
      return { does: 'answer', kind: 'attestation', digest: payload.document, said: 'declined' };
    case 'criteria.accepted':
      return { does: 'answer', kind: 'criteria', digest: payload.document, said: 'accepted' };
    case 'criteria.declined':
      return { does: 'answer', kind: 'criteria', digest: payload.document, said: 'declined' };
    case 'dataset.withdrawn':
      return { does: 'withdraw', kind: 'dataset', digest: payload.digest };
    case 'algorithm.withdrawn':
      return { does: 'withdraw', kind: 'algorithm', digest: payload.digest };
  }
}

function publish(
  kind: Kind,
  digest: Digest,
  version: number | null,
  needs: 'document' | 'url' | 'nothing',
  sensitivity: Sensitivity | null = null,
): Shelving {
  return { does: 'publish', kind, digest, version, needs, sensitivity };
}

const PUBLISHER: Partial<Record<ArtifactType, Role>> = {
  'attestation.published': 'data-steward',
  'dataset.published': 'data-steward',
  'dataset.withdrawn': 'data-steward',
  'algorithm.published': 'algorithm-owner',
  'algorithm.withdrawn': 'algorithm-owner',
};

/**
 * The caller may hand this statement in: it speaks for the caller's organisation, in this project, in its role there.
 * @throws hub/foreign-statement · hub/wrong-role
 */
export function checkAuthority(
  statement: ArtifactStatement,
  actor: Actor,
  project: string,
  participants: readonly Participant[],
): void {
  const { type, payload, claims } = statement;
  if (claims.iss !== actor.org || payload.org !== actor.org)
    throw refuse('hub/foreign-statement', 'The statement speaks for another organisation than yours.');
  if (payload.project !== project)
    throw refuse('hub/foreign-statement', 'The statement was signed for another project.');
  const role = participants.find(({ org }) => org === actor.org)?.role;
  const needed = 'role' in payload ? payload.role : PUBLISHER[type];
  if (needed !== undefined && needed !== role)
    throw refuse('hub/wrong-role', `In this project a ${type} is for an organisation in the role ${needed}.`);
}

/** @throws hub/version unless the number is the next one; a key pair's number is its vault's, and only has to grow */
export function nextVersion(shelving: Extract<Shelving, { does: 'publish' }>, last: number): number {
  const { version, kind } = shelving;
  if (version === null) return last + 1;
  if (kind === 'kek' ? version > last : version === last + 1) return version;
  throw refuse(
    'hub/version',
    `The next version of this ${kind} is ${last + 1}; the statement says ${version}.`,
  );
}
