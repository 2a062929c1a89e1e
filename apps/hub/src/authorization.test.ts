// Who may call what: one row for every route of the hub's API, played as nobody, as a signed-in stranger and as a
// participant. The table's type makes a route without a row an error; a test counts them as well.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, canonicalBytes, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { freshSalt } from '@sealroom/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, startHub } from './testing/hub-for-tests.ts';
import { bearer, joinHub, type Party, say } from './testing/parties-for-tests.ts';
import { finishRoom, startRoom } from './testing/room-for-tests.ts';
import { base } from './testing/shelf-for-tests.ts';
import { initiateRun, newWorld, requestRun, signContract, type World } from './testing/world-for-tests.ts';

type RouteName = keyof typeof hubRoutes;
type Values = { readonly [name: string]: string };
type Request = { readonly params?: Values; readonly body?: unknown };
type Row =
  /** No session is asked for: the body carries its own proof, or there is nothing to protect. */
  | { readonly who: 'anyone'; readonly with: () => Request }
  /** Any signed-in person. */
  | { readonly who: 'person'; readonly with: () => Request }
  /** People of the project; others see what they would see if it did not exist. */
  | { readonly who: 'participant'; readonly with: () => Request | Promise<Request>; readonly status?: number }
  | { readonly who: 'node'; readonly with: () => Request };

let hub: Hub;
let world: World;
let stranger: Party;
let run: string;
let document: string;
const junk = base64urlEncode(utf8Encode('junk'));

beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
  stranger = await joinHub(hub, 'stranger');
  const digest = await requestRun(world);
  await initiateRun(world, digest);
  await finishRoom(world, await startRoom(world, digest));
  run = digest;
  document = world.shelf.criteria;
});
afterAll(() => hub.close());

const inProject = (): Request => ({ params: { project: world.project } });
const inConfiguration = (): Request => ({ params: { runConfiguration: world.runConfiguration } });
const inRun = (): Request => ({ params: { run } });

async function acceptance(): Promise<string> {
  const payload = { ...base(world.owner, world.project), document: world.shelf.attestation, note: null };
  return say(hub, world.owner.person, { type: 'attestation.accepted', payload, iss: world.owner.org });
}

async function suspension(): Promise<string> {
  const payload = { salt: freshSalt(), contract: world.digest, org: world.owner.org, note: null };
  const { person, org } = world.owner;
  return say(hub, person, {
    type: 'contract.suspended',
    payload: { ...payload, prev: world.digest },
    iss: org,
  });
}

const ROWS: { readonly [name in RouteName]: Row } = {
  describe: { who: 'anyone', with: () => ({}) },
  challenge: { who: 'anyone', with: () => ({ body: {} }) },
  openSession: { who: 'anyone', with: () => ({ body: { proof: junk } }) },
  registerOrganisation: { who: 'anyone', with: () => ({ body: { name: 'x', statement: junk } }) },
  addIdentity: { who: 'anyone', with: () => ({ body: { name: 'x', statement: junk } }) },
  revokeIdentity: { who: 'anyone', with: () => ({ body: { statement: junk } }) },
  organisation: { who: 'person', with: () => ({ params: { org: world.owner.org } }) },
  createProject: {
    who: 'person',
    // Each caller names itself and the other; what counts here is that a session is asked for.
    with: () => ({ body: { name: 'P', participants: participants() } }),
  },
  projects: { who: 'person', with: () => ({}) },
  project: { who: 'participant', with: inProject },
  publish: {
    who: 'participant',
    with: async () => ({ ...inProject(), body: { statement: await acceptance() } }),
  },
  artifacts: { who: 'participant', with: inProject },
  document: { who: 'participant', with: () => ({ params: { project: world.project, digest: document } }) },
  createStore: { who: 'participant', with: () => ({ ...inProject(), body: {} }) },
  createRunConfiguration: {
    who: 'participant',
    with: async () => {
      const statement = await signContract(hub, world.owner, { ...world.contract, salt: freshSalt() });
      return { ...inProject(), body: { name: 'again', statement } };
    },
    // Allowed, and refused for another reason: the pair has its configuration.
    status: 409,
  },
  runConfigurations: { who: 'participant', with: inProject },
  runConfiguration: { who: 'participant', with: inConfiguration },
  submitStatement: {
    who: 'participant',
    with: async () => ({ ...inConfiguration(), body: { statement: await suspension() } }),
  },
  runs: { who: 'participant', with: inProject },
  run: { who: 'participant', with: inRun },
  output: { who: 'participant', with: inRun },
  envelope: { who: 'participant', with: inRun },
  receipt: { who: 'participant', with: inRun },
  roomEvent: { who: 'anyone', with: () => ({ ...inRun(), body: { event: junk } }) },
  roomUpload: {
    who: 'anyone',
    with: () => {
      const body = { upload: junk, sealed: null, envelope: null, statement: junk, parts: junk };
      return { ...inRun(), body };
    },
  },
  createNodeCode: { who: 'person', with: () => ({ body: { name: 'n' } }) },
  enrolNode: { who: 'anyone', with: () => ({ body: { enrolment: junk } }) },
  nodes: { who: 'person', with: () => ({}) },
  takeWork: { who: 'node', with: () => ({ body: { running: [] } }) },
  reportRun: { who: 'node', with: () => ({ ...inRun(), body: { outcome: 'failed', detail: 'x' } }) },
};

