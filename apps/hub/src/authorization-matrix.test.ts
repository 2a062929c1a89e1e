// Each route of the hub × each caller × each state of a run, and each act that people sign × each side × each state: what
// comes of it, in one table. The tables' types make a route, caller or state without an entry an error, and the tests
// count them. authorization.test.ts plays the same routes to their good end; here most callers should not be there.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, canonicalBytes, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { freshSalt, type PayloadOf } from '@sealroom/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, startHub } from './testing/hub-for-tests.ts';
import { as, bearer, joinHub, type Party, say, tell } from './testing/parties-for-tests.ts';
import { finishRoom, startRoom } from './testing/room-for-tests.ts';
import { base } from './testing/shelf-for-tests.ts';
import {
  enrol,
  initiateRun,
  newNode,
  newWorld,
  nodeService,
  requestRun,
  signContract,
  submit,
  type World,
} from './testing/world-for-tests.ts';

type RouteName = keyof typeof hubRoutes;

const STATES = ['offered', 'requested', 'running', 'completed', 'cancelled', 'revoked'] as const;
type State = (typeof STATES)[number];
const ACTORS = [
  'nobody',
  'operator',
  'revoked',
  'expired',
  'stranger',
  'steward',
  'owner',
  'room',
  'node',
  'other node',
] as const;
type ActorName = (typeof ACTORS)[number];

/** Status and, for a refusal, its code. A record tells states apart. */
type Outcome = string | Readonly<Record<State, string>>;
type Row = Readonly<Record<ActorName, Outcome>>;

const every = (outcome: Outcome): Row =>
  Object.fromEntries(ACTORS.map((name) => [name, outcome])) as unknown as Row;
const MALFORMED = '400 statement/malformed';
const NO_SESSION = '401 hub/no-session';
const NOT_FOUND = '404 hub/not-found';
const NO_NODE = '401 hub/unknown-node';
/** A person's route. */
const people = (outcomes: { stranger: Outcome; steward: Outcome; owner: Outcome }): Row => ({
  ...every(NO_SESSION),
  ...outcomes,
});
const ofProject = people({ stranger: NOT_FOUND, steward: '200', owner: '200' });
const ofRun = (outcome: Outcome): Row => people({ stranger: NOT_FOUND, steward: outcome, owner: outcome });
const inState = (usual: string, others: Partial<Record<State, string>>): Readonly<Record<State, string>> =>
  ({ ...Object.fromEntries(STATES.map((state) => [state, usual])), ...others }) as Record<State, string>;
const onceFinished = inState(NOT_FOUND, { completed: '200' });
const onceRequested = inState('200', { offered: NOT_FOUND });
const onceKnown = inState(MALFORMED, { offered: NOT_FOUND });

const ROUTES: { readonly [name in RouteName]: Row } = {
  describe: every('200'),
  challenge: every('200'),
  openSession: every(MALFORMED),
  registerOrganisation: every(MALFORMED),
  addIdentity: every(MALFORMED),
  revokeIdentity: every(MALFORMED),
  organisation: people({ stranger: '200', steward: '200', owner: '200' }),
  createProject: people({ stranger: '400 hub/not-a-participant', steward: '200', owner: '200' }),
  projects: people({ stranger: '200', steward: '200', owner: '200' }),
  project: ofProject,
  publish: people({ stranger: NOT_FOUND, steward: '403 hub/foreign-statement', owner: '200' }),
  artifacts: ofProject,
  document: ofProject,
  createStore: ofProject,
  createRunConfiguration: people({
    stranger: NOT_FOUND,
    steward: '403 hub/foreign-statement',
    owner: inState('409 hub/not-unique', { revoked: '200' }),
  }),
  runConfigurations: ofProject,
  runConfiguration: ofProject,
  submitStatement: people({ stranger: NOT_FOUND, steward: MALFORMED, owner: MALFORMED }),
  runs: ofProject,
  run: ofRun(onceRequested),
  output: ofRun(onceFinished),
  envelope: ofRun(onceFinished),
  receipt: ofRun(onceFinished),
  roomEvent: every(onceKnown),
  roomUpload: every(onceKnown),
  createNodeCode: people({ stranger: '200', steward: '200', owner: '200' }),
  enrolNode: every(MALFORMED),
  nodes: people({ stranger: '200', steward: '200', owner: '200' }),
  takeWork: { ...every(NO_NODE), node: '200', 'other node': '200' },
  // Only the node that has the run; in these states none has, or the run is another's.
  reportRun: { ...every(NO_NODE), node: inState(NOT_FOUND, { running: '200' }), 'other node': NOT_FOUND },
};

