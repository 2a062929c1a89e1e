// Who may hold a session. Pure.
import type { Digest } from '@sealroom/bytes';
import type { KeyEntry, LedgerRecord } from '@sealroom/contract';
import { refuse } from '../error.ts';

/** A person at work: its identity key and its organisation. Passed as a value to whatever acts for it. */
export type Actor = { readonly kid: Digest; readonly org: Digest };

export const CHALLENGE_MS = 60_000;
export const SESSION_MS = 12 * 60 * 60_000;

/** The identity behind a key. @throws hub/unknown-identity unless an organisation vouches for it now */
export function identityOf(record: LedgerRecord, kid: Digest): KeyEntry & { readonly org: Digest } {
  const entry = record.keys.get(kid);
  const [org] = entry?.orgs ?? [];
  if (entry?.kind !== 'identity' || entry.until !== undefined || org === undefined) {
    throw refuse(
      'hub/unknown-identity',
      'No organisation vouches for this key here; add the identity first, or use one that was not revoked.',
    );
  }
  return { ...entry, org };
}

/** The token of an `authorization: Bearer …` header. @throws hub/no-session */
export function bearerOf(header: string | undefined): string {
  const token = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(header ?? '')?.[1];
  if (token === undefined) throw noSession();
  return token;
}

export function noSession() {
  return refuse('hub/no-session', 'Sign in first: ask for a challenge, sign it, open a session.');
}
