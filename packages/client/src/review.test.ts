import { base64urlEncode, type Bytes, type Digest, hexEncode, sha256Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, publicKeyOf } from '@sealroom/cose';
import { type Contract, encodeContract } from '@sealroom/contract';
import { createFakeLedger, type FakeLedger } from '@sealroom/testkit/ledger';
import {
  addIdentity,
  announceKeks,
  approveRun,
  type Assets,
  createWorld,
  draftContract as draftOfWorld,
  publishAssets,
  requestRun,
  say,
  signContract,
  stopContract,
  type World,
} from '@sealroom/testkit/world';
import { beforeEach, expect, test } from 'vitest';
import {
  checkBeforeSigning,
  checkRunRequest,
  draftContract,
  fingerprintGroups,
  fingerprintWords,
  identitiesOf,
  type KnownPins,
  type OfferTerms,
  type Recorded,
  reviewContract,
  statementsOf,
  vaultsOf,
  verifyAppended,
  verifyRecorded,
} from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const TERMS: OfferTerms = {
  purpose: 'validation',
  jurisdiction: 'EU',
  notBefore: '2026-11-22T09:00:00Z',
  notAfter: '2026-12-22T09:00:00Z',
  parameters: {},
  quota: { runs: 1, attemptsPerRun: 1 },
  room: { isolation: 'process', maxVcpu: 2, maxMemoryGiB: 4, maxMinutes: 10 },
  output: { maxBytes: 65_536, maxBits: 100, classes: ['report'], logs: 'status', timing: 'grid' },
  access: 'staged',
  maxAgeSeconds: 60,
  witnesses: [],
};

let ledger: FakeLedger;
let world: World;
let assets: Assets;

/** All that was said, as a hub gives it. */
async function shown(): Promise<Recorded[]> {
  return Promise.all(
    ledger.statements.map(async (cose, index) => ({
      cose: base64urlEncode(cose),
      index,
      proof: await ledger.proof(index),
    })),
  );
}

const verifiedNow = async () => verifyRecorded(ledger, await shown());
const pinsOf = (...orgs: readonly Digest[]): KnownPins => ({
  ledger,
  organisations: orgs.map((org) => ({ org, checked: 'out-of-band' })),
});
const both = () => pinsOf(world.steward.org, world.owner.org);
const asSteward = () => ({ org: world.steward.org, kid: world.steward.identity.kid });

async function review(contract: Contract, pins: KnownPins = both()) {
  return reviewContract(encodeContract(contract), { pins, verified: await verifiedNow() });
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as { code?: string }).code ?? 'not a package error';
  }
}

beforeEach(async () => {
  ledger = await createFakeLedger({ origin: 'ledger.test' });
  world = await createWorld({ book: ledger, origin: ledger.origin, now: NOW, ledgerKey: ledger.key });
  await announceKeks(world);
  assets = await publishAssets(world);
});

test('folds what a hub shows, in whatever order and however often it shows it', async () => {
  const all = await shown();
  const verified = await verifyRecorded(ledger, [...all.toReversed(), ...all]);
  expect(verified.statements).toHaveLength(all.length);
  expect(statementsOf(verified, 'identity.added')).toHaveLength(2);
  expect(vaultsOf(verified, world.owner.org)).toEqual([world.owner.vault]);
  expect(identitiesOf(verified, world.owner.org).map(({ kid }) => kid)).toEqual([world.owner.identity.kid]);
});

test('refuses a statement that the pinned ledger does not prove', async () => {
  const other = await ed25519Signer(generateSecret());
  const all = await shown();
  await expect(verifyRecorded({ ...ledger, key: other.key }, all)).rejects.toMatchObject({
    code: 'client/not-proved',
  });
  const [first, second] = all;
  const swapped = all.map((item, at) => (at === 0 ? { ...item, proof: second?.proof ?? '' } : item));
  await expect(verifyRecorded(ledger, swapped)).rejects.toMatchObject({ code: 'client/not-proved' });
  const moved = all.map((item) => (item === first ? { ...item, index: 1000 } : item));
  await expect(verifyRecorded(ledger, moved)).rejects.toMatchObject({ code: 'client/not-proved' });
});

test('refuses a statement of a person whose vouching the hub leaves out', async () => {
  const all = await shown();
  const vouching = (await verifiedNow()).statements.find(
    ({ statement }) => statement.type === 'identity.added',
  );
  const without = all.filter(({ index }) => index !== vouching?.index);
  await expect(verifyRecorded(ledger, without)).rejects.toMatchObject({ code: 'client/not-proved' });
});