function participants() {
  return [
    { org: world.steward.org, role: 'data-steward' },
    { org: world.owner.org, role: 'algorithm-owner' },
  ];
}

async function send(name: RouteName, { params = {}, body }: Request, party?: Party) {
  const { method, path } = hubRoutes[name];
  const filled = path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param] ?? ''));
  const headers: Record<string, string> = party ? bearer(party.token) : {};
  if (body === undefined) return hub.request(filled, { method, headers });
  headers['content-type'] = 'application/json';
  return hub.request(filled, { method, headers, body: canonicalBytes(body) });
}

type Seen = { readonly status: number; readonly code: string | undefined; readonly text: string };

async function seen(response: Response): Promise<Seen> {
  const text = await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  const problem = isProblem ? (JSON.parse(text) as { code: string; instance: string }) : undefined;
  return {
    status: response.status,
    code: problem?.code,
    text: problem ? text.replace(problem.instance, '') : '',
  };
}

/** The same request about things that nobody has. */
async function about(request: Request): Promise<Request> {
  const nothing = { project: 'project-of-nobody', runConfiguration: 'rc-of-nobody' };
  const names = Object.keys(request.params ?? {});
  const missing = await sha256Digest(utf8Encode('nothing'));
  const params = Object.fromEntries(
    names.map((name) => [name, name in nothing ? nothing[name as keyof typeof nothing] : missing]),
  );
  return { ...request, params };
}

const rows = Object.entries(ROWS) as [RouteName, Row][];
const rowsFor = (who: Row['who']) => rows.filter(([, row]) => row.who === who);

it('has a row for every route', () => {
  expect(Object.keys(ROWS).toSorted()).toEqual(Object.keys(hubRoutes).toSorted());
  expect(rows.length).toBeGreaterThan(25);
});

describe('routes for people', () => {
  it.each([...rowsFor('person'), ...rowsFor('participant')])(
    '%s refuses who has no session',
    async (name, row) => {
      expect(await seen(await send(name, await row.with()))).toMatchObject({
        status: 401,
        code: 'hub/no-session',
      });
    },
  );

  it.each([...rowsFor('person'), ...rowsFor('participant')])(
    '%s refuses a made-up token',
    async (name, row) => {
      const party = { ...world.owner, token: 'A'.repeat(43) };
      expect(await seen(await send(name, await row.with(), party))).toMatchObject({
        status: 401,
        code: 'hub/no-session',
      });
    },
  );

  it.each(rowsFor('person'))('%s answers a signed-in person', async (name, row) => {
    expect((await send(name, await row.with(), world.owner)).status).toBe(200);
  });

  it.each(rowsFor('participant'))('%s looks to a stranger as if there were nothing', async (name, row) => {
    const request = await row.with();
    const refused = await seen(await send(name, request, stranger));
    expect(refused).toMatchObject({ status: 404, code: 'hub/not-found' });
    expect(await seen(await send(name, await about(request), stranger))).toEqual(refused);
  });

  it.each(rowsFor('participant'))('%s answers a participant', async (name, row) => {
    const expected = row.who === 'participant' ? (row.status ?? 200) : 200;
    const answer = await seen(await send(name, await row.with(), world.owner));
    expect([name, answer.status, answer.text]).toEqual([name, expected, expect.any(String)]);
  });
});

describe('routes with proofs of their own', () => {
  it.each(rowsFor('anyone'))('%s asks nobody for a session', async (name, row) => {
    expect((await seen(await send(name, await row.with()))).code).not.toBe('hub/no-session');
  });

  it.each(rowsFor('node'))('%s takes neither nobody nor a person', async (name, row) => {
    for (const party of [undefined, world.owner])
      expect(await seen(await send(name, await row.with(), party))).toMatchObject({
        status: 401,
        code: 'hub/unknown-node',
      });
  });
});
