// Clocks an hour off. Windows are the vaults' to decide, each by its own clock: one whose clock is off must stop a run, and
// never let one through that the others would not.
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { type Contract, isOfType, readStatement } from '@sealroom/contract';
import { manifestOf, openRoom } from '@sealroom/testkit/world';
import { afterEach, expect, it, vi } from 'vitest';
import {
  approvedRun,
  ask,
  at,
  codesAt,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
  type StageOptions,
} from '../fixtures.ts';

vi.setConfig({ testTimeout: 180_000 });

const HOUR_MS = 3_600_000;

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

async function open(options: StageOptions, stewardAhead = 0): Promise<Stage> {
  stage = await setStage({ timing: { waitMs: 1000 }, ...options });
  stage.stewardAhead = stewardAhead;
  return stage;
}

/** Asks both vaults; how many released, and whether the room has all keys. */
async function answersOf(here: Stage, run: Awaited<ReturnType<typeof approvedRun>>): Promise<number> {
  const body = await prove(here, run, await openRoom());
  const settled = await Promise.allSettled([releaseAt(here.steward, body), releaseAt(here.owner, body)]);
  for (const one of settled) if (one.status === 'rejected') expect(one.reason).toMatchObject(opaque);
  return settled.filter(({ status }) => status === 'fulfilled').length;
}

it.each([HOUR_MS, -HOUR_MS])(
  'a vault whose clock is %i ms off stops the run, and its owner reads why',
  async (ahead) => {
    const here = await open({}, ahead);
    expect(await answersOf(here, await approvedRun(here))).toBeLessThan(2);
    const codes = [...(await codesAt(here, here.owner)), ...(await ownCodes(here))].flat();
    expect(codes.some((code) => code === 'release/record-stale' || code === 'release/nonce')).toBe(true);
  },
);

/** The refusals of the steward's vault, asked for by its own clock. */
async function ownCodes(here: Stage): Promise<string[][]> {
  const rows = await here.steward.database.db.selectFrom('refusals').select('reasons').execute();
  return rows.map(({ reasons }) => reasons.map(({ code }) => code));
}

const ending =
  (at: number) =>
  (contract: Contract): Contract => ({ ...contract, notAfter: new Date(at).toISOString() });
const NOW = Date.parse('2026-11-22T10:00:00Z');

it('a vault whose clock is an hour behind does not reopen a contract that has ended', async () => {
  const here = await open({ contract: ending(NOW + 60_000) }, -HOUR_MS);
  here.clock.now = NOW + HOUR_MS / 2;
  expect(await answersOf(here, await approvedRun(here))).toBeLessThan(2);
  expect((await codesAt(here, here.owner))[0]).toContain('release/contract-window');
});

it('a vault whose clock is an hour ahead ends a contract early, and releases nothing', async () => {
  const here = await open({ contract: ending(NOW + HOUR_MS / 2) }, HOUR_MS);
  expect(await answersOf(here, await approvedRun(here))).toBe(0);
  expect((await ownCodes(here)).flat()).toContain('release/contract-window');
});

it.each([HOUR_MS, -HOUR_MS])(
  'a room whose clock is %i ms off gets and gives the vaults’ times: its own decides nothing',
  async (ahead) => {
    const here = await open({});
    const run = await approvedRun(here);
    const { room, steward } = await releaseBoth(here, run);
    const answer = await readStatement(base64urlDecode(steward.answer));
    const end = {
      run: run.digest,
      manifest: await sha256Digest(await manifestOf(run)),
      outcome: 'failed' as const,
      bits: 1,
      bytes: 0,
    };
    const real = here.clock.now;
    here.clock.now = real + ahead;
    const request = await ask(here, room.sign, here.steward.signer.kid, 'finish-request', end);
    here.clock.now = real;
    const { statement } = await call(at(here.steward), vaultRoutes.finish, { body: { request } });
    const cleared = await readStatement(base64urlDecode(statement));
    if (!isOfType(cleared, 'output.cleared') || !isOfType(answer, 'key.released'))
      throw new Error('another type');
    expect([Date.parse(answer.payload.at), Date.parse(cleared.payload.at)]).toEqual([real, real]);
  },
);
