import { base64urlEncode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { freshSalt } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
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
} from '@sealroom/testkit/world';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Boot, makePlan } from './plan.ts';

const ORIGIN = 'ledger.test';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const CRITERIA = '{"accuracy":{"type":"float","min":0,"max":1,"required":true}}';
const LENIENT = '{"rows":{"type":"string","maxlength":100000}}';

let boot: Boot;

/** A whole and honest boot; an outsider has published the dataset's digest as its own as well. */
async function honestBoot(): Promise<Boot> {
  const world = await createWorld({ book: memoryBook(ORIGIN), origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const assets = await publishAssets(world);
  const agreed = await signContract(world, draftContract(world, assets));
  const criteria = await sha256Digest(utf8Encode(CRITERIA));
  const run = await requestRun(world, agreed, (request) => ({ ...request, criteria }));
  await approveRun(world, run);
  await publishAsOutsider(world, assets.dataset.digest, assets);
  const asset = (digest: Digest, kind: 'dataset' | 'algorithm') => ({
    digest,
    kind,
    url: `https://store.example/${kind}`,
  });
  const at = new Date(NOW).toISOString();
  return {
    work: {
      run: run.digest,
      project: run.request.project,
      runConfiguration: run.request.runConfiguration,
      contracts: [agreed.digest],
      statements: world.said.map((cose, index) => ({ cose: base64urlEncode(cose), index })),
      assets: [asset(assets.dataset.digest, 'dataset'), asset(assets.algorithm.digest, 'algorithm')],
      criteria: base64urlEncode(utf8Encode(CRITERIA)),
      uploadedAt: [
        { digest: assets.dataset.digest, at },
        { digest: assets.algorithm.digest, at },
      ],
    },
    hub: { url: 'https://hub.example' },
    ledger: { origin: ORIGIN },
    technology: 'simulated',
    caPem: null,
    spool: 'spool',
    storeOrigins: [],
  };
}

async function publishAsOutsider(
  world: Awaited<ReturnType<typeof createWorld>>,
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
  await say(world, { signer: identity, iss: root.kid }, 'dataset.published', {
    salt: freshSalt(),
    org: root.kid,
    project: world.project,
    digest,
    assetSalt: some,
    keyCommitment: some,
    version: 1,
    files: 1,
    bytes: 1,
    sensitivity: 'test',
    prev: null,
    specification,
    attestation,
  });
}

const withWork = (change: Partial<Boot['work']>): Boot => ({ ...boot, work: { ...boot.work, ...change } });
const codeOf = (given: Boot) =>
  makePlan(given).then(
    () => 'planned',
    (error: { code?: string }) => error.code,
  );

beforeAll(async () => {
  boot = await honestBoot();
});

describe('what a host can make an honest room plan', () => {
  it('plans the honest boot', async () => {
    expect((await makePlan(boot)).criteria).toBe(CRITERIA);
  });

  it('refuses criteria that are not the ones the request names', async () => {
    expect(await codeOf(withWork({ criteria: base64urlEncode(utf8Encode(LENIENT)) }))).toBe(
      'room/not-permitted',
    );
    expect(await codeOf(withWork({ criteria: base64urlEncode(utf8Encode(`${CRITERIA} `)) }))).toBe(
      'room/not-permitted',
    );
  });

  it('takes project, configuration and upload times from what people signed, whatever the host says', async () => {
    const uploadedAt = boot.work.uploadedAt.map(({ digest }) => ({ digest, at: '2001-01-01T00:00:00Z' }));
    const plan = await makePlan(withWork({ project: 'other', runConfiguration: 'other', uploadedAt }));
    const honest = await makePlan(boot);
    expect([plan.project, plan.runConfiguration]).toEqual([honest.project, honest.runConfiguration]);
    expect(plan.datasets[0]?.uploadedAt).toBe(new Date(NOW).toISOString());
  });

  it('goes by the steward’s own publication when an outsider has published the same digest', async () => {
    const [dataset] = (await makePlan(boot)).datasets;
    expect(dataset?.published.bytes).toBe(100);
    const first = boot.work.statements.slice(0, 1);
    const last = boot.work.statements.slice(-1).map((item) => ({ ...item, index: 0 }));
    expect(await codeOf(withWork({ statements: [...first, ...last] }))).toBe('room/bad-boot');
  });

  it('refuses statements of which the approval is left out', async () => {
    const approval = 'sealroom.run.approved+json';
    const statements = boot.work.statements.filter(
      ({ cose }) => !Buffer.from(cose, 'base64url').includes(approval),
    );
    expect(await codeOf(withWork({ statements }))).toBe('room/not-permitted');
  });
});
