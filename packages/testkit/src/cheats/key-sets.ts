// Cheats with the key sets that token services publish: sets of others, of another time, without the key, and sets that come from
// elsewhere than the issuer's own address.
import { type KeySet, readCollateral, readKeySet } from '@sealroom/attest';
import { type JsonObject, utf8Encode } from '@sealroom/bytes';
import { jwksText, tokenSigner } from '../vendors/tokens.ts';
import { type Attempt, type Cheat, type CheatTable, none } from './cheats.ts';
import { cheatsOf, HOUR, MINUTE, type TokenService } from './tokens.ts';

const KID = 'made-up-1';
const DAY = 24 * HOUR;

/** A service that publishes its keys, of which tokens name one as `made-up-1`. */
export type PublishingService = TokenService & { readonly issuer: string; readonly jwks: string };

type About = Partial<Omit<Parameters<typeof readKeySet>[0], 'text'>> & {
  readonly keys?: readonly JsonObject[];
};

/** A set as a vault has it from the issuer's address, but for what is said otherwise. */
export async function setOf(
  { issuer, jwks, now }: PublishingService,
  { keys, ...about }: About = {},
): Promise<KeySet> {
  const text = keys ? jwksText(keys) : jwks;
  return readKeySet({ issuer, text, fetchedAt: now, notAfter: now + DAY, ...about });
}

/** @param late what else is told an hour after a token was made */
export function keySetRows(service: PublishingService, late: readonly string[] = []) {
  const { signer, stranger, now } = service;
  const { prove, told } = cheatsOf(service);
  const given = (
    what: string,
    expected: readonly string[],
    sets: () => Promise<Omit<Attempt, 'body'>>,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async ({ good }) => ({ body: await prove(good), ...(await sets()) }),
  });
  const one = (what: string, expected: readonly string[], about: About) =>
    given(what, expected, async () => ({ keySets: [await setOf(service, about)] }));
  const without = (check: string) => [
    ...told('evidence', check, 'signature'),
    ...told('revocation', 'revocation'),
  ];
  const own = { ...signer.jwk, kid: KID };
  const elsewhere = 'https://other.weu.attest.azure.net';
  return {
    'a leaf of another kind or name': [
      one('a key that enciphers', without('key-set/unknown-key'), { keys: [{ ...own, use: 'enc' }] }),
      one('a key of another algorithm', without('key-set/unknown-key'), { keys: [{ ...own, alg: 'PS256' }] }),
      one('a key of another name', without('key-set/unknown-key'), { keys: [{ ...own, kid: 'made-up-2' }] }),
      given('a key on a curve under the name', told('evidence', 'signature'), async () => {
        const { jwk } = await tokenSigner('ES384');
        return { keySets: [await setOf(service, { keys: [{ ...jwk, kid: KID }] })] };
      }),
    ],
    'an intermediate of another kind or signer': none(
      'a key set is believed for the address that it came from: no authority stands between',
    ),
    'a list of another kind or signer': [
      one('another issuer’s set', without('key-set'), { issuer: elsewhere }),
      one('a set of nobody’s keys', told('evidence', 'signature'), {
        keys: [{ ...stranger.jwk, kid: KID }],
      }),
      given('the set that came with the room', without('key-set'), async () => ({
        keySets: [],
        collateral: readCollateral([{ name: 'keys.json', bytes: utf8Encode(service.jwks) }]),
      })),
    ],
    'collateral that has ended': [
      one('the set', without('key-set/stale'), { fetchedAt: now - DAY, notAfter: now }),
    ],
    'collateral from the future': [one('the set', without('key-set/stale'), { fetchedAt: now + HOUR })],
    'collateral that is missing': [given('no set', without('key-set'), async () => ({ keySets: [] }))],
    'what its vendor revoked': [
      one('the key is no more in the issuer’s set', without('key-set/unknown-key'), { keys: [] }),
    ],
    'a clock an hour behind': [
      one('before the token was made', told('evidence', 'not-yet-valid'), { fetchedAt: now - 2 * HOUR }),
      one('before the set was had', [...without('key-set/stale'), ...told('evidence', 'not-yet-valid')], {}),
    ],
    'a clock an hour ahead': [
      given('after the token’s time', told('evidence', 'age', ...late), async () => ({
        keySets: [await setOf(service)],
      })),
      one('after the set’s end', [...without('key-set/stale'), ...told('evidence', 'age', ...late)], {
        notAfter: now + 30 * MINUTE,
      }),
    ],
  } satisfies Partial<CheatTable>;
}
