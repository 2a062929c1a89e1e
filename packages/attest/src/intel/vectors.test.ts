// Genuine evidence from the shared vectors of TDX and SGX, each with the verdict that its README gives it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, it } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import type { Policy } from '../policy.ts';
import { vendorRoots } from '../roots/roots.ts';
import { sgx } from '../sgx/technology.ts';
import { tdx } from '../tdx/technology.ts';
import { detectTechnologies, type Entry } from '../technology.ts';

const folders = { tdx: sharedVectors('tdx'), sgx: sharedVectors('sgx-dcap') };
const absent = folders.tdx === undefined || folders.sgx === undefined;
const read = (technology: 'tdx' | 'sgx', name: string) => {
  const bytes = readFileSync(join(folders[technology] ?? '', name));
  return new Uint8Array(
    name.endsWith('.hex') ? hexDecode(bytes.toString('utf8').trim().replace(/^0x/, '')) : bytes,
  );
};

const IN_2025 = '2025-06-25T00:00:00Z';
const IN_2026 = '2026-02-25T00:00:00Z';
const BUNDLE_2025 = ['phala-tdx_quote_collateral.json'];
const BUNDLE_2026 = ['phala-tdx_quote_outdated_collateral.json'];
const PCS_2023 = [
  'gotdx-sample_tcbInfo_response',
  'gotdx-sample_qeIdentity_response',
  'gotdx-pckcrl',
  'gotdx-rootcrl.der',
];
const SGX_BUNDLE = ['phala-sgx_quote_collateral.json'];

type Case = {
  readonly evidence: string;
  readonly collateral: readonly string[];
  readonly at: string;
  /** Why it is refused, each reason; none when it is affirmed. */
  readonly reasons: readonly string[];
  readonly waived?: boolean;
  readonly change?: (entry: never) => Entry;
};

async function judge(technology: 'tdx' | 'sgx', one: Case) {
  const bytes = read(technology, one.evidence);
  const offered = technology === 'tdx' ? tdx.parse(bytes) : sgx.parse(bytes);
  const pinned = (technology === 'tdx' ? tdx : sgx).pin(offered as never) as Entry;
  const waived = one.waived
    ? { ...pinned, revocation: { waived: 'no list of that time is at hand' } }
    : pinned;
  const entry = one.change ? one.change(waived as never) : (waived as Entry);
  const reportData = 'report' in offered ? hexEncode(offered.report.reportData) : '';
  const policy: Policy = { v: 1, binding: { reportData }, accept: [entry], distrust: [] };
  const collateral = readCollateral(one.collateral.map((name) => ({ name, bytes: read(technology, name) })));
  const context = { at: Date.parse(one.at), collateral, roots: vendorRoots() };
  return appraiseEvidence({ technology, body: base64urlEncode(bytes) }, policy, { context });
}

const ids = (checks: Awaited<ReturnType<typeof judge>>['checks']) =>
  checks.filter(isReason).map(({ id }) => id.slice(id.indexOf('/') + 1));

const NONE = ['tcb-info/missing', 'qe-identity/missing', 'tcb/status'];

const TDX: readonly Case[] = [
  { evidence: 'phala-tdx_quote', collateral: BUNDLE_2025, at: IN_2025, reasons: [] },
  {
    evidence: 'phala-tdx_quote',
    collateral: BUNDLE_2025,
    at: '2026-01-01T00:00:00Z',
    reasons: ['revocation/unchecked', 'tcb-info/stale', 'qe-identity/stale', 'tcb/status'],
  },
  {
    evidence: 'phala-tdx_quote',
    collateral: BUNDLE_2025,
    at: '2025-01-01T00:00:00Z',
    reasons: ['chain/not-yet-valid'],
  },
  {
    evidence: 'phala-tdx_quote_outdated',
    collateral: BUNDLE_2026,
    at: IN_2026,
    reasons: ['tcb/level'],
  },
  {
    evidence: 'phala-tdx_quote_outdated',
    collateral: [...BUNDLE_2025, 'gotdx-rootcrl.der'],
    at: IN_2026,
    waived: true,
    reasons: ['tcb-info/platform', 'qe-identity/stale', 'tcb/status'],
  },
  { evidence: 'phala-tdx-quote.hex', collateral: BUNDLE_2025, at: IN_2025, reasons: ['tcb/level'] },
  { evidence: 'gotdx-quote_v5_sample.dat', collateral: BUNDLE_2026, at: IN_2026, reasons: [] },
  {
    evidence: 'gotdx-quote_v5_sample.dat',
    collateral: [...BUNDLE_2026, 'gotdx-sample_tcbinfo_response_v5'],
    at: IN_2026,
    reasons: [],
  },
  {
    evidence: 'coco-tdx_quote_4.dat',
    collateral: [],
    at: IN_2025,
    waived: true,
    reasons: [...NONE, 'debug'],
  },
  { evidence: 'coco-tdx_quote_5.dat', collateral: [], at: IN_2026, waived: true, reasons: NONE },
  {
    evidence: 'derived-tdx-mrtd-bitflip.bin',
    collateral: BUNDLE_2025,
    at: IN_2025,
    reasons: ['signature'],
  },
  {
    evidence: 'derived-tdx-debug-forged.bin',
    collateral: BUNDLE_2025,
    at: IN_2025,
    reasons: ['signature'],
  },
];

const HARDENING = (entry: Extract<Entry, { technology: 'sgx' }>): Entry => ({
  ...entry,
  tcb: {
    statuses: ['ConfigurationAndSWHardeningNeeded'],
    minimumEvaluationNumber: 17,
    advisories: { allowed: ['INTEL-SA-00289', 'INTEL-SA-00615'] },
  },
});

