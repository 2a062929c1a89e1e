// Releases between which somebody acts: an asset withdrawn, a version replaced, a clock set back; and claims on what a vault
// keeps by those whom it does not serve, or serves too.
import { vaultRoutes } from '@sealroom/api';
import { hexDecode, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { type Contract, contractDigest, encodeContract, freshSalt, type PayloadOf } from '@sealroom/contract';
import { encodeKey } from '@sealroom/cose';
import {
  approveRun,
  draftContract,
  manifestOf,
  openRoom,
  outsider,
  type Party,
  person,
  requestRun,
  say,
  signContract,
} from '@sealroom/testkit/world';
import { afterEach, describe, expect, it } from 'vitest';
import {
  approvedRun,
  ask,
  at,
  codesAt,
  finishAt,
  giveKey,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
  type StageOptions,
} from '../fixtures.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

async function open(options: StageOptions = {}): Promise<Stage> {
  stage = await setStage(options);
  return stage;
}

const newest = async (here: Stage): Promise<string[] | undefined> => (await codesAt(here, here.steward))[0];

async function withdraw({ world, assets }: Stage, which: 'dataset' | 'algorithm'): Promise<void> {
  const party = which === 'dataset' ? world.steward : world.owner;
  const { digest } = assets[which];
  const payload = { salt: freshSalt(), org: party.org, project: world.project, digest, note: null };
  await say(world, person(party), `${which}.withdrawn`, { ...payload, prev: digest });
}

describe('between approval and answer', () => {
  it('a dataset that is withdrawn opens no more', async () => {
    const here = await open();
    const run = await approvedRun(here);
    await withdraw(here, 'dataset');
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/dataset']);
  });

  it('an asset that is withdrawn after the reservation opens no more, and the place is given back', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    here.steward.barrier = async (step) => {
      if (step === 'appended') await withdraw(here, 'algorithm');
    };
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/algorithm']);
    expect(here.ledger.record.runs.get(run.digest)?.denials.map(({ payload }) => payload.code)).toEqual([
      'release/algorithm',
    ]);
  });

  it('version 1 opens nothing once version 2 stands, before the release or in the middle of it', async () => {
    const here = await open();
    const { world, agreed } = here;
    const next: Contract = { ...agreed.contract, version: 2, first: agreed.digest, salt: freshSalt() };
    const [early, late] = [await approvedRun(here), await approvedRun(here)];
    const body = await prove(here, early, await openRoom());
    here.steward.barrier = async (step) => {
      if (step === 'appended') await signContract(world, next);
    };
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/contract-revoked']);
    await expect(releaseBoth(here, late)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/contract-revoked']);
    // What the first version had spent counts on, and the second one works.
    const digest = await contractDigest(encodeContract(next));
    expect(here.ledger.record.contracts.get(agreed.digest)?.supersededBy).toBe(digest);
    here.steward.barrier = async () => undefined;
    const run = await requestRun(world, { digest, contract: next });
    await approveRun(world, run);
    await releaseBoth(here, run);
  });

  it('a clock that is set back reopens no contract that has ended, not even after a restart', async () => {
    const here = await open();
    const { clock } = here;
    const run = await approvedRun(here);
    const within = clock.now;
    clock.now += 25 * 3_600_000;
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toContain('release/contract-window');
    clock.now = within;
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    await here.steward.restart();
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    clock.now = within + 25 * 3_600_000;
    expect(await newest(here)).toEqual(['release/record-stale']);
  });

  it('a clock that is set back lets no end out whose time is over', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const { room } = await releaseBoth(here, run);
    const manifest = await sha256Digest(await manifestOf(run));
    const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 8, bytes: 1024 };
    const before = here.clock.now;
    here.clock.now += 66 * 60_000;
    await expect(finishAt(here, here.steward, room, end)).rejects.toMatchObject(opaque);
    here.clock.now = before;
    await expect(finishAt(here, here.steward, room, end)).rejects.toMatchObject(opaque);
    here.clock.now += 66 * 60_000;
    expect(await newest(here)).toEqual(['release/record-stale']);
  });

  it('a clock that is corrected by a little does no harm', async () => {
    const here = await open();
    await releaseBoth(here, await approvedRun(here));
    here.clock.now -= 60_000;
    await releaseBoth(here, await approvedRun(here));
  });
});

describe('a room that is gone after its clearance', () => {
  it('has used its run up: another room gets no keys, and no other end is cleared', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const { room } = await releaseBoth(here, run);
    const manifest = await sha256Digest(await manifestOf(run));
    const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 8, bytes: 1024 };
    await finishAt(here, here.steward, room, end);
    await finishAt(here, here.owner, room, end);
    const second = await openRoom();
    await expect(releaseBoth(here, run, second)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/attempts']);
    await expect(finishAt(here, here.steward, second, end)).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/run-unknown']);
    await expect(finishAt(here, here.steward, room, { ...end, bits: 9 })).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/attempts']);
    expect(here.ledger.record.runs.get(run.digest)?.ended).toBeUndefined();
  });
});

