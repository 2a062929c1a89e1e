// One run from end to end, as the hub sees it, against a real PostgreSQL and a ledger in memory.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { readStatement, type Trust, verifyReceipt } from '@sealroom/contract';
import { createWitness } from '@sealroom/testkit/witness';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hub, LEDGER_ORIGIN, startHub } from './testing/hub-for-tests.ts';
import { as } from './testing/parties-for-tests.ts';
import { finishRoom, sendEvent, startRoom } from './testing/room-for-tests.ts';
import { storeUrl } from './testing/shelf-for-tests.ts';
import { initiateRun, newWorld, nodeService, requestRun } from './testing/world-for-tests.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());

const NEEDED = [
  'participant.registered',
  'participant.registered',
  'identity.added',
  'identity.added',
  'kek.created',
  'kek.created',
  'key.wrapped',
  'key.wrapped',
  'specification.published',
  'attestation.published',
  'criteria.published',
  'dataset.published',
  'algorithm.published',
  'contract.signed',
  'contract.signed',
  'run.requested',
  'run.approved',
];

it('takes a run from the offer to a receipt that verifies, and folds the same record again', async () => {
  const world = await newWorld(hub);
  const { steward, owner, node, project, shelf, runConfiguration } = world;
  const params = { runConfiguration };
  const status = async () => (await as(hub, steward, hubRoutes.runConfiguration, { params })).status;
  expect(await status()).toBe('Pending');

  const run = await requestRun(world);
  expect(await status()).toBe('Run Requested');
  const service = nodeService(hub, node.signer);
  expect((await call(service, hubRoutes.takeWork, { body: { running: [] } })).work).toBeNull();

  await initiateRun(world, run);
  expect(await status()).toBe('In Progress');
  const { work } = await call(service, hubRoutes.takeWork, { body: { running: [] } });
  expect(work).toMatchObject({ run, project, runConfiguration, contracts: [world.digest] });
  expect(work?.assets).toEqual([
    { digest: shelf.dataset, kind: 'dataset', url: storeUrl('dataset') },
    { digest: shelf.algorithm, kind: 'algorithm', url: storeUrl('algorithm') },
  ]);
  expect(await sha256Digest(base64urlDecode(work?.criteria ?? ''))).toBe(shelf.criteria);
  const statements = work?.statements ?? [];
  const read = await Promise.all(statements.map(({ cose }) => readStatement(base64urlDecode(cose))));
  expect(read.map(({ type }) => type).toSorted()).toEqual(NEEDED.toSorted());
  const leaves = statements.map(({ index }) => index);
  expect(leaves).toEqual(leaves.toSorted((a, b) => a - b));
  expect((await call(service, hubRoutes.takeWork, { body: { running: [run] } })).work).toBeNull();

  const room = await startRoom(world, run);
  await sendEvent(world, room, 'Workload Launch');
  await sendEvent(world, room, 'Run');
  expect((await as(hub, owner, hubRoutes.run, { params: { run } })).status).toBe('Run');
  const { sealed, envelope, upload, place } = await finishRoom(world, room);
  expect(await upload()).toEqual(place);
  await sendEvent(world, room, 'Run Completed');

  const shown = await as(hub, owner, hubRoutes.run, { params: { run } });
  expect(shown).toMatchObject({ status: 'Run Completed', runNumber: 1, hasOutput: true, hasReceipt: true });
  expect(shown.stages.map(({ stage }) => stage)).toEqual([
    'Run Requested',
    'Run Initiated',
    'Runtime Build',
    'Workload Launch',
    'Run',
    'Run Completed',
  ]);
  expect(await as(hub, owner, hubRoutes.output, { params: { run } })).toEqual(sealed);
  expect(await as(hub, owner, hubRoutes.envelope, { params: { run } })).toEqual(envelope);
  expect(await status()).toBe('Pending');

  const receipt = await as(hub, owner, hubRoutes.receipt, { params: { run } });
  const trust: Trust = {
    v: 1,
    ledger: { origin: LEDGER_ORIGIN, key: hub.ledger.key, witnesses: [] },
    organisations: [steward.org, owner.org],
    contracts: [],
    rooms: [node.launch],
    simulators: [node.simulator.key],
  };
  expect(await verifyReceipt(receipt, trust)).toMatchObject({ verdict: 'pinned', hardwareAttested: false });
  expect(await as(hub, steward, hubRoutes.receipt, { params: { run } })).toEqual(receipt);

  const again = await hub.reopen();
  expect(again.record).toEqual(hub.book.record);
});

it('gives the receipt of a contract that names a witness when that has cosigned, and with no other lines', async () => {
  const logs = [{ origin: LEDGER_ORIGIN, key: hub.ledger.key }];
  const clock = () => hub.clock.now;
  const [named, other] = await Promise.all(
    ['named.example', 'other.example'].map((name) => createWitness({ name, logs, clock })),
  );
  if (!named || !other) throw new Error('expected two witnesses');
  const line = { name: named.name, key: named.key };
  const world = await newWorld(hub, (contract) => {
    const witnesses = [{ org: contract.participants[0]?.org ?? 'sha256:', ...line }];
    return { ...contract, ledger: { ...contract.ledger, witnesses } };
  });
  hub.ledger.witnesses.push(other, named);
  const run = await requestRun(world);
  await initiateRun(world, run);
  await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running: [] } });
  const room = await startRoom(world, run);
  await sendEvent(world, room, 'Workload Launch');
  await sendEvent(world, room, 'Run');
  await (await finishRoom(world, room)).upload();

  const receipt = () => as(hub, world.owner, hubRoutes.receipt, { params: { run } });
  named.down = true;
  await expect(receipt()).rejects.toMatchObject({ status: 503, problem: 'hub/ledger-unwitnessed' });
  named.down = false;
  const trust: Trust = {
    v: 1,
    ledger: { origin: LEDGER_ORIGIN, key: hub.ledger.key, witnesses: [line] },
    organisations: [world.steward.org, world.owner.org],
    contracts: [],
    rooms: [world.node.launch],
    simulators: [world.node.simulator.key],
  };
  expect(await verifyReceipt(await receipt(), trust)).toMatchObject({ verdict: 'pinned' });
  expect(other.latest(LEDGER_ORIGIN)?.size).toBe(named.latest(LEDGER_ORIGIN)?.size);
  hub.ledger.witnesses.splice(0);
});
