// Good reports of a fake AMD are affirmed, and every member of an entry refuses by a check of its own. The numbers in brackets are
// those of the reported bugs of peers.
import { concat, hexEncode } from '@sealroom/bytes';
import {
  SNP_GUIDS,
  SNP_TCB,
  snpCertificateTable,
  snpChipId,
  type SnpReportFields,
} from '@sealroom/testkit/vendors/sev-snp';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  PRODUCTS,
  vendor,
  vcek,
  vlek,
  parts,
  older,
  ENTRY,
  policyOf,
  judge,
  reasons,
  VLEK_ENTRY,
  VLEK_FIELDS,
  listOf,
  makeVendors,
  type Given,
} from './judge-for-tests.ts';

beforeAll(makeVendors);

describe.each(PRODUCTS)('a genuine-format report of %s', (product) => {
  test.each([2, 3, 4, 5] as const)('of version %i is affirmed', async (version) => {
    const mitigations = version < 5 ? { mitigations: { launch: [], current: [] } } : {};
    const { verdict, claims, used } = await judge({ product, fields: { version }, entry: mitigations });
    expect(verdict).toBe('affirmed');
    const chip = snpChipId(product).slice(0, product === 'Turin' ? 8 : 64);
    expect(claims?.platform).toBe(`sev-snp:chip:${hexEncode(chip)}`);
    expect(used.map(({ kind }) => kind)).toEqual(['certificate', 'certificate', 'certificate', 'crl']);
  });

  test('signed by a provider’s key is affirmed where the entry names the provider, and only there', async () => {
    const given = { product, key: vlek(product), fields: VLEK_FIELDS };
    expect(await reasons({ ...given, entry: VLEK_ENTRY })).toEqual([]);
    expect(await reasons(given)).toEqual(['vlek']);
    expect(await reasons({ ...given, entry: { vlek: { cspIds: [] } } })).toEqual(['vlek']);
    expect(await reasons({ ...given, entry: { vlek: { cspIds: ['CN=other.example'] } } })).toEqual(['vlek']);
  });

  // Whether CHIP_ID is hidden is the host's choice: it must not choose under which name it is distrusted.
  test('signed by a distrusted provider’s key is refused whether or not it names its chip', async () => {
    const distrust = ['sev-snp:provider:CN=cc.cloud.example'];
    const given = { product, key: vlek(product), entry: VLEK_ENTRY, distrust };
    expect(await reasons({ ...given, fields: VLEK_FIELDS })).toEqual(['distrusted']);
    const fields = { ...VLEK_FIELDS, chipId: snpChipId(product) };
    const entry = { ...VLEK_ENTRY, platforms: { any: 'accepted' } as const };
    expect(await reasons({ ...given, fields, entry, distrust: [] })).toEqual([]);
    expect(await reasons({ ...given, fields, entry })).toEqual(['distrusted']);
  });

  test('takes its certificates from the table behind it', async () => {
    const { certificate } = vcek(product);
    const { askCertificate, root } = vendor(product);
    const table = snpCertificateTable([
      [SNP_GUIDS.VCEK, certificate],
      [SNP_GUIDS.ASK, askCertificate],
      [SNP_GUIDS.ARK, root],
      ['ecae0c0f-9502-43b1-afa2-0ae2e0d565b6', new Uint8Array([1, 2, 3])],
    ]);
    const after = (body: Uint8Array) => concat(body, table);
    expect(await reasons({ product, beside: [listOf(product)], after })).toEqual([]);
  });

  test('is refused when any part of a TCB version is below its floor, in the product’s own layout (7, 8)', async () => {
    const names = ['bootloader', 'snp', 'microcode', ...(product === 'Turin' ? ['fmc'] : [])] as const;
    for (const part of names) {
      const low = { ...(product === 'Turin' ? SNP_TCB : { ...SNP_TCB, fmc: 0 }), [part]: 0 };
      for (const field of ['committed', 'launch'] as const) {
        const failed = await reasons({ product, fields: { [field]: low } });
        expect(failed, `${field} ${part}`).toEqual(
          field === 'committed' ? ['tcb/provisional', 'tcb/committed'] : ['tcb/launch'],
        );
      }
      const key = await vendor(product).endorse('VCEK', { tcb: low });
      expect(await reasons({ product, key, fields: { reported: low } }), part).toEqual(['tcb/reported']);
    }
  });

  test('is refused when the endorsement key is of another TCB than the reported one', async () => {
    for (const part of ['bootloader', 'tee', 'snp', 'microcode'] as const) {
      const reported = { ...SNP_TCB, ...(product !== 'Turin' && { fmc: 0 }), [part]: SNP_TCB[part] + 1 };
      const failed = await reasons({ product, fields: { reported, current: reported, committed: reported } });
      expect(failed, part).toEqual(['tcb-match']);
    }
  });

  test('is refused when another chip’s key signed it, or when it hides its chip', async () => {
    const key = await vendor(product).endorse('VCEK', {
      hwid: snpChipId(product, 0xee).slice(0, product === 'Turin' ? 8 : 64),
    });
    expect(await reasons({ product, key })).toEqual(['chip']);
    expect(await reasons({ product, fields: { chipId: new Uint8Array(64) } })).toEqual(['chip']);
  });
});

