// The statement table (protocol.md section 4): for each type its payload, who may sign it and which ledger subject it
// stands under. State rules are in record-state.ts; the tests of both are made from this table.
import type { Digest } from '@sealroom/bytes';
import { z } from 'zod';
import {
  bytesText,
  count,
  digest,
  identifier,
  keyOf,
  keyText,
  platformName,
  salt,
  shortText,
  technology,
  time,
  url,
} from './fields.ts';
import { keySetWord } from './key-set-words.ts';
import { parameterName, parameterValue } from './parameters.ts';
import { contractSchema, CUSTODIES, ISOLATIONS, ROLES, SENSITIVITIES, USES, type Use } from './terms.ts';

export type SignerKind = 'root' | 'identity' | 'vault' | 'room';
type Row = {
  readonly payload: z.ZodType;
  readonly signer: SignerKind;
  /** The use an identity key needs; null where the signer is not an identity. */
  readonly use: Use | null;
  /** `contract`: tagged so that only those who know the contract see what it is about. */
  readonly scope: 'public' | 'contract';
};

const note = digest.nullable();
const ownerPart = { salt, org: digest, project: identifier };
const contractPart = { salt, contract: digest };
const runPart = { ...contractPart, run: digest };
const roomKeys = z.strictObject({ sign: keyOf('Ed25519'), receive: keyOf('X25519') });
const versionPart = {
  digest,
  assetSalt: bytesText(32),
  keyCommitment: bytesText(32),
  version: z.int().min(1),
  files: count,
  bytes: count,
};

export const roomKeysSchema = roomKeys;

