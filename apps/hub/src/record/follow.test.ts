// What was said past the hub, straight to the ledger: by parties, by vaults, or by the hub itself before a crash.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt } from '@sealroom/contract';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { type Hub, LEDGER_ORIGIN, startHub } from '../testing/hub-for-tests.ts';
import { as, newKeys, type Party, registration, say } from '../testing/parties-for-tests.ts';
import { newRoom, release } from '../testing/room-for-tests.ts';
import {
  newWorld,
  nodeService,
  requestRun,
  signContract,
  submit,
  type World,
} from '../testing/world-for-tests.ts';
import { ledgerLink } from './ledger.ts';

let hub: Hub;
let world: World;
const open: Hub[] = [];
beforeEach(async () => {
  hub = await startHub();
  open.push(hub);
  world = await newWorld(hub);
});
afterAll(() => Promise.all(open.map((item) => item.close())));

const configuration = async () => {
  const params = { runConfiguration: world.runConfiguration };
  return as(hub, world.owner, hubRoutes.runConfiguration, { params });
};

async function aside(statement: string): Promise<void> {
  await hub.ledger.append(base64urlDecode(statement));
}

async function approval(run: Digest): Promise<string> {
  const { steward, digest: contract } = world;
  const payload = { salt: freshSalt(), contract, run, org: steward.org };
  return say(hub, steward.person, { type: 'run.approved', payload, iss: steward.org });
}

async function suspension(party: Party) {
  const { digest: contract } = world;
  const payload = { salt: freshSalt(), contract, org: party.org, note: null, prev: contract };
  return say(hub, party.person, { type: 'contract.suspended', payload, iss: party.org });
}

it('finds a suspension that was told to a vault alone', async () => {
  expect(await hub.catchUp()).toBe(0);
  await aside(await suspension(world.steward));
  expect((await configuration()).suspended).toBe(false);
  expect(await hub.catchUp()).toBe(1);
  expect((await configuration()).suspended).toBe(true);
  expect(await hub.catchUp()).toBe(0);
  expect((await hub.reopen()).record).toEqual(hub.book.record);
});

it('goes on with a run whose approval reached the ledger and then got lost', async () => {
  const run = await requestRun(world);
  await submit(world, world.steward, await signContract(hub, world.steward, world.contract));
  const statement = await approval(run);
  await aside(statement);
  expect(await hub.catchUp()).toBe(1);
  const { work } = await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, {
    body: { running: [] },
  });
  expect(work?.run).toBe(run);
  // The steward tries again with the same statement, and hears that it stands.
  expect((await submit(world, world.steward, statement)).digest).toMatch(/^sha256:/);
});

it('takes the words that came with a statement that a crash had left to the ledger alone', async () => {
  const { owner, steward, digest: contract } = world;
  const run = await requestRun(world);
  const note = 'the data is not what was agreed';
  const named = await sha256Digest(utf8Encode(note));
  const payload = { salt: freshSalt(), contract, run, org: steward.org, note: named };
  const rejection = { type: 'run.rejected' as const, payload, iss: steward.org };
  const statement = await say(hub, steward.person, rejection);
  await aside(statement);
  expect(await hub.catchUp()).toBe(1);
  expect(await as(hub, owner, hubRoutes.run, { params: { run } })).toMatchObject({
    status: 'Run Rejected',
    detail: null,
  });
  // The steward tries again with the same statement: the words are here, once.
  await submit(world, steward, statement, note);
  await submit(world, steward, statement, note);
  expect(await as(hub, owner, hubRoutes.run, { params: { run } })).toMatchObject({ detail: note });
});

it('finds a request, a signature and a reservation, in whatever order it hears of them', async () => {
  const run = await requestRun(world);
  await aside(await signContract(hub, world.steward, world.contract));
  await aside(await approval(run));
  expect(await hub.catchUp()).toBe(2);
  const room = await newRoom(world, run);
  await release(world, world.owner, room);
  expect(await hub.catchUp()).toBe(1);
  expect(hub.book.record.runs.get(run)?.reservations).toHaveLength(1);
  expect((await configuration()).signedBy.toSorted()).toEqual(
    [world.steward.org, world.owner.org].toSorted(),
  );
});

it('folds contract statements in leaf order although they come late', async () => {
  const first = await suspension(world.steward);
  await aside(first);
  const revoked = { salt: freshSalt(), contract: world.digest, org: world.owner.org, note: null };
  const { person, org } = world.owner;
  const payload = { ...revoked, prev: world.digest };
  await submit(world, world.owner, await say(hub, person, { type: 'contract.revoked', payload, iss: org }));
  expect(await hub.catchUp()).toBe(1);
  expect(await configuration()).toMatchObject({ suspended: true, revoked: true });
  expect((await hub.reopen()).record).toEqual(hub.book.record);
});

it('takes no other ledger for its own, nor an older copy of it', async () => {
  await hub.catchUp();
  const seen = await hub.book.ledger.checkpoint(undefined);
  const other = await createFakeLedger({ origin: LEDGER_ORIGIN, signer: hub.ledger.signer });
  for (const bytes of hub.ledger.statements.slice(0, -1)) await other.append(bytes);
  const link = ledgerLink({
    origin: LEDGER_ORIGIN,
    key: hub.ledger.key,
    url: 'https://ledger.example',
    fetch: (url, init) => other.fetch(url, init),
  });
  await expect(link.checkpoint(seen)).rejects.toMatchObject({ code: 'hub/ledger-answer' });
  // It grows again, by something else than what was there: a fork.
  for (const size of [seen.size, seen.size + 1]) {
    await other.append(base64urlDecode(await registration(hub, await newKeys(), 'fork.example')));
    expect(other.statements).toHaveLength(size);
    await expect(link.checkpoint(seen)).rejects.toMatchObject({ code: 'hub/ledger-answer' });
  }
  const stranger = await createFakeLedger({ origin: LEDGER_ORIGIN });
  const strange = ledgerLink({
    origin: LEDGER_ORIGIN,
    key: hub.ledger.key,
    url: 'https://ledger.example',
    fetch: (url, init) => stranger.fetch(url, init),
  });
  await expect(strange.checkpoint(undefined)).rejects.toMatchObject({ code: 'hub/ledger-answer' });
});
