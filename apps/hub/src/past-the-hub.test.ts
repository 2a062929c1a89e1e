// What reaches the ledger without the hub, by a party that means to confuse it, and what stops in the middle: the hub reads
// on, shows what stands, and no run stays open for ever.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { generateSecret } from '@sealroom/cose';
import {
  encodeContract,
  freshSalt,
  type PayloadOf,
  signPayload,
  type StatementType,
} from '@sealroom/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endLostRuns } from './runs/watch.ts';
import { type Hub, LEDGER_ORIGIN, startHub } from './testing/hub-for-tests.ts';
import { as, newKeys, type Party, registration, say } from './testing/parties-for-tests.ts';
import { clear, finishedBy, sendEvent, startRoom, uploadOf } from './testing/room-for-tests.ts';
import {
  initiateRun,
  newWorld,
  nodeService,
  requestRun,
  signContract,
  type World,
} from './testing/world-for-tests.ts';

let hub: Hub;
let world: World;
beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
});
afterAll(() => hub.close());

const refusedWith = (problem: string) => ({ code: 'client/refused', problem });

async function append<T extends StatementType>(
  party: Party,
  type: T,
  payload: PayloadOf<T>,
): Promise<Digest> {
  const cose = await say(hub, party.person, { type, payload, iss: party.org });
  await hub.ledger.append(base64urlDecode(cose));
  return sha256Digest(base64urlDecode(cose));
}

describe('a party that speaks to the ledger past the hub', () => {
  it('does not keep the hub from reading on', async () => {
    const { owner, steward, digest, project, shelf, runConfiguration } = world;
    await hub.ledger.append(base64urlDecode(await signContract(hub, steward, world.contract)));
    const request = {
      contract: digest,
      contracts: [digest],
      project,
      runConfiguration,
      datasets: [shelf.dataset],
      algorithm: shelf.algorithm,
      criteria: shelf.criteria,
      parameters: {},
      vcpu: 1,
      memoryGiB: 1,
    };
    const odd: Partial<PayloadOf<'run.requested'>>[] = [
      { runConfiguration: 'rc-elsewhere' },
      { datasets: [shelf.criteria] },
      { algorithm: shelf.criteria },
      { criteria: shelf.dataset },
      { parameters: { LOUD: true } },
      { vcpu: 1024, memoryGiB: 65_536 },
    ];
    for (const change of odd)
      await append(owner, 'run.requested', { salt: freshSalt(), ...request, ...change });
    const twice = { ...world.contract, salt: freshSalt(), purpose: 'another, which the hub was never shown' };
    const head = {
      type: 'contract.signed' as const,
      iss: owner.org,
      origin: LEDGER_ORIGIN,
      now: hub.clock.now,
    };
    const bytes = encodeContract(twice);
    await hub.ledger.append(await signPayload(owner.person, { ...head, bytes }));
    const next = { ...world.contract, salt: freshSalt(), version: 2, first: digest };
    await hub.ledger.append(await signPayload(owner.person, { ...head, bytes: encodeContract(next) }));
    await hub.catchUp();
    expect(await hub.catchUp()).toBe(0);
    const { runs } = await as(hub, owner, hubRoutes.runs, { params: { project } });
    expect(runs).toEqual([]);
    // What follows is as if nothing had been said.
    const run = await requestRun(world);
    expect((await as(hub, steward, hubRoutes.run, { params: { run } })).status).toBe('Run Requested');
    await expect(hub.reopen()).resolves.toBeDefined();
  });

  it('joins a hub that asks for codes by no second registration', async () => {
    const closed = await startHub({ registration: 'code' });
    try {
      const keys = await newKeys();
      const first = await registration(closed, keys, 'dodger.example');
      const enter = (statement: string, code?: string) => {
        const body = { name: 'D', statement, ...(code === undefined ? {} : { code }) };
        return call(closed.service, hubRoutes.registerOrganisation, { body });
      };
      await expect(enter(first)).rejects.toMatchObject(refusedWith('hub/registration-code'));
      await expect(enter(first, 'guessed')).rejects.toMatchObject(refusedWith('hub/registration-code'));
      // In the ledger anybody may register; a later registration asks the hub for no code, but builds on one it took.
      await closed.ledger.append(base64urlDecode(first));
      const payload = {
        salt: freshSalt(),
        root: keys.root.key,
        domain: 'dodger.example',
        vaults: [],
        prev: [...closed.ledger.record.organisations.values()][0]?.last ?? null,
      };
      const head = { type: 'participant.registered' as const, payload, iss: keys.root.kid };
      const second = await say(closed, keys.root, head);
      await expect(enter(second)).rejects.toMatchObject(refusedWith('statement/wrong-state'));
      expect(await closed.db.selectFrom('organisations').select('org').execute()).toEqual([]);
    } finally {
      await closed.close();
    }
  });
});

