// A ledger that forks, goes back, withholds or is gone: the vault stops releasing, says so, and recovers when it is over.
import { sha256Digest } from '@sealroom/bytes';
import { createFakeLedger, type FakeLedger } from '@sealroom/testkit/ledger';
import { openRoom, requestRun, type Run, stopContract } from '@sealroom/testkit/world';
import { afterEach, describe, expect, it } from 'vitest';
import {
  approvedRun,
  codesAt,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
  type TestVault,
} from '../fixtures.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

async function open(): Promise<Stage> {
  stage = await setStage();
  return stage;
}

/** Another ledger with the same key and the first `size` statements of this one. */
async function twin({ ledger }: Stage, size: number): Promise<FakeLedger> {
  const other = await createFakeLedger({ origin: ledger.origin, signer: ledger.signer });
  for (const cose of ledger.statements.slice(0, size)) await other.append(cose);
  return other;
}

async function ready(vault: TestVault): Promise<{ status: number; record: unknown }> {
  const answer = await vault.fetch('https://vault.test/readyz', {});
  const { checks } = (await answer.json()) as { checks: Record<string, unknown> };
  return { status: answer.status, record: checks['record'] };
}

/** What the vault refuses when the ledger it reaches is another one. */
async function refusedBy(here: Stage, other: FakeLedger, run: Run): Promise<string[] | undefined> {
  const body = await prove(here, run, await openRoom());
  here.ledgerFetch = (url, init) => other.fetch(url, init);
  await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
  const stopped = await ready(here.steward);
  expect(stopped).toEqual({ status: 503, record: 'failed' });
  here.ledgerFetch = (url, init) => here.ledger.fetch(url, init);
  return (await codesAt(here, here.steward))[0];
}

describe('a vault that follows the ledger', () => {
  it('is ready while it can, and takes its copy up again after a restart', async () => {
    const here = await open();
    await releaseBoth(here, await approvedRun(here));
    expect(await ready(here.steward)).toEqual({ status: 200, record: 'ready' });
    const held = here.steward.vault.log.held()?.size;
    await here.steward.restart();
    expect(here.steward.vault.log.held()?.size).toBe(held);
    expect(here.steward.vault.log.entries).toHaveLength(held ?? -1);
    await releaseBoth(here, await approvedRun(here));
  });

  it('refuses a ledger that was restored from an earlier day, and goes on when it is whole again', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const other = await twin(here, here.ledger.statements.length - 3);
    await here.steward.vault.log.follow();
    expect(await refusedBy(here, other, run)).toEqual(['record/rolled-back']);
    await releaseBoth(here, run);
    expect(await ready(here.steward)).toEqual({ status: 200, record: 'ready' });
  });

  it('refuses a fork, longer or as long as what it has seen, and keeps both signed checkpoints', async () => {
    const here = await open();
    const run = await approvedRun(here);
    await here.steward.vault.log.follow();
    const other = await twin(here, here.ledger.statements.length - 1);
    await requestRun({ ...here.world, book: other, said: [] }, here.agreed);
    expect(await refusedBy(here, other, run)).toEqual(['record/forked']);
    await requestRun({ ...here.world, book: other, said: [] }, here.agreed);
    expect(await refusedBy(here, other, run)).toEqual(['record/forked']);
    const kept = await here.steward.database.db.selectFrom('conflicts').selectAll().execute();
    expect(kept.map(({ code }) => code)).toEqual(['record/forked', 'record/forked']);
    expect(kept.every(({ held, note }) => held !== note && held.startsWith(here.ledger.origin))).toBe(true);
  });

  it('refuses a fork that is shorter than what it has seen', async () => {
    const here = await open();
    const run = await approvedRun(here);
    await here.steward.vault.log.follow();
    const other = await twin(here, here.ledger.statements.length - 3);
    await requestRun({ ...here.world, book: other, said: [] }, here.agreed);
    expect(await refusedBy(here, other, run)).toEqual(['record/forked']);
  });

  it('refuses while the bytes of one statement about the contract are withheld, and takes them from a room', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const suspension = await stopContract(here.world, here.agreed, here.world.owner, 'contract.suspended');
    const withheld = await sha256Digest(suspension);
    here.ledgerFetch = async (url, init) =>
      decodeURIComponent(url).includes(withheld)
        ? new Response(null, { status: 404 })
        : here.ledger.fetch(url, init);
    const body = await prove(here, run, await openRoom());
    const silent = { ...body, statements: body.statements.slice(0, -1) };
    await expect(releaseAt(here.steward, silent)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['record/withheld']);
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/contract-suspended']);
  });

  it('answers that the record is out of reach when the ledger is, and releases when it is back', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    here.ledger.down = true;
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject({
      problem: 'record/unreachable',
      status: 503,
    });
    here.ledger.down = false;
    await Promise.all([releaseAt(here.steward, body), releaseAt(here.owner, body)]);
  });
});
