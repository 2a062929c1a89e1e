// The hub's operator edits its database, row by row, and starts the hub again or does not. What was signed is checked by
// the hub at its start, and by every reader that does not believe the hub; what was not signed is marked as its word.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call, checkBeforeSigning, type KnownPins, reviewContract, verifyRecorded } from '@sealroom/client';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { encodeContract, freshSalt, verifyReceipt } from '@sealroom/contract';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, LEDGER_ORIGIN, startHub } from './testing/hub-for-tests.ts';
import { as, bearer, joinHub, say } from './testing/parties-for-tests.ts';
import { finishRoom, startRoom } from './testing/room-for-tests.ts';
import {
  contractFor,
  initiateRun,
  newWorld,
  nodeService,
  requestRun,
  submit,
  type World,
} from './testing/world-for-tests.ts';

let hub: Hub;
let world: World;
let finished: Digest;
let pins: KnownPins;

beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
  finished = await requestRun(world);
  await initiateRun(world, finished);
  await finishRoom(world, await startRoom(world, finished));
  const checked = 'out-of-band' as const;
  const organisations = [world.steward, world.owner].map(({ org }) => ({ org, checked }));
  pins = { ledger: { origin: LEDGER_ORIGIN, key: hub.ledger.key }, organisations };
}, 120_000);
afterAll(() => hub.close());

const refusedWith = (problem: string) => ({ code: 'client/refused', problem });
const run = async (text: string) => sql.raw(text).execute(hub.db);
const TRIGGER = 'statements_append_only';

/** The operator owns the database: the trigger stops accidents, not the operator. */
async function edit(text: string): Promise<void> {
  await run(`alter table statements disable trigger ${TRIGGER}`);
  await run(text);
  await run(`alter table statements enable trigger ${TRIGGER}`);
}

type Row = { readonly leaf: number; readonly cose: Buffer };
async function rowOf(type: string): Promise<Row> {
  const query = hub.db
    .selectFrom('statements')
    .select(['leaf', 'cose'])
    .where('type', '=', type as 'run.approved');
  return query.orderBy('leaf', 'desc').executeTakeFirstOrThrow();
}
const bytea = (bytes: Uint8Array) => `'\\x${Buffer.from(bytes).toString('hex')}'`;

/** Changes a row while `work` runs. */
async function withRow(type: string, cose: Uint8Array, work: (row: Row) => Promise<void>): Promise<void> {
  const row = await rowOf(type);
  await edit(`update statements set cose = ${bytea(cose)} where leaf = ${row.leaf}`);
  try {
    await work(row);
  } finally {
    await edit(`update statements set cose = ${bytea(row.cose)} where leaf = ${row.leaf}`);
  }
}

async function shownToSteward() {
  const { steward, project, runConfiguration } = world;
  const organisations = [world.steward, world.owner].map(({ org }) =>
    as(hub, steward, hubRoutes.organisation, { params: { org } }),
  );
  const { artifacts } = await as(hub, steward, hubRoutes.artifacts, { params: { project } });
  const shape = await as(hub, steward, hubRoutes.runConfiguration, { params: { runConfiguration } });
  const { runs } = await as(hub, steward, hubRoutes.runs, { params: { project } });
  const found = await Promise.all(organisations);
  const statements = [
    ...found.flatMap((item) => item.statements),
    ...artifacts.map(({ statement }) => statement),
    ...shape.statements,
    ...runs.flatMap((item) => item.statements),
  ];
  return { organisations: found, shape, runs, verify: () => verifyRecorded(pins.ledger, statements) };
}

const TYPES = [
  'participant.registered',
  'identity.added',
  'kek.created',
  'key.wrapped',
  'dataset.published',
  'criteria.published',
  'contract.signed',
  'run.requested',
  'run.approved',
  'key.reserved',
  'output.cleared',
  'run.finished',
] as const;

describe.each(TYPES)('a row with a %s statement', (type) => {
  it('that was changed stops the next start, and proves nothing to who reads it meanwhile', async () => {
    const { cose } = await rowOf(type);
    const changed = Buffer.from(cose);
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
    await withRow(type, changed, async () => {
      await expect(hub.reopen()).rejects.toMatchObject({ code: 'hub/record-broken' });
      await expect((await shownToSteward()).verify()).rejects.toMatchObject({ code: 'client/not-proved' });
    });
    await expect(hub.reopen()).resolves.toBeDefined();
    await (await shownToSteward()).verify();
  });
});