const rows = {
  'participant.registered': {
    payload: z.strictObject({
      salt,
      root: keyText,
      domain: shortText,
      vaults: z.array(z.strictObject({ key: keyText, url, custody: z.enum(CUSTODIES) })).max(64),
      prev: digest.nullable(),
    }),
    signer: 'root',
    use: null,
    scope: 'public',
  },
  'identity.added': {
    payload: z.strictObject({
      salt,
      org: digest,
      key: keyText,
      receiving: keyOf('X25519'),
      uses: z.array(z.enum(USES)).min(1),
      person: note,
    }),
    signer: 'root',
    use: null,
    scope: 'public',
  },
  'identity.revoked': {
    payload: z.strictObject({ salt, org: digest, kid: digest, note, prev: digest }),
    signer: 'root',
    use: null,
    scope: 'public',
  },
  'kek.created': {
    payload: z.strictObject({
      ...ownerPart,
      role: z.enum(ROLES),
      kek: digest,
      spki: bytesText(),
      version: z.int().min(1),
      custody: z.enum(CUSTODIES),
    }),
    signer: 'vault',
    use: null,
    scope: 'public',
  },
  'key.wrapped': {
    payload: z.strictObject({ ...ownerPart, role: z.enum(ROLES), kek: digest, wcek: digest }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'specification.published': {
    payload: z.strictObject({
      ...ownerPart,
      document: digest,
      version: z.int().min(1),
      prev: digest.nullable(),
    }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'attestation.published': {
    payload: z.strictObject({
      ...ownerPart,
      document: digest,
      specification: digest,
      version: z.int().min(1),
      prev: digest.nullable(),
    }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'attestation.accepted': {
    payload: z.strictObject({ ...ownerPart, document: digest, note }),
    signer: 'identity',
    use: 'contract',
    scope: 'public',
  },
  'attestation.declined': {
    payload: z.strictObject({ ...ownerPart, document: digest, note }),
    signer: 'identity',
    use: 'contract',
    scope: 'public',
  },
  'dataset.published': {
    payload: z.strictObject({
      ...ownerPart,
      ...versionPart,
      sensitivity: z.enum(SENSITIVITIES),
      specification: digest,
      attestation: digest,
      prev: digest.nullable(),
    }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'dataset.withdrawn': {
    payload: z.strictObject({ ...ownerPart, digest, note, prev: digest }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'algorithm.published': {
    payload: z.strictObject({
      ...ownerPart,
      ...versionPart,
      image: digest.nullable(),
      base: z.union([z.literal('host'), digest]),
      builder: z.enum(['owner', 'room']),
      recipe: digest.nullable(),
      mode: z.literal('validation'),
      criteria: digest,
      prev: digest.nullable(),
    }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'algorithm.withdrawn': {
    payload: z.strictObject({ ...ownerPart, digest, note, prev: digest }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'criteria.published': {
    payload: z.strictObject({
      ...ownerPart,
      document: digest,
      version: z.int().min(1),
      prev: digest.nullable(),
    }),
    signer: 'identity',
    use: 'publish',
    scope: 'public',
  },
  'criteria.accepted': {
    payload: z.strictObject({ ...ownerPart, document: digest, note }),
    signer: 'identity',
    use: 'contract',
    scope: 'public',
  },
  'criteria.declined': {
    payload: z.strictObject({ ...ownerPart, document: digest, note }),
    signer: 'identity',
    use: 'contract',
    scope: 'public',
  },
  'contract.signed': { payload: contractSchema, signer: 'identity', use: 'contract', scope: 'contract' },
  'contract.suspended': {
    payload: z.strictObject({ ...contractPart, org: digest, note, prev: digest }),
    signer: 'identity',
    use: 'suspend',
    scope: 'contract',
  },
  'contract.resumed': {
    payload: z.strictObject({ ...contractPart, org: digest, suspension: digest, note, prev: digest }),
    signer: 'identity',
    use: 'suspend',
    scope: 'contract',
  },
  'contract.revoked': {
    payload: z.strictObject({ ...contractPart, org: digest, note, prev: digest }),
    signer: 'identity',
    use: 'suspend',
    scope: 'contract',
  },
  'run.requested': {
    payload: z.strictObject({
      ...contractPart,
      contracts: z.array(digest).min(1).max(16),
      project: identifier,
      runConfiguration: identifier,
      datasets: z.array(digest).min(1).max(64),
      algorithm: digest,
      criteria: digest,
      parameters: z.record(parameterName, parameterValue),
      vcpu: z.int().min(1).max(1024),
      memoryGiB: z.int().min(1).max(65_536),
    }),
    signer: 'identity',
    use: 'request',
    scope: 'contract',
  },
  'run.withdrawn': {
    payload: z.strictObject({ ...runPart, org: digest, note }),
    signer: 'identity',
    use: 'request',
    scope: 'contract',
  },
  'run.approved': {
    payload: z.strictObject({ ...runPart, org: digest }),
    signer: 'identity',
    use: 'approve',
    scope: 'contract',
  },
  'run.rejected': {
    payload: z.strictObject({ ...runPart, org: digest, note }),
    signer: 'identity',
    use: 'approve',
    scope: 'contract',
  },
  'run.cancelled': {
    payload: z.strictObject({ ...runPart, org: digest, note }),
    signer: 'identity',
    use: 'suspend',
    scope: 'contract',
  },
  'key.reserved': {
    payload: z.strictObject({
      ...runPart,
      manifest: digest,
      room: roomKeys,
      technology,
      platform: platformName,
      evidence: digest,
      debit: z.strictObject({ runs: count }),
      at: time,
    }),
    signer: 'vault',
    use: null,
    scope: 'contract',
  },
  'key.released': {
    payload: z.strictObject({
      ...runPart,
      manifest: digest,
      room: roomKeys,
      keys: z
        .array(
          z.strictObject({
            asset: digest,
            kind: z.enum(['dataset', 'algorithm']),
            keyCommitment: bytesText(32),
            enc: bytesText(),
            ciphertext: bytesText(),
          }),
        )
        .min(1),
      debit: z.strictObject({ runs: count }),
      reservation: digest,
      checkpoint: digest,
      at: time,
      releaseNotAfter: time,
      /** The key sets of token services that the evidence was held against; absent where it was held against none. */
      keySets: z.array(keySetWord).min(1).max(16).exactOptional(),
    }),
    signer: 'vault',
    use: null,
    scope: 'contract',
  },
  'key.denied': {
    payload: z.strictObject({ ...runPart, code: z.string().regex(/^release\/[a-z-]+$/), at: time }),
    signer: 'vault',
    use: null,
    scope: 'contract',
  },
  'output.cleared': {
    payload: z.strictObject({
      ...runPart,
      manifest: digest,
      room: roomKeys,
      outcome: z.enum(['completed', 'failed']),
      bits: count,
      bytes: count,
      at: time,
    }),
    signer: 'vault',
    use: null,
    scope: 'contract',
  },
  'run.finished': {
    payload: z.strictObject({
      ...runPart,
      manifest: digest,
      room: roomKeys,
      outcome: z.enum(['completed', 'failed']),
      datasets: z.array(digest),
      algorithms: z.array(digest),
      criteria: digest,
      evidence: digest,
      output: digest.nullable(),
      envelope: digest.nullable(),
      bits: count,
      bytes: count,
      isolation: z.enum(ISOLATIONS),
      technology,
      platform: platformName,
      custody: z.array(z.strictObject({ org: digest, custody: z.enum(CUSTODIES) })),
      answers: z.array(digest),
      startedAt: time,
      finishedAt: time,
    }),
    signer: 'room',
    use: null,
    scope: 'contract',
  },
} as const satisfies Record<string, Row>;

export const STATEMENTS: Readonly<Record<StatementType, Row>> = rows;
export type StatementType = keyof typeof rows;
export type PayloadOf<T extends StatementType> = z.infer<(typeof rows)[T]['payload']>;

export function isStatementType(type: string): type is StatementType {
  return Object.hasOwn(rows, type);
}

type Named = { readonly [key: string]: unknown };

/** The CWT `sub` of a statement: what it is about. */
export function subjectOf(type: StatementType, payload: Named, payloadDigest: Digest): string {
  if (type === 'contract.signed') return `contract:${payloadDigest}`;
  if (type === 'run.requested') return `run:${payloadDigest}`;
  if (type === 'participant.registered') return 'organisation';
  if (type === 'identity.added') return 'identity';
  const about =
    payload['run'] !== undefined
      ? 'run'
      : (['contract', 'kid', 'kek', 'document', 'digest'] as const).find(
          (name) => payload[name] !== undefined,
        );
  if (!about) return 'statement';
  return `${about}:${String(payload[about])}`;
}
