// A vault whose database goes away, comes back, or has no room: it answers that, decides nothing, and goes on afterwards
// with every reservation counted once.
import { hasSmallDisks } from '@sealroom/testkit/small-disk';
import { mortalPostgres, type OwnPostgres, smallPostgres } from '@sealroom/testkit/postgres';
import { openRoom } from '@sealroom/testkit/world';
import { afterEach, expect, test } from 'vitest';
import { MIGRATIONS, type Tables } from './db.ts';
import { approvedRun, finishAt, prove, releaseAt, setStage, type Stage } from './fixtures.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function stageOn(postgres: OwnPostgres): Promise<Stage> {
  open.push(postgres);
  const stage = await setStage({ database: await postgres.database<Tables>(MIGRATIONS) });
  open.push(stage);
  return stage;
}

const unavailable = { code: 'client/refused', problem: 'database/unavailable', status: 503 };

/** The answer, once the database is there again; anything but its absence fails. */
async function onceBack<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt > 300) throw error;
      expect(error).toMatchObject(unavailable);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function expectOneReservation({ ledger, steward }: Stage, run: `sha256:${string}`): Promise<void> {
  const reserved = ledger.record.runs.get(run)?.reservations ?? [];
  expect(reserved.filter(({ kid }) => kid === steward.signer.kid)).toHaveLength(1);
  const rows = await steward.database.db
    .selectFrom('releases')
    .select('room')
    .where('run', '=', run)
    .execute();
  expect(rows).toHaveLength(1);
}

test('while its database is away a vault answers 503, and releases when it is back', async () => {
  const postgres = await mortalPostgres();
  const stage = await stageOn(postgres);
  const run = await approvedRun(stage);
  const room = await openRoom();
  const body = await prove(stage, run, room);
  await postgres.stop();
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(unavailable);
  await postgres.start();
  const owner = releaseAt(stage.owner, body);
  await onceBack(() => releaseAt(stage.steward, body));
  await owner;
  await expectOneReservation(stage, run.digest);
  await postgres.stop();
  const manifest = stage.ledger.record.runs.get(run.digest)?.reservations[0]?.payload.manifest ?? run.digest;
  const end = { run: run.digest, manifest, outcome: 'failed' as const, bits: 1, bytes: 0 };
  await expect(finishAt(stage, stage.steward, room, end)).rejects.toMatchObject(unavailable);
  await postgres.start();
  await onceBack(() => finishAt(stage, stage.steward, room, end));
  expect(stage.ledger.record.runs.get(run.digest)?.cleared.size).toBe(1);
}, 180_000);

test('a database killed under a release loses no reservation and makes no second one', async () => {
  const postgres = await mortalPostgres();
  const stage = await stageOn(postgres);
  const run = await approvedRun(stage);
  const body = await prove(stage, run, await openRoom());
  stage.steward.barrier = async (step) => {
    if (step === 'reserved') postgres.kill();
  };
  const owner = releaseAt(stage.owner, body).catch(() => undefined);
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(unavailable);
  stage.steward.barrier = async () => undefined;
  await onceBack(() => releaseAt(stage.steward, body));
  await owner;
  await expectOneReservation(stage, run.digest);
}, 180_000);

test.skipIf(!hasSmallDisks())(
  'a database without room reserves nothing and releases nothing, until there is room',
  async () => {
    const postgres = await smallPostgres(320 * 1024 * 1024);
    const stage = await stageOn(postgres);
    const run = await approvedRun(stage);
    const body = await prove(stage, run, await openRoom());
    await postgres.disk.fill();
    const owner = releaseAt(stage.owner, body).catch(() => undefined);
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(unavailable);
    expect(stage.ledger.record.runs.get(run.digest)?.reservations.map(({ kid }) => kid)).not.toContain(
      stage.steward.signer.kid,
    );
    await postgres.disk.free();
    await onceBack(() => releaseAt(stage.steward, body));
    await owner;
    await expectOneReservation(stage, run.digest);
  },
  180_000,
);