test('believes that a statement was appended only with its proof', async () => {
  const index = ledger.statements.length - 1;
  const cose = ledger.statements[index] as Bytes;
  const proof = await ledger.proof(index);
  await verifyAppended(ledger, cose, { index, proof });
  const code = 'client/not-proved';
  await expect(verifyAppended(ledger, cose, { index: index - 1, proof })).rejects.toMatchObject({ code });
  await expect(verifyAppended(ledger, ledger.statements[0] as Bytes, { index, proof })).rejects.toMatchObject(
    { code },
  );
  await expect(verifyAppended(ledger, cose, { index, proof: 'nothing' })).rejects.toMatchObject({ code });
  await expect(verifyAppended(ledger, cose, { index, proof }, new Uint8Array(16))).rejects.toMatchObject({
    code,
  });
});

test('a drafted contract is one that may be signed, with each person’s uses cut to the role', async () => {
  const contract = draftContract({
    verified: await verifiedNow(),
    project: world.project,
    participants: [world.steward, world.owner],
    datasets: [assets.dataset.digest],
    algorithm: assets.algorithm.digest,
    rooms: { nodes: [{ simulator: world.simulator.key, launch: world.launch }] },
    recipients: [{ org: world.owner.org, key: world.owner.receiving.key }],
    terms: TERMS,
  });
  const [steward, owner] = contract.participants;
  expect(steward?.keys[0]?.uses).not.toContain('request');
  expect(owner?.keys[0]?.uses).not.toContain('approve');
  const reviewed = await review(contract);
  expect(reviewed.problems).toEqual([]);
  expect(codeOf(() => checkBeforeSigning(reviewed, asSteward()))).toBe('none');
});

test('nothing can be drafted before both sides have wrapped their keys', async () => {
  const bare = await createFakeLedger({ origin: 'ledger.test' });
  const early = await createWorld({ book: bare, origin: bare.origin, now: NOW, ledgerKey: bare.key });
  const published = await publishAssets(early);
  const recorded = await Promise.all(
    bare.statements.map(async (cose, index) => ({
      cose: base64urlEncode(cose),
      index,
      proof: await bare.proof(index),
    })),
  );
  const verified = await verifyRecorded(bare, recorded);
  const draft = () =>
    draftContract({
      verified,
      project: early.project,
      participants: [early.steward, early.owner],
      datasets: [published.dataset.digest],
      algorithm: published.algorithm.digest,
      rooms: { nodes: [{ simulator: early.simulator.key, launch: early.launch }] },
      recipients: [{ org: early.owner.org, key: early.owner.receiving.key }],
      terms: TERMS,
    });
  expect(codeOf(draft)).toBe('client/mismatch');
});

test('a contract is shown with fingerprints, how they were checked, and that nothing is hardware-attested', async () => {
  const reviewed = await review(draftOfWorld(world, assets), pinsOf(world.steward.org));
  expect(reviewed.hardwareAttested).toBe(false);
  expect(reviewed.warnings[0]).toMatch(/^Not hardware-attested/);
  expect(reviewed.parties.map(({ checked, signed }) => [checked, signed])).toEqual([
    ['out-of-band', false],
    [undefined, false],
  ]);
  expect(reviewed.parties[0]?.fingerprint).toBe(fingerprintWords(world.steward.org));
});

test('says that the operator of a vault in its custody can read', async () => {
  const contract = draftOfWorld(world, assets);
  const [first, ...others] = contract.vaults;
  if (!first) throw new Error('the world has vaults');
  const reviewed = await review({ ...contract, vaults: [{ ...first, custody: 'operator' }, ...others] });
  expect(reviewed.warnings.some((words) => words.includes('the operator can read'))).toBe(true);
});

test('nobody signs with a party whose fingerprint was not compared', async () => {
  const reviewed = await review(draftOfWorld(world, assets), pinsOf(world.steward.org));
  expect(codeOf(() => checkBeforeSigning(reviewed, asSteward()))).toBe('client/unpinned');
});

test('nobody signs with a key that the contract does not list', async () => {
  const reviewed = await review(draftOfWorld(world, assets));
  const stranger = { org: world.steward.org, kid: world.owner.identity.kid };
  expect(codeOf(() => checkBeforeSigning(reviewed, stranger))).toBe('client/mismatch');
});

type Change = (contract: Contract) => Contract | Promise<Contract>;
const some = () => sha256Digest(crypto.getRandomValues(new Uint8Array(8)));
const key = async () => publicKeyOf('Ed25519', generateSecret());
const first = <T extends object>(items: readonly T[], change: Partial<T>): T[] =>
  items.map((item, at) => (at === 0 ? { ...item, ...change } : item));

