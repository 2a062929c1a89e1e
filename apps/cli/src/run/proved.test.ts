import type { RunShape } from '@sealroom/api';
import { freshSalt } from '@sealroom/contract';
import {
  announceKeks,
  createWorld,
  draftContract,
  memoryBook,
  person,
  publishAssets,
  requestRun,
  say,
  signContract,
} from '@sealroom/testkit/world';
import { expect, it } from 'vitest';
import { checkBorneOut, isBorneOut } from './proved.ts';

const ENDS: readonly RunShape['status'][] = [
  'Run Completed',
  'Run Rejected',
  'Run Withdrawn',
  'Run Cancelled',
];

it('a state that somebody must have signed is not the hub’s to make up', async () => {
  const book = memoryBook('ledger.example');
  const world = await createWorld({
    book,
    origin: 'ledger.example',
    now: Date.parse('2026-11-22T10:00:00Z'),
  });
  await announceKeks(world);
  const agreed = await signContract(world, draftContract(world, await publishAssets(world)));
  const { digest: run } = await requestRun(world, agreed);
  const { record } = book;
  for (const status of ENDS) {
    expect(isBorneOut(record, { run, status })).toBe(false);
    expect(() => checkBorneOut(record, { run, status })).toThrow(
      expect.objectContaining({ code: 'cli/not-proved' }),
    );
  }
  for (const status of ['Run Requested', 'Run', 'Run Failed'] as const)
    expect(isBorneOut(record, { run, status })).toBe(true);
  const payload = { salt: freshSalt(), contract: agreed.digest, run, org: world.owner.org, note: null };
  await say(world, person(world.owner), 'run.cancelled', payload);
  expect(isBorneOut(record, { run, status: 'Run Cancelled' })).toBe(true);
  // Nor may an end that was signed be hidden behind a run that seems to go on.
  for (const status of ['Run', 'Run Requested', 'Run Completed'] as const)
    expect(isBorneOut(record, { run, status })).toBe(false);
});