type Scene = {
  readonly world: World;
  readonly run: Digest;
  readonly room: Signer;
  readonly otherNode: Signer;
};
let hub: Hub;
let stranger: Party;
let revoked: string;
let expired: string;
const scenes = new Map<State, Scene>();
const junk = base64urlEncode(utf8Encode('junk'));

const person = (party: Party) => ({ person: party.person, org: party.org });

async function cancel(world: World, run: Digest): Promise<void> {
  const payload = { salt: freshSalt(), contract: world.digest, run, org: world.owner.org, note: null };
  const { person: signer, org } = person(world.owner);
  await submit(world, world.owner, await say(hub, signer, { type: 'run.cancelled', payload, iss: org }));
}

async function stop(world: World, type: 'contract.revoked' | 'contract.suspended', by: Party): Promise<void> {
  const { digest } = world;
  const payload = { salt: freshSalt(), contract: digest, org: by.org, note: null, prev: digest };
  await submit(world, by, await say(hub, by.person, { type, payload, iss: by.org }));
}

/** A project of its own, brought to the state. */
async function setScene(state: State): Promise<Scene> {
  const world = await newWorld(hub);
  const other = await newNode();
  await enrol(hub, stranger, other);
  const nothing = await sha256Digest(utf8Encode(`no run ${state}`));
  const scene = { world, run: nothing, room: await ed25519Signer(generateSecret()), otherNode: other.signer };
  if (state === 'offered') return scene;
  const run = await requestRun(world);
  if (state === 'requested') return { ...scene, run };
  if (state === 'cancelled') {
    await cancel(world, run);
    return { ...scene, run };
  }
  if (state === 'revoked') {
    await stop(world, 'contract.revoked', world.owner);
    return { ...scene, run };
  }
  await initiateRun(world, run);
  if (state === 'running')
    await call(nodeService(hub, world.node.signer), hubRoutes.takeWork, { body: { running: [] } });
  const room = await startRoom(world, run);
  if (state === 'completed') await finishRoom(world, room);
  return { ...scene, run, room: room.sign };
}

beforeAll(async () => {
  hub = await startHub();
  stranger = await joinHub(hub, 'stranger');
  for (const state of STATES) scenes.set(state, await setScene(state));
  const leaver = await joinHub(hub, 'leaver');
  const { org } = leaver;
  const payload = { salt: freshSalt(), org, kid: leaver.person.kid, note: null, prev: org };
  const statement = await say(hub, leaver.root, { type: 'identity.revoked', payload, iss: org });
  await call(hub.service, hubRoutes.revokeIdentity, { body: { statement } });
  revoked = leaver.token;
  const late = await joinHub(hub, 'late');
  expired = late.token;
  await hub.db
    .updateTable('sessions')
    .set({ expires_at: new Date(hub.clock.now) })
    .where('kid', '=', late.person.kid)
    .execute();
}, 120_000);
afterAll(() => hub.close());

type Request = { readonly params?: Readonly<Record<string, string>>; readonly body?: unknown };

