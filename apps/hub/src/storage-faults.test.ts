// A hub whose disk is full, or whose database goes away: it says that it cannot now, keeps nothing by halves, and takes the
// same call when it can.
import { hubRoutes } from '@sealroom/api';
import { sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { mortalPostgres } from '@sealroom/testkit/postgres';
import { hasSmallDisks, smallDisk } from '@sealroom/testkit/small-disk';
import { afterEach, expect, it } from 'vitest';
import type { Tables } from './db.ts';
import { MIGRATIONS, startHub } from './testing/hub-for-tests.ts';
import { as } from './testing/parties-for-tests.ts';
import { clear, finishedBy, finishRoom, startRoom, uploadOf } from './testing/room-for-tests.ts';
import { initiateRun, newWorld, nodeService, requestRun, type World } from './testing/world-for-tests.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const take = (world: World) =>
  call(nodeService(world.hub, world.node.signer), hubRoutes.takeWork, { body: { running: [] } });
const shown = (world: World, run: `sha256:${string}`) =>
  as(world.hub, world.owner, hubRoutes.run, { params: { run } });

it.skipIf(!hasSmallDisks())(
  'with a full disk takes no output and no end of a run, and takes both when there is room',
  async () => {
    const disk = await smallDisk(256 * 1024);
    open.push(disk);
    const hub = await startHub({ objectsFolder: `${disk.path}/objects` });
    open.push(hub);
    const world = await newWorld(hub);
    const run = await requestRun(world);
    await initiateRun(world, run);
    await take(world);
    const room = await startRoom(world, run);
    const [sealed, envelope] = [new Uint8Array(8192).fill(7), new Uint8Array(80).fill(8)];
    const cleared = [await clear(world, world.steward, room), await clear(world, world.owner, room)];
    const outputs = { output: await sha256Digest(sealed), envelope: await sha256Digest(envelope) };
    const statement = await finishedBy(world, room, outputs);
    const body = await uploadOf(world, room, { sealed, envelope, cleared, statement });
    const upload = () => call(hub.service, hubRoutes.roomUpload, { params: { run }, body });
    await disk.fill();
    await expect(upload()).rejects.toMatchObject({ problem: 'file/unavailable', status: 503 });
    expect(await shown(world, run)).toMatchObject({ endedAt: null, hasOutput: false, hasReceipt: false });
    expect(hub.ledger.record.runs.get(run)?.ended).toBeUndefined();
    await disk.free();
    await upload();
    expect(await shown(world, run)).toMatchObject({ status: 'Run Completed', hasOutput: true });
    const output = await as(hub, world.owner, hubRoutes.output, { params: { run } });
    expect(await sha256Digest(output)).toBe(await sha256Digest(sealed));
  },
  180_000,
);

it('without its database answers 503, and goes on with queue and runs when it is back', async () => {
  const postgres = await mortalPostgres();
  open.push(postgres);
  const hub = await startHub({ database: await postgres.database<Tables>(MIGRATIONS) });
  open.push(hub);
  const world = await newWorld(hub);
  const run = await requestRun(world);
  await initiateRun(world, run);
  await postgres.stop();
  const unavailable = { problem: 'database/unavailable', status: 503 };
  await expect(shown(world, run)).rejects.toMatchObject(unavailable);
  await expect(take(world)).rejects.toMatchObject(unavailable);
  await postgres.start();
  // Whatever connections the pools had are gone; both find new ones.
  const answer = () =>
    take(world).then(
      ({ work }) => work?.run,
      (error: unknown) => expect(error).toMatchObject(unavailable),
    );
  await expect.poll(answer, { timeout: 60_000 }).toBe(run);
  const room = await startRoom(world, run);
  await finishRoom(world, room);
  expect(await shown(world, run)).toMatchObject({ status: 'Run Completed' });
}, 180_000);