const SGX: readonly Case[] = [
  {
    evidence: 'phala-sgx_quote',
    collateral: SGX_BUNDLE,
    at: IN_2025,
    reasons: ['tcb/status', 'tcb/advisories'],
  },
  { evidence: 'phala-sgx_quote', collateral: SGX_BUNDLE, at: IN_2025, reasons: [], change: HARDENING },
  {
    evidence: 'phala-sgx_quote',
    collateral: SGX_BUNDLE,
    at: '2026-06-25T00:00:00Z',
    change: HARDENING,
    reasons: [
      'revocation/unchecked',
      'revocation/unchecked',
      'tcb-info/revocation/unchecked',
      'tcb-info/stale',
      'qe-identity/revocation/unchecked',
      'qe-identity/stale',
      'tcb/status',
    ],
  },
];

describe.skipIf(absent)('genuine TDX quotes', () => {
  it.each(TDX)('$evidence at $at with $collateral: $reasons', async (one) => {
    const { checks, verdict } = await judge('tdx', one);
    expect(ids(checks).toSorted()).toEqual([...one.reasons].toSorted());
    expect(verdict).toBe(one.reasons.length === 0 ? 'affirmed' : 'refused');
  });

  it('tell the signed registers and what Intel says of the platform', async () => {
    const { claims, used } = await judge('tdx', {
      evidence: 'phala-tdx_quote',
      collateral: BUNDLE_2025,
      at: IN_2025,
      reasons: [],
    });
    expect(claims?.signed).toMatchObject({
      tdAttributes: '0000001000000000',
      fmspc: 'b0c06f000000',
      tcbStatus: 'UpToDate',
      tcbEvaluationDataNumber: 17,
      advisories: [],
    });
    expect(new Set(used.map(({ kind }) => kind))).toEqual(
      new Set(['certificate', 'crl', 'tcb-info', 'qe-identity']),
    );
  });

  it('of go-tdx-guest’s production sample: refused as a file, for text follows the quote; the quote itself is authentic', async () => {
    const bytes = read('tdx', 'gotdx-tdx_prod_quote_SPR_E4.dat');
    expect(() => tdx.parse(bytes)).toThrow(expect.objectContaining({ code: 'attest/malformed' }));
    const parsed = tdx.parse(bytes.slice(0, 48 + 584 + 4 + 4299));
    const collateral = readCollateral(PCS_2023.map((name) => ({ name, bytes: read('tdx', name) })));
    const context = { at: Date.parse('2023-06-25T00:00:00Z'), collateral, roots: vendorRoots() };
    const { checks, claims } = await tdx.verify(parsed, tdx.pin(parsed), context);
    // The lists are of that time; the certificate that signed the statements is not in the vectors.
    expect(ids(checks)).toEqual(['tcb-info/signature', 'qe-identity/signature']);
    expect(claims).toBeUndefined();
    expect(checks.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id)).toEqual(
      expect.arrayContaining(['tdx/signature', 'tdx/chain', 'tdx/qe-signature', 'tdx/revocation']),
    );
  });
});

describe.skipIf(absent)('genuine SGX quotes', () => {
  it.each(SGX)('$evidence at $at: $reasons', async (one) => {
    const { checks, verdict } = await judge('sgx', one);
    expect(ids(checks).toSorted()).toEqual([...one.reasons].toSorted());
    expect(verdict).toBe(one.reasons.length === 0 ? 'affirmed' : 'refused');
  });

  it('tell the status and the advisories that stand open', async () => {
    const { claims } = await judge('sgx', {
      evidence: 'phala-sgx_quote',
      collateral: SGX_BUNDLE,
      at: IN_2025,
      reasons: [],
    });
    expect(claims?.signed).toMatchObject({
      tcbStatus: 'ConfigurationAndSWHardeningNeeded',
      advisories: ['INTEL-SA-00289', 'INTEL-SA-00615'],
    });
  });
});

const ELSEWHERE = ['README.md', 'intel-sgx-root-ca.pem', 'gotdx-tdx_prod_quote_SPR_E4.dat', ...PCS_2023];

it.skipIf(absent)('leaves no file of the vectors out', () => {
  for (const [technology, cases] of [
    ['tdx', TDX],
    ['sgx', SGX],
  ] as const) {
    const used = new Set(cases.flatMap(({ evidence, collateral }) => [evidence, ...collateral]));
    const unused = readdirSync(folders[technology] ?? '').filter(
      (name) => !used.has(name) && !ELSEWHERE.includes(name),
    );
    expect(unused).toEqual([]);
  }
});

it.skipIf(absent)('pins the root that the vectors hold', () => {
  const [root] = readCollateral([
    { name: 'root.pem', bytes: read('tdx', 'intel-sgx-root-ca.pem') },
  ]).certificates;
  expect(vendorRoots().intel?.map(({ der }) => hexEncode(der))).toEqual([
    hexEncode(root?.der ?? new Uint8Array()),
  ]);
});

it.skipIf(absent)('tells quotes apart by their first bytes', () => {
  expect(detectTechnologies(read('tdx', 'phala-tdx_quote'))).toEqual(['tdx']);
  expect(detectTechnologies(read('tdx', 'coco-tdx_quote_5.dat'))).toEqual(['tdx']);
  expect(detectTechnologies(read('sgx', 'phala-sgx_quote'))).toEqual(['sgx']);
});
