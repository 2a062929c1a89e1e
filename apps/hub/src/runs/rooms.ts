// What a room tells the hub. A room is known by a vault: its first event brings the vault's signed answer, which names the
// run and the room's keys; from then on the room's own signature counts. A node has no part in this and cannot speak for
// its room: only a run.finished statement by the room's key, admitted with the vaults' clearances, completes a run.
import {
  base64urlDecode,
  type Bytes,
  BytesError,
  type Digest,
  parseCanonical,
  sha256Digest,
} from '@sealroom/bytes';
import { CoseError, type KeyText, keyThumbprint, verifySign1 } from '@sealroom/cose';
import {
  type Contract,
  isOfType,
  type MessageOf,
  messageSignerUnverified,
  type PayloadOf,
  readStatement,
  verifyMessage,
} from '@sealroom/contract';
import { inTransaction } from '@sealroom/host';
import { z } from 'zod';
import type { Db } from '../db.ts';
import { notFound, refuse } from '../error.ts';
import type { Objects } from '../objects.ts';
import type { Book } from '../record/book.ts';
import type { Place } from '../record/ledger.ts';
import { checkUpload, type Parts, partsSchema } from './room-rules.ts';
import { takeEnd } from './ends.ts';
import { findRoom, noteEvent, type RoomRow, saveRoom } from './room-store.ts';
import { addStage, findRun, type RunRow } from './store.ts';

export type RoomsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly objects: Objects;
  readonly origin: string;
  readonly now: () => number;
};

function unknownRoom(what: string, cause?: unknown) {
  return refuse('hub/unknown-room', what, { cause });
}

async function vaultKey(contract: Contract, kid: Digest): Promise<KeyText | undefined> {
  for (const { key } of contract.vaults) if ((await keyThumbprint(key)) === kid) return key;
  return undefined;
}

/** The vault's answer, verified under a key of the run's contract. @throws hub/unknown-room */
async function vouchedRoom(
  { book }: RoomsParts,
  run: RunRow,
  answer: Bytes,
): Promise<PayloadOf<'key.released'>> {
  const contract = book.record.contracts.get(run.contract)?.contract;
  const statement = await readStatement(answer);
  const key = contract && (await vaultKey(contract, statement.kid));
  if (!isOfType(statement, 'key.released') || !key)
    throw unknownRoom('The room must bring the signed answer of a vault of its contract.');
  try {
    await verifySign1(answer, key);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw unknownRoom('The signature of the vault’s answer does not verify.', cause);
  }
  const { payload, claims } = statement;
  if (claims.aud !== book.record.origin || payload.run !== run.run || payload.contract !== run.contract)
    throw unknownRoom('The vault’s answer is for another run.');
  return payload;
}

async function roomOf(parts: RoomsParts, run: RunRow, message: Bytes, answer?: Bytes): Promise<RoomRow> {
  const kid = messageSignerUnverified(message);
  const known = await findRoom(parts.db, run.run, kid);
  if (known) return known;
  if (!answer) throw unknownRoom('This room is not known yet; its first event brings a vault’s answer.');
  const { room, manifest } = await vouchedRoom(parts, run, answer);
  if ((await keyThumbprint(room.sign)) !== kid) throw unknownRoom('The vault’s answer is for another room.');
  return { run: run.run, kid, sign: room.sign, manifest, sequence: -1, last_event: null };
}

/** Places what a vault has said about this run by itself. */
async function learnOf(
  { book }: RoomsParts,
  run: RunRow,
  type: 'key.reserved' | 'output.cleared',
  bytes: Bytes,
): Promise<void> {
  const statement = await readStatement(bytes);
  if (!isOfType(statement, type) || statement.payload.run !== run.run)
    throw unknownRoom(`A ${type} statement is for another run.`);
  await book.learn(bytes);
}

export type RoomEvent = {
  readonly event: string;
  readonly answer?: string | undefined;
  readonly reservation?: string | undefined;
};

