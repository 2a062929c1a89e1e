// A ledger among witnesses: those that cosign, those that are down, and those that know another log than the one it has.
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createWitness, type TestWitness } from '@sealroom/testkit/witness';
import { cosign, openCheckpoint, parseAddCheckpoint, signCheckpoint, verifyTlogProof } from '@sealroom/tlog';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLedgerApp } from './app.ts';
import { fakeAdmission, type Fixture, fixture, ORIGIN, statement } from './fixtures.ts';
import type { Ledger } from './ledger.ts';
import { createLedgerLog, startLedger } from './start.ts';
import { collectCosignatures, type WitnessLink, type Witnesses } from './witnesses.ts';

const log = createLedgerLog(true);
const START = 1_700_000_000_000;
let place: Fixture;
let ledger: Ledger;
let now: number;
let open: Witnesses[];

beforeEach(async () => {
  place = await fixture();
  ledger = await place.open();
  now = START;
  open = [];
});
afterEach(async () => {
  for (const witnesses of open) await witnesses.close();
  await place.remove();
});

const witnessOf = (name: string): Promise<TestWitness> =>
  createWitness({ name, logs: [{ origin: ORIGIN, key: place.signer.key }], clock: () => now });

const linkTo = (witness: TestWitness, ask?: WitnessLink['ask']): WitnessLink => ({
  name: witness.name,
  key: witness.key,
  ask:
    ask ??
    (async (body) => {
      const answer = await witness.fetch('https://witness.test/add-checkpoint', { method: 'POST', body });
      return { status: answer.status, body: await answer.text() };
    }),
});

function collect(...links: WitnessLink[]): Witnesses {
  const witnesses = collectCosignatures({
    links,
    head: () => ledger.head(),
    clock: () => now,
    onProblem: () => undefined,
  });
  ledger.onGrown(() => witnesses.wake());
  open.push(witnesses);
  return witnesses;
}

const append = (from: number, count = 1) =>
  Promise.all(Array.from({ length: count }, (_, i) => ledger.append(statement(from + i))));

/** Names of the witnesses that cosigned a note. */
async function cosigners(note: string, witnesses: readonly TestWitness[]): Promise<string[]> {
  const known = witnesses.map(({ name, key }) => ({ name, key }));
  const opened = await openCheckpoint(note, {
    origin: ORIGIN,
    key: place.signer.key,
    witnesses: known,
    unknownLines: 'refuse',
  });
  return opened.cosignatures.map(({ name }) => name);
}

const codes = (witnesses: Witnesses) =>
  [...witnesses.problems()].map(([name, error]) => [name, 'code' in error ? error.code : error.name]);

