// Reasons of refusals, for owners. What did not concern a verified run is kept in small numbers only, so that strangers
// cannot push the rest out.
import type { Digest } from '@sealroom/bytes';
import { sql } from 'kysely';
import type { Reason, VaultDatabase } from '../db.ts';

const KEPT = { verified: 10_000, unverified: 200 };
const SHOWN = 200;

export type RefusalRecord = {
  readonly run: Digest;
  readonly at: number;
  readonly reasons: readonly Reason[];
};

export async function saveRefusal(
  db: VaultDatabase,
  { run, at, reasons }: RefusalRecord,
  { orgs, verified }: { readonly orgs: readonly Digest[]; readonly verified: boolean },
): Promise<void> {
  await db
    .insertInto('refusals')
    .values({ run, orgs: [...orgs], verified, at: new Date(at), reasons: JSON.stringify(reasons) })
    .execute();
  const kept = verified ? KEPT.verified : KEPT.unverified;
  await db
    .deleteFrom('refusals')
    .where('verified', '=', verified)
    .where('id', '<=', (sub) =>
      sub
        .selectFrom('refusals')
        .select('id')
        .where('verified', '=', verified)
        .orderBy('id', 'desc')
        .offset(kept)
        .limit(1),
    )
    .execute();
}

/** Newest first. */
export async function refusalsOf(db: VaultDatabase, org: Digest): Promise<RefusalRecord[]> {
  const rows = await db
    .selectFrom('refusals')
    .select(['run', 'at', 'reasons'])
    .where(sql<boolean>`${org} = any (orgs)`)
    .orderBy('id', 'desc')
    .limit(SHOWN)
    .execute();
  return rows.map(({ run, at, reasons }) => ({ run: run as Digest, at: at.getTime(), reasons }));
}
