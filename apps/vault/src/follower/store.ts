// What the follower keeps: entries, the newest checkpoint, statements, contracts, and evidence of a ledger that cheats.
import type { Bytes, Digest } from '@sealroom/bytes';
import { plain, type VaultDatabase } from '../db.ts';

const PAGE = 5_000;

export type KeptCheckpoint = {
  readonly size: number;
  readonly note: string;
  readonly seenAt: number;
};

export async function loadCheckpoint(db: VaultDatabase): Promise<KeptCheckpoint | undefined> {
  const row = await db.selectFrom('checkpoint').selectAll().executeTakeFirst();
  if (!row) return undefined;
  return { size: row.size, note: row.note, seenAt: row.seen_at.getTime() };
}

/** All entries in leaf order, page by page. */
export async function* loadEntries(db: VaultDatabase): AsyncGenerator<Bytes[]> {
  for (let from = 0; ; from += PAGE) {
    const rows = await db
      .selectFrom('entries')
      .select('entry')
      .where('leaf', '>=', from)
      .where('leaf', '<', from + PAGE)
      .orderBy('leaf')
      .execute();
    if (rows.length === 0) return;
    yield rows.map((row) => plain(row.entry));
  }
}

/** Keeps new entries and the checkpoint that they add up to, or neither. */
export async function saveGrowth(
  db: VaultDatabase,
  from: number,
  entries: readonly Bytes[],
  { size, note, seenAt }: KeptCheckpoint,
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (let at = 0; at < entries.length; at += PAGE) {
      const rows = entries
        .slice(at, at + PAGE)
        .map((entry, offset) => ({ leaf: from + at + offset, entry: Buffer.from(entry) }));
      await transaction.insertInto('entries').values(rows).execute();
    }
    const row = { size, note, seen_at: new Date(seenAt) };
    await transaction
      .insertInto('checkpoint')
      .values(row)
      .onConflict((conflict) => conflict.column('single').doUpdateSet(row))
      .execute();
  });
}

/** Keeps a checkpoint that does not fit beside the one it contradicts: both are signed, so they prove what happened. */
export async function saveConflict(
  db: VaultDatabase,
  conflict: { note: string; code: string; held: string; at: Date },
): Promise<void> {
  await db
    .insertInto('conflicts')
    .values(conflict)
    .onConflict((on) => on.doNothing())
    .execute();
}

export async function loadStatements(
  db: VaultDatabase,
  digests: readonly Digest[],
): Promise<Map<Digest, Bytes>> {
  if (digests.length === 0) return new Map();
  const rows = await db
    .selectFrom('statements')
    .selectAll()
    .where('cose_digest', 'in', [...digests])
    .execute();
  return new Map(rows.map((row) => [row.cose_digest as Digest, plain(row.cose)]));
}

export async function saveStatements(
  db: VaultDatabase,
  statements: ReadonlyMap<Digest, Uint8Array>,
): Promise<void> {
  if (statements.size === 0) return;
  await db
    .insertInto('statements')
    .values([...statements].map(([digest, cose]) => ({ cose_digest: digest, cose: Buffer.from(cose) })))
    .onConflict((on) => on.doNothing())
    .execute();
}

export async function loadContracts(db: VaultDatabase): Promise<Map<Digest, Bytes>> {
  const rows = await db.selectFrom('contracts').selectAll().execute();
  return new Map(rows.map((row) => [row.contract as Digest, plain(row.salt)]));
}

/** @param salt that of the contract's first version */
export async function saveContract(db: VaultDatabase, contract: Digest, salt: Uint8Array): Promise<void> {
  await db
    .insertInto('contracts')
    .values({ contract, salt: Buffer.from(salt) })
    .onConflict((on) => on.doNothing())
    .execute();
}
