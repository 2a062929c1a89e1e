// For this app's tests: a room of the world's simulated node and the vaults that vouch for it, as far as hub and ledger see
// them. Signatures, manifest, evidence and challenges are real, so that the receipt verifies; released keys are made up.
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { hubRoutes } from '@sealroom/api';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  type Digest,
  sha256,
  sha256Digest,
} from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import {
  buildManifest,
  encodeManifest,
  freshSalt,
  type MessageOf,
  type PayloadOf,
  readStatement,
  roomBinding,
} from '@sealroom/contract';
import { type Party, say, tell } from './parties-for-tests.ts';
import { random } from './shelf-for-tests.ts';
import type { World } from './world-for-tests.ts';

type Stage = MessageOf<'room-event'>['stage'];
type Evidence = Awaited<ReturnType<typeof simulatedEvidence>>;

export type Room = {
  readonly sign: Signer;
  readonly keys: { sign: string; receive: string };
  readonly run: Digest;
  readonly manifestBytes: Bytes;
  readonly manifest: Digest;
  readonly challenges: readonly string[];
  readonly evidence: Evidence;
  /** What vaults have answered this room. */
  readonly answers: { cose: string; digest: Digest }[];
  sequence: number;
};

function at({ hub }: World): string {
  return new Date(hub.clock.now).toISOString();
}

async function challengesFor(world: World) {
  const challenges: string[] = [];
  const nonces: { vault: Digest; nonce: string }[] = [];
  for (const { vault } of [world.steward, world.owner]) {
    const nonce = base64urlEncode(generateSecret());
    const payload = { nonce, expiresAt: at(world) };
    challenges.push(await tell(world.hub, vault, { name: 'challenge', payload, audience: 'room' }));
    nonces.push({ vault: vault.kid, nonce });
  }
  return { challenges, nonces };
}

/** A room that the world's node has started for an approved run. */
export async function newRoom(world: World, run: Digest): Promise<Room> {
  const { hub, node } = world;
  const state = hub.book.record.runs.get(run);
  if (!state) throw new Error('There is no such run.');
  const sign = await ed25519Signer(generateSecret());
  const keys = { sign: sign.key, receive: await publicKeyOf('X25519', generateSecret()) };
  const approvals = [...state.approvals.values()].map(({ statement }) => statement);
  const manifestBytes = encodeManifest(await buildManifest(run, state.request, approvals, 'simulated'));
  const { challenges, nonces } = await challengesFor(world);
  const hostData = await sha256(manifestBytes);
  const reportData = await roomBinding(nonces, keys, hostData);
  const report = { launch: node.launch, hostData, reportData, debug: false };
  const evidence = await simulatedEvidence(node.simulator, report, Math.floor(hub.clock.now / 1000));
  const manifest = await sha256Digest(manifestBytes);
  return { sign, keys, run, manifestBytes, manifest, challenges, evidence, answers: [], sequence: 0 };
}

/** What a vault does at a release: key.reserved into the ledger by itself, and a signed answer to the room. */
export async function release(world: World, party: Party, room: Room) {
  const { hub, digest: contract, node } = world;
  const { run, manifest, keys } = room;
  const evidence = await sha256Digest(canonicalBytes(room.evidence));
  const facts = { technology: 'simulated' as const, platform: node.simulator.kid, evidence };
  const common = {
    salt: freshSalt(),
    contract,
    run,
    manifest,
    room: keys,
    debit: { runs: 1 },
    at: at(world),
  };
  const reservation = await say(hub, party.vault, {
    type: 'key.reserved',
    payload: { ...common, ...facts },
    iss: party.org,
  });
  await hub.ledger.append(base64urlDecode(reservation));
  const { digest } = await readStatement(base64urlDecode(reservation));
  const text = base64urlEncode(generateSecret());
  const steward = party === world.steward;
  const asset = steward ? world.shelf.dataset : world.shelf.algorithm;
  const kind = steward ? ('dataset' as const) : ('algorithm' as const);
  const key = { asset, kind, keyCommitment: text, enc: text, ciphertext: text };
  const released = { keys: [key], reservation: digest, checkpoint: await random() };
  const answer = await say(hub, party.vault, {
    type: 'key.released',
    payload: { ...common, ...released, releaseNotAfter: '2027-01-01T00:00:00Z' },
    iss: party.org,
  });
  room.answers.push({ cose: answer, digest: (await readStatement(base64urlDecode(answer))).digest });
  return { answer, reservation };
}

const CHARGE = { bits: 8, bytes: 4096 };

