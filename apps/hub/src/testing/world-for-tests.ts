// For this app's tests: a node, a contract, a run configuration, and the steps of a run up to its room.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { call, type Service } from '@sealroom/client';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import {
  type Contract,
  contractDigest,
  encodeContract,
  freshSalt,
  type PayloadOf,
  type Role,
  signPayload,
  USES,
} from '@sealroom/contract';
import { type Hub, LEDGER_ORIGIN } from './hub-for-tests.ts';
import { as, joinHub, type Party, say, tell } from './parties-for-tests.ts';
import { fillShelf, newProject, random, type Shelf } from './shelf-for-tests.ts';

export type NodeKeys = { readonly signer: Signer; readonly simulator: Signer; readonly launch: Digest };

export async function newNode(): Promise<NodeKeys> {
  const [signer, simulator] = [await ed25519Signer(generateSecret()), await ed25519Signer(generateSecret())];
  return { signer, simulator, launch: await random() };
}

export async function enrol(hub: Hub, party: Party, node: NodeKeys): Promise<void> {
  const { code } = await as(hub, party, hubRoutes.createNodeCode, { body: { name: 'N' } });
  const facts = { key: node.signer.key, simulator: node.simulator.key, launch: node.launch };
  const size = { isolation: 'process', maxVcpu: 4, maxMemoryGiB: 8 } as const;
  const payload = { code, name: 'node one', ...facts, ...size };
  const enrolment = await tell(hub, node.signer, { name: 'node-enrolment', payload });
  await call(hub.service, hubRoutes.enrolNode, { body: { enrolment } });
}

/** A caller whose requests the node signs. */
export function nodeService(hub: Hub, signer: Signer): Service {
  return {
    ...hub.service,
    authenticate: async ({ method, path, body }) => {
      const nonce = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
      const at = new Date(hub.clock.now).toISOString();
      const payload = { method, path, body: await sha256Digest(body), nonce, at };
      return { authorization: `Node ${await tell(hub, signer, { name: 'node-request', payload })}` };
    },
  };
}

export function contractFor(
  hub: Hub,
  {
    steward,
    owner,
    project,
    shelf,
    node,
  }: { steward: Party; owner: Party; project: string; shelf: Shelf; node: NodeKeys },
): Contract {
  const participant = (party: Party, role: Role) => ({
    org: party.org,
    root: party.root.key,
    role,
    keys: [{ kid: party.person.kid, uses: [...USES] }],
  });
  const vault = (party: Party, kek: Digest, name: string) => ({
    org: party.org,
    url: `https://vault.${name}.example`,
    key: party.vault.key,
    keks: [kek],
    custody: 'own' as const,
  });
  return {
    v: 1,
    version: 1,
    first: null,
    project,
    salt: freshSalt(),
    purpose: 'validation',
    jurisdiction: 'EU',
    notBefore: '2026-11-01T00:00:00Z',
    notAfter: '2027-11-01T00:00:00Z',
    participants: [participant(steward, 'data-steward'), participant(owner, 'algorithm-owner')],
    datasets: [
      {
        digest: shelf.dataset,
        steward: steward.org,
        specification: shelf.specification,
        attestation: shelf.attestation,
        sensitivity: 'test',
        access: 'staged',
      },
    ],
    algorithms: [
      { package: shelf.algorithm, image: null, base: 'host', owner: owner.org, mode: 'validation' },
    ],
    criteria: shelf.criteria,
    parameters: {},
    room: {
      accept: [
        { technology: 'simulated', keys: [node.simulator.key], launch: [node.launch], hostData: 'manifest' },
      ],
      isolation: 'process',
      network: 'none',
      maxVcpu: 2,
      maxMemoryGiB: 4,
      maxMinutes: 10,
    },
    output: {
      recipients: [{ org: owner.org, key: owner.receiving }],
      maxBytes: 4096,
      maxBits: 64,
      classes: ['report'],
      logs: 'status',
      release: 'automatic',
      timing: 'at-once',
    },
    quota: { runs: 5, attemptsPerRun: 1 },
    ledger: { origin: LEDGER_ORIGIN, key: hub.ledger.key, witnesses: [], maxAgeSeconds: 60 },
    vaults: [vault(steward, shelf.keks[0], 'steward'), vault(owner, shelf.keks[1], 'owner')],
  };
}

export async function signContract(hub: Hub, party: Party, contract: Contract): Promise<string> {
  const facts = {
    type: 'contract.signed',
    iss: party.org,
    origin: LEDGER_ORIGIN,
    now: hub.clock.now,
  } as const;
  return base64urlEncode(await signPayload(party.person, { ...facts, bytes: encodeContract(contract) }));
}

/** Two parties with a shelf, a node, and a run configuration that the algorithm owner has offered. */
export async function newWorld(hub: Hub, change: (contract: Contract) => Contract = (same) => same) {
  const [steward, owner] = [await joinHub(hub, 'steward'), await joinHub(hub, 'owner')];
  const project = await newProject(hub, steward, owner);
  const shelf = await fillShelf(hub, steward, owner, project);
  const node = await newNode();
  await enrol(hub, steward, node);
  const contract = change(contractFor(hub, { steward, owner, project, shelf, node }));
  const statement = await signContract(hub, owner, contract);
  const body = { name: 'C', statement };
  const configuration = await as(hub, owner, hubRoutes.createRunConfiguration, { params: { project }, body });
  const digest = await contractDigest(encodeContract(contract));
  const { runConfiguration } = configuration;
  return { hub, steward, owner, project, shelf, node, contract, digest, runConfiguration };
}
export type World = Awaited<ReturnType<typeof newWorld>>;

/** Hands in a statement under the run configuration. */
export async function submit(world: World, party: Party, statement: string, note?: string) {
  const params = { runConfiguration: world.runConfiguration };
  const body = note === undefined ? { statement } : { statement, note };
  return as(world.hub, party, hubRoutes.submitStatement, { params, body });
}

export async function requestRun(
  world: World,
  changes: Partial<PayloadOf<'run.requested'>> = {},
): Promise<Digest> {
  const { hub, owner, project, shelf, digest, runConfiguration } = world;
  const payload = {
    salt: freshSalt(),
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
    ...changes,
  };
  const statement = await say(hub, owner.person, { type: 'run.requested', payload, iss: owner.org });
  return (await submit(world, owner, statement)).digest;
}

/** INITIATE RUN: the steward countersigns the contract the first time, then approves. */
export async function initiateRun(world: World, run: Digest): Promise<Digest> {
  const { hub, steward, contract, digest } = world;
  if (!hub.book.record.contracts.get(digest)?.signatures.has(steward.org))
    await submit(world, steward, await signContract(hub, steward, contract));
  const payload = { salt: freshSalt(), contract: digest, run, org: steward.org };
  const statement = await say(hub, steward.person, { type: 'run.approved', payload, iss: steward.org });
  return (await submit(world, steward, statement)).digest;
}
