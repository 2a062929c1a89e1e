// Machines with a TPM of a made-up vendor, and every cheat with them. The vendor's list is imported: no service gives it.
import { type Entry, NO_COLLATERAL, readCollateral } from '@sealroom/attest';
import { base64urlEncode, type Bytes, concat, hexEncode, sha256 } from '@sealroom/bytes';
import { FakeTpm, type QuoteOptions } from '../vendors/tpm.ts';
import type { AkCertificateOptions } from '../vendors/tpm-authority.ts';
import type { Bound } from '../world-hardware.ts';
import { type Cheat, none, type PlayedTechnology } from './cheats.ts';
import { FIRMWARE, PINNED, quoteFor, quoteRows, RUN_REGISTER } from './quotes.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AK_USAGE = '2.23.133.8.3';
const EK_USAGE = '2.23.133.8.1';

const told = (code: string, ...checks: readonly string[]) => checks.map((id) => `release/${code} tpm/${id}`);
const UNCHECKED = told('revocation', 'revocation/unchecked');

const nameOf = async ({ spki }: FakeTpm) => `tpm:ak:${hexEncode(await sha256(spki))}`;
const prover =
  (tpm: FakeTpm) =>
  async (
    bound: Bound,
    change: Partial<QuoteOptions> = {},
    members: { readonly [member: string]: unknown } = {},
  ): Promise<Bytes> =>
    tpm.evidence({ ...(await quoteFor(bound)), ...change }, members);

type Dates = Parameters<FakeTpm['authority']['revocationList']>[1];

/** @param now milliseconds since 1970, when all is good */
export async function playTpm(now: number): Promise<PlayedTechnology> {
  const [tpm, stranger, neighbour] = await Promise.all([now, now, now].map((at) => FakeTpm.create(at)));
  if (!tpm || !stranger || !neighbour) throw new Error('there is no TPM');
  const prove = prover(tpm);
  const list = async (serials: readonly number[], dates: Dates = {}, by = tpm) =>
    readCollateral([{ name: 'list', bytes: await by.authority.revocationList(serials, dates) }]);
  const good = await list([]);
  const certified = (
    what: string,
    expected: readonly string[],
    options: Partial<AkCertificateOptions>,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => {
      const certificate = await tpm.certified({ purposes: [AK_USAGE], ...options });
      return { body: await prove(bounds.good, {}, { akCertificates: [base64urlEncode(certificate)] }) };
    },
  });
  const listed = (
    what: string,
    expected: readonly string[],
    collateral: () => Promise<typeof good>,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({ body: await prove(bounds.good), collateral: await collateral() }),
  });
  const chained = (
    what: string,
    expected: readonly string[],
    certificates: readonly Uint8Array[],
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({
      body: await prove(
        bounds.good,
        {},
        {
          akCertificates: certificates.map((der) => base64urlEncode(new Uint8Array(der))),
        },
      ),
    }),
  });
  const values = Object.fromEntries(Object.entries(PINNED).map(([index, value]) => [index, [value]]));
  const entry: Entry = {
    technology: 'tpm',
    ak: { vendors: ['microsoft-tpm'], revocation: 'required' },
    pcrs: { bank: 'sha256', values },
    minFirmware: FIRMWARE,
    platforms: [await nameOf(tpm)],
    hostData: 'manifest',
    runRegister: RUN_REGISTER,
  };
  const rows = quoteRows({ technology: 'tpm', prove, stranger });
  const padded = concat(tpm.certificate, new Uint8Array([1]));
  return {
    title: 'TPM 2.0',
    technology: 'tpm',
    sensitivity: 'test',
    entry,
    roots: {
      'microsoft-tpm': readCollateral(
        [tpm, neighbour].map(({ root }, at) => ({ name: String(at), bytes: root })),
      ).certificates,
    },
    platform: await nameOf(tpm),
    answers: new Map(),
    keySets: {},
    collateral: good,
    published: [],
    imports: [{ name: 'list', bytes: await tpm.authority.revocationList([]) }],
    basis: 'roots',
    prove,
    cheats: {
      ...rows,
      'a leaf of another kind or name': [
        certified('an endorsement key’s certificate', told('evidence', 'ak-usage'), { purposes: [EK_USAGE] }),
        certified('a certificate that says no purpose', told('evidence', 'ak-usage'), { purposes: [] }),
        certified('a certificate of a key that enciphers', told('evidence', 'ak-usage'), { usage: 0x20 }),
        chained('another TPM’s', told('evidence', 'ak-chain/signature', 'ak-usage'), [stranger.certificate]),
        chained('one with a byte behind it', told('evidence', 'malformed'), [padded]),
      ],
      'an intermediate of another kind or signer': [
        chained('an authority that came with the key', told('evidence', 'ak-chain/signature'), [
          stranger.certificate,
          stranger.root,
        ]),
      ],
      'a list of another kind or signer': [
        listed('another authority’s', UNCHECKED, () => list([], {}, stranger)),
      ],
      'a certificate or token that has ended': [
        certified('the key’s', told('evidence', 'ak-chain/expired'), { notAfter: now - HOUR }),
      ],
      'a certificate or token from the future': [
        certified('the key’s', told('evidence', 'ak-chain/not-yet-valid'), { notBefore: now + HOUR }),
      ],
      'collateral that has ended': [
        listed('the list', UNCHECKED, () => list([], { thisUpdate: now - 9 * DAY, nextUpdate: now - HOUR })),
      ],
      'collateral from the future': [
        listed('the list', UNCHECKED, () => list([], { thisUpdate: now + HOUR })),
      ],
      'collateral that is missing': [listed('no list', UNCHECKED, async () => NO_COLLATERAL)],
      'what its vendor revoked': [
        listed('the attestation key', told('revocation', 'revocation/revoked'), () => list([7])),
      ],
      'another machine or project': [
        {
          what: 'another TPM that the vendor vouches for',
          told: told('platform', 'platform'),
          attempt: async (bounds) => ({
            body: await prover(neighbour)(bounds.good),
            collateral: await list([], {}, neighbour),
          }),
        },
      ],
      'another configuration': none(
        'a TPM says nothing of it but its registers, which are played as other code',
      ),
      'a token for another audience': none('quotes name no audience'),
      'a token of another issuer': none('quotes name no issuer; another signer is played'),
      'a token under no or another algorithm': none(
        'another scheme of signatures is played as an unknown version',
      ),
      'a clock an hour behind': [
        certified('before the key’s certificate begins', told('evidence', 'ak-chain/not-yet-valid'), {
          notBefore: now - HOUR / 2,
        }),
      ],
      'a clock an hour ahead': [
        listed('after the list has ended', UNCHECKED, () => list([], { nextUpdate: now + HOUR / 2 })),
      ],
    },
  };
}
