// Each party and operator of the house cheats once, against the real processes: the operator of the store, of the hub, of a
// node (who owns its simulator key), the algorithm owner with its own vault, and an outsider. What must hold is the same in
// all of them: no key without the steward's approval in the ledger, and nothing but the agreed report.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubRoutes, ledgerRoutes, vaultRoutes, type Work } from '@sealroom/api';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlDecode, base64urlEncode, type Digest, sha256, utf8Encode } from '@sealroom/bytes';
import { call, type Service } from '@sealroom/client';
import {
  buildManifest,
  createStatement,
  encodeManifest,
  freshSalt,
  type PayloadOf,
  roomBinding,
  type StatementType,
  verifyMessage,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, keyThumbprint, publicKeyOf, type Signer } from '@sealroom/cose';
import { tlsFetch } from '@sealroom/host';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHubLink, type HubLink } from '../apps/node/src/hub-link.ts';
import { simulatedPlatform } from '../apps/node/src/platform.ts';
import { runRoom } from '../apps/node/src/rooms.ts';
import { prepareWork } from '../apps/node/src/work.ts';
import { createParty, join as joinHouse, signContract } from './party.ts';
import { refusalReasons } from './collect.ts';
import {
  type Agreed,
  type Cast,
  EXAMPLE,
  initiate,
  offer,
  openHouse,
  type OpenHouse,
  request,
  type RunningHouse,
  type Stage,
  untilEnded,
} from './story.ts';

let open: OpenHouse;
let folder: string;
let cast: Cast;
let house: RunningHouse;
let stage: Stage;
let ledger: Service;
let wire: Service['fetch'];

/** A node whose operator cheats: enrolled like any other, with a simulator key that the contract pins. */
type CheatingNode = { readonly hub: HubLink; readonly key: Signer; readonly simulator: Signer };
let node: CheatingNode;
let agreed: Agreed;
/** Everything the operator's node sent to the hub, as it went over the wire. */
const sent: { readonly url: string; readonly init: RequestInit }[] = [];

async function enrolNode(): Promise<CheatingNode> {
  const [key, simulator] = [await ed25519Signer(generateSecret()), await ed25519Signer(generateSecret())];
  const { code } = await call(stage.owner.hub, hubRoutes.createNodeCode, { body: { name: 'cheat' } });
  const fetch: Service['fetch'] = (url, init) => {
    sent.push({ url, init });
    return wire(url, init);
  };
  const hub = await createHubLink(house.hub, { signer: key, fetch, now: Date.now });
  const { launch, isolation } = stage.node;
  const room = { launch, isolation, maxVcpu: 2, maxMemoryGiB: 2 };
  await hub.enrol({ code, name: 'cheat', key: key.key, simulator: simulator.key, ...room });
  return { hub, key, simulator };
}

beforeAll(async () => {
  open = await openHouse('cheats');
  ({ folder, cast, house, stage } = open);
  const fetch = tlsFetch({ caPem: house.caPem, timeoutMs: 60_000 });
  wire = (url, init) => fetch(url, init);
  ledger = { baseUrl: house.ledger.url, fetch: wire };
  node = await enrolNode();
  const pinned = { ...stage, node: { ...stage.node, simulator: node.simulator.key } };
  agreed = await offer(pinned, join(EXAMPLE, 'algorithm-python'), join(folder, 'pinned'));
}, 180_000);

afterAll(async () => {
  await open?.close();
}, 60_000);

const problemOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'accepted',
    (error: { problem?: string; code?: string }) => error.problem ?? error.code ?? 'not a refusal',
  );

const append = (cose: Uint8Array<ArrayBuffer>) =>
  call(ledger, ledgerRoutes.append, { body: cose, headers: { 'content-type': 'application/cose' } });

function say<T extends StatementType>(signer: Signer, iss: Digest, type: T, payload: PayloadOf<T>) {
  return createStatement(signer, { type, payload, iss, origin: house.ledger.origin, now: Date.now() });
}

