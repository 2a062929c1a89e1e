// Ends of runs that a hub lost on their way into ledger and database: a hub that starts again brings them home, and shows no
// run as lost meanwhile. The kill stands between the ledger's answer and the hub's own transaction, which the database
// refuses; real processes are killed there by e2e/crash.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt, readStatement, type Trust, verifyReceipt } from '@sealroom/contract';
import { sql } from 'kysely';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, LEDGER_ORIGIN, startHub } from '../testing/hub-for-tests.ts';
import { as, say } from '../testing/parties-for-tests.ts';
import { clear, endOf, finishedBy, type Room, startRoom, uploadOf } from '../testing/room-for-tests.ts';
import { initiateRun, newWorld, nodeService, requestRun, type World } from '../testing/world-for-tests.ts';
import { settleEnds } from './ends.ts';
import { endLostRuns } from './watch.ts';

const LATER_MS = 10 * 24 * 60 * 60_000;

let hub: Hub;
let world: World;
let objectsFolder: string;
beforeAll(async () => {
  objectsFolder = mkdtempSync(join(tmpdir(), 'sealroom-ends-'));
  hub = await startHub({ objectsFolder });
  world = await newWorld(hub);
});
afterAll(async () => {
  await hub.close();
  rmSync(objectsFolder, { recursive: true });
});

const take = (running: Digest[] = []) =>
  call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running } });
const shown = (run: Digest) => as(hub, world.owner, hubRoutes.run, { params: { run } });
const kept = () => hub.db.selectFrom('run_ends').select(['run', 'cose_digest']).execute();
const finishes = async (run: Digest): Promise<number> => {
  const all = await Promise.all(hub.ledger.statements.map((bytes) => readStatement(bytes)));
  return all.filter(({ type, payload }) => type === 'run.finished' && 'run' in payload && payload.run === run)
    .length;
};

/** A run whose room is at work. */
async function working(): Promise<Room> {
  const run = await requestRun(world);
  await initiateRun(world, run);
  await take();
  return startRoom(world, run);
}

/** What a hub that starts now has. */
async function restarted() {
  return { db: hub.db, objects: hub.objects, book: await hub.reopen() };
}

/** The hub comes as far as the ledger's answer to a run.finished, and no further. */
async function killedBeforeItsTransaction(work: () => Promise<unknown>): Promise<void> {
  await sql
    .raw(
      `create function die() returns trigger language plpgsql as $$ begin raise 'killed'; end $$;
       create trigger die before insert on statements for each row when (new.type = 'run.finished') execute function die();`,
    )
    .execute(hub.db);
  try {
    await expect(work()).rejects.toMatchObject({ status: 500 });
  } finally {
    await sql.raw('drop trigger die on statements; drop function die();').execute(hub.db);
  }
}

/** The hub keeps the end, and cannot reach the ledger. */
async function whileTheLedgerIsAway(upload: () => Promise<unknown>): Promise<void> {
  await hub.catchUp();
  hub.ledger.down = true;
  await expect(upload()).rejects.toMatchObject({ problem: 'hub/ledger-unreachable', status: 503 });
  hub.ledger.down = false;
}