describe('a ledger with witnesses', () => {
  test('has every checkpoint cosigned by all of them, each from the size it saw last', async () => {
    const both = [await witnessOf('w1.example'), await witnessOf('w2.example')];
    const witnesses = collect(...both.map((witness) => linkTo(witness)));
    for (const [from, count] of [
      [0, 1],
      [1, 5],
      [6, 300],
    ] as const) {
      await append(from, count);
      const { head, note } = await witnesses.witnessed(60_000);
      expect(head.size).toBe(from + count);
      expect(await cosigners(note, both)).toEqual(['w1.example', 'w2.example']);
      expect(witnesses.note()).toBe(note);
    }
    expect(both.map((witness) => witness.latest(ORIGIN)?.size)).toEqual([306, 306]);
    expect(both.flatMap(({ asked }) => asked.filter(({ status }) => status !== 200))).toEqual([]);
  });

  test('asks once about statements that were written together, and not again while lines are young', async () => {
    const witness = await witnessOf('w.example');
    const witnesses = collect(linkTo(witness));
    await witnesses.witnessed(60_000);
    const before = witness.asked.length;
    await append(0, 200);
    await witnesses.witnessed(60_000);
    const { length } = witness.asked;
    // Groups form while the disk is busy; there are far fewer than statements.
    expect(length - before).toBeLessThan(50);
    await witnesses.witnessed(60_000);
    expect(witness.asked.length).toBe(length);
    now += 61_000;
    const { note } = await witnesses.witnessed(60_000);
    expect(witness.asked.length).toBe(length + 1);
    expect(parseAddCheckpoint(witness.asked.at(-1)?.body ?? '')).toMatchObject({ oldSize: 200, proof: [] });
    const opened = await openCheckpoint(note, {
      origin: ORIGIN,
      key: place.signer.key,
      witnesses: [witness],
    });
    expect(opened.cosignatures.map(({ time }) => time)).toEqual([now]);
  });

  test('does not ask more often because a witness’s clock is slow', async () => {
    const witness = await createWitness({
      name: 'slow.example',
      logs: [{ origin: ORIGIN, key: place.signer.key }],
      clock: () => now - 3_600_000,
    });
    const witnesses = collect(linkTo(witness));
    await append(0);
    await witnesses.witnessed(2_000);
    const { length } = witness.asked;
    await witnesses.witnessed(2_000);
    expect(witness.asked.length).toBe(length);
  });

  test('learns from a witness where it was left, and proves from there', async () => {
    const witness = await witnessOf('w.example');
    await append(0, 5);
    const before = collect(linkTo(witness));
    await before.witnessed(0);
    await before.close();
    await append(5, 4);
    const restarted = collect(linkTo(witness));
    expect(await cosigners((await restarted.witnessed(60_000)).note, [witness])).toEqual(['w.example']);
    expect(witness.asked.some(({ status }) => status === 409)).toBe(true);
    expect(witness.latest(ORIGIN)?.size).toBe(9);
  });

  test('appends without waiting for a witness that is down, and has its line when it is back', async () => {
    const [up, down] = [await witnessOf('up.example'), await witnessOf('down.example')];
    down.down = true;
    const witnesses = collect(linkTo(up), linkTo(down));
    await append(0, 3);
    expect(ledger.head().size).toBe(3);
    const { note } = await witnesses.witnessed(60_000);
    expect(await cosigners(note, [up, down])).toEqual(['up.example']);
    expect(codes(witnesses)).toEqual([['down.example', 'TypeError']]);
    down.down = false;
    // It is left alone for a while, so that a witness that fails costs readers nothing.
    await witnesses.witnessed(60_000);
    expect(down.asked).toEqual([]);
    now += 60_000;
    expect(await cosigners((await witnesses.witnessed(60_000)).note, [up, down])).toEqual([
      'up.example',
      'down.example',
    ]);
    expect(codes(witnesses)).toEqual([]);
  });

  test('answers readers while it grows without pause', async () => {
    const witness = await witnessOf('w.example');
    const witnesses = collect(linkTo(witness));
    let growing = true;
    const grow = (async () => {
      for (let i = 0; growing; i += 10) await append(i, 10);
    })();
    for (let i = 0; i < 20; i++) {
      const { size } = ledger.head();
      const { head, note } = await witnesses.witnessed(60_000);
      expect(head.size).toBeGreaterThanOrEqual(size);
      expect(await cosigners(note, [witness])).toEqual(['w.example']);
    }
    growing = false;
    await grow;
  });

  test('takes no line that is not the witness’s own about this checkpoint', async () => {
    const witness = await witnessOf('w.example');
    const stranger = await ed25519Signer(generateSecret());
    await append(0, 2);
    const { note } = ledger.head();
    const other = await signCheckpoint(place.signer, { origin: ORIGIN, size: 3, root: ledger.head().root });
    const answers: [string, number, string][] = [
      ['tlog/bad-signature', 200, await cosign(witness.signer, witness.name, other, now)],
      ['tlog/unknown-signer', 200, await cosign(stranger, witness.name, note, now)],
      ['tlog/unknown-signer', 200, await cosign(witness.signer, 'other.example', note, now)],
      ['tlog/malformed-cosignature', 200, await cosign(witness.signer, witness.name, note, 0)],
      ['tlog/malformed-cosignature', 200, `x\n\n${await cosign(witness.signer, witness.name, note, now)}`],
      ['tlog/malformed-cosignature', 200, ''],
      ['ledger/witness-refused', 404, ''],
      ['ledger/witness-refused', 403, ''],
      ['ledger/witness-refused', 500, ''],
      ['ledger/witness-refused', 409, '1'],
      ['ledger/witness-refused', 409, '01\n'],
      ['ledger/witness-refused', 409, 'many\n'],
      ['ledger/witness-refused', 409, '1\n'],
      ['ledger/witness-ahead', 409, '3\n'],
      ['ledger/witness-conflict', 422, ''],
    ];
    for (const [code, status, body] of answers) {
      const witnesses = collect(linkTo(witness, async () => ({ status, body })));
      const answer = await witnesses.witnessed(60_000);
      expect(answer.note, code).toBe(note);
      expect(codes(witnesses)).toEqual([['w.example', code]]);
    }
  });

  test('that is closed answers those who wait for a witness that never does', async () => {
    const witness = await witnessOf('w.example');
    const never = linkTo(witness, async (_, signal) => {
      signal.throwIfAborted();
      await once(signal, 'abort');
      throw new Error('aborted');
    });
    const witnesses = collect(never);
    const waiting = witnesses.witnessed(0);
    await witnesses.close();
    expect((await waiting).note).toBe(ledger.head().note);
  });
});

