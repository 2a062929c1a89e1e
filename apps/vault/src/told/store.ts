import type { Bytes, Digest } from '@sealroom/bytes';
import { inTransaction } from '@sealroom/host';
import { plain, type VaultDatabase } from '../db.ts';

export type Told = { readonly digest: Digest; readonly cose: Bytes };

export async function toldAbout(db: VaultDatabase, contract: Digest): Promise<Told[]> {
  const query = db.selectFrom('told').select(['digest', 'cose']).where('contract', '=', contract);
  const rows = await query.orderBy('at').execute();
  return rows.map((row) => ({ digest: row.digest as Digest, cose: plain(row.cose) }));
}

/** Keeps what was told and queues it for the ledger, once. @param salt of the contract's subject */
export async function saveTold(
  db: VaultDatabase,
  { digest, contract, cose }: Told & { readonly contract: Digest },
  { salt, at }: { readonly salt: Bytes; readonly at: Date },
): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const fresh = await transaction
      .insertInto('told')
      .values({ digest, contract, cose: Buffer.from(cose), at })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if (fresh.numInsertedOrUpdatedRows !== 1n) return;
    await transaction
      .insertInto('outbox')
      .values({ run: contract, cose: Buffer.from(cose), salt: Buffer.from(salt), leaf: null, refused: null })
      .execute();
  });
}
