import { base64urlEncode, type Bytes, hexDecode, hexEncode, sha256 } from '@sealroom/bytes';
import { FakeTpm, type QuoteOptions } from '@sealroom/testkit/vendors/tpm';
import { beforeAll, describe, expect, test } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { pinnedPolicy } from '../pinned.ts';
import { parsePolicy, type Policy } from '../policy.ts';
import { detectTechnologies, technologyOf } from '../technology.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseTpm } from './parse.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const HOUR = 3_600_000;
const nonce = new Uint8Array(32).fill(3);
const run = new Uint8Array(32).fill(9);
const of = (byte: string) => byte.repeat(32);
let tpm: FakeTpm;
let crl: Bytes;
let registers: { [index: string]: string };
const boot = { 0: of('a0'), 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9') };
/** The values of a boot, but for those that are left out or other. */
const pinned = (change: Changes = {}) => ({
  bank: 'sha256',
  values: {
    ...Object.fromEntries(Object.entries(boot).map(([index, value]) => [index, [value]])),
    ...change,
  },
});

beforeAll(async () => {
  tpm = await FakeTpm.create(NOW);
  crl = await tpm.authority.revocationList([99]);
  const extended = hexEncode(await sha256(new Uint8Array(32), run));
  registers = { ...boot, 13: extended, 23: of('00') };
});

type Changes = { readonly [member: string]: unknown };

function policyOf(entry: Changes = {}, whole: Changes = {}): Policy {
  return parsePolicy(
    JSON.stringify({
      v: 1,
      binding: { reportData: hexEncode(nonce), run: hexEncode(run) },
      accept: [
        {
          technology: 'tpm',
          ak: { vendors: ['microsoft-tpm'], revocation: 'required' },
          pcrs: pinned(),
          minFirmware: '0000000100000000',
          platforms: { any: 'accepted' },
          hostData: 'manifest',
          runRegister: 13,
          ...entry,
        },
      ],
      ...whole,
    }),
  );
}

async function reasons(
  bytes: Uint8Array,
  policy = policyOf(),
  { at = NOW, files = [crl], root = tpm.root }: { at?: number; files?: Bytes[]; root?: Bytes } = {},
): Promise<string[]> {
  const appraisal = await appraiseEvidence({ technology: 'tpm', body: base64urlEncode(bytes) }, policy, {
    context: {
      at,
      collateral: readCollateral(files.map((one) => ({ name: 'file', bytes: one }))),
      roots: { 'microsoft-tpm': [parseCertificate(root)] },
    },
  });
  const failed = appraisal.checks.filter(isReason).map(({ id }) => id);
  expect(appraisal.verdict).toBe(failed.length === 0 ? 'affirmed' : 'refused');
  return failed;
}

const good = (options: Partial<QuoteOptions> = {}, changes: Changes = {}) =>
  tpm.evidence({ extraData: nonce, registers, ...options }, changes);

describe('A quote of a TPM', () => {
  test('is affirmed when chain, key, registers, firmware, nonce and run are as the policy says', async () => {
    const bytes = await good();
    expect(detectTechnologies(bytes)).toEqual(['tpm']);
    expect(await reasons(bytes)).toEqual([]);
  });

  test('is affirmed under a key that the entry names, and under no other', async () => {
    const ak = await tpm.publicArea();
    const name = hexEncode(await sha256(ak));
    const bytes = await good({}, { ak: base64urlEncode(ak), akCertificates: undefined });
    expect(await reasons(bytes, policyOf({ ak: { names: [name] } }))).toEqual([]);
    expect(await reasons(bytes, policyOf({ ak: { names: [of('11')] } }))).toContain('tpm/ak-pinned');
    expect(await reasons(bytes, policyOf({ ak: { names: [] } }))).toContain('tpm/ak-pinned');
    expect(await reasons(await good(), policyOf({ ak: { names: [name] } }))).toContain('tpm/ak-pinned');
    expect(await reasons(bytes)).toContain('tpm/ak-chain');
  });

  test('is refused under a named key that would sign what is not the TPM’s', async () => {
    for (const attributes of ['00040072', '00070072', '00050062', '00050070']) {
      const ak = await tpm.publicArea(attributes);
      const bytes = await good({}, { ak: base64urlEncode(ak), akCertificates: undefined });
      const policy = policyOf({ ak: { names: [hexEncode(await sha256(ak))] } });
      expect(await reasons(bytes, policy), attributes).toContain('tpm/ak-attributes');
    }
  });

  test('is refused for another nonce, and for none at all', async () => {
    expect(await reasons(await good({ extraData: new Uint8Array(32) }))).toEqual(['tpm/binding']);
    expect(await reasons(await good({ extraData: nonce.slice(0, 31) }))).toEqual(['tpm/binding']);
    expect(await reasons(await good({ extraData: new Uint8Array() }))).toContain('tpm/nonce');
  });

  test('is refused for each register that is not as pinned, and for one that was not quoted', async () => {
    for (const index of ['0', '4', '7', '8', '9']) {
      const changed = { ...registers, [index]: of('bb') };
      expect(await reasons(await good({ registers: changed }))).toContain(`tpm/pcr/${index}`);
      const { [index]: _, ...without } = registers;
      expect(await reasons(await good({ registers: without }))).toContain(`tpm/pcr/${index}`);
    }
    expect(await reasons(await good({ registers: { ...registers, 7: of('bb') } }))).toContain('tpm/debug');
  });

  test('is refused when values stand beside it that the TPM did not sign', async () => {
    const pcrs = (values: Changes, bank = 'sha256') => ({ pcrs: { bank, values } });
    expect(await reasons(await good({}, pcrs({ ...registers, 4: of('cc') })))).toEqual(['tpm/pcr-digest']);
    expect(await reasons(await good({}, pcrs({ ...registers, 5: of('cc') })))).toEqual(['tpm/pcr-selection']);
    const { 4: moved, ...rest } = registers;
    expect(await reasons(await good({}, pcrs({ ...rest, 5: moved })))).toEqual(['tpm/pcr-selection']);
  });

  test('is refused when the digest is right but signed for other registers, or for another bank', async () => {
    const other = await good({ selection: hexDecode('00000001000b03ff0000') });
    expect(await reasons(other)).toEqual(['tpm/pcr-selection']);
    const sha384 = await good({ selection: hexDecode('00000001000c03912380') });
    expect(await reasons(sha384)).toEqual(['tpm/pcr-selection']);
    const sha1 = await good({ selection: hexDecode('000000010004039122a0') });
    expect(await reasons(sha1)).toEqual(['tpm/malformed']);
    expect(await reasons(await good({ selection: hexDecode('00000000') }))).toEqual(['tpm/malformed']);
    expect(await reasons(await good({ selection: hexDecode('00000001000b03000000') }))).toEqual([
      'tpm/malformed',
    ]);
  });

  test('is refused when the run register was extended with another manifest, twice, or never', async () => {
    const other = new Uint8Array(32).fill(8);
    const once = hexDecode(registers['13'] ?? '');
    for (const value of [of('00'), hexEncode(await sha256(once, run)), hexEncode(run)])
      expect(await reasons(await good({ registers: { ...registers, 13: value } }))).toEqual(['tpm/run']);
    const extended = hexEncode(await sha256(new Uint8Array(32), other));
    const honest = await good({ registers: { ...registers, 13: extended } });
    expect(await reasons(honest)).toEqual(['tpm/run']);
    const { 13: _, ...without } = registers;
    expect(await reasons(await good({ registers: without }))).toEqual(['tpm/run']);
  });

  test('is refused with firmware older than the floor', async () => {
    const old = await good({ firmwareVersion: '00000000ffffffff' });
    expect(await reasons(old)).toEqual(['tpm/firmware']);
  });

  test('is refused when it is not a quote, or was not made by a TPM', async () => {
    expect(await reasons(await good({ type: '8017' }))).toEqual(['tpm/malformed']);
    expect(await reasons(await good({ magic: 'ff544348' }))).toEqual(['tpm/malformed']);
  });

  test('is refused when any bit of what was signed, or of the signature, has changed', async () => {
    const { message, signature } = await tpm.quote({ extraData: nonce, registers });
    const policy = policyOf();
    for (const [part, bytes] of Object.entries({ message, signature })) {
      for (let at = 0; at < bytes.length; at++) {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        const quote = { message, signature, [part]: changed };
        const encoded = {
          message: base64urlEncode(quote.message),
          signature: base64urlEncode(quote.signature),
        };
        const failed = await reasons(await good({}, { quote: encoded }), policy);
        expect(
          failed.some((id) => id === 'tpm/malformed' || id === 'tpm/quote-signature'),
          `${part} ${at}`,
        ).toBe(true);
      }
    }
  });

  test('is refused when cut short anywhere, when bytes follow, and when it is 10 MB', async () => {
    const bytes = await good();
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseTpm(bytes.slice(0, length)), `length ${length}`).toThrow(AttestError);
    for (let length = 0; length < tpm.certificate.length; length++)
      expect(() => parseTpm(tpm.certificate.slice(0, length)), `length ${length}`).toThrow(AttestError);
    expect(await reasons(new Uint8Array([...bytes, 0]))).toEqual(['tpm/malformed']);
    expect(await reasons(new Uint8Array(10_000_000).fill(0x7b))).toEqual(['tpm/malformed']);
    expect(await reasons(await good({}, { more: 1 }))).toEqual(['tpm/malformed']);
    expect(await reasons(await good({}, { v: 2 }))).toEqual(['tpm/malformed']);
    expect(await reasons(await good({}, { ak: base64urlEncode(await tpm.publicArea()) }))).toEqual([
      'tpm/malformed',
    ]);
  });

  test('is refused on a platform that is distrusted or not named', async () => {
    const platform = `tpm:ak:${hexEncode(await sha256(tpm.spki))}`;
    expect(await reasons(await good(), policyOf({ platforms: [platform] }))).toEqual([]);
    expect(await reasons(await good(), policyOf({ platforms: [] }))).toEqual(['tpm/platform']);
    expect(await reasons(await good(), policyOf({}, { distrust: [platform] }))).toEqual(['tpm/distrusted']);
  });
});

