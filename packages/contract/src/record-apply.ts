// What an admitted statement changes in the record. Nothing is decided here.
import type { Digest } from '@sealroom/bytes';
import { type KeyText, keyThumbprint } from '@sealroom/cose';
import {
  type ArtifactKind,
  artifactKey,
  type ArtifactState,
  type KeyEntry,
  type LedgerRecord,
  type RunState,
} from './record-types.ts';
import type { Statement } from './statement.ts';
import type { Use } from './terms.ts';

type Published = ArtifactState['published'];

async function addKey(
  record: LedgerRecord,
  { key, org, ...rest }: Omit<KeyEntry, 'kid' | 'orgs' | 'until'> & { org: Digest; key: KeyText },
): Promise<void> {
  const kid = await keyThumbprint(key);
  const known = record.keys.get(kid);
  if (known) known.orgs.add(org);
  else record.keys.set(kid, { ...rest, key, kid, orgs: new Set([org]), until: undefined });
}

async function register(
  record: LedgerRecord,
  statement: Statement<'participant.registered'>,
  index: number,
): Promise<void> {
  const org = statement.claims.iss as Digest;
  record.organisations.set(org, { org, root: statement.payload.root, last: statement.digest });
  const base = { org, uses: new Set<Use>(), receiving: undefined, from: index, statement: statement.digest };
  // Whoever claimed the root's key before, as a vault's or a person's, could not sign with it.
  if (record.keys.get(org)?.kind !== 'root') record.keys.delete(org);
  await addKey(record, { ...base, key: statement.payload.root, kind: 'root' });
  // The list is whole: a vault that it leaves out speaks for the organisation no more.
  for (const entry of record.keys.values()) if (entry.kind === 'vault') entry.orgs.delete(org);
  for (const vault of statement.payload.vaults)
    await addKey(record, { ...base, key: vault.key, kind: 'vault' });
}

function publish(record: LedgerRecord, published: Published, index: number): void {
  const kind = published.type.slice(0, published.type.indexOf('.')) as ArtifactKind;
  const digest = 'document' in published.payload ? published.payload.document : published.payload.digest;
  const { org, project } = published.payload;
  const state: ArtifactState = {
    kind,
    digest,
    org,
    project,
    published,
    index,
    answers: new Map(),
    withdrawn: false,
  };
  record.artifacts.set(artifactKey(kind, org, digest), state);
}

function answer(
  record: LedgerRecord,
  kind: ArtifactKind,
  document: Digest,
  org: Digest,
  said: 'accepted' | 'declined',
): void {
  for (const item of record.artifacts.values())
    if (item.kind === kind && item.digest === document) item.answers.set(org, said);
}

function withdraw(record: LedgerRecord, kind: ArtifactKind, org: Digest, digest: Digest): void {
  const found = record.artifacts.get(artifactKey(kind, org, digest));
  if (found) found.withdrawn = true;
}

function signContract(record: LedgerRecord, statement: Statement<'contract.signed'>, index: number): void {
  const { digest, payload: contract, kid } = statement;
  const org = statement.claims.iss as Digest;
  const fresh = { digest, contract, signatures: new Map(), completeAt: undefined, suspensions: new Map() };
  const state = record.contracts.get(digest) ?? {
    ...fresh,
    revokedBy: undefined,
    supersededBy: undefined,
    last: digest,
  };
  record.contracts.set(digest, state);
  state.signatures.set(org, { statement: statement.coseDigest, kid, index });
  if (contract.participants.some((participant) => !state.signatures.has(participant.org))) return;
  state.completeAt = index;
  if (contract.first === null) return;
  for (const other of record.contracts.values()) {
    const related = other.digest === contract.first || other.contract.first === contract.first;
    if (!related || other.contract.version >= contract.version) continue;
    other.supersededBy ??= digest;
    // Who suspended had perhaps signed the offer of this version before: what it stopped stays stopped until it resumes.
    for (const [suspension, by] of other.suspensions) state.suspensions.set(suspension, by);
  }
}

function endRun(record: LedgerRecord, run: Digest, ended: RunState['ended']): void {
  const state = record.runs.get(run);
  if (state) state.ended = ended;
}

/** Statements about contracts, runs and keys. */
function applyContractStatement(record: LedgerRecord, statement: Statement, index: number): void {
  const signature = { statement: statement.digest, kid: statement.kid, index };
  const payload = statement.payload;
  const state = 'contract' in payload ? record.contracts.get(payload.contract) : undefined;
  const run = 'run' in payload ? record.runs.get(payload.run) : undefined;
  switch (statement.type) {
    case 'contract.suspended':
      state?.suspensions.set(statement.digest, statement.payload.org);
      break;
    case 'contract.resumed':
      state?.suspensions.delete(statement.payload.suspension);
      break;
    case 'contract.revoked':
      if (state) state.revokedBy = statement.payload.org;
      break;
    case 'run.requested':
      record.runs.set(statement.digest, {
        run: statement.digest,
        request: statement.payload,
        requested: signature,
        approvals: new Map(),
        reservations: [],
        denials: [],
        cleared: new Map(),
        ended: undefined,
      });
      break;
    case 'run.approved':
      run?.approvals.set(statement.payload.org, signature);
      break;
    case 'run.withdrawn':
    case 'run.rejected':
    case 'run.cancelled':
    case 'run.finished':
      endRun(record, statement.payload.run, statement.type);
      break;
    case 'key.reserved':
      run?.reservations.push({ ...signature, payload: statement.payload });
      break;
    case 'key.denied':
      run?.denials.push({ ...signature, payload: statement.payload });
      break;
    case 'output.cleared':
      run?.cleared.set(statement.kid, statement.payload);
      break;
    default:
      return;
  }
  if (state && statement.type.startsWith('contract.')) state.last = statement.digest;
}

export async function applyToState(record: LedgerRecord, statement: Statement, index: number): Promise<void> {
  const org = statement.claims.iss as Digest;
  switch (statement.type) {
    case 'participant.registered':
      return register(record, statement, index);
    case 'identity.added': {
      const { key, receiving, uses } = statement.payload;
      const entry = { org, key, receiving, kind: 'identity' as const, uses: new Set(uses), from: index };
      return addKey(record, { ...entry, statement: statement.digest });
    }
    case 'identity.revoked': {
      const entry = record.keys.get(statement.payload.kid);
      if (entry) entry.until = index;
      return;
    }
    case 'kek.created':
      record.keks.set(statement.payload.kek, statement.payload);
      return;
    case 'key.wrapped':
      record.wrapped.set(`${org}/${statement.payload.project}/${statement.payload.role}`, statement);
      return;
    case 'specification.published':
    case 'attestation.published':
    case 'criteria.published':
    case 'dataset.published':
    case 'algorithm.published':
      return publish(record, statement, index);
    case 'attestation.accepted':
      return answer(record, 'attestation', statement.payload.document, org, 'accepted');
    case 'attestation.declined':
      return answer(record, 'attestation', statement.payload.document, org, 'declined');
    case 'criteria.accepted':
      return answer(record, 'criteria', statement.payload.document, org, 'accepted');
    case 'criteria.declined':
      return answer(record, 'criteria', statement.payload.document, org, 'declined');
    case 'dataset.withdrawn':
      return withdraw(record, 'dataset', org, statement.payload.digest);
    case 'algorithm.withdrawn':
      return withdraw(record, 'algorithm', org, statement.payload.digest);
    case 'contract.signed':
      return signContract(record, statement, index);
    default:
      return applyContractStatement(record, statement, index);
  }
}
