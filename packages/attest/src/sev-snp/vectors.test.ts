// Genuine reports and certificates of AMD processors, from the shared vectors, each with the verdict that its README gives.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, it } from 'vitest';
import {
  appraiseEvidence,
  detectTechnologies,
  isReason,
  type Policy,
  readCollateral,
  vendorRoots,
} from '../index.ts';
import { verifyChain } from '../x509/chain.ts';
import { readEndorsementKey } from './certificates.ts';
import type { SevSnpEntry } from './entry.ts';
import { parseSnpEvidence } from './parse.ts';
import { parseSnpReport } from './report.ts';
import { sevSnp } from './technology.ts';

const folder = sharedVectors('sev-snp');
const NOW = '2026-11-22T00:00:00Z';
const WAIVED = { waived: 'no current list of AMD is among the vectors' };

type Case = {
  readonly body: string;
  readonly beside: readonly string[];
  readonly at?: string;
  /** What is changed of the entry that the evidence itself gives. */
  readonly entry?: Partial<SevSnpEntry>;
  readonly reportData?: string;
  /** The checks that fail; none: affirmed. */
  readonly reasons: readonly string[];
};

const MILAN = 'amd-ask_ark_milan.pem';
const GENOA = ['msft-genoa-vcek.pem', 'msft-genoa-ask.pem', 'msft-genoa-ark.pem'];
const TURIN = ['msft-turin-vcek.pem', 'msft-turin-ask.pem', 'msft-turin-ark.pem'];
const VLEK = ['coco-test-vlek.der', 'amd-ask_ark_milan_vlek.pem'];
const AWS = 'CN=cc-us-east-2.amazonaws.com';
const IN_2025 = '2025-06-01T00:00:00Z';

const CASES: readonly (readonly [string, Case])[] = [
  [
    'a genuine report of a guest that may be debugged',
    {
      body: 'gosev-attestation.bin',
      beside: ['gosev-vcek.der', 'gosev-milan-ask-ark.pem'],
      reasons: ['debug'],
    },
  ],
  [
    'Milan, version 2, on firmware that can be rolled back',
    { body: 'coco-test-report.bin', beside: ['coco-test-vcek.der', MILAN], reasons: ['tcb/provisional'] },
  ],
  [
    'the same where the policy accepts that',
    {
      body: 'coco-test-report.bin',
      beside: ['coco-test-vcek.der', MILAN],
      entry: { provisionalFirmware: 'accepted' },
      reasons: [],
    },
  ],
  [
    'a list of AMD in its window, and no waiver',
    {
      body: 'coco-test-report.bin',
      beside: ['coco-test-vcek.der', MILAN, 'openpcc-test_amd_milan_crl.pem'],
      at: '2025-12-01T00:00:00Z',
      entry: { provisionalFirmware: 'accepted', revocation: 'required' },
      reasons: [],
    },
  ],
  [
    'a list of AMD that is stale',
    {
      body: 'coco-test-report.bin',
      beside: ['coco-test-vcek.der', MILAN, 'openpcc-test_amd_milan_crl.pem'],
      entry: { provisionalFirmware: 'accepted', revocation: 'required' },
      // Of the signing key and of the root.
      reasons: ['revocation/unchecked', 'revocation/unchecked'],
    },
  ],
  [
    'a provider’s key, VMPL 1',
    {
      body: 'coco-test-vlek-report.bin',
      beside: VLEK,
      at: IN_2025,
      entry: { provisionalFirmware: 'accepted' },
      reasons: [],
    },
  ],
  [
    'the same after the key expired',
    {
      body: 'coco-test-vlek-report.bin',
      beside: VLEK,
      entry: { provisionalFirmware: 'accepted' },
      reasons: ['chain/expired'],
    },
  ],
  [
    'the same where VMPL 0 is demanded',
    {
      body: 'coco-test-vlek-report.bin',
      beside: VLEK,
      at: IN_2025,
      entry: { provisionalFirmware: 'accepted', vmpl: 0 },
      reasons: ['vmpl'],
    },
  ],
  [
    'the same where providers’ keys are refused',
    {
      body: 'coco-test-vlek-report.bin',
      beside: VLEK,
      at: IN_2025,
      entry: { provisionalFirmware: 'accepted', vlek: 'refused' },
      reasons: ['vlek'],
    },
  ],
  ['Genoa, version 3', { body: 'msft-genoa-report.bin', beside: GENOA, reasons: [] }],
  [
    'Genoa before its key was issued',
    {
      body: 'msft-genoa-report.bin',
      beside: GENOA,
      at: '2026-01-01T00:00:00Z',
      reasons: ['chain/not-yet-valid'],
    },
  ],
  [
    'Genoa against a nonce',
    { body: 'msft-genoa-report.bin', beside: GENOA, reportData: '01', reasons: ['binding'] },
  ],
  ['Turin, version 5', { body: 'msft-turin-report.bin', beside: TURIN, reasons: [] }],
  [
    'Milan of virtee, version 2',
    { body: 'virtee-report_milan.hex', beside: ['virtee-vcek_milan.der', MILAN], reasons: [] },
  ],
  [
    'Azure Container Instances’ own form',
    { body: 'mskms-aci-snp.json', beside: [], entry: { provisionalFirmware: 'accepted' }, reasons: [] },
  ],
  [
    'no certificate at all',
    { body: 'openpcc-gce-report.bin', beside: [MILAN], reasons: ['endorsement-key'] },
  ],
  [
    'the VCEK of another chip',
    {
      body: 'openpcc-gce-report.bin',
      beside: ['coco-test-vcek.der', MILAN],
      reasons: ['chip', 'tcb-match', 'signature'],
    },
  ],
  [
    'the VCEK of another product',
    {
      body: 'msft-genoa-report.bin',
      beside: ['coco-test-vcek.der', MILAN],
      reasons: ['product', 'chip', 'tcb-match', 'signature'],
    },
  ],
  ...['legacy', 'new'].map((kind): readonly [string, Case] => [
    `a changed VCEK (${kind})`,
    {
      body: 'coco-test-report.bin',
      beside: [`coco-test-vcek-invalid-${kind}.der`, MILAN],
      reasons: ['chain/signature', 'ladder', 'product/root', 'chip', 'tcb-match', 'signature'],
    },
  ]),
  ...['measurement-bitflip', 'reportdata-bitflip', 'debugbit-forged'].map((kind): readonly [string, Case] => [
    `a changed report (${kind})`,
    { body: `derived-genoa-v3-${kind}.bin`, beside: GENOA, reasons: ['signature'] },
  ]),
];