describe('The chain of an attestation key', () => {
  const certified = async (options: Parameters<FakeTpm['certified']>[0]) =>
    good({}, { akCertificates: [base64urlEncode(await tpm.certified(options))] });

  test('is refused when it leads to another root, or the entry allows no vendor', async () => {
    const other = await FakeTpm.create(NOW);
    expect(await reasons(await good(), policyOf(), { root: other.root })).toContain('tpm/ak-chain/signature');
    const entry = { ak: { vendors: [], revocation: 'required' } };
    expect(await reasons(await good(), policyOf(entry))).toContain('tpm/ak-chain/no-path');
    const google = { ak: { vendors: ['google-tpm'], revocation: 'required' } };
    expect(await reasons(await good(), policyOf(google))).toContain('tpm/ak-chain/no-path');
  });

  test('is refused outside its time, by an hour', async () => {
    const bytes = await certified({ purposes: ['2.23.133.8.3'], notBefore: NOW, notAfter: NOW + 2 * HOUR });
    expect(await reasons(bytes, policyOf(), { at: NOW + HOUR })).toEqual([]);
    expect(await reasons(bytes, policyOf(), { at: NOW - HOUR })).toContain('tpm/ak-chain/not-yet-valid');
    expect(await reasons(bytes, policyOf(), { at: NOW + 3 * HOUR })).toContain('tpm/ak-chain/expired');
  });

  test('is refused for an endorsement key, an authority, and a key of another purpose', async () => {
    for (const options of [
      { usage: 0x20, purposes: ['2.23.133.8.1'] },
      { usage: 0x86, ca: true, purposes: ['2.23.133.8.3'] },
      { purposes: ['1.3.6.1.5.5.7.3.1'] },
      {},
    ])
      expect(await reasons(await certified(options)), JSON.stringify(options)).toContain('tpm/ak-usage');
  });

  test('is refused when revoked, even if the policy waives revocation, and when that cannot be known', async () => {
    const revoked = await tpm.authority.revocationList([7]);
    expect(await reasons(await good(), policyOf(), { files: [revoked] })).toContain('tpm/revocation/revoked');
    expect(await reasons(await good(), policyOf(), { files: [] })).toContain('tpm/revocation/unchecked');
    const ak = { vendors: ['microsoft-tpm'], revocation: { waived: 'the vendor publishes no list' } };
    expect(await reasons(await good(), policyOf({ ak }), { files: [] })).toEqual([]);
    expect(await reasons(await good(), policyOf({ ak }), { files: [revoked] })).toContain(
      'tpm/revocation/revoked',
    );
  });

  test('is read as the TPM’s memory holds it, with zeros and nothing else behind the end', async () => {
    const padded = new Uint8Array(4096);
    padded.set(tpm.certificate);
    expect(await reasons(await good({}, { akCertificates: [base64urlEncode(padded)] }))).toEqual([]);
    padded[4095] = 1;
    expect(await reasons(await good({}, { akCertificates: [base64urlEncode(padded)] }))).toEqual([
      'tpm/malformed',
    ]);
  });
});

