// Cheats with what stands beside the report of an Azure confidential VM: AMD's certificates and lists.
import { readCollateral } from '@sealroom/attest';
import { type FakeAmd, snpChipId, type SnpReportFields, SNP_TCB } from '../vendors/sev-snp.ts';
import { azure, type Machine, proofOf, snp } from './azure-machine.ts';
import type { Cheat, CheatTable } from './cheats.ts';

const HOUR = 3_600_000;

/** Cheats with what stands beside a report. */
async function cheatsBeside(machine: Machine) {
  const { amd } = machine;
  const proof = proofOf(machine);
  const good = await amd.revocationList();
  const beside = (...files: readonly Uint8Array[]) =>
    readCollateral(files.map((bytes, at) => ({ name: String(at), bytes })));
  const held = (
    what: string,
    expected: readonly string[],
    files: () => Promise<readonly Uint8Array[]>,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({ body: await proof(bounds.good), collateral: beside(...(await files())) }),
  });
  const listed = (
    what: string,
    expected: readonly string[],
    options: Parameters<FakeAmd['revocationList']>[0],
    by = amd,
  ) => held(what, expected, async () => [amd.askCertificate, await by.revocationList(options)]);
  /** Held against the authority's certificate and list alone, without what AMD's service has of the chip. */
  const endorsed = (
    what: string,
    expected: readonly string[],
    [kind, options, fields = {}]: readonly [...Parameters<FakeAmd['endorse']>, Partial<SnpReportFields>?],
    authority = amd.askCertificate,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({
      body: await proof(bounds.good, { key: await amd.endorse(kind, options), fields }),
      collateral: beside(authority, good),
    }),
  });
  return { good, held, listed, endorsed };
}

/** Without a path there is no ladder, and no root's product. */
const PATHLESS = snp('evidence', 'chain/no-path', 'ladder', 'product/root');
const UNCHECKED = snp('revocation', 'revocation/unchecked');

/** Certificates of keys. */
export async function keyRows(machine: Machine, other: FakeAmd, now: number) {
  const { amd } = machine;
  const proof = proofOf(machine);
  const { good, held, endorsed } = await cheatsBeside(machine);
  const strange = snpChipId('Milan', 0xd1);
  return {
    'another signer': [
      {
        what: 'the key of another chip',
        told: snp('evidence', 'signature'),
        attempt: async (bounds) => {
          const { pair } = await amd.endorse('VCEK');
          return { body: await proof(bounds.good, { key: { ...machine.key, pair } }) };
        },
      },
    ],
    'a leaf of another kind or name': [
      endorsed(
        'a provider’s key where the chip’s is named',
        snp('evidence', 'signing-key'),
        ['VLEK'],
        amd.asvkCertificate,
      ),
      endorsed('the key of another chip', snp('evidence', 'chip'), ['VCEK', { hwid: strange }]),
      endorsed('the key of another firmware', snp('evidence', 'tcb-match'), [
        'VCEK',
        { tcb: { ...SNP_TCB, snp: 23 } },
      ]),
      endorsed(
        'a key that the provider’s authority issued',
        snp('evidence', 'ladder'),
        ['VCEK', { issuer: amd.asvk }],
        amd.asvkCertificate,
      ),
      endorsed('a certificate of neither kind', snp('evidence', 'endorsement-key'), [
        'VCEK',
        { commonName: 'SEV-Other' },
      ]),
      {
        what: 'another key of the chip, where the store has the genuine one',
        told: snp('evidence', 'signature'),
        attempt: async (bounds) => {
          const key = await amd.endorse('VCEK', { tcb: { ...SNP_TCB, snp: 23 } });
          return { body: await proof(bounds.good, { key }) };
        },
      },
    ],
    'an intermediate of another kind or signer': [
      held('the provider’s authority', PATHLESS, async () => [amd.asvkCertificate, good]),
      held(
        'the authority under another root',
        snp('evidence', 'chain/signature', 'ladder', 'product/root'),
        async () => [other.askCertificate, good],
      ),
    ],
    'a certificate or token that has ended': [
      endorsed('the chip’s', snp('evidence', 'chain/expired'), ['VCEK', { notAfter: now - HOUR }]),
    ],
    'a certificate or token from the future': [
      endorsed('the chip’s', snp('evidence', 'chain/not-yet-valid'), ['VCEK', { notBefore: now + HOUR }]),
    ],
    'another machine or project': [
      endorsed('another chip of AMD’s', azure('platform', 'platform'), [
        'VCEK',
        { hwid: strange },
        { chipId: strange },
      ]),
    ],
    'a clock an hour behind': [
      endorsed('before the chip’s certificate begins', snp('evidence', 'chain/not-yet-valid'), [
        'VCEK',
        { notBefore: now - HOUR / 2 },
      ]),
    ],
  } satisfies Partial<CheatTable>;
}

/** The authority's certificate and the list of what AMD revoked. */
export async function listRows(machine: Machine, other: FakeAmd, now: number) {
  const { amd } = machine;
  const { good, held, listed } = await cheatsBeside(machine);
  return {
    'a list of another kind or signer': [
      listed('of an authority that signs none', UNCHECKED, { issuer: amd.ask }),
      listed('of another root', UNCHECKED, {}, other),
    ],
    'collateral that has ended': [listed('the list', UNCHECKED, { nextUpdate: now - HOUR })],
    'collateral from the future': [listed('the list', UNCHECKED, { thisUpdate: now + HOUR })],
    'collateral that is missing': [
      held('the list', UNCHECKED, async () => [amd.askCertificate]),
      held('the authority', PATHLESS, async () => [good]),
      held('everything', PATHLESS, async () => []),
    ],
    'what its vendor revoked': [
      listed('the authority of chips', snp('revocation', 'revocation/revoked'), { serials: [0x10001] }),
    ],
    'a clock an hour ahead': [listed('after the list has ended', UNCHECKED, { nextUpdate: now + HOUR / 2 })],
  } satisfies Partial<CheatTable>;
}
