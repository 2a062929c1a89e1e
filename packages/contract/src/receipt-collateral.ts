// The vendors' collateral that a receipt carries, so that its evidence can be judged without a network: each piece once, as
// base64url of its own bytes (DER, or a document's text), sorted. Which pieces those are the vaults say, by what their own
// appraisal used; whoever reads the receipt judges them anew, since all of them are signed by vendors. Nothing is verified here.
import {
  AttestError,
  type Collateral,
  type CollateralUse,
  type KeySet,
  NO_COLLATERAL,
  readCollateral,
  type Roots,
  selectCollateral,
} from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, bytesEqual, type Digest, sha256Digest } from '@sealroom/bytes';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { bytesText } from './fields.ts';

const MOST_PIECES = 64;
/** Of all pieces together, in characters of base64url. */
const LARGEST = 4 * 1024 * 1024;

const sizeOf = (pieces: readonly string[]) => pieces.reduce((sum, piece) => sum + piece.length, 0);

/** What a vault hands out, in any order. */
export const collateralPieces = z
  .array(bytesText())
  .max(MOST_PIECES)
  .refine((pieces) => sizeOf(pieces) <= LARGEST, 'more collateral than a receipt can carry');

/** A receipt has one form: sorted, each piece once, and no empty list. */
export const carriedCollateral = collateralPieces
  .refine((pieces) => pieces.length > 0, 'expected no member where there is no collateral')
  .refine(
    (pieces) => pieces.every((piece, at) => at === 0 || (pieces[at - 1] ?? '') < piece),
    'expected sorted pieces, each once',
  );

/** Sorts pieces of several vaults, each once; undefined where there are none, or more than a receipt can carry. */
export function joinPieces(...lists: readonly (readonly string[])[]): string[] | undefined {
  const pieces = [...new Set(lists.flat())].toSorted((a, b) => (a < b ? -1 : 1));
  return carriedCollateral.safeParse(pieces).success ? pieces : undefined;
}

/**
 * The pieces that an appraisal used, but for copies of the pinned roots. None where they are more than a receipt can carry: its
 * reader must bring them then.
 */
export async function packCollateral(
  collateral: Collateral,
  used: readonly CollateralUse[],
  { roots, keySets = [] }: { readonly roots: Roots; readonly keySets?: readonly KeySet[] | undefined },
): Promise<string[]> {
  const pinned = Object.values(roots).flat();
  const certificates = collateral.certificates.filter(
    ({ der }) => !pinned.some((root) => bytesEqual(root.der, der)),
  );
  const documents = [...collateral.documents, ...keySets.map(({ issuer, text }) => ({ name: issuer, text }))];
  const files = await selectCollateral({ ...collateral, certificates, documents }, used);
  return joinPieces(files.map(({ bytes }) => base64urlEncode(bytes))) ?? [];
}

/** @throws receipt/collateral */
export async function unpackCollateral(pieces: readonly string[] | undefined): Promise<Collateral> {
  if (!pieces) return NO_COLLATERAL;
  const files = pieces.map((piece, at) => ({ name: `piece ${at}`, bytes: base64urlDecode(piece) }));
  try {
    return readCollateral(files);
  } catch (cause) {
    if (!(cause instanceof AttestError)) throw cause;
    throw new ContractError(
      'receipt/collateral',
      `A piece of the carried collateral cannot be read: ${cause.message}`,
      { cause },
    );
  }
}

/**
 * Every piece that is carried must have been used, or be a key set that a vault names: nothing stands in a receipt that it does not
 * need. @throws receipt/collateral
 */
export async function checkAllUsed(
  pieces: readonly string[] | undefined,
  used: readonly CollateralUse[],
  named: readonly { readonly digest: Digest }[],
): Promise<void> {
  const digests = new Set<string>(used.map((use) => `sha256:${use.within ?? use.sha256}`));
  for (const { digest } of named) digests.add(digest);
  for (const piece of pieces ?? [])
    if (!digests.has(await sha256Digest(base64urlDecode(piece))))
      throw new ContractError(
        'receipt/collateral',
        'The receipt carries collateral that its evidence does not need.',
      );
}
