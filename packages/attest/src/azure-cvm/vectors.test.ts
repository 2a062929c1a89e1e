// Genuine evidence of Azure's confidential VMs, from the shared vectors, through the whole policy, each with the verdict that its
// README gives; and a count that no file is left out.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { type Appraisal, appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { parsePolicy } from '../policy.ts';
import { vendorRoots } from '../roots/roots.ts';
import { detectTechnologies } from '../technology.ts';
import type { AzureEntry } from './entry.ts';
import { type AzureEvidence, parseAzure } from './parse.ts';
import { azureCvm } from './technology.ts';

const folder = sharedVectors('azure-vtpm');
const snp = sharedVectors('sev-snp');
const CHALLENGE = hexEncode(utf8Encode('challenge'));
const V2 = '982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef';
const AT = '2026-11-22T00:00:00Z';
const WAIVED = { waived: 'no current list of the vendor is at hand' };
const MILAN = [join(snp ?? '', 'amd-ask_ark_milan.pem')];
const GENOA = ['msft-genoa-ask.pem', 'openpcc-azure-genoa-vcek.pem'].map((name) => join(snp ?? '', name));

const FLOOR = { bootloader: 3, tee: 0, snp: 8, microcode: 115 };
const FLOORS = { reported: FLOOR, committed: FLOOR, launch: FLOOR };

type Case = {
  readonly file: string;
  readonly beside: readonly string[];
  readonly reportData?: string;
  readonly at?: string;
  readonly change?: (entry: AzureEntry) => object;
  readonly reasons: readonly string[];
};

function read(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder ?? '', name)));
}

function hardwareOf(evidence: AzureEvidence): object {
  const part = azureCvm.pinPart?.(evidence);
  return part?.only === 'report' ? part.hardware : azureCvm.pin(evidence).hardware;
}

async function judge({ file, beside, reportData = CHALLENGE, at = AT, change }: Case): Promise<Appraisal> {
  const bytes = read(file);
  expect(detectTechnologies(bytes)).toEqual(['azure-cvm']);
  const evidence = parseAzure(bytes);
  // A TDREPORT alone cannot be pinned: then the entry is that of another machine.
  const bare = evidence.hcl.hardware === 'tdx' && evidence.tdQuote === undefined;
  const pinned = bare
    ? { technology: 'azure-cvm', only: 'report' }
    : (azureCvm.pinPart?.(evidence) ?? azureCvm.pin(evidence));
  const hardware = {
    ...hardwareOf(bare ? parseAzure(read('coco-tdx-evidence-v1.json')) : evidence),
    revocation: WAIVED,
  };
  const entry = { ...pinned, hardware } as AzureEntry;
  const policy = {
    v: 1,
    binding: evidence.quote ? { reportData } : 'none',
    accept: [{ ...entry, ...change?.(entry) }],
  };
  return appraiseEvidence(
    { technology: 'azure-cvm', body: base64urlEncode(bytes) },
    parsePolicy(JSON.stringify(policy)),
    {
      context: {
        at: Date.parse(at),
        collateral: readCollateral(beside.map((name) => ({ name, bytes: readFileSync(name) }))),
        roots: vendorRoots(),
      },
    },
  );
}

const CASES: readonly Case[] = [
  { file: 'coco-snp-evidence-v0.json', beside: MILAN, reasons: [] },
  { file: 'coco-snp-evidence-v1.json', beside: MILAN, reasons: [] },
  { file: 'coco-snp-evidence-v2.json', beside: MILAN, reportData: V2, reasons: [] },
  {
    file: 'coco-snp-evidence-v1.json',
    beside: MILAN,
    reportData: V2,
    reasons: ['azure-cvm/binding', 'azure-cvm/run'],
  },
  {
    file: 'coco-snp-evidence-v1.json',
    beside: MILAN,
    change: ({ hardware }) => ({ hardware: { ...hardware, launch: [] } }),
    reasons: ['sev-snp/launch'],
  },
  {
    file: 'coco-snp-evidence-v1.json',
    beside: MILAN,
    change: ({ hardware }) => ({ hardware: { ...hardware, platforms: [] } }),
    reasons: ['azure-cvm/platform'],
  },
  {
    file: 'coco-snp-evidence-v1.json',
    beside: MILAN,
    change: ({ hardware }) => ({ hardware: { ...hardware, revocation: 'required' } }),
    reasons: ['sev-snp/revocation/unchecked', 'sev-snp/revocation/unchecked'],
  },
  {
    file: 'coco-snp-evidence-v1.json',
    beside: MILAN,
    at: '2024-01-01T00:00:00Z',
    reasons: ['sev-snp/chain/not-yet-valid'],
  },
];

