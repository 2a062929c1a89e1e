import {
  announceKeks,
  approveRun,
  createWorld,
  denyRun,
  draftContract,
  memoryBook,
  openRoom,
  publishAssets,
  requestRun,
  reserveRun,
  type Room,
  type Run,
  signContract,
} from '@sealroom/testkit/world';
import { describe, expect, it } from 'vitest';
import { type Contract, freshSalt, runsSpent } from './index.ts';
import { countBefore } from './quota.ts';

const ORIGIN = 'ledger.example';

async function setStage(quota: Contract['quota']) {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: Date.parse('2026-11-22T10:00:00Z') });
  await announceKeks(world);
  const draft = draftContract(world, await publishAssets(world), (contract) => ({ ...contract, quota }));
  const agreed = await signContract(world, draft);
  const approved = async () => {
    const run = await requestRun(world, agreed);
    await approveRun(world, run);
    return run;
  };
  const count = ({ digest }: Run, { keys }: Pick<Room, 'keys'>) => {
    const [state, run] = [book.record.contracts.get(agreed.digest), book.record.runs.get(digest)];
    return state && run && countBefore(book.record, state, run, keys.sign);
  };
  return { world, agreed, record: book.record, count, first: await approved(), second: await approved() };
}

describe('the quota', () => {
  it('counts in leaf order: who was reserved first, by any vault, has nothing before it', async () => {
    const { world, count, first, second } = await setStage({ runs: 1, attemptsPerRun: 1 });
    const [one, two] = [await openRoom(), await openRoom()];
    await reserveRun(world, first, one, 'owner');
    await reserveRun(world, second, two, 'steward');
    await reserveRun(world, first, one, 'steward');
    expect(count(first, one)).toEqual({ spent: 0, attempts: 0 });
    expect(count(second, two)).toEqual({ spent: 1, attempts: 0 });
  });

  it('gives a place back when every vault that reserved it has denied', async () => {
    const { world, count, first, second } = await setStage({ runs: 1, attemptsPerRun: 1 });
    const room = await openRoom();
    await reserveRun(world, second, room, 'steward');
    await reserveRun(world, second, room, 'owner');
    await denyRun(world, second, 'steward');
    expect(count(first, await openRoom())).toEqual({ spent: 1, attempts: 0 });
    await denyRun(world, second, 'owner');
    expect(count(first, await openRoom())).toEqual({ spent: 0, attempts: 0 });
  });

  it('moves nobody when one of two vaults denies, and puts last who lost its place and reserves again', async () => {
    const { world, count, first, second } = await setStage({ runs: 1, attemptsPerRun: 1 });
    const [one, two] = [await openRoom(), await openRoom()];
    await reserveRun(world, first, one, 'steward');
    await reserveRun(world, second, two, 'steward');
    await reserveRun(world, first, one, 'owner');
    await denyRun(world, first, 'steward');
    expect([count(first, one)?.spent, count(second, two)?.spent]).toEqual([0, 1]);
    await denyRun(world, first, 'owner');
    expect(count(second, two)?.spent).toBe(0);
  });

  it('gives no place back that went to another meanwhile', async () => {
    const { world, count, first, second } = await setStage({ runs: 1, attemptsPerRun: 1 });
    const [one, two] = [await openRoom(), await openRoom()];
    await reserveRun(world, first, one, 'steward');
    await denyRun(world, first, 'steward');
    await reserveRun(world, second, two, 'steward');
    await reserveRun(world, first, one, 'owner');
    expect([count(first, one)?.spent, count(second, two)?.spent]).toEqual([1, 0]);
  });

  it('counts another room of one run as another run, and as an attempt even when it was denied', async () => {
    const { world, count, first } = await setStage({ runs: 2, attemptsPerRun: 2 });
    await reserveRun(world, first, await openRoom());
    await reserveRun(world, first, await openRoom());
    expect(count(first, await openRoom())).toEqual({ spent: 2, attempts: 2 });
    await denyRun(world, first);
    expect(count(first, await openRoom())).toEqual({ spent: 0, attempts: 2 });
  });

  it('hands what was spent down to the next version of the contract', async () => {
    const { world, agreed, record, first } = await setStage({ runs: 2, attemptsPerRun: 1 });
    await reserveRun(world, first, await openRoom());
    const version = { version: 2, first: agreed.digest, salt: freshSalt() };
    const next = await signContract(world, { ...agreed.contract, ...version });
    const state = record.contracts.get(next.digest);
    expect(state && runsSpent(record, state)).toBe(1);
  });
});
