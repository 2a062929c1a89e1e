// Challenges and sessions. Both are stored as digests: the database does not hold what a person presents.
import type { Digest } from '@sealroom/bytes';
import type { Db, Tx } from '../db.ts';
import type { Actor } from './rules.ts';

export async function insertChallenge(db: Db, hash: Digest, now: Date, expiresAt: Date): Promise<void> {
  await db.deleteFrom('challenges').where('expires_at', '<', now).execute();
  await db.insertInto('challenges').values({ challenge_hash: hash, expires_at: expiresAt }).execute();
}

/** True once for each challenge that has not expired. */
export async function burnChallenge(db: Db, hash: Digest, now: Date): Promise<boolean> {
  const row = await db
    .deleteFrom('challenges')
    .where('challenge_hash', '=', hash)
    .returning('expires_at')
    .executeTakeFirst();
  return row !== undefined && row.expires_at > now;
}

export async function insertSession(
  db: Db,
  session: Actor & { readonly hash: Digest; readonly now: Date; readonly expiresAt: Date },
): Promise<void> {
  const { hash, kid, org, now, expiresAt } = session;
  await db.deleteFrom('sessions').where('expires_at', '<', now).execute();
  await db.insertInto('sessions').values({ token_hash: hash, kid, org, expires_at: expiresAt }).execute();
}

export async function findSession(db: Db, hash: Digest, now: Date): Promise<Actor | undefined> {
  return db
    .selectFrom('sessions')
    .innerJoin('people', 'people.kid', 'sessions.kid')
    .select(['sessions.kid', 'sessions.org'])
    .where('token_hash', '=', hash)
    .where('expires_at', '>', now)
    .where('people.revoked', '=', false)
    .executeTakeFirst();
}

export async function endSessions(tx: Tx, kid: Digest): Promise<void> {
  await tx.deleteFrom('sessions').where('kid', '=', kid).execute();
}
