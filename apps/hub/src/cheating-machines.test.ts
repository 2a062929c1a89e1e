// What dishonest nodes, rooms and operators try, and the code with which the hub refuses; and a ledger that is away.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, canonicalBytes, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call, type Service } from '@sealroom/client';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { freshSalt } from '@sealroom/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, HUB_ORIGIN, NOON, startHub } from './testing/hub-for-tests.ts';
import { as, joinHub, say, tell } from './testing/parties-for-tests.ts';
import {
  clear,
  eventOf,
  finishedBy,
  finishRoom,
  newRoom,
  release,
  sendEvent,
  startRoom,
  uploadOf,
} from './testing/room-for-tests.ts';
import { base, details } from './testing/shelf-for-tests.ts';
import {
  initiateRun,
  newWorld,
  nodeService,
  requestRun,
  submit,
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
const statements = () => hub.db.selectFrom('statements').select('leaf').execute();

/** A run whose room is at work. */
async function runningRoom() {
  const run = await requestRun(world);
  await initiateRun(world, run);
  return { run, room: await startRoom(world, run) };
}

async function endRun(run: `sha256:${string}`) {
  const payload = { salt: freshSalt(), contract: world.digest, run, org: world.owner.org, note: null };
  const { person, org } = world.owner;
  await submit(world, world.owner, await say(hub, person, { type: 'run.cancelled', payload, iss: org }));
}

describe('nodes', () => {
  it('takes a code once, and a signed request once', async () => {
    const { node, owner } = world;
    const { code } = await as(hub, owner, hubRoutes.createNodeCode, { body: { name: 'N' } });
    const other = await ed25519Signer(generateSecret());
    const facts = { key: other.key, simulator: null, launch: node.launch, isolation: 'none' } as const;
    const payload = { code, name: 'n', ...facts, maxVcpu: 1, maxMemoryGiB: 1 };
    const enrolment = await tell(hub, other, { name: 'node-enrolment', payload });
    await call(hub.service, hubRoutes.enrolNode, { body: { enrolment } });
    await expect(call(hub.service, hubRoutes.enrolNode, { body: { enrolment } })).rejects.toMatchObject(
      refusedWith('hub/node-code'),
    );
    const kept: Service = nodeService(hub, other);
    let header: Readonly<{ [name: string]: string }> | undefined;
    const replayed: Service = {
      ...hub.service,
      authenticate: async (request) => (header ??= (await kept.authenticate?.(request)) ?? {}),
    };
    await call(replayed, hubRoutes.takeWork, { body: { running: [] } });
    await expect(call(replayed, hubRoutes.takeWork, { body: { running: [] } })).rejects.toMatchObject(
      refusedWith('hub/node-request'),
    );
  });

  it('gives no node the work of another by naming its simulator key', async () => {
    const { node, owner } = world;
    const { code } = await as(hub, owner, hubRoutes.createNodeCode, { body: { name: 'T' } });
    const thief = await ed25519Signer(generateSecret());
    const facts = { key: thief.key, simulator: node.simulator.key, launch: node.launch } as const;
    const payload = { code, name: 't', ...facts, isolation: 'process' as const, maxVcpu: 8, maxMemoryGiB: 8 };
    const enrolment = await tell(hub, thief, { name: 'node-enrolment', payload });
    await expect(call(hub.service, hubRoutes.enrolNode, { body: { enrolment } })).rejects.toMatchObject(
      refusedWith('hub/node-code'),
    );
  });

  it('takes no signature for another request, from another time, or of another node', async () => {
    const run = await sha256Digest(generateSecret());
    const signer = world.node.signer;
    const with_ = (change: object): Service => ({
      ...hub.service,
      authenticate: async ({ method, path, body }) => {
        const nonce = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
        const at = new Date(hub.clock.now).toISOString();
        const payload = { method, path, body: await sha256Digest(body), nonce, at, ...change };
        return { authorization: `Node ${await tell(hub, signer, { name: 'node-request', payload })}` };
      },
    });
    const report = (service: Service) =>
      call(service, hubRoutes.reportRun, { params: { run }, body: { outcome: 'failed', detail: 'x' } });
    for (const change of [
      { path: '/v1/node/work' },
      { method: 'GET' },
      { body: run },
      { at: new Date(NOON - 301_000).toISOString() },
      { at: new Date(NOON + 301_000).toISOString() },
    ])
      await expect(report(with_(change))).rejects.toMatchObject(refusedWith('hub/node-request'));
    await expect(report(with_({}))).rejects.toMatchObject(refusedWith('hub/not-found'));
    const unknown = nodeService(hub, await ed25519Signer(generateSecret()));
    await expect(report(unknown)).rejects.toMatchObject(refusedWith('hub/unknown-node'));
  });

  it('hands work only to a node that the contract names, and lets no other report on it', async () => {
    const { node, owner } = world;
    const other = await ed25519Signer(generateSecret());
    const simulator = (await ed25519Signer(generateSecret())).key;
    const { code } = await as(hub, owner, hubRoutes.createNodeCode, { body: { name: 'N' } });
    const facts = { key: other.key, simulator, launch: node.launch, isolation: 'process' } as const;
    const payload = { code, name: 'n', ...facts, maxVcpu: 8, maxMemoryGiB: 8 };
    const enrolment = await tell(hub, other, { name: 'node-enrolment', payload });
    await call(hub.service, hubRoutes.enrolNode, { body: { enrolment } });
    const run = await requestRun(world);
    await initiateRun(world, run);
    expect(
      (await call(nodeService(hub, other), hubRoutes.takeWork, { body: { running: [] } })).work,
    ).toBeNull();
    const genuine = nodeService(hub, node.signer);
    expect((await call(genuine, hubRoutes.takeWork, { body: { running: [] } })).work?.run).toBe(run);
    const body = { outcome: 'failed', detail: 'the room crashed' } as const;
    await expect(
      call(nodeService(hub, other), hubRoutes.reportRun, { params: { run }, body }),
    ).rejects.toMatchObject(refusedWith('hub/not-found'));
    await call(genuine, hubRoutes.reportRun, { params: { run }, body });
    expect(await as(hub, owner, hubRoutes.run, { params: { run } })).toMatchObject({
      status: 'Run Failed',
      detail: 'the room crashed',
    });
  });
});

describe('rooms', () => {
  it('takes no event of a room that no vault of the contract has answered', async () => {
    const run = await requestRun(world);
    await initiateRun(world, run);
    const room = await newRoom(world, run);
    await expect(sendEvent(world, room, 'Run')).rejects.toMatchObject(refusedWith('hub/unknown-room'));
    // The answer is for this room; another room's event cannot use it.
    const { answer, reservation } = await release(world, world.steward, room);
    const thief = await newRoom(world, run);
    await expect(sendEvent(world, thief, 'Run', { answer, reservation })).rejects.toMatchObject(
      refusedWith('hub/unknown-room'),
    );
    // A vault that the contract does not name, and a node that signs an answer itself.
    const other = await newWorld(hub);
    const foreign = await release(world, { ...world.steward, vault: other.steward.vault }, room).catch(
      (error: unknown) => error,
    );
    expect(foreign).toMatchObject({ code: 'statement/wrong-signer' });
    const altered = base64urlDecode(answer);
    altered.set([(altered.at(-1) ?? 0) ^ 1], altered.length - 1);
    await expect(sendEvent(world, room, 'Run', { answer: base64urlEncode(altered) })).rejects.toMatchObject(
      refusedWith('hub/unknown-room'),
    );
    await sendEvent(world, room, 'Run', { answer, reservation });
    await endRun(run);
  });

  it('takes events in order, and only those that the room signed for this hub and run', async () => {
    const { run, room } = await runningRoom();
    const body = { event: await eventOf(world, room, 'Workload Launch') };
    const send = () => call(hub.service, hubRoutes.roomEvent, { params: { run }, body });
    await send();
    await send();
    await sendEvent(world, room, 'Run');
    await expect(send()).rejects.toMatchObject(refusedWith('hub/out-of-order'));
    const forged = { event: await eventOf(world, room, 'Run Failed', world.node.signer) };
    await expect(
      call(hub.service, hubRoutes.roomEvent, { params: { run }, body: forged }),
    ).rejects.toMatchObject(refusedWith('hub/unknown-room'));
    const payload = { run, sequence: 99, stage: 'Run Failed' as const, detail: null };
    const elsewhere = await tell(hub, room.sign, {
      name: 'room-event',
      payload,
      audience: 'https://x.example',
    });
    await expect(
      call(hub.service, hubRoutes.roomEvent, { params: { run }, body: { event: elsewhere } }),
    ).rejects.toMatchObject(refusedWith('statement/wrong-signer'));
    await endRun(run);
  });

  it('ends no run by a word of the room: only by the statement', async () => {
    const { run, room } = await runningRoom();
    const status = async () => (await as(hub, world.owner, hubRoutes.run, { params: { run } })).status;
    await sendEvent(world, room, 'Run');
    await sendEvent(world, room, 'Run Completed');
    expect(await status()).toBe('Run');
    // Nor does its word fail one: one party's vault alone could vouch for a room that says so.
    await sendEvent(world, room, 'Run Failed');
    expect(await status()).toBe('Run');
    // The node has the room's public keys and its own; it signs everything as if it were the room.
    const { signer } = world.node;
    const cleared = [await clear(world, world.steward, room), await clear(world, world.owner, room)];
    const forged = await finishedBy(world, room, {}, signer);
    const fake = { ...room, sign: signer };
    const body = await uploadOf(world, fake, { sealed: null, envelope: null, cleared, statement: forged });
    await expect(call(hub.service, hubRoutes.roomUpload, { params: { run }, body })).rejects.toMatchObject(
      refusedWith('hub/unknown-room'),
    );
    const mixed = await uploadOf(world, room, { sealed: null, envelope: null, cleared, statement: forged });
    await expect(
      call(hub.service, hubRoutes.roomUpload, { params: { run }, body: mixed }),
    ).rejects.toMatchObject(refusedWith('hub/unknown-room'));
    expect(await status()).toBe('Run');
    await endRun(run);
  });

  it('takes no end that a vault has not cleared, and no bytes that nobody named', async () => {
    const { run, room } = await runningRoom();
    const sealed = utf8Encode('sealed');
    const envelope = utf8Encode('envelope');
    const outputs = { output: await sha256Digest(sealed), envelope: await sha256Digest(envelope) };
    const statement = await finishedBy(world, room, outputs);
    const send = async (handed: Partial<Parameters<typeof uploadOf>[2]>) =>
      call(hub.service, hubRoutes.roomUpload, {
        params: { run },
        body: await uploadOf(world, room, { sealed, envelope, cleared: [], statement, ...handed }),
      });
    await expect(send({})).rejects.toMatchObject(refusedWith('statement/wrong-state'));
    const cleared = [await clear(world, world.steward, room)];
    await expect(send({ cleared })).rejects.toMatchObject(refusedWith('statement/wrong-state'));
    cleared.push(await clear(world, world.owner, room));
    await expect(send({ cleared, sealed: utf8Encode('other') })).rejects.toMatchObject(
      refusedWith('hub/digest-mismatch'),
    );
    await expect(send({ cleared, envelope: null })).rejects.toMatchObject(refusedWith('hub/digest-mismatch'));
    const other = await sha256Digest(generateSecret());
    await expect(send({ cleared, changes: { statement: other } })).rejects.toMatchObject(
      refusedWith('hub/digest-mismatch'),
    );
    await send({ cleared });
    expect(await as(hub, world.owner, hubRoutes.output, { params: { run } })).toEqual(sealed);
  });

  it('learns of a reservation although the run was cancelled meanwhile, and folds it in leaf order', async () => {
    const run = await requestRun(world);
    await initiateRun(world, run);
    const room = await newRoom(world, run);
    const first = await release(world, world.steward, room);
    await endRun(run);
    await sendEvent(world, room, 'Runtime Build', first);
    expect(hub.book.record.runs.get(run)).toMatchObject({ ended: 'run.cancelled' });
    expect(hub.book.record.runs.get(run)?.reservations).toHaveLength(1);
    const again = await hub.reopen();
    expect(again.record.runs.get(run)).toEqual(hub.book.record.runs.get(run));
  });

  it('gives the second try of an upload the first answer', async () => {
    const { run, room } = await runningRoom();
    const { upload, place } = await finishRoom(world, room);
    expect(await upload()).toEqual(place);
    expect((await as(hub, world.owner, hubRoutes.run, { params: { run } })).status).toBe('Run Completed');
  });
});

describe('the ledger', () => {
  const publishNote = async () => {
    const { owner, project, shelf } = world;
    const payload = { ...base(owner, project), document: shelf.attestation, note: null };
    return say(hub, owner.person, { type: 'attestation.accepted', payload, iss: owner.org });
  };
  const hand = async (statement: string) =>
    as(hub, world.owner, hubRoutes.publish, {
      params: { project: world.project },
      body: { statement, details },
    });

  it('stores nothing while the ledger cannot be reached, and takes the same bytes afterwards', async () => {
    const statement = await publishNote();
    const before = await statements();
    hub.ledger.down = true;
    await expect(hand(statement)).rejects.toMatchObject(refusedWith('hub/ledger-unreachable'));
    hub.ledger.down = false;
    expect(await statements()).toEqual(before);
    const place = await hand(statement);
    expect(await hand(statement)).toEqual(place);
  });

  it('takes a statement that the ledger has already, at its leaf', async () => {
    const statement = await publishNote();
    const { index } = await hub.ledger.append(base64urlDecode(statement));
    await hand(await publishNote());
    expect((await hand(statement)).index).toBe(index);
  });

  it('refuses to start over a database that was edited', async () => {
    const party = await joinHub(hub, 'edited');
    const { statement: other } = { statement: await publishNote() };
    await hand(other);
    const trigger = 'statements_append_only';
    const run = async (text: string) => {
      const { sql } = await import('kysely');
      await sql.raw(text).execute(hub.db);
    };
    const kid = party.person.kid;
    const row = await hub.db
      .selectFrom('statements')
      .select(['leaf', 'cose'])
      .where('org', '=', party.org)
      .where('type', '=', 'identity.added')
      .executeTakeFirstOrThrow();
    await run(`alter table statements disable trigger ${trigger}`);
    await run(`update statements set leaf = leaf + 100000 where leaf = ${row.leaf}`);
    await expect(hub.reopen()).rejects.toMatchObject({ code: 'hub/record-broken' });
    await run(`update statements set leaf = ${row.leaf} where leaf = ${row.leaf + 100_000}`);
    await expect(hub.reopen()).resolves.toBeDefined();
    expect(hub.book.record.keys.has(kid)).toBe(true);
  });
});

it('tells everyone the same about itself', async () => {
  const answer = await hub.request('/v1/hub');
  expect(await answer.json()).toMatchObject({ origin: HUB_ORIGIN, registration: 'open' });
  expect(canonicalBytes(await (await hub.request('/openapi.json')).json()).length).toBeGreaterThan(10_000);
});
