// One run from end to end, as the hub sees it, against a real PostgreSQL and a ledger in memory.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { readStatement } from '@sealroom/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hub, startHub } from './testing/hub.ts';
import { as } from './testing/parties.ts';
import { clear, finishedBy, newRoom, release, sendEvent, uploadOf } from './testing/room.ts';
import { storeUrl } from './testing/shelf.ts';
import { initiateRun, newWorld, nodeService, requestRun } from './testing/world.ts';

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());

it('takes a run from the offer to the output, and folds the same record again', async () => {
  const world = await newWorld(hub);
  const { steward, owner, node, project, shelf, runConfiguration } = world;
  const params = { runConfiguration };
  const status = async () => (await as(hub, steward, hubRoutes.runConfiguration, { params })).status;
  expect(await status()).toBe('Pending');

  const run = await requestRun(world);
  expect(await status()).toBe('Run Requested');
  const service = nodeService(hub, node.signer);
  expect((await call(service, hubRoutes.takeWork, { body: {} })).work).toBeNull();

  await initiateRun(world, run);
  expect(await status()).toBe('In Progress');
  const { work } = await call(service, hubRoutes.takeWork, { body: {} });
  expect(work).toMatchObject({ run, project, runConfiguration, contracts: [world.digest] });
  expect(work?.assets).toEqual([
    { digest: shelf.dataset, kind: 'dataset', url: storeUrl('dataset') },
    { digest: shelf.algorithm, kind: 'algorithm', url: storeUrl('algorithm') },
  ]);
  expect(await sha256Digest(base64urlDecode(work?.criteria ?? ''))).toBe(shelf.criteria);
  const read = await Promise.all(
    (work?.statements ?? []).map((item) => readStatement(base64urlDecode(item.cose))),
  );
  expect(read.map(({ type }) => type).toSorted()).toEqual(
    [
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
    ].toSorted(),
  );
  const leaves = (work?.statements ?? []).map(({ index }) => index);
  expect(leaves).toEqual(leaves.toSorted((a, b) => a - b));
  expect((await call(service, hubRoutes.takeWork, { body: {} })).work).toBeNull();

  const room = await newRoom(run);
  const first = await release(world, steward, room);
  const second = await release(world, owner, room);
  await sendEvent(world, room, 'Runtime Build', first);
  await sendEvent(world, room, 'Workload Launch', second);
  await sendEvent(world, room, 'Run');
  expect((await as(hub, owner, hubRoutes.run, { params: { run } })).status).toBe('Run');

  const [sealed, envelope] = [new Uint8Array(4096).fill(7), new Uint8Array(80).fill(8)];
  const cleared = [await clear(world, steward, room), await clear(world, owner, room)];
  const outputs = { output: await sha256Digest(sealed), envelope: await sha256Digest(envelope) };
  const statement = await finishedBy(world, room, outputs);
  const body = await uploadOf(world, room, { sealed, envelope, cleared, statement });
  const place = await call(hub.service, hubRoutes.roomUpload, { params: { run }, body });
  expect(await call(hub.service, hubRoutes.roomUpload, { params: { run }, body })).toEqual(place);

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

  const again = await hub.reopen();
  expect(again.record).toEqual(hub.book.record);
});