async function applyEvent(
  parts: RoomsParts,
  run: RunRow,
  room: RoomRow,
  { payload, digest }: { payload: MessageOf<'room-event'>; digest: Digest },
): Promise<void> {
  const at = new Date(parts.now());
  const { stage, detail, sequence } = payload;
  await inTransaction(parts.db, async (tx) => {
    await saveRoom(tx, room);
    if (!(await noteEvent(tx, room, { sequence, digest })))
      throw refuse('hub/out-of-order', 'This event is older than one that the hub has seen.');
    await tx.updateTable('runs').set({ heard_at: at }).where('run', '=', run.run).execute();
    const open = (await findRun(tx, run.run))?.ended_at === null;
    if (!open) return;
    if (stage === 'Run Failed') {
      // Why, kept for the end; that the run has failed is said by the statement that all vaults have cleared, or by the node.
      await tx.updateTable('runs').set({ detail }).where('run', '=', run.run).execute();
    } else if (stage !== 'Run Completed' && stage !== 'Run Initiated') {
      // Completed is what the statement says, not what an event says; initiated it was before there was a room.
      await tx.updateTable('runs').set({ status: stage }).where('run', '=', run.run).execute();
      await addStage(tx, run.run, { stage, at, detail });
    }
  });
}

/** @throws hub/not-found · hub/unknown-room · hub/out-of-order · statement/… */
export async function takeEvent(parts: RoomsParts, name: Digest, given: RoomEvent): Promise<void> {
  const run = await findRun(parts.db, name);
  if (!run) throw notFound('run');
  const event = base64urlDecode(given.event);
  const answer = given.answer === undefined ? undefined : base64urlDecode(given.answer);
  const room = await roomOf(parts, run, event, answer);
  const { payload } = await verifyMessage('room-event', event, { key: room.sign, audience: parts.origin });
  if (payload.run !== run.run) throw unknownRoom('The event is about another run.');
  const digest = await sha256Digest(event);
  if (room.last_event === digest) return;
  if (given.reservation !== undefined)
    await learnOf(parts, run, 'key.reserved', base64urlDecode(given.reservation));
  await applyEvent(parts, run, room, { payload, digest });
}

function readParts(bytes: Bytes): Parts {
  try {
    return partsSchema.parse(parseCanonical(bytes));
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof z.ZodError)) throw cause;
    throw refuse('hub/digest-mismatch', 'The receipt parts are not in their canonical form.', { cause });
  }
}

export type RoomUpload = {
  readonly upload: string;
  readonly sealed: string | null;
  readonly envelope: string | null;
  readonly statement: string;
  readonly parts: string;
};

/**
 * Takes the end of a run: clearances first, then the room's statement; the output is durable before either.
 * @throws hub/not-found · hub/unknown-room · hub/digest-mismatch · what {@link takeEnd} throws
 */
export async function takeUpload(parts: RoomsParts, name: Digest, given: RoomUpload): Promise<Place> {
  const { db, objects, origin, now } = parts;
  const run = await findRun(db, name);
  if (!run) throw notFound('run');
  const message = base64urlDecode(given.upload);
  const room = await roomOf(parts, run, message);
  const { payload } = await verifyMessage('room-upload', message, { key: room.sign, audience: origin });
  const bytes = base64urlDecode(given.statement);
  const statement = await readStatement(bytes);
  if (!isOfType(statement, 'run.finished') || statement.kid !== room.kid)
    throw unknownRoom('The statement is not this room’s run.finished.');
  const sealed = given.sealed === null ? null : base64urlDecode(given.sealed);
  const envelope = given.envelope === null ? null : base64urlDecode(given.envelope);
  await checkUpload({ run: run.run, upload: payload, statement, sealed, envelope });
  const roomParts = base64urlDecode(given.parts);
  const { reservations, cleared } = readParts(roomParts);
  for (const item of reservations) await learnOf(parts, run, 'key.reserved', base64urlDecode(item));
  for (const item of cleared) await learnOf(parts, run, 'output.cleared', base64urlDecode(item));
  for (const object of [sealed, envelope]) if (object) await objects.put(object);
  const end = { run: run.run, cose_digest: statement.coseDigest, cose: bytes, parts: roomParts };
  return takeEnd(parts, { ...end, handed_in_at: new Date(now()) });
}
