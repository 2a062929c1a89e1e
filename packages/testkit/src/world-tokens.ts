// Rooms that a made-up token service vouches for: tokens in the genuine format under the service's own key set, with an entry that
// accepts what is good. The key set is the vault's, as it would have fetched it.
import {
  type Entry,
  type KeySet,
  NO_COLLATERAL,
  readKeySet,
  type RoomTechnology,
  technologyOf,
} from '@sealroom/attest';
import { base64urlEncode, type Bytes } from '@sealroom/bytes';
import { type FakeMaa, MAA_ISSUER } from './vendors/azure-maa.ts';
import type { FakeConfidentialSpace } from './vendors/gcp-confidential-space.ts';
import type { Bound, FakePlatform } from './world-hardware.ts';

const SPACE_ISSUER = 'https://confidentialcomputing.googleapis.com';
const HOUR = 3_600_000;

export type TokenChanges = {
  readonly entry?: object;
  /** Other sets than the service's own, or none. */
  readonly keySets?: readonly KeySet[];
};

/** A set as a vault that fetched it an hour ago has it. */
export async function vaultKeySet(
  issuer: string,
  text: string,
  { now, ...change }: { now: number } & Partial<Pick<KeySet, 'fetchedAt' | 'notAfter' | 'origin'>>,
): Promise<KeySet> {
  return readKeySet({ issuer, text, fetchedAt: now - HOUR, notAfter: now + 23 * HOUR, ...change });
}

type Service = { readonly issuer: string; readonly jwks: string; readonly now: number };

async function tokenPlatform(
  technology: RoomTechnology,
  token: (bound: Bound) => Promise<Bytes>,
  { issuer, jwks, now, entry: change = {}, keySets }: Service & TokenChanges,
): Promise<FakePlatform> {
  const one = technologyOf(technology);
  const own = await vaultKeySet(issuer, jwks, { now });
  const empty = new Uint8Array(32);
  const parsed = one.parse(await token({ reportData: empty, hostData: empty }));
  const pinned = one.pin(parsed);
  const context = { at: now, collateral: NO_COLLATERAL, roots: {}, keySets: [own] };
  const { claims } = await one.verify(parsed, pinned, context);
  return {
    technology,
    roots: {},
    entry: { ...(pinned as object), ...change } as Entry,
    collateral: NO_COLLATERAL,
    keySets: keySets ?? [own],
    name: claims?.platform ?? '',
    prove: async (bound) => ({ technology, body: base64urlEncode(await token(bound)) }),
  };
}

/** A VM of Azure whose provider is made up; the run is bound by the room's program. */
export async function maaPlatform(
  maa: FakeMaa,
  now: number,
  changes: TokenChanges = {},
): Promise<FakePlatform> {
  const service = { issuer: MAA_ISSUER, jwks: maa.jwks, now, ...changes };
  return tokenPlatform('azure-maa', ({ reportData }) => maa.token(maa.guest(reportData)), service);
}

/** A Confidential Space of a made-up Google, with OIDC tokens. */
export async function spacePlatform(
  google: FakeConfidentialSpace,
  now: number,
  changes: TokenChanges = {},
): Promise<FakePlatform> {
  const service = { issuer: SPACE_ISSUER, jwks: google.jwks, now, ...changes };
  const token = ({ reportData }: Bound) => google.oidcToken(google.claims(reportData));
  return tokenPlatform('gcp-confidential-space', token, service);
}