async function newRoom() {
  const sign = await ed25519Signer(generateSecret());
  return { sign, keys: { sign: sign.key, receive: await publicKeyOf('X25519', generateSecret()) } };
}

/** Asks both vaults for the run's keys as a program of the node's operator would, with evidence it signed itself. */
async function askVaults(run: Digest, payload: PayloadOf<'run.requested'>, brought: readonly string[]) {
  const room = await newRoom();
  const vaults = [stage.steward.vault, stage.owner.vault];
  const challenges: string[] = [];
  const nonces: { vault: Digest; nonce: string }[] = [];
  for (const vault of vaults) {
    const { challenge } = await call(vault, vaultRoutes.challenge, { body: {} });
    const read = { key: vault.key, audience: 'room' };
    const { payload: found } = await verifyMessage('challenge', base64urlDecode(challenge), read);
    challenges.push(challenge);
    nonces.push({ vault: vault.kid, nonce: found.nonce });
  }
  const manifest = encodeManifest(await buildManifest(run, payload, [], 'simulated'));
  const hostData = await sha256(manifest);
  const reportData = await roomBinding(nonces, room.keys, hostData);
  const report = { launch: stage.node.launch, hostData, reportData, debug: false };
  const evidence = await simulatedEvidence(node.simulator, report, Math.floor(Date.now() / 1000));
  const statements = [...brought];
  const body = {
    run,
    manifest: base64urlEncode(manifest),
    room: room.keys,
    challenges,
    evidence,
    statements,
  };
  return Promise.all(vaults.map((vault) => problemOf(call(vault, vaultRoutes.release, { body }))));
}

test('an approval that the algorithm owner forged is refused by hub, ledger and vaults', async () => {
  let payload: PayloadOf<'run.requested'> | undefined;
  const run = await request(stage, agreed, (it) => (payload = it));
  if (!payload) throw new Error('The request was not made.');
  const { owner, steward } = stage;
  const approval = { salt: freshSalt(), contract: agreed.digest, run, org: steward.party.org };
  const inItsName = await say(owner.party.identity, steward.party.org, 'run.approved', approval);
  const inOwnName = await say(owner.party.identity, owner.party.org, 'run.approved', {
    ...approval,
    org: owner.party.org,
  });
  const unsigned = await say(steward.party.identity, steward.party.org, 'run.approved', approval);
  unsigned[unsigned.length - 1] = (unsigned.at(-1) ?? 0) ^ 1;
  const params = { runConfiguration: agreed.runConfiguration };
  for (const [cose, code] of [
    [inItsName, 'statement/wrong-signer'],
    [inOwnName, 'statement/wrong-signer'],
    [unsigned, 'statement/bad-signature'],
  ] as const) {
    const statement = base64urlEncode(cose);
    const toHub = call(owner.hub, hubRoutes.submitStatement, { params, body: { statement } });
    expect(await problemOf(toHub)).toMatch(/^(?:hub\/foreign-statement|statement\/)/);
    expect(await problemOf(append(cose))).toBe(code);
    expect(await problemOf(call(steward.vault, vaultRoutes.submit, { body: { statement } }))).toBe(code);
  }
  const offered = await signContract(owner, agreed.contract);
  const { cose: asked } = await requestOf(run);
  const brought = [offered, asked, ...[inItsName, unsigned].map(base64urlEncode)];
  expect(await askVaults(run, payload, brought)).toEqual(['vault/refused', 'vault/refused']);
  expect((await refusalReasons(stage, run)).map(({ code }) => code)).toEqual(
    expect.arrayContaining(['release/approval-missing', 'release/contract-signature']),
  );
  const note = { salt: freshSalt(), contract: agreed.digest, run, note: null, org: owner.party.org };
  const statement = await owner.sign('run.withdrawn', note);
  await call(owner.hub, hubRoutes.submitStatement, { params, body: { statement } });
}, 60_000);

async function requestOf(run: Digest): Promise<{ cose: string }> {
  const { statements } = await call(stage.owner.hub, hubRoutes.run, { params: { run } });
  const [found] = statements;
  if (!found) throw new Error('The run has no statements.');
  return found;
}

