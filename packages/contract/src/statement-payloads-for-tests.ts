// For tests: one payload of every type that fits its schema. What it names does not exist.
import type { Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { openRoom, type Party } from '@sealroom/testkit/world';
import { type Contract, freshSalt, type PayloadOf, type StatementType } from './index.ts';

const SOME: Digest = `sha256:${'5'.repeat(64)}`;
const TEXT = 'A'.repeat(43);
const AT = '2026-11-22T10:00:00Z';

/** @param org who speaks */
export async function payloads(
  { org, root }: Pick<Party, 'org' | 'root'>,
  contract: Contract,
): Promise<{ readonly [T in StatementType]: PayloadOf<T> }> {
  const { key } = await ed25519Signer(generateSecret());
  const { keys: room } = await openRoom();
  const salt = freshSalt();
  const own = { salt, org, project: 'project-1' };
  const document = { ...own, document: SOME };
  const answer = { ...document, note: null };
  const asset = {
    digest: SOME,
    assetSalt: TEXT,
    keyCommitment: TEXT,
    version: 1,
    files: 1,
    bytes: 1,
    prev: null,
  };
  const withdrawal = { ...own, digest: SOME, note: null, prev: SOME };
  const about = { salt, contract: SOME };
  const change = { ...about, org, note: null, prev: SOME };
  const run = { ...about, run: SOME };
  const decision = { ...run, org, note: null };
  const inRoom = { ...run, manifest: SOME, room };
  const end = { outcome: 'completed' as const, bits: 1, bytes: 1 };
  const technology = 'simulated' as const;
  const debit = { runs: 1 };
  const sealed = { asset: SOME, kind: 'dataset' as const, keyCommitment: TEXT, enc: TEXT, ciphertext: TEXT };
  return {
    'participant.registered': { salt, root: root.key, domain: 'd', vaults: [], prev: null },
    'identity.added': { salt, org, key, receiving: room.receive, uses: ['approve'], person: null },
    'identity.revoked': { salt, org, kid: SOME, note: null, prev: SOME },
    'kek.created': { ...own, role: 'data-steward', kek: SOME, spki: 'AAAA', version: 1, custody: 'own' },
    'key.wrapped': { ...own, role: 'data-steward', kek: SOME, wcek: SOME },
    'specification.published': { ...document, version: 1, prev: null },
    'attestation.published': { ...document, specification: SOME, version: 1, prev: null },
    'attestation.accepted': answer,
    'attestation.declined': answer,
    'dataset.published': { ...own, ...asset, sensitivity: 'test', specification: SOME, attestation: SOME },
    'dataset.withdrawn': withdrawal,
    'algorithm.published': {
      ...own,
      ...asset,
      image: null,
      base: 'host',
      builder: 'owner',
      recipe: null,
      mode: 'validation',
      criteria: SOME,
    },
    'algorithm.withdrawn': withdrawal,
    'criteria.published': { ...document, version: 1, prev: null },
    'criteria.accepted': answer,
    'criteria.declined': answer,
    'contract.signed': contract,
    'contract.suspended': change,
    'contract.resumed': { ...change, suspension: SOME },
    'contract.revoked': change,
    'run.requested': {
      ...about,
      contracts: [SOME],
      project: 'project-1',
      runConfiguration: 'rc',
      datasets: [SOME],
      algorithm: SOME,
      criteria: SOME,
      parameters: {},
      vcpu: 1,
      memoryGiB: 1,
    },
    'run.withdrawn': decision,
    'run.approved': { ...run, org },
    'run.rejected': decision,
    'run.cancelled': decision,
    'key.reserved': { ...inRoom, technology, platform: SOME, evidence: SOME, debit, at: AT },
    'key.released': {
      ...inRoom,
      keys: [sealed],
      debit,
      reservation: SOME,
      checkpoint: SOME,
      at: AT,
      releaseNotAfter: AT,
    },
    'key.denied': { ...run, code: 'release/quota', at: AT },
    'output.cleared': { ...inRoom, ...end, at: AT },
    'run.finished': {
      ...inRoom,
      ...end,
      datasets: [],
      algorithms: [],
      criteria: SOME,
      evidence: SOME,
      output: null,
      envelope: null,
      isolation: 'process',
      technology,
      platform: SOME,
      custody: [],
      answers: [],
      startedAt: AT,
      finishedAt: AT,
    },
  };
}