describe('a room that is gone between clearance and upload', () => {
  it('leaves nothing, and its run ends by the hub’s clock; a late upload of the room still stands', async () => {
    const other = await newWorld(hub);
    const run = await requestRun(other);
    await initiateRun(other, run);
    await call(nodeService(hub, other.node.signer), hubRoutes.takeWork, { body: { running: [] } });
    const room = await startRoom(other, run);
    await sendEvent(other, room, 'Run');
    const cleared = [await clear(other, other.steward, room), await clear(other, other.owner, room)];
    await hub.catchUp();
    const look = () => as(hub, other.owner, hubRoutes.run, { params: { run } });
    expect(await look()).toMatchObject({ status: 'Run', hasOutput: false, hasReceipt: false });
    const { maxMinutes } = other.contract.room;
    await endLostRuns(hub, hub.clock.now + (maxMinutes + 11) * 60_000);
    expect(await look()).toMatchObject({ status: 'Run Failed', detail: 'room lost', hasOutput: false });
    await expect(as(hub, other.owner, hubRoutes.output, { params: { run } })).rejects.toMatchObject(
      refusedWith('hub/not-found'),
    );
    // Nobody else can give the cleared end of that room: not the node, and not another room.
    const sealed = generateSecret();
    const outputs = { output: await sha256Digest(sealed), envelope: await sha256Digest(sealed) };
    const forged = await finishedBy(other, room, outputs, other.node.signer);
    const handed = { sealed, envelope: sealed, cleared };
    const body = await uploadOf(
      other,
      { ...room, sign: other.node.signer },
      { ...handed, statement: forged },
    );
    await expect(call(hub.service, hubRoutes.roomUpload, { params: { run }, body })).rejects.toMatchObject(
      refusedWith('hub/unknown-room'),
    );
    const genuine = await uploadOf(other, room, {
      ...handed,
      statement: await finishedBy(other, room, outputs),
    });
    await call(hub.service, hubRoutes.roomUpload, { params: { run }, body: genuine });
    expect(await look()).toMatchObject({ status: 'Run Completed', hasOutput: true });
  });

  it('and an event or upload of one run does nothing for another', async () => {
    const [mine, theirs] = [await newWorld(hub), await newWorld(hub)];
    const [run, victim] = [await requestRun(mine), await requestRun(theirs)];
    await initiateRun(mine, run);
    await initiateRun(theirs, victim);
    const room = await startRoom(mine, run);
    const cleared = [await clear(mine, mine.steward, room), await clear(mine, mine.owner, room)];
    const statement = await finishedBy(mine, room);
    const body = await uploadOf(mine, room, { sealed: null, envelope: null, cleared, statement });
    for (const changed of [{ run: victim }, {}]) {
      const given = await uploadOf(mine, room, {
        sealed: null,
        envelope: null,
        cleared,
        statement,
        changes: changed,
      });
      await expect(
        call(hub.service, hubRoutes.roomUpload, { params: { run: victim }, body: given }),
      ).rejects.toMatchObject(refusedWith('hub/unknown-room'));
    }
    await expect(sendEvent(theirs, { ...room, run: victim }, 'Run')).rejects.toMatchObject(
      refusedWith('hub/unknown-room'),
    );
    await call(hub.service, hubRoutes.roomUpload, { params: { run }, body });
    expect((await as(hub, theirs.owner, hubRoutes.run, { params: { run: victim } })).status).toBe(
      'Run Initiated',
    );
  });
});
