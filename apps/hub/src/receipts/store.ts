// Receipt parts from rooms, and the receipts made of them.
import type { Digest } from '@sealroom/bytes';
import type { Db } from '../db.ts';

export async function loadReceipt(
  db: Db,
  run: Digest,
): Promise<{ parts: Buffer; receipt: Buffer | null } | undefined> {
  return db.selectFrom('receipts').select(['parts', 'receipt']).where('run', '=', run).executeTakeFirst();
}

/** Keeps a receipt; the first one made stays. */
export async function keepReceipt(db: Db, run: Digest, receipt: Uint8Array): Promise<void> {
  await db
    .updateTable('receipts')
    .set({ receipt: Buffer.from(receipt) })
    .where('run', '=', run)
    .where('receipt', 'is', null)
    .execute();
}
