// Every call of the hub that takes a body, with one wrong value at a time: refused, and never a fault of the server.
import { hubRoutes, type Route } from '@sealroom/api';
import { base64urlEncode, canonicalBytes, type Json, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt } from '@sealroom/contract';
import { mutations } from '@sealroom/testkit/mutations';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hub, startHub } from './testing/hub-for-tests.ts';
import { as, bearer, identity, newKeys, registration, say, tell } from './testing/parties-for-tests.ts';
import {
  clear,
  eventOf,
  finishedBy,
  newRoom,
  release,
  type Room,
  uploadOf,
} from './testing/room-for-tests.ts';
import { base, details, random, storeUrl, versionOf } from './testing/shelf-for-tests.ts';
import {
  initiateRun,
  newNode,
  newWorld,
  nodeService,
  requestRun,
  signContract,
  type World,
} from './testing/world-for-tests.ts';

let hub: Hub;
let world: World;
let room: Room;
let bodies: Readonly<Partial<Record<keyof typeof hubRoutes, Json>>>;

beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
  bodies = await makeBodies();
}, 60_000);
afterAll(() => hub.close());

/** A right body for each call; none of them was handed in yet. */
async function makeBodies() {
  const { steward, owner, project, shelf, node } = world;
  const run = await requestRun(world);
  await initiateRun(world, run);
  room = await newRoom(world, run);
  const { answer, reservation } = await release(world, steward, room);
  const second = await release(world, owner, room);
  const event = await eventOf(world, room, 'Runtime Build');
  const cleared = [await clear(world, steward, room), await clear(world, owner, room)];
  const statement = await finishedBy(world, room);
  const upload = await uploadOf(world, room, { sealed: null, envelope: null, cleared, statement });
  const keys = await newKeys();
  const { challenge } = await call(hub.service, hubRoutes.challenge, { body: {} });
  const { code } = await as(hub, owner, hubRoutes.createNodeCode, { body: { name: 'N' } });
  const fresh = await newNode();
  const facts = { key: fresh.signer.key, simulator: fresh.simulator.key, launch: node.launch };
  const enrolment = { code, name: 'n', ...facts, isolation: 'process' as const, maxVcpu: 1, maxMemoryGiB: 1 };
  const version = await versionOf(await random(), 2);
  const code2 = { image: null, base: 'host', builder: 'owner', recipe: null, mode: 'validation' } as const;
  const algorithm = { ...base(owner, project), ...version, ...code2, criteria: shelf.criteria };
  const stop = { salt: freshSalt(), contract: world.digest, org: owner.org, note: null, prev: world.digest };
  const iss = owner.org;
  expect(second.answer).not.toBe(answer);
  // The node has the run, so that its word about it counts.
  await call(nodeService(hub, node.signer), hubRoutes.takeWork, { body: { running: [] } });
  return {
    openSession: { proof: await tell(hub, owner.person, { name: 'session-proof', payload: { challenge } }) },
    registerOrganisation: { name: 'new', statement: await registration(hub, keys, 'new.example'), code: 'x' },
    addIdentity: { name: 'new', statement: await identity(hub, keys) },
    revokeIdentity: {
      statement: await say(hub, owner.root, {
        type: 'identity.revoked',
        payload: { salt: freshSalt(), org: iss, kid: owner.person.kid, note: null, prev: iss },
        iss,
      }),
    },
    createProject: {
      name: 'P',
      description: 'd',
      technology: 'simulated',
      participants: [
        { org: steward.org, role: 'data-steward' },
        { org: owner.org, role: 'algorithm-owner' },
      ],
    },
    publish: {
      statement: await say(hub, owner.person, { type: 'algorithm.published', payload: algorithm, iss }),
      details,
      url: storeUrl('next'),
    },
    createRunConfiguration: {
      name: 'again',
      description: 'd',
      statement: await signContract(hub, owner, { ...world.contract, salt: freshSalt() }),
    },
    submitStatement: {
      statement: await say(hub, owner.person, { type: 'contract.suspended', payload: stop, iss }),
    },
    roomEvent: { event, answer, reservation },
    roomUpload: upload,
    createNodeCode: { name: 'n' },
    enrolNode: { enrolment: await tell(hub, fresh.signer, { name: 'node-enrolment', payload: enrolment }) },
    reportRun: { outcome: 'failed', detail: 'x' },
  };
}

async function send(name: keyof typeof hubRoutes, body: Json): Promise<Response> {
  const { method, path }: Route = hubRoutes[name];
  const { project, runConfiguration, owner, node } = world;
  const params: Record<string, string> = { project, runConfiguration, run: room.run };
  const filled = path.replace(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(params[param] ?? ''));
  const bytes = canonicalBytes(body, { fractions: true });
  const headers: Record<string, string> = { 'content-type': 'application/json', ...bearer(owner.token) };
  if (name === 'reportRun') {
    const nonce = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
    const at = new Date(hub.clock.now).toISOString();
    const payload = { method, path: filled, body: await sha256Digest(bytes), nonce, at };
    headers['authorization'] = `Node ${await tell(hub, node.signer, { name: 'node-request', payload })}`;
  }
  return hub.request(filled, { method, headers, body: bytes });
}

const NAMES = [
  'openSession',
  'registerOrganisation',
  'addIdentity',
  'revokeIdentity',
  'createProject',
  'publish',
  'createRunConfiguration',
  'submitStatement',
  'roomEvent',
  'roomUpload',
  'createNodeCode',
  'enrolNode',
  'reportRun',
] as const satisfies readonly (keyof typeof hubRoutes)[];

it.each(NAMES)(
  '%s does not fail over a wrong value',
  async (name) => {
    const body = bodies[name];
    if (body === undefined) throw new Error('no body');
    let refused = 0;
    for (const { where, value } of mutations(body)) {
      const { status } = await send(name, value);
      // What is optional, or is words of people, may be another.
      expect([where, status < 500]).toEqual([where, true]);
      if (status >= 400) refused++;
    }
    expect(refused).toBeGreaterThan(10);
  },
  120_000,
);