describe('Certificates alone', () => {
  const alone = (whole: Changes = {}, entry: Changes = {}) =>
    policyOf(
      {},
      {
        binding: 'none',
        accept: [
          {
            technology: 'tpm',
            only: 'chain',
            vendors: ['microsoft-tpm'],
            revocation: 'required',
            ...entry,
          },
        ],
        ...whole,
      },
    );

  test('get a verdict on the chain, and the result says that it is no more', async () => {
    expect(await reasons(tpm.certificate, alone())).toEqual([]);
    const appraisal = await appraiseEvidence(
      { technology: 'tpm', body: base64urlEncode(tpm.certificate) },
      alone(),
      {
        context: {
          at: NOW,
          collateral: readCollateral([{ name: 'list', bytes: crl }]),
          roots: { 'microsoft-tpm': [parseCertificate(tpm.root)] },
        },
      },
    );
    expect(appraisal).toMatchObject({ verdict: 'affirmed', scope: 'chain', claims: undefined });
  });

  test('are never accepted where a room is, nor in a contract', async () => {
    expect(await reasons(tpm.certificate)).toContain('tpm/quote');
    expect(() => alone({ binding: 'room' })).toThrow(expect.objectContaining({ code: 'attest/bad-policy' }));
    expect(() => policyOf({}, { binding: 'none' })).toThrow(
      expect.objectContaining({ code: 'attest/bad-policy' }),
    );
    const forced = { ...alone(), binding: 'room' as const };
    expect(await reasons(tpm.certificate, forced)).toContain('tpm/part');
    const { entrySchema } = await import('../technology.ts');
    expect(entrySchema.safeParse(alone().accept[0]).success).toBe(false);
  });

  test('are refused as malformed when the first is not of an attestation key', () => {
    expect(() => parseTpm(tpm.root)).toThrow(expect.objectContaining({ code: 'attest/malformed' }));
  });
});

