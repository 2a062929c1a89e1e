import { ledgerRoutes } from '@sealroom/api';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  hexEncode,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { cborDecode } from '@sealroom/cose';
import { type App, createLog } from '@sealroom/host';
import {
  decodeBundle,
  ledgerEntry,
  openCheckpoint,
  parseNoteKeyText,
  PUBLIC_SUBJECT_KEY,
  subjectKey,
  verifyConsistency,
  verifyReceipt,
  verifyTlogProof,
} from '@sealroom/tlog';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLedgerApp } from './app.ts';
import { fixture, ORIGIN, PRIVATE_KEY, statement } from './fixtures.ts';
import type { Ledger } from './ledger.ts';

const place = await fixture();
const { key } = place.signer;
let ledger: Ledger;
let app: App;
beforeAll(async () => {
  ledger = await place.open();
  app = createLedgerApp({ ledger, log: createLog({ name: 'ledger', silent: true }) });
  for (let i = 0; i < 9; i++) await post(statement(i));
});
afterAll(() => place.remove());

function post(body: Bytes, accept = 'text/plain', type = 'application/cose') {
  return app.request('/entries', { method: 'POST', body, headers: { 'content-type': type, accept } });
}

async function problem(response: Response | Promise<Response>): Promise<{ status: number; code: string }> {
  const { status, code } = (await (await response).json()) as { status: number; code: string };
  expect((await response).status).toBe(status);
  expect((await response).headers.get('content-type')).toBe('application/problem+json');
  return { status, code };
}

const entryOf = (bytes: Bytes) => ledgerEntry(PUBLIC_SUBJECT_KEY, bytes);

test('a statement is answered with 201 and a proof, its repetition with 200 and the same leaf', async () => {
  const bytes = statement(100);
  const entry = await entryOf(bytes);
  const first = await post(bytes);
  expect(first.status).toBe(201);
  const { index } = await verifyTlogProof(await first.text(), { entry, origin: ORIGIN, key });
  expect(first.headers.get('location')).toBe(`/entries/${index}`);
  await post(statement(101));
  const again = await post(bytes);
  expect(again.status).toBe(200);
  const current = await verifyTlogProof(await again.text(), { entry, origin: ORIGIN, key });
  expect(current.index).toBe(index);
  expect(current.checkpoint.size).toBe(ledger.head().size);
});

test('the answer is a COSE Receipt or JSON for those who ask for it, by digest or by leaf', async () => {
  const bytes = statement(3);
  const entry = await entryOf(bytes);
  const receipt = await post(bytes, 'application/cose');
  expect(receipt.headers.get('content-type')).toBe('application/cose');
  const verified = await verifyReceipt(new Uint8Array(await receipt.arrayBuffer()), {
    entry,
    origin: ORIGIN,
    key,
  });
  const json = await app.request(`/entries/${await sha256Digest(bytes)}`, {
    headers: { accept: 'application/json' },
  });
  const answer = (await json.json()) as { index: number; entry: string; proof: string };
  expect(answer).toMatchObject({ index: verified.index, entry: base64urlEncode(entry) });
  await verifyTlogProof(answer.proof, { entry, origin: ORIGIN, key });
  const text = await (await app.request(`/entries/${verified.index}`)).text();
  expect(text).toBe(answer.proof);
});

test('unknown entries are 404 with a code', async () => {
  for (const id of ['999999', await sha256Digest(utf8Encode('never')), 'latest', '-1', '01']) {
    expect(await problem(app.request(`/entries/${id}`))).toEqual({
      status: 404,
      code: 'ledger/unknown-entry',
    });
  }
  expect(await problem(app.request('/entries/sha256:12'))).toEqual({ status: 400, code: 'bytes/bad-digest' });
});

test('statements of the wrong kind, size or media type are refused with their codes', async () => {
  const { size } = ledger.head();
  expect(await problem(post(statement(1, 'bad')))).toEqual({ status: 400, code: 'statement/unknown-type' });
  expect(await problem(post(statement(1), '*/*', 'application/json'))).toEqual({
    status: 415,
    code: 'http/unsupported-media-type',
  });
  expect(await problem(post(new Uint8Array(1024 * 1024 + 1)))).toEqual({
    status: 413,
    code: 'http/too-large',
  });
  expect(ledger.head().size).toBe(size);
});

