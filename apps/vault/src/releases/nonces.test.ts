// One nonce of a vault that two rooms bring at the same moment: the database decides which of them has burnt it.
import { base64urlEncode } from '@sealroom/bytes';
import { manifestOf, openRoom, proveRoom } from '@sealroom/testkit/world';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  approvedRun,
  challenge,
  codesAt,
  opaque,
  releaseAt,
  scopedStatements,
  setStage,
  type Stage,
} from '../fixtures.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await setStage({ timing: { waitMs: 1500 } });
});
afterEach(async () => stage.close());

type Asked = Awaited<ReturnType<typeof challenge>>;

/** What a room of its own, for a run of its own, sends to both vaults. */
async function provenBy(asked: readonly Asked[]) {
  const run = await approvedRun(stage);
  const room = await openRoom();
  const nonces = asked.map(({ nonce }) => nonce);
  return async () => ({
    run: run.digest,
    manifest: base64urlEncode(await manifestOf(run)),
    room: room.keys,
    challenges: asked.map((one) => one.challenge),
    evidence: await proveRoom(stage.world, run, room, nonces),
    statements: await scopedStatements(stage.world, run),
  });
}

it('is burnt by one of two rooms that bring it at once, for two runs, when both have found it fresh', async () => {
  const { steward, owner } = stage;
  const shared = await challenge(steward);
  const bodies = [
    await provenBy([shared, await challenge(owner)]),
    await provenBy([shared, await challenge(owner)]),
  ];
  let decided = 0;
  let go: () => void = () => undefined;
  const both = new Promise<void>((resolve) => {
    go = resolve;
  });
  steward.barrier = async (step) => {
    if (step !== 'decided') return;
    decided += 1;
    if (decided === bodies.length) go();
    await both;
  };
  const ends = async (vault: typeof steward) =>
    Promise.allSettled(bodies.map(async (body) => releaseAt(vault, await body())));
  const [ended] = await Promise.all([ends(steward), ends(owner)]);
  expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  expect(refused).toEqual([expect.objectContaining(opaque)]);
  expect((await codesAt(stage, steward))[0]).toEqual(['release/nonce']);
});