async function requestFor(name: RouteName, { world, run }: Scene): Promise<Request> {
  const { project, runConfiguration, owner, steward } = world;
  const params = { project, runConfiguration, run, org: owner.org, digest: world.shelf.criteria };
  const bodies: Partial<Record<RouteName, unknown>> = {
    challenge: {},
    openSession: { proof: junk },
    registerOrganisation: { name: 'x', statement: junk },
    addIdentity: { name: 'x', statement: junk },
    revokeIdentity: { statement: junk },
    createProject: {
      name: 'P',
      participants: [
        { org: steward.org, role: 'data-steward' },
        { org: owner.org, role: 'algorithm-owner' },
      ],
    },
    publish: { statement: await acceptanceBy(world) },
    createStore: {},
    createRunConfiguration: {
      name: 'again',
      statement: await signContract(hub, owner, { ...world.contract, salt: freshSalt() }),
    },
    submitStatement: { statement: junk },
    roomEvent: { event: junk },
    roomUpload: { upload: junk, sealed: null, envelope: null, statement: junk, parts: junk },
    createNodeCode: { name: 'n' },
    enrolNode: { enrolment: junk },
    takeWork: { running: [] },
    reportRun: { outcome: 'failed', detail: 'x' },
  };
  return { params, body: bodies[name] };
}

async function acceptanceBy({ owner, project, shelf }: World): Promise<string> {
  const payload = { ...base(owner, project), document: shelf.attestation, note: null };
  return say(hub, owner.person, { type: 'attestation.accepted', payload, iss: owner.org });
}

async function authorization(
  actor: ActorName,
  { world, room, otherNode }: Scene,
  { method, path, body }: { method: string; path: string; body: unknown },
): Promise<string | undefined> {
  const bearers: Partial<Record<ActorName, string>> = {
    // The operator can make codes; none of them is a session.
    operator: 'B'.repeat(43),
    revoked,
    expired,
    stranger: stranger.token,
    steward: world.steward.token,
    owner: world.owner.token,
  };
  const token = bearers[actor];
  if (token !== undefined) return bearer(token).authorization;
  const signers: Partial<Record<ActorName, Signer>> = {
    room,
    node: world.node.signer,
    'other node': otherNode,
  };
  const signer = signers[actor];
  if (!signer) return undefined;
  const nonce = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
  const digest = await sha256Digest(canonicalBytes(body ?? {}));
  const payload = { method, path, body: digest, nonce, at: new Date(hub.clock.now).toISOString() };
  return `Node ${await tell(hub, signer, { name: 'node-request', payload })}`;
}

async function outcomeOf(name: RouteName, actor: ActorName, scene: Scene): Promise<string> {
  const { method, path } = hubRoutes[name];
  const { params = {}, body } = await requestFor(name, scene);
  const filled = path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param] ?? ''));
  const given = await authorization(actor, scene, { method, path: filled, body });
  const headers: Record<string, string> = given === undefined ? {} : { authorization: given };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const init = { method, headers, ...(body === undefined ? {} : { body: canonicalBytes(body) }) };
  const response = await hub.request(filled, init);
  if (response.headers.get('content-type') !== 'application/problem+json') return String(response.status);
  return `${response.status} ${((await response.json()) as { code: string }).code}`;
}

it('has an outcome for every route, caller and state', () => {
  expect(Object.keys(ROUTES).toSorted()).toEqual(Object.keys(hubRoutes).toSorted());
  let pairs = 0;
  for (const row of Object.values(ROUTES)) {
    expect(Object.keys(row).toSorted()).toEqual(ACTORS.toSorted());
    pairs += Object.keys(row).length * STATES.length;
  }
  expect(pairs).toBe(Object.keys(hubRoutes).length * ACTORS.length * STATES.length);
});

const expected = (name: RouteName, actor: ActorName, state: State): string => {
  const outcome = ROUTES[name][actor];
  return typeof outcome === 'string' ? outcome : outcome[state];
};