describe('a hub killed between the ledger’s answer to run.finished and its own transaction', () => {
  it('finishes the run when it starts again, once, with output and receipt, although the room is gone', async () => {
    const room = await working();
    const { run } = room;
    const { upload, sealed, envelope } = await endOf(world, room);
    await killedBeforeItsTransaction(upload);
    expect(await finishes(run)).toBe(1);
    // Whatever the node says and however late it is: the ledger is asked first.
    await call(nodeService(hub, world.node.signer), hubRoutes.reportRun, {
      params: { run },
      body: { outcome: 'failed', detail: 'room/lost' },
    });
    await take();
    expect(await endLostRuns(hub, hub.clock.now + LATER_MS)).toBe(0);
    expect(await shown(run)).toMatchObject({ status: 'Runtime Build', endedAt: null, hasOutput: false });

    expect(await settleEnds(await restarted())).toEqual({ finished: 1, refused: [] });
    expect(await settleEnds(await restarted())).toEqual({ finished: 0, refused: [] });
    expect(await finishes(run)).toBe(1);
    const { stages, ...rest } = await shown(run);
    expect(rest).toMatchObject({ status: 'Run Completed', detail: null, hasOutput: true, hasReceipt: true });
    expect(stages.filter(({ stage }) => stage === 'Run Completed')).toHaveLength(1);
    expect(await as(hub, world.owner, hubRoutes.output, { params: { run } })).toEqual(sealed);
    expect(await as(hub, world.owner, hubRoutes.envelope, { params: { run } })).toEqual(envelope);
    const trust: Trust = {
      v: 1,
      ledger: { origin: LEDGER_ORIGIN, key: hub.ledger.key, witnesses: [] },
      organisations: [world.steward.org, world.owner.org],
      contracts: [],
      rooms: [world.node.launch],
      simulators: [world.node.simulator.key],
    };
    const receipt = await as(hub, world.owner, hubRoutes.receipt, { params: { run } });
    expect(await verifyReceipt(receipt, trust)).toMatchObject({ verdict: 'pinned', finished: { run } });
    // A room that lives after all says it again, and hears where it stands.
    expect((await upload()).index).toBe((await upload()).index);
  });

  it('takes the room’s repetition, which finds the leaf that the ledger gave', async () => {
    const room = await working();
    const { upload } = await endOf(world, room);
    await killedBeforeItsTransaction(upload);
    await upload();
    expect(await finishes(room.run)).toBe(1);
    expect(await shown(room.run)).toMatchObject({ status: 'Run Completed', hasOutput: true });
    expect(await kept()).toEqual([]);
  });

  it('gives a run back its failed end in the same way, and nothing more', async () => {
    const room = await working();
    const cleared = [
      await clear(world, world.steward, room, 'failed'),
      await clear(world, world.owner, room, 'failed'),
    ];
    const statement = await finishedBy(world, room, { outcome: 'failed' });
    const body = await uploadOf(world, room, { sealed: null, envelope: null, cleared, statement });
    const { run } = room;
    await killedBeforeItsTransaction(() =>
      call(hub.service, hubRoutes.roomUpload, { params: { run }, body }),
    );
    expect(await endLostRuns(hub, hub.clock.now + LATER_MS)).toBe(0);
    expect(await settleEnds(await restarted())).toEqual({ finished: 1, refused: [] });
    expect(await shown(run)).toMatchObject({ status: 'Run Failed', hasOutput: false, hasReceipt: true });
  });

  it('stands over what the hub had assumed in the meantime', async () => {
    const room = await working();
    const { upload } = await endOf(world, room);
    await killedBeforeItsTransaction(upload);
    const at = new Date(hub.clock.now);
    const lost = { status: 'Run Failed', detail: 'room lost', ended_at: at };
    await hub.db.updateTable('runs').set(lost).where('run', '=', room.run).execute();
    await settleEnds(await restarted());
    expect(await shown(room.run)).toMatchObject({ status: 'Run Completed', detail: null, hasOutput: true });
  });
});

describe('an end that did not get as far as the ledger', () => {
  it('is said again by the hub, and no run is given up while the ledger is away', async () => {
    const room = await working();
    const { upload } = await endOf(world, room);
    await whileTheLedgerIsAway(upload);
    expect(await finishes(room.run)).toBe(0);
    hub.ledger.down = true;
    await expect(settleEnds(await restarted())).rejects.toMatchObject({ code: 'hub/ledger-unreachable' });
    expect(await endLostRuns(hub, hub.clock.now + LATER_MS)).toBe(0);
    hub.ledger.down = false;
    expect(await settleEnds(await restarted())).toEqual({ finished: 1, refused: [] });
    expect(await finishes(room.run)).toBe(1);
    expect(await shown(room.run)).toMatchObject({ status: 'Run Completed', hasOutput: true });
  });

  it('that the ledger refuses is none: no output is shown, and the run ends as one that was lost', async () => {
    const room = await working();
    const { run } = room;
    const { upload } = await endOf(world, room);
    await whileTheLedgerIsAway(upload);
    // What only the ledger has heard: the run was cancelled before its room was done.
    const payload = { salt: freshSalt(), contract: world.digest, run, org: world.owner.org, note: null };
    const head = { type: 'run.cancelled' as const, payload, iss: world.owner.org };
    await hub.ledger.append(base64urlDecode(await say(hub, world.owner.person, head)));
    const again = await restarted();
    expect(await settleEnds(again)).toEqual({ finished: 0, refused: ['statement/wrong-state'] });
    expect(await settleEnds(again)).toEqual({ finished: 0, refused: [] });
    expect(await finishes(run)).toBe(0);
    expect(await shown(run)).toMatchObject({ endedAt: null, hasOutput: false, hasReceipt: false });
    await take();
    expect(await shown(run)).toMatchObject({ status: 'Run Failed', detail: 'node/lost', hasOutput: false });
  });
});

