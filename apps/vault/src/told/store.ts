import type { Bytes, Digest } from '@sealroom/bytes';
import { plain, type VaultDatabase } from '../db.ts';

export type Told = { readonly digest: Digest; readonly cose: Bytes };

export async function toldAbout(db: VaultDatabase, contract: Digest): Promise<Told[]> {
  const query = db.selectFrom('told').select(['digest', 'cose']).where('contract', '=', contract);
  const rows = await query.orderBy('at').execute();
  return rows.map((row) => ({ digest: row.digest as Digest, cose: plain(row.cose) }));
}

export async function saveTold(
  db: VaultDatabase,
  { digest, contract, cose }: Told & { readonly contract: Digest },
  at: Date,
): Promise<void> {
  await db
    .insertInto('told')
    .values({ digest, contract, cose: Buffer.from(cose), at })
    .onConflict((on) => on.doNothing())
    .execute();
}
