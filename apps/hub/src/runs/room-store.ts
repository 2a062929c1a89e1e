// Rooms that a vault vouched for, how far each has told its story, and what only the room has for the receipt.
import type { Digest } from '@sealroom/bytes';
import type { Db, Tx } from '../db.ts';

export type RoomRow = {
  readonly run: Digest;
  readonly kid: Digest;
  readonly sign: string;
  readonly manifest: Digest;
  readonly sequence: number;
  readonly last_event: Digest | null;
};

export async function findRoom(db: Db, run: Digest, kid: Digest): Promise<RoomRow | undefined> {
  return db
    .selectFrom('run_rooms')
    .selectAll()
    .where('run', '=', run)
    .where('kid', '=', kid)
    .executeTakeFirst();
}

export async function saveRoom(tx: Tx, { run, kid, sign, manifest }: RoomRow): Promise<void> {
  await tx
    .insertInto('run_rooms')
    .values({ run, kid, sign, manifest, last_event: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** False when the event is not newer than all before it. */
export async function noteEvent(
  tx: Tx,
  { run, kid }: RoomRow,
  { sequence, digest }: { sequence: number; digest: Digest },
): Promise<boolean> {
  const row = await tx
    .updateTable('run_rooms')
    .set({ sequence, last_event: digest })
    .where('run', '=', run)
    .where('kid', '=', kid)
    .where('sequence', '<', sequence)
    .returning('run')
    .executeTakeFirst();
  return row !== undefined;
}

export async function saveReceiptParts(tx: Tx, run: Digest, parts: Uint8Array): Promise<void> {
  await tx
    .insertInto('receipts')
    .values({ run, parts: Buffer.from(parts), receipt: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