test('checkpoint, tiles and bundles are static files that lead to the same root', async () => {
  const note = await app.request('/checkpoint');
  expect(note.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(note.headers.get('cache-control')).toBe('no-cache');
  const { size } = await openCheckpoint(await note.text(), { origin: ORIGIN, key });
  const bundle = await app.request(`/tile/entries/000.p/${size}`);
  expect(bundle.headers.get('cache-control')).toContain('immutable');
  expect(decodeBundle(new Uint8Array(await bundle.arrayBuffer()), size)[3]).toEqual(
    await entryOf(statement(3)),
  );
  expect((await (await app.request('/tile/0/000.p/1')).arrayBuffer()).byteLength).toBe(32);
});

test('tiles beyond the checkpoint and paths in another form are 404', async () => {
  expect(await problem(app.request('/tile/0/000'))).toEqual({ status: 404, code: 'ledger/unknown-tile' });
  expect(await problem(app.request('/tile/1/000.p/1'))).toEqual({ status: 404, code: 'ledger/unknown-tile' });
  for (const path of ['/tile/0/0', '/tile/0/%2e%2e/ledger.key', '/tile/entries/x000/000', '/tile/']) {
    expect(await problem(app.request(path)), path).toMatchObject({ status: 404 });
  }
});

test('the ledger says who it is, in its own words and as a COSE key set', async () => {
  const facts = (await (await app.request('/v1/ledger')).json()) as Record<string, string>;
  expect(facts).toMatchObject({ origin: ORIGIN, key, size: ledger.head().size });
  expect(await parseNoteKeyText(facts['noteKey'] ?? '')).toMatchObject({ name: ORIGIN, key });
  const set = await app.request('/.well-known/scitt-keys');
  const [found] = cborDecode(new Uint8Array(await set.arrayBuffer())) as ReadonlyMap<number, Uint8Array>[];
  expect(found?.get(-2)).toEqual(
    (cborDecode(base64urlDecode(key)) as ReadonlyMap<number, Uint8Array>).get(-2),
  );
  expect(hexEncode(found?.get(2) ?? new Uint8Array())).toBe(place.signer.kid.slice('sha256:'.length));
});

test('only who knows the subject’s key reads a statement', async () => {
  const bytes = statement(1, 'private');
  await post(bytes);
  const path = `/statements/${await sha256Digest(bytes)}`;
  const get = (subject?: Bytes) =>
    app.request(path, subject ? { headers: { 'sealroom-subject-key': base64urlEncode(subject) } } : {});
  const read = await get(PRIVATE_KEY);
  expect(read.status).toBe(200);
  expect(new Uint8Array(await read.arrayBuffer())).toEqual(bytes);
  const wrong = [
    undefined,
    PUBLIC_SUBJECT_KEY,
    await subjectKey(utf8Encode('another salt')),
    PRIVATE_KEY.slice(1),
  ];
  for (const subject of wrong) {
    expect(await problem(get(subject))).toEqual({ status: 404, code: 'ledger/unknown-statement' });
  }
  const unknown = app.request(`/statements/${await sha256Digest(utf8Encode('never'))}`, {
    headers: { 'sealroom-subject-key': base64urlEncode(PRIVATE_KEY) },
  });
  expect(await problem(unknown)).toEqual({ status: 404, code: 'ledger/unknown-statement' });
  const open = await app.request(`/statements/${await sha256Digest(statement(2))}`, {
    headers: { 'sealroom-subject-key': base64urlEncode(PUBLIC_SUBJECT_KEY) },
  });
  expect(new Uint8Array(await open.arrayBuffer())).toEqual(statement(2));
});

test('proofs come many at a time, at the present size or an earlier one, all under one checkpoint', async () => {
  const ask = (body: unknown) =>
    app.request('/v1/proofs', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  for (const size of [undefined, 7]) {
    const answer = (await (await ask({ indexes: [0, 6], ...(size ? { size } : {}) })).json()) as {
      checkpoint: string;
      proofs: string[];
    };
    const checkpoint = await openCheckpoint(answer.checkpoint, { origin: ORIGIN, key });
    expect(checkpoint.size).toBe(size ?? ledger.head().size);
    for (const [at, index] of [0, 6].entries()) {
      const entry = await entryOf(statement(index));
      const verified = await verifyTlogProof(answer.proofs[at] ?? '', { entry, origin: ORIGIN, key });
      expect(verified).toMatchObject({ index, checkpoint: { note: answer.checkpoint } });
    }
  }
  expect(await problem(ask({ indexes: [0], size: 10_000 }))).toEqual({
    status: 409,
    code: 'ledger/size-ahead',
  });
  expect(await problem(ask({ indexes: [0], size: 0 }))).toEqual({ status: 409, code: 'ledger/empty' });
  expect(await problem(ask({ indexes: [7], size: 7 }))).toEqual({
    status: 404,
    code: 'ledger/unknown-entry',
  });
  expect(await problem(ask({ indexes: Array(1001).fill(0) }))).toEqual({
    status: 400,
    code: 'http/bad-request',
  });
});

test('consistency between any two sizes can be asked for', async () => {
  const early = await app.request('/v1/proofs', {
    method: 'POST',
    body: JSON.stringify({ indexes: [0], size: 5 }),
    headers: { 'content-type': 'application/json' },
  });
  const from = await openCheckpoint(((await early.json()) as { checkpoint: string }).checkpoint, {
    origin: ORIGIN,
    key,
  });
  const to = await openCheckpoint(await (await app.request('/checkpoint')).text(), { origin: ORIGIN, key });
  const answer = (await (await app.request(`/v1/consistency?from=5&to=${to.size}`)).json()) as {
    proof: string[];
  };
  const proof = answer.proof.map(base64urlDecode);
  await verifyConsistency({ from: 5, to: to.size, fromRoot: from.root, toRoot: to.root, proof });
  expect(await problem(app.request('/v1/consistency?from=5&to=10000'))).toMatchObject({
    code: 'ledger/size-ahead',
  });
  expect(await problem(app.request('/v1/consistency?from=0'))).toMatchObject({ code: 'tlog/bad-size' });
  expect(await problem(app.request('/v1/consistency?from=1e1'))).toMatchObject({ code: 'http/bad-request' });
});

test('our own client understands each answer', async () => {
  const fetchApp = async (url: string, init: RequestInit) => app.request(url, init);
  const service = { baseUrl: 'http://ledger.test', fetch: fetchApp };
  const headers = { 'content-type': 'application/cose' };
  for (const repeated of [false, true]) {
    const answer = await call(service, ledgerRoutes.append, { body: statement(200), headers });
    const verified = await verifyTlogProof(answer.proof, {
      entry: base64urlDecode(answer.entry),
      origin: ORIGIN,
      key,
    });
    expect(verified.index, String(repeated)).toBe(answer.index);
  }
  const { size } = await call(service, ledgerRoutes.describe, {});
  expect(
    (await openCheckpoint(await call(service, ledgerRoutes.checkpoint, {}), { origin: ORIGIN, key })).size,
  ).toBe(size);
  expect((await call(service, ledgerRoutes.proofs, { body: { indexes: [0, 1] } })).proofs).toHaveLength(2);
  expect((await call(service, ledgerRoutes.proofs, { body: { indexes: [] } })).proofs).toEqual([]);
  expect((await call(service, ledgerRoutes.consistency, { query: { from: size, to: size } })).proof).toEqual(
    [],
  );
  const subject = { 'sealroom-subject-key': base64urlEncode(PUBLIC_SUBJECT_KEY) };
  const params = { digest: await sha256Digest(statement(200)) };
  expect(await call(service, ledgerRoutes.statement, { params, headers: subject })).toEqual(statement(200));
  await expect(
    call(service, ledgerRoutes.append, { body: statement(1, 'bad'), headers }),
  ).rejects.toMatchObject({ problem: 'statement/unknown-type', status: 400 });
  expect(await (await app.request('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' });
});

test('it is alive and ready', async () => {
  expect((await app.request('/livez')).status).toBe(200);
  expect(await (await app.request('/readyz')).json()).toMatchObject({ status: 'ready' });
});
