// A piece of what vendors publish, authenticated, and what all kinds of pieces share. Key sets of token services have no
// signature: they are pieces only as answers of the address that they were asked for at, or by the word of who imported them.
import { type Bytes, hexEncode, sha256, utf8Encode } from '@sealroom/bytes';
import type { Collateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { LONGEST_KEY_SET_MS, readKeys } from '../jwt/key-set.ts';
import type { Roots, Vendor } from '../roots/roots.ts';
import type { CollateralUse, Window } from '../types.ts';

/** Times are milliseconds since 1970; it may be used from `notBefore` until before `notAfter`. */
export type Piece = {
  /** The need's name that it answers (needName), or one of its own. */
  readonly name: string;
  readonly kind: CollateralUse['kind'];
  /** The whole of what the name has a part of only: a chip, an issuer. */
  readonly of?: string | undefined;
  /** For people. */
  readonly subject: string;
  readonly form: 'der' | 'json' | 'xml';
  readonly bytes: Bytes;
  readonly notBefore: number;
  readonly notAfter: number;
  /** When its vendor made it: of two with one name the later counts, and an earlier one never takes its place. */
  readonly made: number;
  /** Of a key set that nobody fetched: until when whoever imported it vouches for it. */
  readonly vouchedUntil?: number | undefined;
};

/** `beside` holds what is known already: certificates between and revocation lists that pieces are held against. */
export type PieceWorld = { readonly roots: Roots; readonly at: number; readonly beside: Collateral };

const DAY_MS = 86_400_000;

/** The time in which all of these hold. */
export function sharedWindow(windows: readonly Window[]): Window {
  return {
    notBefore: Math.max(...windows.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...windows.map(({ notAfter }) => notAfter)),
  };
}

export function refusePiece(why: string): AttestError {
  return new AttestError('attest/bad-collateral', why);
}

export function refuseTime(why: string): AttestError {
  return new AttestError('attest/stale-collateral', why);
}

/** The name of what answers no need by its own: it comes by import alone. */
export function nameOfImported(kind: 'certificate' | 'crl', vendor: Vendor, digest: string): string {
  return `${kind}_${vendor}_${digest}`;
}

/** Whether a name is one that nameOfImported made for one of these vendors. */
export function isImportedOf(name: string, vendors: readonly Vendor[]): boolean {
  return vendors.some(
    (vendor) => name.startsWith(`certificate_${vendor}_`) || name.startsWith(`crl_${vendor}_`),
  );
}

export async function shortDigest(bytes: Uint8Array): Promise<string> {
  return hexEncode(await sha256(bytes)).slice(0, 32);
}

/**
 * What an issuer's own address gave, which is believed for having come from there, so that only a fetcher may call this; or what
 * the folder's owner vouches for until a time.
 * @param fetchedAt @param keptFor milliseconds
 * @throws attest/bad-collateral · attest/too-large when it is no set with a key that tokens are signed with, or is vouched for
 * longer than anybody may
 */
export async function keySetPiece(
  text: string,
  {
    name,
    issuer,
    fetchedAt,
    keptFor,
    vouchedUntil,
  }: { name: string; issuer: string; fetchedAt: number; keptFor: number; vouchedUntil?: number | undefined },
): Promise<Piece> {
  const keys = await readKeys(text);
  if (keys.length === 0)
    throw refusePiece(`The key set of ${issuer} has no key that tokens are signed with.`);
  const notAfter = vouchedUntil ?? fetchedAt + keptFor;
  if (!(fetchedAt < notAfter && notAfter - fetchedAt <= LONGEST_KEY_SET_MS))
    throw refusePiece(
      `A key set is vouched for from now on, for ${LONGEST_KEY_SET_MS / DAY_MS} days at most.`,
    );
  const window = { notBefore: fetchedAt, notAfter, made: fetchedAt };
  const subject = `keys of ${issuer}`;
  const piece = { name, kind: 'key-set', subject, form: 'json', bytes: utf8Encode(text) } as const;
  return { ...piece, ...window, ...(vouchedUntil !== undefined && { vouchedUntil }) };
}