describe.skipIf(folder === undefined || snp === undefined)('Azure', () => {
  test.each(CASES)('$file is judged by every link: $reasons', async (given) => {
    const { checks, verdict } = await judge(given);
    expect(checks.filter(isReason).map(({ id }) => id)).toEqual(given.reasons);
    expect(verdict).toBe(given.reasons.length === 0 ? 'affirmed' : 'refused');
  });

  test.each(['coco-tdx-evidence-v0.json', 'coco-tdx-evidence-v1.json'])(
    '%s holds but for Intel’s statements, which are not at hand',
    async (file) => {
      const { checks, verdict } = await judge({ file, beside: [], reasons: [] });
      const reasons = checks.filter(isReason).map(({ id }) => id);
      expect(verdict).toBe('refused');
      expect(
        reasons.every((id) => /^tdx\/(tcb|collateral|qe|statement|revocation)/.test(id)),
        reasons.join(),
      ).toBe(true);
      const passed = checks.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id);
      for (const id of ['runtime-claims', 'td-report', 'quote-signature', 'pcr-digest', 'pcr/4', 'binding'])
        expect(passed).toContain(`azure-cvm/${id}`);
      expect(passed).toContain('tdx/signature');
    },
  );

  test('a bare report gets a verdict of what it is, and one of another chip is refused', async () => {
    const good = await judge({ file: 'openpcc-azure-snp-hcl-report.bin', beside: GENOA, reasons: [] });
    expect(good.checks.filter(isReason)).toEqual([]);
    expect(good).toMatchObject({ verdict: 'affirmed', scope: 'report', claims: undefined });
    const beside = [join(folder ?? '', 'coco-snp-vcek.pem')];
    const milan = await judge({
      file: 'coco-snp-hcl-report.bin',
      beside,
      // Reports of version 2 do not say their product, so that pinning one without its certificate finds no floor.
      change: ({ hardware }) => ({
        hardware: { ...hardware, minimumTcb: { Milan: FLOORS }, provisionalFirmware: 'accepted' },
      }),
      reasons: [],
    });
    expect(milan.checks.filter(isReason)).toEqual([]);
    const other = await judge({
      file: 'kinvolk-hcl-report-snp.bin',
      beside: [join(folder ?? '', 'kinvolk-certs.pem')],
      reasons: [],
    });
    const reasons = other.checks.filter(isReason).map(({ id }) => id);
    expect(other.verdict).toBe('refused');
    expect(reasons).toContain('sev-snp/chip');
    expect(reasons).toContain('sev-snp/signature');
    const wrong = await judge({
      file: 'coco-snp-hcl-report.bin',
      beside: [...GENOA, join(folder ?? '', 'coco-snp-vcek-genoa.pem')],
      reasons: [],
    });
    expect(wrong.verdict).toBe('refused');
  });

  test('a bare report of TDX has no quote that anyone could check', async () => {
    for (const file of ['coco-tdx-hcl-report.bin', 'kinvolk-hcl-report-tdx.bin']) {
      const { checks, verdict } = await judge({ file, beside: [], reasons: [] });
      expect(verdict).toBe('refused');
      expect(checks.filter(isReason).map(({ id }) => id)).toEqual(['azure-cvm/td-quote']);
      const evidence = parseAzure(read(file));
      expect(() => azureCvm.pin(evidence)).toThrow(AttestError);
      expect(() => azureCvm.pinPart?.(evidence)).toThrow(AttestError);
    }
  });

  test('has a folder of which every file is used', () => {
    const here = [
      'packages/attest/src/azure-cvm/azure-cvm.test.ts',
      'packages/attest/src/azure-cvm/vectors.test.ts',
      'packages/attest/src/tpm/vectors.test.ts',
      'packages/attest/src/tpm/structures.test.ts',
    ];
    const root = join(import.meta.dirname, '..', '..', '..', '..');
    const words = here.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
    const unused = readdirSync(folder ?? '').filter((name) => name !== 'README.md' && !words.includes(name));
    expect(unused).toEqual([]);
  });
});
