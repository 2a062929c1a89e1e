// People prove an identity key by signing a challenge and get a bearer token for twelve hours (architecture.md section 3).
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { messageSignerUnverified, verifyMessage } from '@sealroom/contract';
import { type App, type AppContext, mount } from '@sealroom/host';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import type { Book } from '../record/book.ts';
import { type Actor, bearerOf, CHALLENGE_MS, identityOf, noSession, SESSION_MS } from './rules.ts';
import { burnChallenge, findSession, insertChallenge, insertSession } from './store.ts';

export type SessionsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly origin: string;
  readonly now: () => number;
};

/** Who calls, by the bearer token. @throws hub/no-session */
export type ActorOf = (request: AppContext) => Promise<Actor>;

function randomText(bytes: number): string {
  return base64urlEncode(crypto.getRandomValues(new Uint8Array(bytes)));
}

function hashOf(secret: string): Promise<Digest> {
  return sha256Digest(utf8Encode(secret));
}

export function actorOf({ db, now }: Pick<SessionsParts, 'db' | 'now'>): ActorOf {
  return async (request) => {
    const token = bearerOf(request.req.header('authorization'));
    const actor = await findSession(db, await hashOf(token), new Date(now()));
    if (!actor) throw noSession();
    return actor;
  };
}

export function mountSessions(app: App, { db, book, origin, now }: SessionsParts): void {
  mount(
    app,
    hubRoutes.challenge,
  )(async () => {
    const challenge = randomText(32);
    const expiresAt = new Date(now() + CHALLENGE_MS);
    await insertChallenge(db, await hashOf(challenge), new Date(now()), expiresAt);
    return { challenge, expiresAt: expiresAt.toISOString() };
  });

  mount(
    app,
    hubRoutes.openSession,
  )(async ({ body }) => {
    const proof = base64urlDecode(body.proof);
    const { key, kid, org } = identityOf(book.record, messageSignerUnverified(proof));
    const { payload } = await verifyMessage('session-proof', proof, { key, audience: origin });
    if (!(await burnChallenge(db, await hashOf(payload.challenge), new Date(now())))) {
      throw refuse('hub/challenge', 'The challenge is not open any more; ask for a new one.');
    }
    const token = randomText(32);
    const expiresAt = new Date(now() + SESSION_MS);
    await insertSession(db, { hash: await hashOf(token), kid, org, now: new Date(now()), expiresAt });
    return { token, expiresAt: expiresAt.toISOString(), org, kid };
  });
}
