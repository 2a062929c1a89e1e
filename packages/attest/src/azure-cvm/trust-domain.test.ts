// A trust domain of a made-up Intel under a paravisor: what its host chose at launch is held against the entry, as what it measured is.
import { base64urlEncode, type Bytes, hexEncode } from '@sealroom/bytes';
import { FakeHcl, type HclOptions } from '@sealroom/testkit/vendors/azure-cvm';
import { FakeIntel, type TdFields, tdBody } from '@sealroom/testkit/vendors/intel';
import { beforeAll, expect, test } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { type Collateral, readCollateral } from '../collateral.ts';
import { parsePolicy } from '../policy.ts';
import type { AzureEntry } from './entry.ts';
import { azureCvm } from './technology.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const nonce = new Uint8Array(32).fill(3);
const of = (byte: string) => byte.repeat(32);
const registers = { 0: of('a0'), 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9') };

let intel: FakeIntel;
let machine: FakeHcl;
let collateral: Collateral;
let entry: AzureEntry;

async function evidence(fields: Partial<TdFields> = {}, options: HclOptions = {}): Promise<Bytes> {
  return machine.evidence({
    extraData: nonce,
    registers,
    tdQuote: async (reportData) =>
      intel.quote(4, tdBody({ reportData: new Uint8Array(reportData), ...fields })),
    ...options,
  });
}

async function reasons(bytes: Bytes, accepted: AzureEntry = entry): Promise<string[]> {
  const policy = { v: 1, binding: { reportData: hexEncode(nonce) }, accept: [accepted], distrust: [] };
  const { verdict, checks } = await appraiseEvidence(
    { technology: 'azure-cvm', body: base64urlEncode(bytes) },
    parsePolicy(JSON.stringify(policy)),
    { context: { at: NOW, collateral, roots: intel.roots } },
  );
  const failed = checks.filter(isReason).map(({ id }) => id);
  expect(verdict).toBe(failed.length === 0 ? 'affirmed' : 'refused');
  return failed;
}

beforeAll(async () => {
  intel = await FakeIntel.create(NOW);
  machine = await FakeHcl.create(NOW);
  collateral = readCollateral(await intel.collateral('tdx'));
  entry = azureCvm.pin(azureCvm.parse(await evidence()));
});

test('is affirmed when every link holds', async () => {
  expect(await reasons(await evidence())).toEqual([]);
});

test.each([
  ['mrConfigId', 'tdx/mrconfigid'],
  ['mrOwner', 'tdx/mrowner'],
  ['mrOwnerConfig', 'tdx/mrownerconfig'],
  ['mrTd', 'tdx/mrtd'],
])('is refused when its host launched it with another %s', async (field, told) => {
  const launched = await evidence({ [field]: '06'.repeat(48) });
  expect(await reasons(launched)).toEqual([told]);
  expect(await reasons(launched, azureCvm.pin(azureCvm.parse(launched)))).toEqual([]);
});

test('is refused in debug, and for a quote over other claims than its paravisor’s', async () => {
  expect(await reasons(await evidence({ tdAttributes: '0100001000000000' }))).toEqual(['tdx/debug']);
  expect(await reasons(await evidence({ reportData: new Uint8Array(64) }))).toEqual([
    'azure-cvm/runtime-claims',
    'azure-cvm/td-report',
  ]);
  const claims = machine.runtime({ configuration: { 'secure-boot': false } });
  const { hclReport } = JSON.parse(new TextDecoder().decode(await evidence({}, { claims }))) as object & {
    hclReport: string;
  };
  const whole = JSON.parse(new TextDecoder().decode(await evidence())) as object;
  const swapped = new TextEncoder().encode(JSON.stringify({ ...whole, hclReport }));
  expect(await reasons(swapped)).toEqual(['azure-cvm/runtime-claims', 'azure-cvm/td-report']);
});
