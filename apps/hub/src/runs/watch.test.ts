// No run without an end, over the real database; and the built-in store, which needs the same hub.
import { hubRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import { freshSalt } from '@sealroom/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hub, NOON, startHub } from '../testing/hub-for-tests.ts';
import { as, say } from '../testing/parties-for-tests.ts';
import { finishRoom, startRoom } from '../testing/room-for-tests.ts';
import {
  initiateRun,
  newWorld,
  nodeService,
  requestRun,
  submit,
  type World,
} from '../testing/world-for-tests.ts';
import { GRACE_MS, kindsOf, WAIT_MS } from './rules.ts';
import { endLostRuns } from './watch.ts';
import { requeueWaiting } from './work.ts';

let hub: Hub;
let world: World;
beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
});
afterAll(() => hub.close());

it('ends a run that no node takes, and one whose room fell silent', async () => {
  const shown = async (run: `sha256:${string}`) => as(hub, world.owner, hubRoutes.run, { params: { run } });
  const first = await requestRun(world);
  expect(await endLostRuns(hub, NOON + 10 * WAIT_MS)).toBe(0);
  await initiateRun(world, first);
  expect(await endLostRuns(hub, NOON + 1000)).toBe(0);
  expect(await endLostRuns(hub, NOON + WAIT_MS + 1)).toBe(1);
  expect(await shown(first)).toMatchObject({ status: 'Run Failed', detail: 'no node has taken the run' });

  const second = await requestRun(world);
  await initiateRun(world, second);
  // The job of the run that has ended is still queued; the node never sees it.
  const { work } = await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, {
    body: { running: [] },
  });
  expect(work?.run).toBe(second);
  expect(await endLostRuns(hub, NOON + GRACE_MS)).toBe(0);
  expect(await endLostRuns(hub, NOON + GRACE_MS + 1)).toBe(1);
  expect(await shown(second)).toMatchObject({ status: 'Run Failed', detail: 'room lost' });
  expect(await endLostRuns(hub, NOON + 10 * WAIT_MS)).toBe(0);
});

it('lets the room’s statement stand, even after the run counted as lost', async () => {
  const run = await requestRun(world);
  await initiateRun(world, run);
  await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running: [] } });
  const room = await startRoom(world, run);
  expect(await endLostRuns(hub, NOON + WAIT_MS)).toBe(1);
  await finishRoom(world, room);
  expect(await as(hub, world.owner, hubRoutes.run, { params: { run } })).toMatchObject({
    status: 'Run Completed',
    detail: null,
  });
});

it('hands a run out again that its node never got, and ends one whose room its node has lost', async () => {
  const take = async (running: `sha256:${string}`[]) =>
    (await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running } })).work?.run;
  const shown = async (run: `sha256:${string}`) => as(hub, world.owner, hubRoutes.run, { params: { run } });
  const run = await requestRun(world);
  await initiateRun(world, run);
  expect(await take([])).toBe(run);
  // The node has it: it is not handed out a second time, and not ended.
  expect(await take([run])).toBeUndefined();
  expect(await shown(run)).toMatchObject({ status: 'Run Initiated', endedAt: null });
  // The answer was lost on its way: the node asks again and does not name the run.
  expect(await take([])).toBe(run);
  await startRoom(world, run);
  expect(await take([])).toBeUndefined();
  expect(await shown(run)).toMatchObject({ status: 'Run Failed', detail: 'node/lost' });
  expect(await take([])).toBeUndefined();
});

it('hands out a run whose job a killed hub had taken from the queue, once it starts again', async () => {
  const take = async (running: `sha256:${string}`[]) =>
    (await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running } })).work?.run;
  const run = await requestRun(world);
  await initiateRun(world, run);
  const [kind] = kindsOf(world.contract);
  if (!kind) throw new Error('The contract accepts no room.');
  // As far as the hub came before it was killed; what other tests left in the queue goes with it.
  while (await hub.queue.fetch(kind));
  expect(await take([])).toBeUndefined();
  await requeueWaiting(hub);
  await requeueWaiting(hub);
  expect(await take([])).toBe(run);
  // The job too many finds the run taken.
  expect(await take([run])).toBeUndefined();
  await call(nodeService(hub, world.node.signer), hubRoutes.reportRun, {
    params: { run },
    body: { outcome: 'failed', detail: 'room/lost' },
  });
});

it('hands out no work while its contract is suspended, and ends what was revoked', async () => {
  const { owner, digest: contract } = world;
  const run = await requestRun(world);
  await initiateRun(world, run);
  const change = async (type: 'contract.suspended' | 'contract.revoked') => {
    const payload = { salt: freshSalt(), contract, org: owner.org, note: null, prev: contract };
    await submit(world, owner, await say(hub, owner.person, { type, payload, iss: owner.org }));
  };
  const take = () => call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running: [] } });
  await change('contract.suspended');
  expect((await take()).work).toBeNull();
  expect(await as(hub, owner, hubRoutes.run, { params: { run } })).toMatchObject({ status: 'Run Initiated' });
  await change('contract.revoked');
  // The job was put back for later; a second one stands for that time having passed.
  await hub.db.transaction().execute((tx) => hub.queue.send(tx, run, kindsOf(world.contract)));
  expect((await take()).work).toBeNull();
  expect(await as(hub, owner, hubRoutes.run, { params: { run } })).toMatchObject({ status: 'Run Failed' });
});

it('gives a container that can be written and read by its URLs only', async () => {
  const params = { project: world.project };
  const store = await as(hub, world.steward, hubRoutes.createStore, { params, body: {} });
  const pathOf = (url: string, name: string) => {
    const { pathname, search } = new URL(url);
    return `${pathname}/${name}${search}`;
  };
  const body = 'sealed bytes';
  const write = (url: string) => hub.request(pathOf(url, 'a/b.sealed'), { method: 'PUT', body });
  expect((await write(store.readUrl)).status).toBe(403);
  expect((await write(store.writeUrl)).status).toBe(201);
  expect(await (await hub.request(pathOf(store.readUrl, 'a/b.sealed'))).text()).toBe(body);
  expect((await hub.request(pathOf(store.writeUrl, 'a/b.sealed'))).status).toBe(403);
  const other = await as(hub, world.steward, hubRoutes.createStore, { params, body: {} });
  const moved = store.readUrl.replace(store.container, other.container);
  expect((await hub.request(pathOf(moved, 'a/b.sealed'))).status).toBe(403);
});
