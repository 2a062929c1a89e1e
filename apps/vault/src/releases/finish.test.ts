import { sha256Digest } from '@sealroom/bytes';
import type { MessageOf } from '@sealroom/contract';
import { freshSalt } from '@sealroom/contract';
import {
  manifestOf,
  openRoom,
  person,
  type Room,
  type Run,
  say,
  stopContract,
} from '@sealroom/testkit/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approvedRun, codesAt, finishAt, opaque, releaseBoth, setStage, type Stage } from '../fixtures.ts';

type Ask = MessageOf<'finish-request'>;
let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

async function released(): Promise<{ run: Run; room: Room; end: Ask }> {
  const run = await approvedRun(stage);
  const { room } = await releaseBoth(stage, run);
  const manifest = await sha256Digest(await manifestOf(run));
  return { run, room, end: { run: run.digest, manifest, outcome: 'completed', bits: 512, bytes: 65_536 } };
}

async function refusedWith(room: Room, end: Ask): Promise<string[] | undefined> {
  await expect(finishAt(stage, stage.steward, room, end)).rejects.toMatchObject(opaque);
  return (await codesAt(stage, stage.steward))[0];
}

describe('clearance', () => {
  it('lets out as much as the contract allows, to the bit', async () => {
    const { room, end } = await released();
    await finishAt(stage, stage.steward, room, end);
  });

  it('refuses more bits or bytes than the contract allows', async () => {
    const { room, end } = await released();
    expect(await refusedWith(room, { ...end, bits: 513 })).toEqual(['release/resources']);
    expect(await refusedWith(room, { ...end, bytes: 65_537 })).toEqual(['release/resources']);
  });

  it('refuses another room, and another manifest', async () => {
    const { room, end } = await released();
    expect(await refusedWith(await openRoom(), end)).toEqual(['release/run-unknown']);
    expect(await refusedWith(room, { ...end, manifest: end.run })).toEqual(['release/run-unknown']);
  });

  it('refuses a second, different end', async () => {
    const { room, end } = await released();
    await finishAt(stage, stage.steward, room, end);
    expect(await refusedWith(room, { ...end, bits: 1 })).toEqual(['release/attempts']);
  });

  it('refuses a run that was cancelled meanwhile', async () => {
    const { run, room, end } = await released();
    const { owner } = stage.world;
    const payload = { salt: freshSalt(), contract: stage.agreed.digest, run: run.digest, org: owner.org };
    await say(stage.world, person(owner), 'run.cancelled', { ...payload, note: null });
    expect(await refusedWith(room, end)).toEqual(['release/run-ended']);
  });

  it('refuses when the release has run out', async () => {
    const { room, end } = await released();
    stage.clock.now += 66 * 60_000;
    expect(await refusedWith(room, end)).toEqual(['release/contract-window']);
  });

  it('goes on after a restart, and gives the same place', async () => {
    const { room, end } = await released();
    const first = await finishAt(stage, stage.steward, room, end);
    await stage.steward.restart();
    expect((await finishAt(stage, stage.steward, room, end)).index).toBe(first.index);
  });

  it('refuses when the contract is suspended, but repeats what was cleared before', async () => {
    const { room, end } = await released();
    const late = await released();
    const first = await finishAt(stage, stage.steward, room, end);
    await stopContract(stage.world, stage.agreed, stage.world.steward, 'contract.suspended');
    expect((await finishAt(stage, stage.steward, room, end)).index).toBe(first.index);
    expect(await refusedWith(late.room, late.end)).toEqual(['release/contract-suspended']);
  });
});
