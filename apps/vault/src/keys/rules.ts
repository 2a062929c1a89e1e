// Who may ask this vault for what: pure decisions over the followed record.
import type { Digest } from '@sealroom/bytes';
import {
  type LedgerRecord,
  type Message,
  type MessageOf,
  messageSignerUnverified,
  messageUnverified,
  type PayloadOf,
  verifyMessage,
} from '@sealroom/contract';
import { refuse } from '../error.ts';
import type { KekName } from './sealing.ts';

const MESSAGE_AGE_MS = 5 * 60_000;

/**
 * Verifies an owner's `kek-request`: signed by an identity that the record knows for the organisation now, for this vault,
 * at most five minutes ago (or ahead). @param now milliseconds since 1970
 * @throws vault/not-served · vault/unknown-identity · vault/stale-message · statement/…
 */
export async function verifyOwner(
  request: Uint8Array,
  record: LedgerRecord,
  vault: { readonly kid: Digest; readonly orgs: readonly Digest[]; readonly now: number },
): Promise<MessageOf<'kek-request'>> {
  const { org } = messageUnverified('kek-request', request);
  if (!vault.orgs.includes(org)) {
    throw refuse('vault/not-served', 'This vault does not serve that organisation; ask its own vault.');
  }
  const entry = record.keys.get(messageSignerUnverified(request));
  if (entry?.kind !== 'identity' || !entry.orgs.has(org) || entry.until !== undefined) {
    throw refuse(
      'vault/unknown-identity',
      'The record knows no such identity of the organisation; register it, then ask again.',
    );
  }
  const message: Message<'kek-request'> = await verifyMessage('kek-request', request, {
    key: entry.key,
    audience: vault.kid,
  });
  if (Math.abs(vault.now - message.issuedAt * 1000) > MESSAGE_AGE_MS) {
    throw refuse(
      'vault/stale-message',
      'The request is not from the last five minutes; compare the clocks and sign anew.',
    );
  }
  return message.payload;
}

/** True when a wrapped key's statement names this KEK as it was made: same project, organisation and role. */
export function namesKek(payload: PayloadOf<'key.wrapped'>, kek: KekName): boolean {
  const { project, org, role } = kek;
  return (
    payload.kek === kek.kek && payload.project === project && payload.org === org && payload.role === role
  );
}