describe('over the wire', () => {
  test('the checkpoint carries the lines, and a proof is one that needs no other file', async () => {
    const witness = await witnessOf('w.example');
    const witnesses = collect(linkTo(witness));
    const app = createLedgerApp({ ledger, log, witnesses });
    await append(0, 3);
    const note = await (await app.request('/v1/checkpoint?maxAge=60')).text();
    expect(await cosigners(note, [witness])).toEqual(['w.example']);
    expect(await (await app.request('/checkpoint')).text()).toBe(note);
    const post = (body: unknown) =>
      app.request('/v1/proofs', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
    const answer = (await (await post({ indexes: [1], maxAge: 60 })).json()) as {
      checkpoint: string;
      proofs: string[];
    };
    expect(answer.checkpoint).toBe(note);
    const [index, entry] = [1, await ledger.head().entry(1)];
    const known = { origin: ORIGIN, key: place.signer.key, witnesses: [witness] };
    expect(await verifyTlogProof(answer.proofs[0] ?? '', { ...known, entry })).toMatchObject({ index });
    // Whoever does not ask for lines gets none, since readers of proofs refuse lines that they do not know.
    const plain = (await (await post({ indexes: [1] })).json()) as { proofs: string[] };
    await verifyTlogProof(plain.proofs[0] ?? '', { ...known, witnesses: [], entry });
  });

  test('refuses ages that are none, and an age together with a size', async () => {
    const app = createLedgerApp({ ledger, log });
    for (const query of [
      '',
      '?maxAge=',
      '?maxAge=-1',
      '?maxAge=1.5',
      '?maxAge=86401',
      '?maxAge=x',
      '?maxAge=1&more=1',
    ])
      expect((await app.request(`/v1/checkpoint${query}`)).status, query).toBe(400);
    expect(await (await app.request('/v1/checkpoint?maxAge=0')).text()).toBe(ledger.head().note);
    for (const body of [
      { indexes: [], maxAge: -1 },
      { indexes: [], maxAge: 'x' },
      { indexes: [], maxAge: 1, size: 0 },
    ]) {
      const headers = { 'content-type': 'application/json' };
      const answer = await app.request('/v1/proofs', { method: 'POST', body: JSON.stringify(body), headers });
      expect(answer.status, JSON.stringify(body)).toBe(400);
    }
  });
});

/** A witness behind a real socket. */
async function serve(witness: TestWitness): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const init = request.method === 'POST' ? { method: 'POST', body: Buffer.concat(chunks) } : {};
      void witness.fetch(`http://witness.test${request.url ?? ''}`, init).then(async (answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/`, close };
}

describe('a ledger process', () => {
  test('starts on the log that its witness knows, and not on yesterday’s copy or another history', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sealroom-ledger-witnessed-'));
    const [today, yesterday, forked] = ['today', 'yesterday', 'forked'].map((name) => join(folder, name));
    if (!today || !yesterday || !forked) throw new Error('expected three folders');
    const start = (dataDirectory: string, witness?: TestWitness, url = '') =>
      startLedger(
        {
          origin: ORIGIN,
          dataDirectory,
          host: '127.0.0.1',
          port: 0,
          stopWithParent: false,
          witnesses: witness ? [{ name: witness.name, key: witness.key, url }] : [],
        },
        log,
        () => fakeAdmission(),
      );
    const add = (url: string, i: number) =>
      fetch(`${url}/entries`, {
        method: 'POST',
        body: statement(i),
        headers: { 'content-type': 'application/cose' },
      });

    const first = await start(today);
    const witness = await createWitness({
      name: 'w.example',
      logs: [{ origin: ORIGIN, key: first.ledger.key }],
      clock: Date.now,
    });
    const served = await serve(witness);
    await add(first.url, 0);
    await first.close();
    await cp(today, yesterday, { recursive: true });

    const running = await start(today, witness, served.url);
    for (let i = 1; i < 4; i++) expect((await add(running.url, i)).status).toBe(201);
    const note = await (await fetch(`${running.url}/v1/checkpoint?maxAge=60`)).text();
    const options = { origin: ORIGIN, key: running.ledger.key, witnesses: [witness] };
    expect(await openCheckpoint(note, options)).toMatchObject({
      size: 4,
      cosignatures: [{ name: 'w.example' }],
    });
    await running.close();

    await cp(yesterday, forked, { recursive: true });
    await expect(start(yesterday, witness, served.url)).rejects.toMatchObject({
      code: 'ledger/witness-ahead',
    });
    const fork = await start(forked);
    for (let i = 10; i < 16; i++) await add(fork.url, i);
    await fork.close();
    await expect(start(forked, witness, served.url)).rejects.toMatchObject({
      code: 'ledger/witness-conflict',
    });
    // The directory is free again, and a witness that cannot be reached keeps no log from starting.
    await served.close();
    const alone = await start(today, witness, served.url);
    expect((await add(alone.url, 4)).status).toBe(201);
    await alone.close();
    await rm(folder, { recursive: true });
  });
});