test.each<[string, Change]>([
  ['another root', async (c) => ({ ...c, participants: first(c.participants, { root: await key() }) })],
  [
    'a person nobody vouches for',
    async (c) => ({
      ...c,
      participants: first(c.participants, { keys: [{ kid: await some(), uses: ['contract'] }] }),
    }),
  ],
  [
    'an output recipient of unknown key',
    async (c) => ({
      ...c,
      output: {
        ...c.output,
        recipients: first(c.output.recipients, { key: await publicKeyOf('X25519', generateSecret()) }),
      },
    }),
  ],
  ['another dataset', async (c) => ({ ...c, datasets: first(c.datasets, { digest: await some() }) })],
  [
    'another attestation',
    async (c) => ({ ...c, datasets: first(c.datasets, { attestation: await some() }) }),
  ],
  ['another algorithm', async (c) => ({ ...c, algorithms: first(c.algorithms, { package: await some() }) })],
  ['another image', async (c) => ({ ...c, algorithms: first(c.algorithms, { image: await some() }) })],
  ['other criteria', async (c) => ({ ...c, criteria: await some() })],
  ['another vault key', async (c) => ({ ...c, vaults: first(c.vaults, { key: await key() }) })],
  ['another vault address', (c) => ({ ...c, vaults: first(c.vaults, { url: 'https://other.example' }) })],
  ['another custody', (c) => ({ ...c, vaults: first(c.vaults, { custody: 'attested' }) })],
  ['another key-encryption key', async (c) => ({ ...c, vaults: first(c.vaults, { keks: [await some()] }) })],
  ['another ledger', async (c) => ({ ...c, ledger: { ...c.ledger, key: await key() } })],
  ['another project', (c) => ({ ...c, project: 'project-2' })],
])('a contract with %s must not be signed', async (_name, change) => {
  const reviewed = await review(await change(draftOfWorld(world, assets)));
  expect(reviewed.problems.length).toBeGreaterThan(0);
  expect(codeOf(() => checkBeforeSigning(reviewed, asSteward()))).toBe('client/mismatch');
});

test('the unchanged contract of the world has no problem', async () => {
  expect((await review(draftOfWorld(world, assets))).problems).toEqual([]);
});

test('a withdrawn dataset must not be signed for', async () => {
  const contract = draftOfWorld(world, assets);
  const published = statementsOf(await verifiedNow(), 'dataset.published')[0];
  if (!published) throw new Error('the world has a dataset');
  const { org, identity } = world.steward;
  const payload = {
    salt: published.payload.salt,
    org,
    project: world.project,
    digest: assets.dataset.digest,
  };
  await say(world, { signer: identity, iss: org }, 'dataset.withdrawn', {
    ...payload,
    note: null,
    prev: published.digest,
  });
  expect((await review(contract)).problems).toHaveLength(1);
});

test('a person who was added later changes nothing in a contract that does not name them', async () => {
  const contract = draftOfWorld(world, assets);
  const receiving = await publicKeyOf('X25519', generateSecret());
  await addIdentity(world, world.owner, await key(), receiving);
  expect((await review(contract)).problems).toEqual([]);
});

test('a run request is checked against the contract it stands under', async () => {
  const agreed = await signContract(world, draftOfWorld(world, assets));
  const run = await requestRun(world, agreed);
  const [reviewed, verified] = [await review(agreed.contract), await verifiedNow()];
  expect(reviewed.parties.every(({ signed }) => signed)).toBe(true);
  expect(checkRunRequest(reviewed, verified, run.digest)).toEqual(run.request);
  const other = await review(draftOfWorld(world, assets));
  expect(codeOf(() => checkRunRequest(other, verified, run.digest))).toBe('client/mismatch');
  const unknown = await some();
  expect(codeOf(() => checkRunRequest(reviewed, verified, unknown))).toBe('client/mismatch');
});

test.each([
  ['more processors', { vcpu: 100 }],
  ['more memory', { memoryGiB: 100 }],
])('a run request for %s than the contract allows is refused', async (_name, change) => {
  const agreed = await signContract(world, draftOfWorld(world, assets));
  const run = await requestRun(world, agreed, (request) => ({ ...request, ...change }));
  const [reviewed, verified] = [await review(agreed.contract), await verifiedNow()];
  expect(codeOf(() => checkRunRequest(reviewed, verified, run.digest))).toBe('client/mismatch');
});

test('statements of a suspended contract fold like all others', async () => {
  const agreed = await signContract(world, draftOfWorld(world, assets));
  await approveRun(world, await requestRun(world, agreed));
  await stopContract(world, agreed, world.owner, 'contract.suspended');
  const { record } = await verifiedNow();
  expect(record.contracts.get(agreed.digest)?.suspensions.size).toBe(1);
});

test('fingerprints are sixteen words or sixteen groups, one for each two bytes', () => {
  // Proquints of 127.0.0.1 and 63.84.220.193, from arXiv:0901.4016.
  const bytes = Uint8Array.of(127, 0, 0, 1, 63, 84, 220, 193, ...new Uint8Array(24));
  const digest: Digest = `sha256:${hexEncode(bytes)}`;
  expect(fingerprintWords(digest).startsWith('lusab-babad-gutih-tugad-babab')).toBe(true);
  expect(fingerprintWords(digest).split('-')).toHaveLength(16);
  expect(fingerprintGroups(digest).split(' ')).toHaveLength(16);
  expect(codeOf(() => fingerprintWords('sha256:00'))).toBe('bytes/bad-digest');
});
