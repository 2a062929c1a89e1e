// Nonces, reservations, answers, clearances and the outbox. What must happen together stands in one transaction.
import { type Bytes, canonicalBytes, type Digest, parseCanonical } from '@sealroom/bytes';
import { collateralPieces } from '@sealroom/contract';
import { inTransaction } from '@sealroom/host';
import { sql } from 'kysely';
import { plain, type Tables, type VaultDatabase, type VaultTransaction } from '../db.ts';

const USED_NONCE_KEPT_MS = 8 * 24 * 3_600_000;

/** A run and the signing key of the room that asks for it. */
export type RoomName = { readonly run: Digest; readonly room: string };

/** A nonce as this vault's own signed challenge brings it back; until it is burnt nothing is kept of it. */
export type OwnNonce = { readonly nonce: string; readonly expiresAt: number };

export type NonceState = 'fresh' | 'unknown' | 'used' | 'expired';

function userOf({ run, room }: RoomName): string {
  return `${run} ${room}`;
}

/** A nonce that this very room has used counts as fresh: it gets the answer it was given, or goes on where it was. */
export async function nonceState(
  db: VaultDatabase,
  own: OwnNonce | undefined,
  name: RoomName,
  now: number,
): Promise<NonceState> {
  if (own === undefined) return 'unknown';
  const burnt = await db
    .selectFrom('challenges')
    .select('used_by')
    .where('nonce', '=', own.nonce)
    .executeTakeFirst();
  if (burnt) return burnt.used_by === userOf(name) ? 'fresh' : 'used';
  return own.expiresAt < now ? 'expired' : 'fresh';
}

export type Release = RoomName & {
  readonly contracts: readonly Digest[];
  readonly manifest: Digest;
  readonly org: Digest;
  readonly state: 'reserved' | 'released' | 'denied';
  readonly reservation: Bytes;
  readonly reservedAt: number;
  readonly answer: Bytes | undefined;
  readonly releaseNotAfter: number | undefined;
  /** Pieces of the vendors' collateral that the answer rests on, base64url. */
  readonly collateral: readonly string[];
};

type ReleaseRow = {
  [Column in keyof Tables['releases']]: Tables['releases'][Column];
};

function released(row: ReleaseRow): Release {
  return {
    run: row.run as Digest,
    room: row.room,
    contracts: row.contracts as Digest[],
    manifest: row.manifest as Digest,
    org: row.org as Digest,
    state: row.state,
    reservation: plain(row.reservation),
    reservedAt: row.reserved_at.getTime(),
    answer: row.answer === null ? undefined : plain(row.answer),
    releaseNotAfter: row.release_not_after?.getTime(),
    collateral: row.collateral === null ? [] : collateralPieces.parse(parseCanonical(plain(row.collateral))),
  };
}

export async function findRelease(db: VaultDatabase, { run, room }: RoomName): Promise<Release | undefined> {
  const query = db.selectFrom('releases').selectAll().where('run', '=', run);
  const row = await query.where('room', '=', room).executeTakeFirst();
  return row && released(row);
}

/** Every room that this vault has reserved the run for. */
export async function releasesOf(db: VaultDatabase, run: Digest): Promise<Release[]> {
  const rows = await db.selectFrom('releases').selectAll().where('run', '=', run).execute();
  return rows.map(released);
}

/** The contracts of runs that this vault has reserved and that name one of these. */
export async function relatedContracts(db: VaultDatabase, contracts: readonly Digest[]): Promise<Digest[]> {
  const rows = await db
    .selectFrom('releases')
    .select('contracts')
    .where(sql<boolean>`contracts && ${[...contracts]}::text[]`)
    .execute();
  return [...new Set(rows.flatMap((row) => row.contracts as Digest[]))];
}

export type Outgoing = { readonly run: Digest; readonly cose: Bytes; readonly salt: Bytes };

async function queue(transaction: VaultTransaction, { run, cose, salt }: Outgoing): Promise<void> {
  const row = { run, cose: Buffer.from(cose), salt: Buffer.from(salt), leaf: null, refused: null };
  await transaction.insertInto('outbox').values(row).execute();
}

/**
 * Burns the nonce, reserves the run for the room and queues the statement, or does nothing.
 * @returns false when the nonce is no longer fresh or the room has the run already
 */
