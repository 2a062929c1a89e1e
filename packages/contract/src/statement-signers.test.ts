// Every type of statement × everybody who could sign it, made from the statement table: only the
// kind of key in the table is heard at all, only for its own organisation, and an identity only with the use it needs.
import { canonicalBytes, type Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import {
  announceKeks,
  createWorld,
  draftContract,
  madeUpVault,
  memoryBook,
  openRoom,
  outsider,
  publishAssets,
  say,
  type World,
} from '@sealroom/testkit/world';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Contract,
  freshSalt,
  type PayloadOf,
  signPayload,
  STATEMENTS,
  type StatementType,
  type Use,
  USES,
} from './index.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const TYPES = Object.keys(STATEMENTS) as StatementType[];
const SOME: Digest = `sha256:${'5'.repeat(64)}`;
const TEXT = 'A'.repeat(43);
const AT = '2026-11-22T10:00:00Z';

/** A payload of each type that fits its schema; what it names does not exist. */
async function payloads(
  org: Digest,
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
    'participant.registered': { salt, root: world.steward.root.key, domain: 'd', vaults: [], prev: null },
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

type Speaker = { readonly signer: Signer; readonly iss: Digest };
let world: World;
let speakers: Readonly<Record<'root' | 'identity' | 'vault' | 'room' | 'simulator' | 'nobody', Speaker>>;
let strangers: readonly Speaker[];
let said: Awaited<ReturnType<typeof payloads>>;

beforeAll(async () => {
  world = await createWorld({ book: memoryBook(ORIGIN), origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const { steward, simulator } = world;
  said = await payloads(steward.org, draftContract(world, await publishAssets(world)));
  const iss = steward.org;
  speakers = {
    root: { signer: steward.root, iss },
    identity: { signer: steward.identity, iss },
    vault: madeUpVault(world, 'steward'),
    room: { signer: (await openRoom()).sign, iss },
    simulator: { signer: simulator, iss },
    nobody: { signer: await ed25519Signer(generateSecret()), iss },
  };
  const vault = await ed25519Signer(generateSecret());
  const foreign = await outsider(world, [vault.key]);
  strangers = [foreign.root, foreign.identity, vault].map((signer) => ({ signer, iss }));
});

const codeOf = async (type: StatementType, { signer, iss }: Speaker): Promise<string> => {
  const bytes = canonicalBytes(said[type]);
  const cose = await signPayload(signer, { type, bytes, iss, origin: ORIGIN, now: NOW });
  return world.book.append(cose).then(
    () => 'admitted',
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
};

/** What a key is refused with before anybody looks at what the statement says. */
const UNHEARD = ['statement/wrong-signer', 'statement/unknown-key'];

it('covers every type of the table', () => {
  expect(Object.keys(said).toSorted()).toEqual(TYPES.toSorted());
  expect(TYPES.length).toBeGreaterThan(25);
});

describe.each(TYPES)('%s', (type) => {
  it('is heard from no other kind of key, and from no other organisation’s', async () => {
    for (const [kind, speaker] of Object.entries(speakers)) {
      if (kind === STATEMENTS[type].signer) continue;
      expect([kind, UNHEARD]).toEqual([kind, expect.arrayContaining([await codeOf(type, speaker)])]);
    }
    for (const stranger of strangers) expect(UNHEARD).toContain(await codeOf(type, stranger));
  });
});

const OF_IDENTITIES = TYPES.filter((type) => STATEMENTS[type].use !== null);

describe('an identity', () => {
  let withoutUse: Readonly<Partial<Record<Use, Speaker>>>;
  beforeAll(async () => {
    const { root, org } = world.steward;
    const found: Partial<Record<Use, Speaker>> = {};
    for (const missing of USES) {
      const signer = await ed25519Signer(generateSecret());
      const receiving = await publicKeyOf('X25519', generateSecret());
      const uses = USES.filter((use) => use !== missing);
      const payload = { salt: freshSalt(), org, key: signer.key, receiving, uses, person: null };
      await say(world, { signer: root, iss: org }, 'identity.added', payload);
      found[missing] = { signer, iss: org };
    }
    withoutUse = found;
  });

  it.each(OF_IDENTITIES)('signs no %s without the use that it needs', async (type) => {
    const { use } = STATEMENTS[type];
    const speaker = use && withoutUse[use];
    if (!speaker) throw new Error('no such use');
    expect(await codeOf(type, speaker)).toBe('statement/wrong-signer');
  });
});
