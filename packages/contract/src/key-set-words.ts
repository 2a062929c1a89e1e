// What a vault says, signed in its answer, of the key sets of token services that it held evidence against (docs/decisions/129):
// whose they are, which, how it came to them and from when until when it believed them. Nothing else signs a key set. Such a
// word makes nothing true: whoever reads it decides whether the vault is believed.
import {
  AttestError,
  type Collateral,
  type CollateralUse,
  type KeySet,
  LONGEST_KEY_SET_MS,
  readKeySet,
} from '@sealroom/attest';
import { type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { digest, time } from './fields.ts';

/** How long the set is believed is bounded in a receipt as it is in a vault. */
function isBounded({ fetchedAt, notAfter }: { fetchedAt: string; notAfter: string }): boolean {
  const kept = Date.parse(notAfter) - Date.parse(fetchedAt);
  return kept > 0 && kept <= LONGEST_KEY_SET_MS;
}

export const keySetWord = z
  .strictObject({
    issuer: z.string().regex(/^https:\/\/[a-z0-9](?:[a-z0-9.-]{0,80}[a-z0-9])$/),
    /** SHA-256 of the set as its issuer published it. */
    digest,
    /** From the address that the vault's configuration has for the issuer, or by its owner's word. */
    origin: z.enum(['fetched', 'imported']),
    fetchedAt: time,
    notAfter: time,
  })
  .refine(isBounded, 'a key set is believed for some time, and for thirty days at most');

export type KeySetWord = z.infer<typeof keySetWord>;

const timeText = (at: number) => new Date(at).toISOString().replace('.000Z', 'Z');

/** What a vault is to say: of those that its appraisal rested on, and of no others. */
export function keySetWords(
  keySets: readonly KeySet[],
  used: readonly Pick<CollateralUse, 'kind' | 'subject' | 'sha256'>[],
): KeySetWord[] {
  const needed = keySets.filter((set) =>
    used.some(
      ({ kind, subject, sha256 }) => kind === 'key-set' && subject === set.issuer && sha256 === set.sha256,
    ),
  );
  return needed.map(({ issuer, sha256, origin, fetchedAt, notAfter }) => ({
    issuer,
    digest: `sha256:${sha256}`,
    origin,
    fetchedAt: timeText(fetchedAt),
    notAfter: timeText(notAfter),
  }));
}

/**
 * The sets that words speak of, out of what a receipt carries.
 * @throws receipt/collateral when one is not there, or is no key set
 */
export async function spokenSets(
  words: readonly KeySetWord[],
  { documents }: Pick<Collateral, 'documents'>,
): Promise<KeySet[]> {
  const texts = new Map<Digest, string>();
  for (const { text } of documents) texts.set(await sha256Digest(utf8Encode(text)), text);
  return Promise.all(
    words.map(async ({ issuer, digest: name, origin, fetchedAt, notAfter }) => {
      const text = texts.get(name);
      if (text === undefined)
        throw new ContractError(
          'receipt/collateral',
          'The receipt does not carry a key set that a vault held the evidence against.',
        );
      const [from, until] = [Date.parse(fetchedAt), Date.parse(notAfter)];
      try {
        return await readKeySet({ issuer, text, origin, fetchedAt: from, notAfter: until });
      } catch (cause) {
        if (!(cause instanceof AttestError)) throw cause;
        throw new ContractError('receipt/collateral', 'A carried key set cannot be read.', { cause });
      }
    }),
  );
}