describe.skipIf(folder === undefined)('genuine SEV-SNP evidence', () => {
  const read = (name: string) => readFileSync(join(folder ?? '', name));
  const bodyOf = (name: string) =>
    name.endsWith('.hex')
      ? hexDecode(read(name).toString().trim().toLowerCase())
      : new Uint8Array(read(name));
  const collateral = (names: readonly string[]) =>
    readCollateral(names.map((name) => ({ name, bytes: read(name) })));

  /** The entry that the evidence gives of itself, with what the case says; the floors are those of a v2 report's chain. */
  function policyFor(body: Uint8Array, { beside, entry = {}, reportData }: Case): Policy {
    const parsed = parseSnpEvidence(body);
    const { certificates } = collateral(beside);
    const pinned = sevSnp.pin({ ...parsed, certificates: [...parsed.certificates, ...certificates] });
    return {
      v: 1,
      binding: {
        reportData: reportData ?? hexEncode(parsed.report.reportData),
        run: hexEncode(parsed.report.hostData),
      },
      accept: [{ ...pinned, revocation: WAIVED, ...entry }],
      distrust: [],
    };
  }

  const judge = async (given: Case) => {
    const body = bodyOf(given.body);
    const context = {
      at: Date.parse(given.at ?? NOW),
      collateral: collateral(given.beside),
      roots: vendorRoots(),
    };
    const evidence = { technology: 'sev-snp', body: base64urlEncode(body) } as const;
    return appraiseEvidence(evidence, policyFor(body, given), { context });
  };

  it.each(CASES)('is judged as its origin says: %s', async (_, given) => {
    const { verdict, checks } = await judge(given);
    const failed = checks.filter(isReason).map(({ id }) => id.replace('sev-snp/', ''));
    expect(failed).toEqual(given.reasons);
    expect(verdict).toBe(given.reasons.length === 0 ? 'affirmed' : 'refused');
  });

  it('is recognised, as a report and as Azure’s JSON', () => {
    for (const name of readdirSync(folder ?? '').filter((one) =>
      /report.*\.bin$|attestation\.bin$|\.json$/.test(one),
    )) {
      expect(detectTechnologies(bodyOf(name)), name).toEqual(['sev-snp']);
    }
    expect(detectTechnologies(read('coco-test-vcek.der'))).toEqual([]);
  });

  it('is refused when its signature is nothing, or has bytes beside it', () => {
    for (const name of ['derived-genoa-v3-zero-signature.bin', 'derived-genoa-v3-sigpad-nonzero.bin'])
      expect(() => parseSnpReport(bodyOf(name)), name).toThrowError(
        expect.objectContaining({ code: 'attest/malformed' }),
      );
  });

  it('is of a version 4 report too, whose certificate nobody published', () => {
    const { report } = parseSnpEvidence(bodyOf('openpcc-gce-report.bin'));
    expect(report.version).toBe(4);
    expect(report.processor).toEqual({ family: 0x19, model: 1, stepping: 1 });
  });

  it('has signing keys under the roots that are pinned, and none under another’s', async () => {
    const chains = [
      [
        'amd-ask_ark_milan.pem',
        'gosev-milan-ask-ark.pem',
        'amd-ask_ark_milan_vlek.pem',
        'gosev-milan-asvk-ark.pem',
      ],
      ['amd-ask_ark_genoa.pem', 'amd-ask_ark_genoa_vlek.pem'],
      ['amd-ask_ark_turin_vcek.pem', 'amd-ask_ark_turin_vlek.pem', 'virtee-cert_chain_turin.pem'],
    ];
    const roots = vendorRoots().amd ?? [];
    for (const [index, names] of chains.entries())
      for (const name of names) {
        const certificates = collateral([name]).certificates.filter(
          ({ der }) => !roots.some((root) => hexEncode(root.der) === hexEncode(der)),
        );
        expect(certificates, name).toHaveLength(1);
        for (const [other, anchor] of roots.entries())
          for (const leaf of certificates) {
            const { problems } = await verifyChain(leaf, {
              intermediates: [],
              anchors: [anchor],
              at: Date.parse(NOW),
            });
            expect(problems.length === 0, `${name} under root ${other}`).toBe(other === index);
          }
      }
    const [turin] = collateral(['virtee-vcek_turin.der']).certificates;
    if (!turin) throw new Error('The vector holds no certificate.');
    const { certificates } = collateral(['virtee-cert_chain_turin.pem']);
    const chain = await verifyChain(turin, {
      intermediates: certificates,
      anchors: roots,
      at: Date.parse(NOW),
    });
    expect(chain.problems).toEqual([]);
    expect(chain.path).toHaveLength(3);
  });

  it('is all used by a test', () => {
    const elsewhere: Readonly<Record<string, string>> = {
      'README.md': 'words about the vectors',
      'openpcc-test_amd_genoa_crl.pem': 'x509/chain.test.ts: no report of the vectors is of its time',
    };
    const source = readFileSync(import.meta.filename, 'utf8');
    const patterns = ['derived-genoa-v3-', 'coco-test-vcek-invalid-'];
    for (const name of readdirSync(folder ?? '')) {
      const stem = patterns
        .reduce((rest, pattern) => rest.replace(pattern, ''), name)
        .replace(/\.(?:bin|der)$/, '');
      const used = source.includes(`'${name}'`) || source.includes(`'${stem}'`);
      expect(used || elsewhere[name] !== undefined, name).toBe(true);
    }
  });

  it('has certificates that say what they are for', () => {
    const keys = [
      ['gosev-vcek.der', 'VCEK', 'Milan'],
      ['virtee-vcek_turin.der', 'VCEK', 'Turin'],
      ['openpcc-azure-genoa-vcek.pem', 'VCEK', 'Genoa'],
      ['coco-test-vlek.der', 'VLEK', 'Milan'],
      ['coco-test-vcek-invalid-new.der', 'VCEK', 'Milan'],
    ] as const;
    for (const [name, kind, product] of keys) {
      const [certificate] = collateral([name]).certificates;
      if (!certificate) throw new Error('The vector holds no certificate.');
      const key = readEndorsementKey(certificate);
      expect({ kind: key.kind, product: key.product, provider: key.provider }, name).toEqual({
        kind,
        product,
        provider: kind === 'VLEK' ? AWS : undefined,
      });
      expect(key.chip?.length, name).toBe(kind === 'VLEK' ? undefined : product === 'Turin' ? 8 : 64);
    }
    for (const name of [MILAN, 'msft-genoa-ask.pem'])
      for (const certificate of collateral([name]).certificates)
        expect(() => readEndorsementKey(certificate), name).toThrowError(
          expect.objectContaining({ code: 'attest/bad-certificate' }),
        );
  });
});