export async function reserve(
  db: VaultDatabase,
  release: Omit<Release, 'state' | 'answer' | 'releaseNotAfter' | 'collateral'>,
  { nonce, salt, now }: { readonly nonce: OwnNonce; readonly salt: Bytes; readonly now: number },
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    if (nonce.expiresAt < now) return false;
    // Long enough for the same room to ask again; an unused nonce has expired long before.
    const old = new Date(now - USED_NONCE_KEPT_MS);
    await transaction.deleteFrom('challenges').where('expires_at', '<', old).execute();
    const burnt = await transaction
      .insertInto('challenges')
      .values({ nonce: nonce.nonce, expires_at: new Date(nonce.expiresAt), used_by: userOf(release) })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if (burnt.numInsertedOrUpdatedRows !== 1n) return false;
    const inserted = await transaction
      .insertInto('releases')
      .values({
        run: release.run,
        room: release.room,
        contracts: [...release.contracts],
        manifest: release.manifest,
        org: release.org,
        state: 'reserved',
        reservation: Buffer.from(release.reservation),
        reserved_at: new Date(release.reservedAt),
        answer: null,
        release_not_after: null,
        collateral: null,
      })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows !== 1n) return false;
    await queue(transaction, { run: release.run, cose: release.reservation, salt });
    return true;
  });
}

export type Answer = { readonly answer: Bytes; readonly collateral: readonly string[] };

/** Stores the answer, once. @returns the answer that counts, or undefined when the reservation was denied meanwhile */
export async function storeAnswer(
  db: VaultDatabase,
  { run, room }: RoomName,
  { answer, collateral, notAfter }: Answer & { readonly notAfter: number },
): Promise<Answer | undefined> {
  const stored = await db
    .updateTable('releases')
    .set({
      state: 'released',
      answer: Buffer.from(answer),
      release_not_after: new Date(notAfter),
      collateral: Buffer.from(canonicalBytes([...collateral])),
    })
    .where('run', '=', run)
    .where('room', '=', room)
    .where('state', '=', 'reserved')
    .returning('run')
    .executeTakeFirst();
  if (stored) return { answer, collateral };
  const found = await findRelease(db, { run, room });
  return found?.answer && { answer: found.answer, collateral: found.collateral };
}

/** Gives up a reservation that was never answered. */
export async function markDenied(db: VaultDatabase, { run, room }: RoomName): Promise<void> {
  await db
    .updateTable('releases')
    .set({ state: 'denied' })
    .where('run', '=', run)
    .where('room', '=', room)
    .where('state', '=', 'reserved')
    .execute();
}

/**
 * Queues a denial unless the same one was made before, or this vault still has a room for the run: in the ledger a denial
 * takes back every reservation of the run before it.
 */
export async function queueDenial(db: VaultDatabase, code: string, denial: Outgoing): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const live = await transaction
      .selectFrom('releases')
      .select('room')
      .where('run', '=', denial.run)
      .where('state', '!=', 'denied')
      .limit(1)
      .execute();
    if (live.length > 0) return;
    const fresh = await transaction
      .insertInto('denials')
      .values({ run: denial.run, code })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if (fresh.numInsertedOrUpdatedRows === 1n) await queue(transaction, denial);
  });
}

export type Waiting = Outgoing & { readonly id: number };

/** What still has to reach the ledger, of one run or of all, oldest first. */
export async function waitingStatements(db: VaultDatabase, run?: Digest): Promise<Waiting[]> {
  const all = db.selectFrom('outbox').selectAll().where('leaf', 'is', null).where('refused', 'is', null);
  const rows = await (run === undefined ? all : all.where('run', '=', run))
    .orderBy('id')
    .limit(1000)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    run: row.run as Digest,
    cose: plain(row.cose),
    salt: plain(row.salt),
  }));
}

export async function markSent(
  db: VaultDatabase,
  id: number,
  outcome: { readonly leaf: number } | { readonly refused: string },
): Promise<void> {
  await db.updateTable('outbox').set(outcome).where('id', '=', id).execute();
}

export type Clearance = {
  readonly outcome: 'completed' | 'failed';
  readonly bits: number;
  readonly bytes: number;
};

export async function findClearance(
  db: VaultDatabase,
  { run, room }: RoomName,
): Promise<(Clearance & { readonly statement: Bytes }) | undefined> {
  const query = db.selectFrom('clearances').selectAll().where('run', '=', run);
  const row = await query.where('room', '=', room).executeTakeFirst();
  if (!row) return undefined;
  const outcome = row.outcome === 'completed' ? 'completed' : 'failed';
  return { outcome, bits: row.bits, bytes: row.bytes, statement: plain(row.statement) };
}

/** Keeps the clearance of a room and queues its statement; the first one counts. */
export async function saveClearance(
  db: VaultDatabase,
  { run, room }: RoomName,
  { outcome, bits, bytes }: Clearance,
  { cose, salt }: Outgoing,
): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const fresh = await transaction
      .insertInto('clearances')
      .values({ run, room, outcome, bits, bytes, statement: Buffer.from(cose) })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if (fresh.numInsertedOrUpdatedRows === 1n) await queue(transaction, { run, cose, salt });
  });
}