describe('a row of what was signed', () => {
  it('that was made up, moved or exchanged with another stops the next start', async () => {
    const payload = { salt: freshSalt(), contract: world.digest, run: finished, org: world.steward.org };
    const stranger = await ed25519Signer(generateSecret());
    const forged = await say(hub, stranger, { type: 'run.approved', payload, iss: world.steward.org });
    await withRow('run.approved', base64urlDecode(forged), async () => {
      await expect(hub.reopen()).rejects.toMatchObject({ code: 'hub/record-broken' });
    });
    // Even one that the steward did sign, but that the ledger does not hold there.
    const later = await say(hub, world.steward.person, {
      type: 'run.approved',
      payload: { ...payload, salt: freshSalt() },
      iss: world.steward.org,
    });
    await withRow('run.approved', base64urlDecode(later), async () => {
      await expect(hub.reopen()).rejects.toMatchObject({ code: 'hub/record-broken' });
      await expect((await shownToSteward()).verify()).rejects.toMatchObject({ code: 'client/not-proved' });
    });
    const { cose } = await rowOf('run.requested');
    await withRow('run.approved', cose, async () => {
      await expect(hub.reopen()).rejects.toMatchObject({ code: 'hub/record-broken' });
    });
  });

  it('that was deleted can make a right missing, and adds none', async () => {
    const { leaf } = await rowOf('run.approved');
    await run('create table kept as select * from statements');
    await edit(`delete from statements where leaf = ${leaf}`);
    const { verify } = await shownToSteward();
    // The reservations that followed need the approval: the reader notices. A run without any would just lack it.
    await expect(verify()).rejects.toMatchObject({ code: 'client/not-proved' });
    await edit(`insert into statements select * from kept where leaf = ${leaf}`);
    await run('drop table kept');
    await (await shownToSteward()).verify();
  });
});