describe('cheats', () => {
  it('an end kept in the database that is not what the room signed, or another run’s, finishes nothing', async () => {
    const mine = await working();
    const { statement, upload } = await endOf(world, mine);
    const bytes = base64urlDecode(statement);
    const altered = bytes.slice();
    altered.set([(altered.at(-1) ?? 0) ^ 1], altered.length - 1);
    const stranger = (await newWorld(hub)).node.signer;
    const forged = base64urlDecode(await finishedBy(world, mine, {}, stranger));
    const request = await hub.db
      .selectFrom('statements')
      .select('cose')
      .where('run', '=', mine.run)
      .where('type', '=', 'run.requested')
      .executeTakeFirstOrThrow();
    const cheats = [
      [altered, 'statement/bad-signature'],
      [forged, 'statement/unknown-key'],
      [new Uint8Array(request.cose), 'statement/malformed'],
      [new Uint8Array(7), 'statement/malformed'],
    ] as const;
    for (const [cose, code] of cheats) {
      const row = { run: mine.run, cose_digest: await sha256Digest(cose), cose: Buffer.from(cose) };
      const rest = { parts: Buffer.alloc(0), handed_in_at: new Date(hub.clock.now) };
      await hub.db
        .insertInto('run_ends')
        .values({ ...row, ...rest })
        .execute();
      const size = hub.ledger.statements.length;
      expect(await settleEnds(await restarted())).toEqual({ finished: 0, refused: [code] });
      expect(hub.ledger.statements).toHaveLength(size);
      expect(await shown(mine.run)).toMatchObject({ endedAt: null, hasOutput: false, hasReceipt: false });
    }
    // What stood in its way is gone, and the genuine end is taken.
    await upload();
    expect(await shown(mine.run)).toMatchObject({ status: 'Run Completed', hasOutput: true });
  });

  it('an output that is no longer the one of the statement is not said to be there', async () => {
    const room = await working();
    const { upload, sealed } = await endOf(world, room);
    await whileTheLedgerIsAway(upload);
    const hex = (await sha256Digest(sealed)).slice('sha256:'.length);
    const path = join(objectsFolder, hex.slice(0, 2), hex);
    const genuine = await readFile(path);
    await writeFile(path, Buffer.alloc(genuine.length, 9));
    const missing = { code: 'hub/output-missing' };
    await expect(settleEnds(await restarted())).rejects.toMatchObject(missing);
    await rename(path, `${path}.away`);
    await expect(settleEnds(await restarted())).rejects.toMatchObject(missing);
    expect(await finishes(room.run)).toBe(0);
    expect(await readdir(join(objectsFolder, hex.slice(0, 2)))).toContain(`${hex}.away`);
    await writeFile(path, genuine);
    expect(await settleEnds(await restarted())).toEqual({ finished: 1, refused: [] });
  });

  it('a room that signs a second end while its first is unsettled does not push that aside', async () => {
    const room = await working();
    const first = await endOf(world, room);
    await killedBeforeItsTransaction(first.upload);
    const statement = await finishedBy(world, room, { output: null, envelope: null });
    const second = await uploadOf(world, room, { sealed: null, envelope: null, cleared: [], statement });
    const { run } = room;
    const upload = () => call(hub.service, hubRoutes.roomUpload, { params: { run }, body: second });
    await whileTheLedgerIsAway(upload);
    expect(await kept()).toEqual([
      { run, cose_digest: await sha256Digest(base64urlDecode(first.statement)) },
    ]);
    await expect(upload()).rejects.toMatchObject({ problem: 'statement/wrong-state' });
    expect(await kept()).toEqual([]);
    const output = await as(hub, world.owner, hubRoutes.output, { params: { run } });
    expect(output).toEqual(first.sealed);
  });
});
