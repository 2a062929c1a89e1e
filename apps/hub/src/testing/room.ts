// For this app's tests: a room and the vaults that vouch for it, as far as the hub and the ledger see them.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, canonicalBytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import { freshSalt, type MessageOf, type PayloadOf, readStatement } from '@sealroom/contract';
import { type Party, say, tell } from './parties.ts';
import { random } from './shelf.ts';
import type { World } from './world.ts';

type Stage = MessageOf<'room-event'>['stage'];

export type Room = {
  readonly sign: Signer;
  readonly keys: { sign: string; receive: string };
  readonly run: Digest;
  readonly manifest: Digest;
  sequence: number;
};

export async function newRoom(run: Digest): Promise<Room> {
  const sign = await ed25519Signer(generateSecret());
  const receive = await publicKeyOf('X25519', generateSecret());
  return { sign, keys: { sign: sign.key, receive }, run, manifest: await random(), sequence: 0 };
}

function at({ hub }: World): string {
  return new Date(hub.clock.now).toISOString();
}

/** What a vault does at a release: key.reserved into the ledger by itself, and a signed answer to the room. */
export async function release(world: World, party: Party, room: Room) {
  const { hub, digest: contract } = world;
  const { run, manifest, keys } = room;
  const facts = { technology: 'simulated' as const, platform: await random(), evidence: await random() };
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
  const key = { asset: world.shelf.dataset, kind: 'dataset' as const, keyCommitment: text, enc: text };
  const released = { keys: [{ ...key, ciphertext: text }], reservation: digest, checkpoint: await random() };
  const answer = await say(hub, party.vault, {
    type: 'key.released',
    payload: { ...common, ...released, releaseNotAfter: '2027-01-01T00:00:00Z' },
    iss: party.org,
  });
  return { answer, reservation };
}

/** A vault's clearance, which it appends by itself. */
export async function clear(
  world: World,
  party: Party,
  room: Room,
  outcome: 'completed' | 'failed' = 'completed',
): Promise<string> {
  const { hub, digest: contract } = world;
  const { run, manifest, keys } = room;
  const payload = { salt: freshSalt(), contract, run, manifest, room: keys, outcome, bits: 8, bytes: 9 };
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
  const { hub, digest: contract, shelf } = world;
  const { run, manifest, keys } = room;
  const used = { datasets: [shelf.dataset], algorithms: [shelf.algorithm], criteria: shelf.criteria };
  const ends = { startedAt: at(world), finishedAt: at(world), bits: 8, bytes: 9 };
  const where = { isolation: 'process', technology: 'simulated', custody: [], answers: [] } as const;
  const facts = { evidence: await random(), platform: await random(), output: null, envelope: null };
  const payload = { salt: freshSalt(), contract, run, manifest, room: keys, outcome: 'completed' as const };
  return say(hub, signer, {
    type: 'run.finished',
    payload: {
      ...payload,
      ...used,
      ...ends,
      ...where,
      custody: [],
      answers: [],
      ...facts,
      ...changes,
    },
    iss: run,
  });
}

/** The body of a room's upload; `changes` to the signed message make it one that does not agree. */
export async function uploadOf(
  world: World,
  room: Room,
  {
    sealed,
    envelope,
    cleared,
    statement,
    changes = {},
  }: {
    sealed: Uint8Array | null;
    envelope: Uint8Array | null;
    cleared: readonly string[];
    statement: string;
    changes?: Partial<MessageOf<'room-upload'>>;
  },
) {
  const nothing = new Uint8Array();
  const payload = {
    run: room.run,
    sealed: await sha256Digest(sealed ?? nothing),
    envelope: await sha256Digest(envelope ?? nothing),
    statement: (await readStatement(base64urlDecode(statement))).digest,
    ...changes,
  };
  const evidence = { technology: 'simulated', body: base64urlEncode(generateSecret()) };
  const manifest = base64urlEncode(canonicalBytes({}));
  const parts = canonicalBytes({ manifest, challenges: [], evidence, answers: [], cleared: [...cleared] });
  return {
    upload: await tell(world.hub, room.sign, { name: 'room-upload', payload }),
    sealed: sealed && base64urlEncode(sealed),
    envelope: envelope && base64urlEncode(envelope),
    statement,
    parts: base64urlEncode(parts),
  };
}