describe('a row of what people are shown', () => {
  it('with another root or person’s key is not what a client signs with or for', async () => {
    const { org, root, person } = world.owner;
    const key = (await ed25519Signer(generateSecret())).key;
    await run(`update organisations set root = '${key}', domain = 'evil.example' where org = '${org}'`);
    await run(`update people set key = '${key}' where kid = '${person.kid}'`);
    const { verify, organisations } = await shownToSteward();
    expect(organisations.find((item) => item.org === org)?.root).toBe(key);
    const { record } = await verify();
    expect(record.organisations.get(org)?.root).toBe(root.key);
    expect(record.keys.get(person.kid)?.key).toBe(person.key);
    await run(`update organisations set root = '${root.key}' where org = '${org}'`);
    await run(`update people set key = '${person.key}' where kid = '${person.kid}'`);
  });

  it('with another contract is not signed: it is not what the record says', async () => {
    const other = await newWorld(hub);
    const { runConfiguration, steward } = world;
    const verified = await (await shownToSteward()).verify();
    await run(`delete from run_configurations where run_configuration = '${other.runConfiguration}'`);
    await run(
      `update run_configurations set contract = '${other.digest}' where run_configuration = '${runConfiguration}'`,
    );
    const { shape, verify } = await shownToSteward();
    // Its runs stand under a contract that is not shown.
    await expect(verify()).rejects.toMatchObject({ code: 'client/not-proved' });
    const review = await reviewContract(base64urlDecode(shape.contractBytes), { pins, verified });
    expect(review.digest).not.toBe(world.digest);
    expect(() => checkBeforeSigning(review, { org: steward.org, kid: steward.person.kid })).toThrow(
      expect.objectContaining({ code: 'client/mismatch' }),
    );
    // Nor does what was signed for the one pass under the other.
    const payload = { salt: freshSalt(), contract: world.digest, org: steward.org, note: null };
    const stop = { ...payload, prev: world.digest };
    const suspension = await say(hub, steward.person, {
      type: 'contract.suspended',
      payload: stop,
      iss: steward.org,
    });
    await expect(submit(world, steward, suspension)).rejects.toMatchObject(
      refusedWith('hub/contract-mismatch'),
    );
    await run(
      `update run_configurations set contract = '${world.digest}' where run_configuration = '${runConfiguration}'`,
    );
  });

  it('with an operator’s own recipient in a new contract is not signed either', async () => {
    const { steward, owner, project, shelf, node } = world;
    const spy = await joinHub(hub, 'spy');
    const contract = contractFor(hub, { steward, owner, project, shelf, node });
    const recipients = [...contract.output.recipients, { org: owner.org, key: spy.receiving }];
    const bytes = encodeContract({ ...contract, output: { ...contract.output, recipients } });
    const verified = await (await shownToSteward()).verify();
    const review = await reviewContract(bytes, { pins, verified });
    expect(() => checkBeforeSigning(review, { org: steward.org, kid: steward.person.kid })).toThrow(
      expect.objectContaining({ code: 'client/mismatch' }),
    );
  });

  it('with another text of the criteria is not the document whose digest was signed', async () => {
    const { project, shelf, owner } = world;
    const lenient = utf8Encode('{"report":{"type":"dict","allow_unknown":true}}');
    await run(
      `update documents set content = ${bytea(lenient)} where project = '${project}' and digest = '${shelf.criteria}'`,
    );
    const params = { project, digest: shelf.criteria };
    const got = await as(hub, owner, hubRoutes.document, { params });
    expect(await sha256Digest(got)).not.toBe(shelf.criteria);
  });

  it('with the end of a run is the hub’s word: there is no statement and no receipt', async () => {
    const other = await newWorld(hub);
    const open = await requestRun(other);
    await run(
      `update runs set status = 'Run Completed', ended_at = now(), sealed = '${open}' where run = '${open}'`,
    );
    const params = { run: open };
    const shown = await as(hub, other.owner, hubRoutes.run, { params });
    expect(shown).toMatchObject({ status: 'Run Completed', hasReceipt: false });
    expect(hub.book.record.runs.get(open)?.ended).toBeUndefined();
    for (const route of [hubRoutes.output, hubRoutes.envelope, hubRoutes.receipt])
      await expect(as(hub, other.owner, route, { params })).rejects.toMatchObject(
        refusedWith('hub/not-found'),
      );
    // With the receipt of another run put under its name, the reader finds the other run in it.
    await run(
      `insert into receipts select '${open}', parts, receipt from receipts where run = '${finished}'`,
    );
    await expect(as(hub, other.owner, hubRoutes.receipt, { params })).rejects.toMatchObject({ status: 500 });
    const genuine = await as(hub, world.owner, hubRoutes.receipt, { params: { run: finished } });
    await run(`update receipts set receipt = ${bytea(genuine)} where run = '${open}'`);
    const moved = await as(hub, other.owner, hubRoutes.receipt, { params });
    expect((await verifyReceipt(moved)).finished.run).toBe(finished);
  });

  it('with another sealed output leads to bytes that the receipt does not name', async () => {
    const { owner } = world;
    const params = { run: finished };
    const before = await as(hub, owner, hubRoutes.output, { params });
    await run(`update runs set sealed = envelope where run = '${finished}'`);
    const swapped = await as(hub, owner, hubRoutes.output, { params });
    const { finished: end } = await verifyReceipt(await as(hub, owner, hubRoutes.receipt, { params }));
    expect(await sha256Digest(before)).toBe(end.output);
    expect(await sha256Digest(swapped)).not.toBe(end.output);
    await run(`update runs set sealed = '${await sha256Digest(before)}' where run = '${finished}'`);
  });

  it('with a session of somebody else opens what the operator could read anyway, and signs nothing', async () => {
    const { steward, runConfiguration } = world;
    const token = 'A'.repeat(43);
    const hash = await sha256Digest(utf8Encode(token));
    await run(
      `insert into sessions values ('${hash}', '${steward.person.kid}', '${steward.org}', now() + interval '100 years')`,
    );
    const spoofed = { ...steward, token };
    await as(hub, spoofed, hubRoutes.runConfiguration, { params: { runConfiguration } });
    const next = await requestRun(world);
    const payload = { salt: freshSalt(), contract: world.digest, run: next, org: steward.org };
    const operator = await ed25519Signer(generateSecret());
    const approval = await say(hub, operator, { type: 'run.approved', payload, iss: steward.org });
    await expect(submit(world, spoofed, approval)).rejects.toMatchObject(
      refusedWith('statement/unknown-key'),
    );
    const headers = bearer(token);
    const body = { statement: base64urlEncode(utf8Encode('junk')) };
    await expect(
      call(hub.service, hubRoutes.submitStatement, { params: { runConfiguration }, body, headers }),
    ).rejects.toMatchObject(refusedWith('statement/malformed'));
    const cancel = { ...payload, org: world.owner.org, note: null };
    const statement = await say(hub, world.owner.person, {
      type: 'run.cancelled',
      payload: cancel,
      iss: world.owner.org,
    });
    await submit(world, world.owner, statement);
  });

  it('with the store URL of another asset ends the run at once, by name', async () => {
    const other = await newWorld(hub);
    const open = await requestRun(other);
    await initiateRun(other, open);
    await run(
      `update asset_urls set sealed = (select sealed from asset_urls where project = '${other.project}' and kind = 'algorithm')
       where project = '${other.project}' and kind = 'dataset'`,
    );
    const { work } = await call(nodeService(hub, other.node.signer), hubRoutes.takeWork, {
      body: { running: [] },
    });
    expect(work).toBeNull();
    const shown = await as(hub, other.steward, hubRoutes.run, { params: { run: open } });
    expect(shown).toMatchObject({ status: 'Run Failed', hasOutput: false });
    expect(shown.detail).toContain('store URL');
  });

  it('with another simulator key hands the work to a node whose rooms no vault believes', async () => {
    const other = await newWorld(hub);
    const open = await requestRun(other);
    await initiateRun(other, open);
    const thief = await newWorld(hub);
    await run(`update nodes set simulator = null where node = '${other.node.signer.kid}'`);
    await run(
      `update nodes set simulator = '${other.node.simulator.key}', launch = '${other.node.launch}' where node = '${thief.node.signer.kid}'`,
    );
    const { work } = await call(nodeService(hub, thief.node.signer), hubRoutes.takeWork, {
      body: { running: [] },
    });
    expect(work?.run).toBe(open);
    // Everything in it was given to the hub in clear, but for the store URLs, which open ciphertext.
    const contract = hub.book.record.contracts.get(other.digest)?.contract;
    expect(
      contract?.room.accept.flatMap((entry) => (entry.technology === 'simulated' ? entry.keys : [])),
    ).toEqual([other.node.simulator.key]);
  });
});