describe('a policy’s entry', () => {
  const debug = 0x3001fn | (1n << 19n);
  const cases: readonly (readonly [string, Given, readonly string[]])[] = [
    ['a guest that may be debugged (9)', { fields: { policy: debug } }, ['debug']],
    ['a migration agent', { fields: { policy: 0x3001fn | (1n << 18n) } }, ['migration-agent']],
    [
      'SMT where it is not allowed',
      { entry: { guestPolicy: { ...ENTRY.guestPolicy, allowed: [] } } },
      ['guest-policy/smt'],
    ],
    ['CXL', { fields: { policy: 0x3001fn | (1n << 21n) } }, ['guest-policy/cxl']],
    [
      'a demand that is missing',
      { entry: { guestPolicy: { ...ENTRY.guestPolicy, required: ['ciphertext-hiding', 'single-socket'] } } },
      ['guest-policy/ciphertext-hiding', 'guest-policy/single-socket'],
    ],
    [
      'too old an ABI in the guest’s policy',
      { entry: { guestPolicy: { ...ENTRY.guestPolicy, minimumAbi: { major: 1, minor: 0 } } } },
      ['guest-policy/abi'],
    ],
    ['another launch digest (13)', { fields: { measurement: new Uint8Array(48).fill(4) } }, ['launch']],
    ['no launch digest allowed', { entry: { launch: [] } }, ['launch']],
    ['another privilege level', { fields: { vmpl: 1 } }, ['vmpl']],
    ['a report that the host asked for', { fields: { vmpl: 0xffffffff } }, ['vmpl']],
    ['an old security version of the guest', { fields: { guestSvn: 1 } }, ['guest-svn']],
    ['a platform without what is required', { fields: { platformInfo: 0x21n } }, ['platform-info/ecc']],
    ['a platform with what is forbidden', { fields: { platformInfo: 0x27n } }, ['platform-info/no-tsme']],
    ['a product without a floor', { entry: { minimumTcb: {} } }, ['tcb/product']],
    [
      'firmware below the least',
      { fields: { currentFirmware: [1, 54, 99], committedFirmware: [1, 54, 99] } },
      ['firmware'],
    ],
    ['provisional firmware (8)', { fields: { committedFirmware: [1, 55, 39] } }, ['tcb/provisional']],
    [
      'a committed TCB ahead of the current',
      { fields: { committed: { ...SNP_TCB, fmc: 0, snp: SNP_TCB.snp + 1 } } },
      ['tcb/order'],
    ],
    ['a mitigation that was off at launch', { fields: { launchMitigations: 1n } }, ['mitigations/launch']],
    ['a mitigation that is off now', { fields: { currentMitigations: 0x03n } }, ['mitigations/current']],
    [
      'mitigations of a version that has none',
      { fields: { version: 4 } },
      ['mitigations/launch', 'mitigations/current'],
    ],
    ['a platform that it does not name', { entry: { platforms: [] } }, ['platform']],
    [
      'another nonce, key or manifest',
      { fields: { reportData: new Uint8Array(64).fill(0xaa) } },
      ['binding'],
    ],
    ['another run', { fields: { hostData: new Uint8Array(32) } }, ['run']],
    ['a distrusted chip', { distrust: [`sev-snp:chip:${'c5'.repeat(64)}`] }, ['distrusted']],
    ['a distrusted chip in capitals', { distrust: [`SEV-SNP:CHIP:${'C5'.repeat(64)}`] }, ['distrusted']],
  ];
  test.each(cases)('refuses %s, by its own check', async (_, given, expected) => {
    expect(await reasons(given)).toEqual(expected);
  });

  test('accepts provisional firmware where it says so, and never a committed TCB below the floor', async () => {
    const entry = { provisionalFirmware: 'accepted' } as const;
    expect(await reasons({ fields: { committedFirmware: [1, 55, 39] }, entry })).toEqual([]);
    expect(await reasons({ fields: { committed: { ...SNP_TCB, fmc: 0, snp: 0 } }, entry })).toEqual([
      'tcb/committed',
    ]);
  });

  // An image may take from its host what it is to run: for containers of Azure the digest of their policy.
  test('refuses the same image launched with other host data, where they do not name the run', async () => {
    const run = { hostData: undefined, runBinding: 'software' } as const;
    const check = async (fill: number, launchData?: readonly string[]) =>
      reasons({
        fields: { hostData: new Uint8Array(32).fill(fill) },
        entry: { ...run, ...(launchData && { launchData: [...launchData] }) },
      });
    expect(await check(0)).toEqual([]);
    expect(await check(9)).toEqual(['host-data']);
    expect(await check(9, ['08'.repeat(32), '09'.repeat(32)])).toEqual([]);
    expect(await check(0, ['09'.repeat(32)])).toEqual(['host-data']);
    expect(await check(0, [])).toEqual(['host-data']);
  });

  test('pins family, image, identity key and author key together', async () => {
    const digest = (fill: number) => new Uint8Array(48).fill(fill);
    const pinned = {
      familyId: hexEncode(new Uint8Array(16).fill(1)),
      imageId: hexEncode(new Uint8Array(16).fill(2)),
      idKeys: [hexEncode(digest(8))],
    };
    const check = async (fields: Partial<SnpReportFields>, authorKeys?: readonly string[]) =>
      reasons({
        fields: { idKeyDigest: digest(8), ...fields },
        entry: { identity: { ...pinned, ...(authorKeys && { authorKeys: [...authorKeys] }) } },
      });
    const author = { flags: 1, authorKeyDigest: digest(9) };
    expect(await check({})).toEqual([]);
    expect(await check(author, [hexEncode(digest(9))])).toEqual([]);
    expect(await check({ idKeyDigest: digest(7) })).toEqual(['identity/id-key']);
    expect(await check({ imageId: digest(7).slice(0, 16) })).toEqual(['identity/names']);
    expect(await check(author)).toEqual(['identity/author-key']);
    expect(await check({ ...author, flags: 0 }, [hexEncode(digest(9))])).toEqual(['identity/author-key']);
    expect(await check(author, [hexEncode(digest(8))])).toEqual(['identity/author-key']);
  });

  test('tells all reasons at once', async () => {
    const failed = await reasons({
      fields: { policy: debug, vmpl: 2, measurement: new Uint8Array(48), reportData: new Uint8Array(64) },
    });
    expect(failed).toEqual(['debug', 'vmpl', 'launch', 'binding']);
  });

  test.each(Object.keys(ENTRY).filter((name) => name !== 'hostData'))(
    'without %s is no entry (19)',
    (name) => {
      expect(() => policyOf({ [name]: undefined }, [])).toThrowError(
        expect.objectContaining({ code: 'attest/bad-policy' }),
      );
    },
  );

  test('with an unknown member, an unknown word or both ways of naming the run is none either', () => {
    const bad: readonly object[] = [
      { ...ENTRY, measurement: [] },
      { ...ENTRY, debug: 'accepted' },
      { ...ENTRY, runBinding: 'software' },
      { ...ENTRY, guestPolicy: { ...ENTRY.guestPolicy, allowed: ['debug'] } },
      { ...ENTRY, guestPolicy: { ...ENTRY.guestPolicy, allowed: ['migration-agent'] } },
      { ...ENTRY, launch: ['AB'.repeat(48)] },
      { ...ENTRY, launchData: ['00'.repeat(32)] },
      { ...ENTRY, hostData: undefined, runBinding: 'software', launchData: ['00'.repeat(48)] },
      { ...ENTRY, hostData: undefined, runBinding: 'software', launchData: { any: 'accepted' } },
      { ...ENTRY, minimumTcb: { Milan: { ...older, reported: { ...parts, fmc: 1 } } } },
      { ...ENTRY, minimumTcb: { Milan: { reported: parts, committed: parts } } },
      { ...ENTRY, minimumTcb: { Naples: older } },
      { ...ENTRY, revocation: { waived: '' } },
    ];
    for (const entry of bad)
      expect(() => policyOf(entry, []), JSON.stringify(entry)).toThrowError(
        expect.objectContaining({ code: 'attest/bad-policy' }),
      );
  });
});