async function play(work: Work, change: { hostData?: Uint8Array<ArrayBuffer> } = {}) {
  const { ledgerOrigin, storeOrigins } = await node.hub.describe();
  return runRoom({
    ...(await prepareWork(work, 'simulated')),
    work,
    hubUrl: house.hub,
    ledgerOrigin,
    storeOrigins,
    caPem: house.caPem,
    spool: folder,
    platform: simulatedPlatform({
      simulator: node.simulator,
      launch: stage.node.launch,
      now: Date.now,
    }),
    onStderr: () => undefined,
    signal: new AbortController().signal,
    ...change,
  });
}

const LENIENT = '{"report":{"type":"dict","allow_unknown":true}}';

test('a node’s operator makes an honest room neither forget the criteria nor take another run', async () => {
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  const work = await node.hub.takeWork([], new AbortController().signal);
  if (!work) throw new Error('The hub offered no work.');
  expect(work.run).toBe(run);
  const criteria = base64urlEncode(utf8Encode(LENIENT));
  expect(await play({ ...work, criteria })).toEqual({ end: 'lost', code: 'room/not-permitted' });
  const hostData = await sha256(utf8Encode('another run'));
  expect(await play(work, { hostData })).toEqual({ end: 'lost', code: 'room/evidence' });
  const statements = work.statements.filter(
    ({ cose }) => !Buffer.from(cose, 'base64url').includes('sealroom.run.approved+json'),
  );
  expect(await play({ ...work, statements })).toEqual({ end: 'lost', code: 'room/not-permitted' });
  // The same work untouched runs: none of the attempts reserved a key.
  expect(await play(work)).toEqual({ end: 'completed' });
  expect((await untilEnded(stage, run)).status).toBe('Run Completed');
}, 120_000);

test('a node’s request is not taken twice, nor for another address', async () => {
  const taken = sent.findLast(({ url }) => url.endsWith(hubRoutes.takeWork.path));
  if (!taken) throw new Error('The node has asked for no work.');
  const codeOf = async (answer: Response) => ((await answer.json()) as { code?: string }).code;
  expect(await codeOf(await wire(taken.url, taken.init))).toBe('hub/node-request');
  const headers = new Headers(taken.init.headers);
  headers.set('content-type', 'application/json');
  const other = `${house.hub}${hubRoutes.reportRun.path.replace('{run}', agreed.digest)}`;
  const body = JSON.stringify({ outcome: 'failed', detail: 'room/lost' });
  expect(await codeOf(await wire(other, { method: 'POST', headers, body }))).toBe('hub/node-request');
}, 60_000);

test('the algorithm owner’s vault alone cannot make up the end of a run', async () => {
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  const { owner } = stage;
  const secret = (await readFile(join(house.directory, 'vault-vendor', 'vault.key'), 'utf8')).trim();
  const vault = await ed25519Signer(base64urlDecode(secret));
  expect(vault.kid).toBe(await keyThumbprint(owner.vault.key));
  const room = await newRoom();
  const base = {
    salt: freshSalt(),
    contract: agreed.digest,
    run,
    manifest: agreed.digest,
    room: room.keys,
  };
  const at = new Date().toISOString();
  await append(
    await say(vault, owner.party.org, 'key.reserved', {
      ...base,
      technology: 'simulated',
      platform: node.simulator.kid,
      evidence: agreed.digest,
      debit: { runs: 1 },
      at,
    }),
  );
  const end = { outcome: 'completed' as const, bits: 1, bytes: 1024 };
  await append(await say(vault, owner.party.org, 'output.cleared', { ...base, ...end, at }));
  const finished = await say(room.sign, run, 'run.finished', {
    ...base,
    ...end,
    datasets: [stage.dataset],
    algorithms: [agreed.algorithm],
    criteria: stage.criteria,
    evidence: agreed.digest,
    output: agreed.digest,
    envelope: agreed.digest,
    isolation: 'process',
    technology: 'simulated',
    platform: node.simulator.kid,
    custody: [],
    answers: [],
    startedAt: at,
    finishedAt: at,
  });
  expect(await problemOf(append(finished))).toBe('statement/wrong-state');
  expect((await call(owner.hub, hubRoutes.run, { params: { run } })).hasReceipt).toBe(false);
}, 60_000);