describe('An entry', () => {
  const bad: readonly [string, Changes][] = [
    ['without registers', { pcrs: undefined }],
    ['without the firmware’s register', { pcrs: pinned({ 0: undefined }) }],
    ['without register 4', { pcrs: pinned({ 4: undefined }) }],
    ['without register 7', { pcrs: pinned({ 7: undefined }) }],
    ['without what the loader started', { pcrs: pinned({ 8: undefined, 9: undefined }) }],
    ['with the files of GRUB and without its command lines', { pcrs: pinned({ 8: undefined }) }],
    ['with command lines of GRUB and without its files', { pcrs: pinned({ 9: undefined }) }],
    [
      'with a kernel image and without what stands beside it',
      { pcrs: pinned({ 8: undefined, 9: undefined, 11: [of('ab')] }) },
    ],
    ['with one register of each of two loaders', { pcrs: pinned({ 8: undefined, 12: [of('ac')] }) }],
    ['without a floor', { minFirmware: undefined }],
    ['without platforms', { platforms: undefined }],
    ['without a key or vendor', { ak: undefined }],
    ['without a word on revocation', { ak: { vendors: ['microsoft-tpm'] } }],
    ['without a run', { hostData: undefined, runRegister: undefined }],
    ['with two runs', { runBinding: 'software' }],
    ['with a run register that can be reset', { runRegister: 23 }],
    ['without a run register', { runRegister: undefined }],
    ['with a run register that is pinned', { runRegister: 9 }],
    ['with an unknown member', { more: true }],
  ];
  test.each(bad)('%s is refused', (_, change) => {
    expect(() => policyOf(change)).toThrow(expect.objectContaining({ code: 'attest/bad-policy' }));
  });
});

test('An entry for a unified kernel image names the image and what stands beside it', async () => {
  const image = { ...boot, 11: of('ab'), 12: of('00'), 13: registers['13'] ?? '', 23: of('00') };
  const policy = policyOf({
    pcrs: pinned({ 8: undefined, 9: undefined, 11: [of('ab')], 12: [of('00')] }),
  });
  expect(await reasons(await good({ registers: image }), policy)).toEqual([]);
  const commanded = { ...image, 12: of('cc') };
  expect(await reasons(await good({ registers: commanded }), policy)).toEqual(['tpm/pcr/12']);
});

test('A policy made from evidence accepts no machine with something put where that one had nothing', async () => {
  const found = { ...boot, 11: of('00'), 12: of('00'), 13: of('00') };
  const entry = technologyOf('tpm').pin(parseTpm(await good({ registers: found }))) as Changes;
  const policy = policyOf({
    ...entry,
    hostData: undefined,
    runRegister: undefined,
    platforms: { any: 'accepted' },
  });
  expect(await reasons(await good({ registers: found }), policy)).toEqual([]);
  for (const index of ['11', '12', '13'])
    expect(await reasons(await good({ registers: { ...found, [index]: of('cc') } }), policy)).toEqual([
      `tpm/pcr/${index}`,
    ]);
});

describe('A policy made of a quote', () => {
  const context = { at: NOW, collateral: readCollateral([]), roots: {} };
  const made = async (values: { readonly [index: string]: string }) =>
    pinnedPolicy({ technology: 'tpm', body: base64urlEncode(await good({ registers: values })) }, context);

  test('can be read as a policy', async () => {
    const { policy } = await made(registers);
    expect(parsePolicy(JSON.stringify(policy))).toEqual(policy);
  });

  test('is not made where the quote lacks a register that every policy must pin', async () => {
    for (const index of ['0', '4', '7', '8', '9']) {
      const { [index]: _, ...others } = registers;
      await expect(made(others), index).rejects.toMatchObject({ code: 'attest/bad-policy' });
    }
  });
});