/** A vault's clearance, which it appends by itself. */
export async function clear(
  world: World,
  party: Party,
  room: Room,
  outcome: 'completed' | 'failed' = 'completed',
): Promise<string> {
  const { hub, digest: contract } = world;
  const { run, manifest, keys } = room;
  const payload = { salt: freshSalt(), contract, run, manifest, room: keys, outcome, ...CHARGE };
  const statement = await say(hub, party.vault, {
    type: 'output.cleared',
    payload: { ...payload, at: at(world) },
    iss: party.org,
  });
  await hub.ledger.append(base64urlDecode(statement));
  return statement;
}

export async function eventOf(world: World, room: Room, stage: Stage, signer = room.sign): Promise<string> {
  const payload = { run: room.run, sequence: room.sequence++, stage, detail: null };
  return tell(world.hub, signer, { name: 'room-event', payload });
}

export async function sendEvent(
  world: World,
  room: Room,
  stage: Stage,
  extra: { answer?: string; reservation?: string } = {},
) {
  const event = await eventOf(world, room, stage);
  const input = { params: { run: room.run }, body: { event, ...extra } };
  return call(world.hub.service, hubRoutes.roomEvent, input);
}

export async function finishedBy(
  world: World,
  room: Room,
  changes: Partial<PayloadOf<'run.finished'>> = {},
  signer = room.sign,
): Promise<string> {
  const { hub, digest: contract, shelf, node } = world;
  const { run, manifest, keys } = room;
  return say(hub, signer, {
    type: 'run.finished',
    payload: {
      salt: freshSalt(),
      contract,
      run,
      manifest,
      room: keys,
      outcome: 'completed',
      datasets: [shelf.dataset],
      algorithms: [shelf.algorithm],
      criteria: shelf.criteria,
      evidence: await sha256Digest(canonicalBytes(room.evidence)),
      output: null,
      envelope: null,
      ...CHARGE,
      isolation: 'process',
      technology: 'simulated',
      platform: node.simulator.kid,
      custody: world.contract.vaults.map(({ org, custody }) => ({ org, custody })),
      answers: room.answers.map(({ digest }) => digest),
      startedAt: at(world),
      finishedAt: at(world),
      ...changes,
    },
    iss: run,
  });
}

type Handed = {
  readonly sealed: Uint8Array | null;
  readonly envelope: Uint8Array | null;
  readonly cleared: readonly string[];
  readonly statement: string;
  /** Changes to the signed message, which make it one that does not agree. */
  readonly changes?: Partial<MessageOf<'room-upload'>>;
};

/** The body of a room's upload. */
export async function uploadOf(world: World, room: Room, handed: Handed) {
  const { sealed, envelope, cleared, statement, changes = {} } = handed;
  const nothing = new Uint8Array();
  const payload = {
    run: room.run,
    sealed: await sha256Digest(sealed ?? nothing),
    envelope: await sha256Digest(envelope ?? nothing),
    statement: (await readStatement(base64urlDecode(statement))).digest,
    ...changes,
  };
  const parts = canonicalBytes({
    manifest: base64urlEncode(room.manifestBytes),
    challenges: [...room.challenges],
    evidence: room.evidence,
    answers: room.answers.map(({ cose }) => cose),
    cleared: [...cleared],
    reservations: [],
  });
  return {
    upload: await tell(world.hub, room.sign, { name: 'room-upload', payload }),
    sealed: sealed && base64urlEncode(sealed),
    envelope: envelope && base64urlEncode(envelope),
    statement,
    parts: base64urlEncode(parts),
  };
}

/** A room at work: known to the hub, both vaults have released. */
export async function startRoom(world: World, run: Digest): Promise<Room> {
  const room = await newRoom(world, run);
  const first = await release(world, world.steward, room);
  const second = await release(world, world.owner, room);
  await sendEvent(world, room, 'Run Initiated', first);
  await sendEvent(world, room, 'Runtime Build', second);
  return room;
}

/** Clears and signs an output; `upload` hands it in. */
export async function endOf(world: World, room: Room) {
  const [sealed, envelope] = [new Uint8Array(4096).fill(7), new Uint8Array(80).fill(8)];
  const cleared = [await clear(world, world.steward, room), await clear(world, world.owner, room)];
  const outputs = { output: await sha256Digest(sealed), envelope: await sha256Digest(envelope) };
  const statement = await finishedBy(world, room, outputs);
  const body = await uploadOf(world, room, { sealed, envelope, cleared, statement });
  const upload = () => call(world.hub.service, hubRoutes.roomUpload, { params: { run: room.run }, body });
  return { sealed, envelope, body, statement, upload };
}

/** Clears, signs and uploads an output. */
export async function finishRoom(world: World, room: Room) {
  const end = await endOf(world, room);
  return { ...end, place: await end.upload() };
}
