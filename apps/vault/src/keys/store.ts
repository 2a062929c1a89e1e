import type { Bytes, Digest } from '@sealroom/bytes';
import type { Role } from '@sealroom/contract';
import { plain, type VaultDatabase } from '../db.ts';
import type { KekName } from './sealing.ts';

export type KeptKek = KekName & { readonly sealed: Bytes; readonly statement: Bytes };

type Row = { project: string; org: string; role: string; kek: string; sealed: Buffer; statement: Buffer };

function kept(row: Row): KeptKek {
  return {
    project: row.project,
    org: row.org as Digest,
    role: row.role as Role,
    kek: row.kek as Digest,
    sealed: plain(row.sealed),
    statement: plain(row.statement),
  };
}

export async function findKek(
  db: VaultDatabase,
  { project, org, role }: Omit<KekName, 'kek'>,
): Promise<KeptKek | undefined> {
  const query = db.selectFrom('keks').selectAll().where('project', '=', project);
  const row = await query.where('org', '=', org).where('role', '=', role).executeTakeFirst();
  return row && kept(row);
}

export async function kekByDigest(db: VaultDatabase, kek: Digest): Promise<KeptKek | undefined> {
  const row = await db.selectFrom('keks').selectAll().where('kek', '=', kek).executeTakeFirst();
  return row && kept(row);
}

/** Any KEK, for the work that a refusal must cost. */
export async function someKek(db: VaultDatabase): Promise<KeptKek | undefined> {
  const row = await db.selectFrom('keks').selectAll().orderBy('created_at').limit(1).executeTakeFirst();
  return row && kept(row);
}

/** Keeps a new KEK, unless there is one for this project, organisation and role. */
export async function saveKek(db: VaultDatabase, kek: KeptKek, at: Date): Promise<void> {
  const { project, org, role, sealed, statement } = kek;
  await db
    .insertInto('keks')
    .values({
      project,
      org,
      role,
      kek: kek.kek,
      sealed: Buffer.from(sealed),
      statement: Buffer.from(statement),
      created_at: at,
    })
    .onConflict((on) => on.columns(['project', 'org', 'role']).doNothing())
    .execute();
}

export async function saveWrappedKey(
  db: VaultDatabase,
  { wcek, kek, bytes }: { wcek: Digest; kek: Digest; bytes: Uint8Array },
): Promise<void> {
  await db
    .insertInto('wrapped_keys')
    .values({ wcek, kek, bytes: Buffer.from(bytes) })
    .onConflict((on) => on.doNothing())
    .execute();
}

export async function findWrappedKey(
  db: VaultDatabase,
  { wcek, kek }: { readonly wcek: Digest; readonly kek: Digest },
): Promise<Bytes | undefined> {
  const query = db.selectFrom('wrapped_keys').select('bytes').where('wcek', '=', wcek);
  const row = await query.where('kek', '=', kek).executeTakeFirst();
  return row && plain(row.bytes);
}