async function storedFile(name: string): Promise<string> {
  const found = await readdir(join(house.directory, 'hub'), { recursive: true });
  const path = found.find((item) => item.endsWith(name));
  if (!path) throw new Error(`The store holds no ${name}.`);
  return join(house.directory, 'hub', path);
}

test('a dataset that the store’s operator swapped fails the run, and nothing leaves', async () => {
  const honest = await offer(stage, join(EXAMPLE, 'algorithm-javascript'), join(folder, 'javascript'));
  const path = await storedFile('validation.csv');
  const sealed = await readFile(path);
  const swapped = Buffer.from(sealed);
  swapped[swapped.length >> 1] = (swapped[swapped.length >> 1] ?? 0) ^ 1;
  await writeFile(path, swapped);
  const run = await request(stage, honest);
  await initiate(stage, honest, run);
  const ended = await untilEnded(stage, run);
  await writeFile(path, sealed);
  expect(ended).toMatchObject({ status: 'Run Failed', detail: 'room/staging', hasOutput: false });
}, 120_000);

test('an outsider sees nothing of the project and cannot end its contract or its people’s keys', async () => {
  const intruder = await createParty('intruder', 'data-steward');
  const session = await joinHouse(house, intruder, house.vaults['vendor'] ?? '');
  const { hub } = session;
  const { project, criteria } = stage;
  const { runConfiguration } = agreed;
  const { runs } = await call(stage.owner.hub, hubRoutes.runs, { params: { project } });
  const run = runs[0]?.run ?? agreed.digest;
  const attempts = [
    () => call(hub, hubRoutes.artifacts, { params: { project } }),
    () => call(hub, hubRoutes.document, { params: { project, digest: criteria } }),
    () => call(hub, hubRoutes.runs, { params: { project } }),
    () => call(hub, hubRoutes.run, { params: { run } }),
    () => call(hub, hubRoutes.output, { params: { run } }),
    () => call(hub, hubRoutes.receipt, { params: { run } }),
    () => call(hub, hubRoutes.runConfiguration, { params: { runConfiguration } }),
    () => call(hub, hubRoutes.createStore, { params: { project }, body: {} }),
  ];
  for (const attempt of attempts) expect(await problemOf(attempt())).toBe('hub/not-found');
  const { cose } = await requestOf(run);
  const digest = await sha256(base64urlDecode(cose));
  const params = { digest: `sha256:${Buffer.from(digest).toString('hex')}` as const };
  expect(await problemOf(call(ledger, ledgerRoutes.statement, { params }))).toBe('ledger/unknown-statement');

  const vaults = [{ key: cast.steward.identity.key, url: 'https://vault.example', custody: 'own' as const }];
  const root = await ed25519Signer(generateSecret());
  const claim = { salt: freshSalt(), root: root.key, domain: 'x.example', vaults, prev: null };
  expect(await problemOf(append(await say(root, root.kid, 'participant.registered', claim)))).toBe(
    'statement/wrong-state',
  );
  const revoked = { salt: freshSalt(), org: intruder.org, kid: cast.steward.identity.kid, note: null };
  const revocation = { ...revoked, prev: agreed.digest };
  expect(
    await problemOf(append(await say(intruder.root, intruder.org, 'identity.revoked', revocation))),
  ).toBe('statement/wrong-state');
  const suspension = { salt: freshSalt(), contract: agreed.digest, org: intruder.org, note: null };
  const stop = { ...suspension, prev: agreed.digest };
  expect(
    await problemOf(append(await say(intruder.identity, intruder.org, 'contract.suspended', stop))),
  ).toBe('statement/wrong-signer');
}, 60_000);