describe.each(STATES)('a run that is %s', (state) => {
  it.each(Object.keys(ROUTES) as RouteName[])('gives each caller of %s what the table says', async (name) => {
    const scene = scenes.get(state);
    if (!scene) throw new Error('no scene');
    for (const actor of ACTORS)
      expect([actor, await outcomeOf(name, actor, scene)]).toEqual([actor, expected(name, actor, state)]);
  });
});

// What people sign about a contract and its runs. Each side signs with its own key in its own name.
const ACTS = [
  'contract.signed',
  'contract.suspended',
  'contract.resumed',
  'contract.revoked',
  'run.requested',
  'run.approved',
  'run.rejected',
  'run.withdrawn',
  'run.cancelled',
  'key.reserved',
  'output.cleared',
  'dataset.withdrawn',
] as const;
type Act = (typeof ACTS)[number];
type Side = 'steward' | 'owner';

const WRONG_STATE = '409 statement/wrong-state';
const WRONG_SIGNER = '403 statement/wrong-signer';
const REPEATED = '409 statement/repeated';
const MISMATCH = '400 hub/contract-mismatch';
const WRONG_TYPE = '400 hub/wrong-type';
const taken = '200';

const ended = { completed: WRONG_STATE, cancelled: WRONG_STATE };
const ACT_TABLE: { readonly [act in Act]: Readonly<Record<Side, Outcome>> } = {
  'contract.signed': {
    steward: inState(taken, { running: REPEATED, completed: REPEATED }),
    owner: REPEATED,
  },
  'contract.suspended': {
    steward: inState(taken, { revoked: WRONG_STATE }),
    owner: inState(taken, { revoked: WRONG_STATE }),
  },
  // Nothing is suspended in these states.
  'contract.resumed': { steward: WRONG_STATE, owner: WRONG_STATE },
  'contract.revoked': {
    steward: inState(taken, { revoked: WRONG_STATE }),
    owner: inState(taken, { revoked: WRONG_STATE }),
  },
  'run.requested': {
    // The contract of the world gives everybody every use: what stops the steward is at the vault (release/request-signer).
    steward: inState(WRONG_STATE, { running: '409 hub/run-in-progress', completed: taken }),
    owner: inState('409 hub/run-in-progress', {
      offered: taken,
      completed: taken,
      cancelled: taken,
      revoked: WRONG_STATE,
    }),
  },
  'run.approved': {
    steward: inState(WRONG_STATE, { offered: MISMATCH }),
    owner: inState(WRONG_SIGNER, { offered: MISMATCH, ...ended }),
  },
  'run.rejected': {
    steward: inState(taken, { offered: MISMATCH, running: WRONG_STATE, ...ended }),
    owner: inState(WRONG_SIGNER, { offered: MISMATCH, ...ended }),
  },
  'run.withdrawn': {
    steward: inState(WRONG_SIGNER, { offered: MISMATCH, ...ended }),
    owner: inState(taken, { offered: MISMATCH, running: WRONG_STATE, ...ended }),
  },
  'run.cancelled': {
    steward: inState(taken, { offered: MISMATCH, ...ended }),
    owner: inState(taken, { offered: MISMATCH, ...ended }),
  },
  'key.reserved': { steward: inState(WRONG_TYPE, {}), owner: WRONG_TYPE },
  'output.cleared': { steward: WRONG_TYPE, owner: WRONG_TYPE },
  'dataset.withdrawn': { steward: MISMATCH, owner: MISMATCH },
};

