// Someone cheats: enclaves quoted by a fake Intel, through the whole chain. What SGX shares with TDX (chains, lists,
// statements) is cheated with in ../tdx/cheats.test.ts.
import { base64urlEncode } from '@sealroom/bytes';
import { FakeIntel, type QuoteChanges, sgxBody, type SgxFields } from '@sealroom/testkit/vendors/intel';
import { beforeAll, describe, expect, it } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { type CollateralFile, readCollateral } from '../collateral.ts';
import { parsePolicy } from '../policy.ts';
import type { SgxEntry } from './entry.ts';
import { parseSgxQuote } from './parse.ts';
import { sgx } from './technology.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).map((_, i) => (i < 32 ? i + 1 : 0));
const RUN = new Uint8Array(32).fill(0x77);
const CONFIG_ID = `${'77'.repeat(32)}${'00'.repeat(32)}`;
const GOOD: Partial<SgxFields> = {
  reportData: REPORT_DATA,
  configId: CONFIG_ID,
  attributes: '8500000000000000e700000000000000',
};

let intel: FakeIntel;
let files: CollateralFile[];

beforeAll(async () => {
  intel = await FakeIntel.create(AT, { platform: { instance: undefined } });
  files = await intel.collateral('sgx');
});

type Attempt = {
  readonly body?: Partial<SgxFields>;
  readonly changes?: QuoteChanges;
  readonly entry?: Partial<SgxEntry>;
  readonly quote?: Uint8Array;
};

async function reasons({ body, changes, entry, quote }: Attempt): Promise<string[]> {
  const good = sgx.pin(parseSgxQuote(await intel.quote(3, sgxBody(GOOD))));
  const { runBinding: _, ...rest } = good;
  const accept = [{ ...rest, configId: 'run', hostData: 'manifest', ...entry }];
  const policy = parsePolicy(JSON.stringify({ v: 1, binding: 'room', accept }));
  const bytes = quote ?? (await intel.quote(3, sgxBody({ ...GOOD, ...body }), changes));
  const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
  const binding = { reportData: REPORT_DATA, hostData: RUN };
  const evidence = { technology: 'sgx', body: base64urlEncode(new Uint8Array(bytes)) } as const;
  const { verdict, checks } = await appraiseEvidence(evidence, policy, { binding, context });
  const found = checks.filter(isReason).map(({ id }) => id);
  expect(verdict).toBe(found.length === 0 ? 'affirmed' : 'refused');
  return found;
}

const SIGNED = { mrSigner: ['22'.repeat(32)], prodId: [9], minimumSvn: 3 };

const CHEATS: readonly [string, Attempt, readonly string[]][] = [
  ['nothing', {}, []],
  ['nothing, pinned by its signer', { entry: { enclave: SIGNED } }, []],
  ['debug', { body: { attributes: '8700000000000000e700000000000000' } }, ['sgx/debug']],
  ['the provisioning key', { body: { attributes: '9500000000000000e700000000000000' } }, ['sgx/attributes']],
  [
    'an attribute nobody knows',
    { body: { attributes: '8500010000000000e700000000000000' } },
    ['sgx/attributes'],
  ],
  ['KSS off', { body: { attributes: '0500000000000000e700000000000000' } }, ['sgx/attributes/required']],
  ['another XFRM', { body: { attributes: '85000000000000000300000000000000' } }, ['sgx/xfrm']],
  ['another MISCSELECT', { body: { miscSelect: '01000000' } }, ['sgx/miscselect']],
  ['another enclave', { body: { mrEnclave: '12'.repeat(32) } }, ['sgx/enclave']],
  ['another signer', { body: { mrSigner: '23'.repeat(32) }, entry: { enclave: SIGNED } }, ['sgx/enclave']],
  ['another product', { body: { prodId: 8 }, entry: { enclave: SIGNED } }, ['sgx/enclave']],
  ['an old version', { body: { svn: 2 }, entry: { enclave: SIGNED } }, ['sgx/enclave']],
  ['an old CPUSVN', { body: { cpuSvn: '04'.repeat(16) } }, ['sgx/cpusvn']],
  ['another manifest', { body: { configId: '78'.repeat(64) } }, ['sgx/run']],
  ['another nonce', { body: { reportData: new Uint8Array(64) } }, ['sgx/binding']],
  [
    'another configuration, where it is listed',
    { entry: { configId: ['00'.repeat(64)], hostData: undefined, runBinding: 'software' } },
    ['sgx/configid'],
  ],
  ['the quoting enclave of TDX', { changes: { qe: { prodId: 2 } } }, ['sgx/qe-identity']],
  ['an old quoting enclave', { changes: { qe: { svn: 2 } } }, ['sgx/tcb/status', 'sgx/tcb/advisories']],
  ['threads that its certificate does not speak of', { entry: { smt: 'disabled' } }, ['sgx/smt']],
];

describe('an enclave is refused for', () => {
  it.each(CHEATS)('%s', async (_, attempt, expected) => {
    expect(await reasons(attempt)).toEqual(expected);
  });

  it('reserved bytes that are set, and bytes behind the quote', async () => {
    const body = sgxBody(GOOD);
    body[100] = 1;
    expect(await reasons({ quote: await intel.quote(3, body) })).toEqual(['sgx/malformed']);
    const padding = new Uint8Array([0, 0, 1]);
    expect(await reasons({ changes: { padding } })).toEqual(['sgx/malformed']);
    expect(await reasons({ changes: { padding: new Uint8Array(64) } })).toEqual([]);
  });

  it('each byte of its report that changed', async () => {
    const quote = await intel.quote(3, sgxBody(GOOD));
    const parsed = (place: number) => {
      const bytes = quote.map((byte, i) => (i === place ? byte ^ 1 : byte));
      try {
        return parseSgxQuote(bytes);
      } catch {
        return undefined;
      }
    };
    const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
    const entry = { revocation: 'required' } as SgxEntry;
    for (let place = 0; place < 48 + 384; place++) {
      const changed = parsed(place);
      if (changed)
        expect((await sgx.verify(changed, entry, context)).claims, `byte ${place}`).toBeUndefined();
    }
    const same = parsed(-1);
    if (!same) throw new Error('The quote itself does not parse.');
    expect((await sgx.verify(same, entry, context)).claims).toBeDefined();
  });
});

it('takes no quote apart that ends early, at any byte', async () => {
  const quote = await intel.quote(3, sgxBody(GOOD));
  for (let length = 0; length < quote.length; length += 1)
    expect(() => parseSgxQuote(quote.slice(0, length)), String(length)).toThrow(
      expect.objectContaining({ code: 'attest/malformed' }),
    );
});
