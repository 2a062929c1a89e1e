import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { freshSalt } from '@sealroom/contract';
import {
  addIdentity,
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  memoryBook,
  publishAssets,
  requestRun,
  say,
  signContract,
  type World,
} from '@sealroom/testkit/world';
import type { Work } from '@sealroom/api';
import { beforeAll, expect, test } from 'vitest';
import { prepareWork } from './work.ts';

const ORIGIN = 'ledger.test';
let work: Work;
let contract: Digest;

/** Somebody else publishes the data set's digest as its own, with as many files as it likes. */
async function publishAsOutsider(
  world: World,
  digest: Digest,
  { specification, attestation }: { specification: Digest; attestation: Digest },
): Promise<void> {
  const [root, identity] = [await ed25519Signer(generateSecret()), await ed25519Signer(generateSecret())];
  const registered = {
    salt: freshSalt(),
    root: root.key,
    domain: 'outsider.example',
    vaults: [],
    prev: null,
  };
  await say(world, { signer: root, iss: root.kid }, 'participant.registered', registered);
  await addIdentity(world, { root, org: root.kid }, identity.key, world.steward.receiving.key);
  const some = base64urlEncode(new Uint8Array(32).fill(7));
  const stated = { assetSalt: some, keyCommitment: some, version: 1, files: 1_000_000, bytes: 1 };
  const documents = { sensitivity: 'test' as const, prev: null, specification, attestation };
  const payload = {
    salt: freshSalt(),
    org: root.kid,
    project: world.project,
    digest,
    ...stated,
    ...documents,
  };
  await say(world, { signer: identity, iss: root.kid }, 'dataset.published', payload);
}

beforeAll(async () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  const world = await createWorld({ book: memoryBook(ORIGIN), origin: ORIGIN, now });
  await announceKeks(world);
  const assets = await publishAssets(world);
  const agreed = await signContract(world, draftContract(world, assets));
  const run = await requestRun(world, agreed);
  await approveRun(world, run);
  await publishAsOutsider(world, assets.dataset.digest, assets);
  contract = agreed.digest;
  const asset = (digest: Digest, kind: 'dataset' | 'algorithm') => ({
    digest,
    kind,
    url: `https://store.example/${kind}`,
  });
  work = {
    run: run.digest,
    project: run.request.project,
    runConfiguration: run.request.runConfiguration,
    contracts: [contract],
    statements: world.said.map((cose, index) => ({ cose: base64urlEncode(cose), index })),
    assets: [asset(assets.dataset.digest, 'dataset'), asset(assets.algorithm.digest, 'algorithm')],
    criteria: '',
    uploadedAt: [],
  };
});

test('finds the contract of the run, whose vaults the gate will let the room reach', async () => {
  const { contracts } = await prepareWork(work, 'simulated');
  expect(contracts.length).toBe(1);
  expect(contracts[0]?.vaults.length).toBe(2);
});

test('counts files as their owners published them, whatever others state about the same digest', async () => {
  expect((await prepareWork(work, 'simulated')).files).toBeLessThan(100);
  expect((await prepareWork(work, 'simulated')).files).toBeGreaterThan(0);
});

test('refuses work without its request, and without its contract', async () => {
  const other: Digest = `sha256:${'9'.repeat(64)}`;
  await expect(prepareWork({ ...work, run: other }, 'simulated')).rejects.toThrow();
  const signature = 'application/sealroom.contract.signed+json';
  const statements = work.statements.filter(
    ({ cose }) => !Buffer.from(cose, 'base64url').toString('latin1').includes(signature),
  );
  expect(statements.length).toBeLessThan(work.statements.length);
  await expect(prepareWork({ ...work, statements }, 'simulated')).rejects.toThrow();
});