async function statementOf(act: Act, by: Party, { world, run }: Scene): Promise<string> {
  const { digest: contract, shelf, project, runConfiguration } = world;
  const about = { salt: freshSalt(), contract };
  const room = { sign: by.person.key, receive: by.receiving };
  const at = new Date(hub.clock.now).toISOString();
  const payloads: { [type in Exclude<Act, 'contract.signed'>]: PayloadOf<type> } = {
    'contract.suspended': { ...about, org: by.org, note: null, prev: contract },
    'contract.resumed': { ...about, org: by.org, suspension: contract, note: null, prev: contract },
    'contract.revoked': { ...about, org: by.org, note: null, prev: contract },
    'run.requested': {
      ...about,
      contracts: [contract],
      project,
      runConfiguration,
      datasets: [shelf.dataset],
      algorithm: shelf.algorithm,
      criteria: shelf.criteria,
      parameters: {},
      vcpu: 1,
      memoryGiB: 1,
    },
    'run.approved': { ...about, run, org: by.org },
    'run.rejected': { ...about, run, org: by.org, note: null },
    'run.withdrawn': { ...about, run, org: by.org, note: null },
    'run.cancelled': { ...about, run, org: by.org, note: null },
    'key.reserved': {
      ...about,
      run,
      manifest: run,
      room,
      technology: 'simulated',
      platform: run,
      evidence: run,
      debit: { runs: 1 },
      at,
    },
    'output.cleared': { ...about, run, manifest: run, room, outcome: 'completed', bits: 1, bytes: 1, at },
    'dataset.withdrawn': { ...base(by, project), digest: shelf.dataset, note: null, prev: shelf.dataset },
  };
  // A second later: the very same bytes again would only be the answer that was lost.
  const later = { ...hub, clock: { now: hub.clock.now + 1000 } };
  if (act === 'contract.signed') return signContract(later, by, world.contract);
  return say(hub, by.person, { type: act, payload: payloads[act] as never, iss: by.org });
}

describe.each(STATES)('people of a project whose run is %s', (state) => {
  it('sign what the table lets them, and nothing else counts', async () => {
    let scene = await setScene(state);
    for (const act of ACTS) {
      for (const side of ['steward', 'owner'] as const) {
        const outcome = ACT_TABLE[act][side];
        const wanted = typeof outcome === 'string' ? outcome : outcome[state];
        const statement = await statementOf(act, scene.world[side], scene);
        const got = await submit(scene.world, scene.world[side], statement).then(
          () => taken,
          (error: { status?: number; problem?: string }) => `${error.status} ${error.problem}`,
        );
        expect([act, side, got]).toEqual([act, side, wanted]);
        // Handed in by the other side it is not taken, whoever signed it.
        const other = scene.world[side === 'steward' ? 'owner' : 'steward'];
        await expect(submit(scene.world, other, statement)).rejects.toMatchObject({
          problem: 'hub/foreign-statement',
        });
        if (got === taken) scene = await setScene(state);
      }
    }
  }, 180_000);
});

it('what one organisation owns is not found by another through any of its names', async () => {
  const [mine, theirs] = [scenes.get('completed'), scenes.get('requested')];
  if (!mine || !theirs) throw new Error('no scenes');
  const { owner } = mine.world;
  const attempts = [
    () =>
      as(hub, owner, hubRoutes.document, {
        params: { project: mine.world.project, digest: theirs.world.shelf.criteria },
      }),
    () =>
      as(hub, owner, hubRoutes.document, {
        params: { project: theirs.world.project, digest: mine.world.shelf.criteria },
      }),
    () => as(hub, owner, hubRoutes.run, { params: { run: theirs.run } }),
    () =>
      as(hub, owner, hubRoutes.runConfiguration, {
        params: { runConfiguration: theirs.world.runConfiguration },
      }),
    () => submit({ ...mine.world, runConfiguration: theirs.world.runConfiguration }, owner, junk),
  ];
  for (const attempt of attempts)
    await expect(attempt()).rejects.toMatchObject({ problem: 'hub/not-found', status: 404 });
  const { projects } = await as(hub, owner, hubRoutes.projects, {});
  expect(projects.map(({ project }) => project)).toContain(mine.world.project);
  expect(projects.map(({ project }) => project)).not.toContain(theirs.world.project);
});