describe('what a room brings', () => {
  it('is no receiving key that anybody could open for', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    const point = `e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800`;
    const texts = [point, '00'.repeat(32), `ed${'ff'.repeat(30)}7f`].map((x) =>
      encodeKey({ curve: 'X25519', x: hexDecode(x) }),
    );
    for (const receive of [...texts, body.room.sign, 'AAAA', '', 'A'.repeat(200)]) {
      await expect(
        releaseAt(here.steward, { ...body, room: { ...body.room, receive } }),
      ).rejects.toMatchObject({ problem: 'http/bad-request' });
    }
    expect(here.ledger.record.runs.get(run.digest)?.reservations).toEqual([]);
  });

  it('is no number of bits or bytes beyond what it was allowed, however large or small', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const { room } = await releaseBoth(here, run);
    const manifest = await sha256Digest(await manifestOf(run));
    const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 8, bytes: 1024 };
    for (const change of [
      { bits: Number.MAX_SAFE_INTEGER },
      { bytes: Number.MAX_SAFE_INTEGER },
      { bits: 2 ** 32 + 8 },
      { bytes: 2 ** 31 },
    ])
      await expect(finishAt(here, here.steward, room, { ...end, ...change })).rejects.toMatchObject(opaque);
    expect(await newest(here)).toEqual(['release/resources']);
    for (const change of [{ bits: -1 }, { bits: 1.5 }, { bytes: Number.NaN }])
      await expect(finishAt(here, here.steward, room, { ...end, ...change })).rejects.toMatchObject({
        code: 'statement/malformed',
      });
    await finishAt(here, here.steward, room, end);
  });
});

describe('the key of another', () => {
  const part = (party: Party, role: Party['role']): Contract['participants'][number] => ({
    org: party.org,
    root: party.root.key,
    role,
    keys: [{ kid: party.identity.kid, uses: ['contract', 'request', 'approve', 'suspend'] }],
  });

  /** The steward's dataset, published once more by somebody else in its own name. */
  async function republish({ world, ledger, assets }: Stage, by: Party): Promise<void> {
    const genuine = ledger.record.artifacts.get(`dataset/${world.steward.org}/${assets.dataset.digest}`);
    const payload = genuine?.published.payload as PayloadOf<'dataset.published'>;
    await say(world, person(by), 'dataset.published', { ...payload, salt: freshSalt(), org: by.org });
  }

  it('is not had by registering its vault as one’s own', async () => {
    const here = await open();
    const { world } = here;
    const thief = await outsider(world, [here.steward.signer.key]);
    const wish = { org: thief.org, project: world.project, role: 'data-steward' as const };
    const request = await ask(here, thief.identity, here.steward.signer.kid, 'kek-request', wish);
    await expect(call(at(here.steward), vaultRoutes.createKek, { body: { request } })).rejects.toMatchObject({
      problem: 'vault/not-served',
    });
    await republish(here, thief);
    const agreed = await signContract(
      world,
      draftContract(world, here.assets, (contract) => ({
        ...contract,
        participants: [part(thief, 'data-steward'), part(world.owner, 'algorithm-owner')],
        datasets: contract.datasets.map((item) => ({ ...item, steward: thief.org })),
        vaults: contract.vaults.map((item) =>
          item.org === world.steward.org ? { ...item, org: thief.org } : item,
        ),
      })),
      [thief, world.owner],
    );
    const run = await requestRun(world, agreed);
    await approveRun(world, run, thief);
    await expect(releaseAt(here.steward, await prove(here, run, await openRoom()))).rejects.toMatchObject(
      opaque,
    );
    expect(await newest(here)).toEqual(expect.arrayContaining(['release/not-served']));
    expect(here.ledger.record.runs.get(run.digest)?.reservations).toEqual([]);
  });

  it('is not had from a vault that serves both, by publishing the other’s dataset in one’s own name', async () => {
    const here = await open({ shared: true });
    const { world } = here;
    const rival: Party = { ...world.owner, role: 'data-steward' };
    await giveKey(here, here.owner, rival);
    const accomplice = await outsider(world);
    await republish(here, rival);
    const [algorithm] = [here.assets.algorithm];
    const genuine = here.ledger.record.artifacts.get(`algorithm/${world.owner.org}/${algorithm.digest}`);
    const payload = genuine?.published.payload as PayloadOf<'algorithm.published'>;
    await say(world, person(accomplice), 'algorithm.published', {
      ...payload,
      salt: freshSalt(),
      org: accomplice.org,
    });
    const [vault] = here.agreed.contract.vaults;
    if (!vault || !rival.kek) throw new Error('no vault');
    const agreed = await signContract(
      world,
      draftContract(world, here.assets, (contract) => ({
        ...contract,
        participants: [part(rival, 'data-steward'), part(accomplice, 'algorithm-owner')],
        datasets: contract.datasets.map((item) => ({ ...item, steward: rival.org })),
        algorithms: contract.algorithms.map((item) => ({ ...item, owner: accomplice.org })),
        output: { ...contract.output, recipients: [{ org: rival.org, key: rival.receiving.key }] },
        vaults: [
          { ...vault, org: rival.org, keks: [rival.kek ?? contract.criteria] },
          { ...vault, org: accomplice.org, keks: [contract.criteria] },
        ],
      })),
      [rival, accomplice],
    );
    const run = await requestRun(world, agreed, (it) => it, accomplice);
    await approveRun(world, run, rival);
    await expect(releaseAt(here.owner, await prove(here, run, await openRoom()))).rejects.toMatchObject(
      opaque,
    );
    // The steward takes no part in that contract; who asked for it reads why not.
    expect(await codesAt(here, here.steward)).toEqual([]);
    expect((await codesAt(here, { ...here.owner, party: () => world.owner }))[0]).toEqual([
      'release/commitment',
    ]);
  });
});
