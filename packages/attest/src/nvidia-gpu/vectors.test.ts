// NVIDIA's own evidence and a reference manifest, from the shared vectors, with the verdicts of their README.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import {
  type AnyEvidence,
  appraiseEvidence,
  type Collateral,
  type GpuEntry,
  isReason,
  parseGpuEvidence,
  type Policy,
  readCollateral,
  readEvidenceFile,
  vendorRoots,
} from '../index.ts';
import { isManifestSigned, parseManifest } from './manifest.ts';
import { nvidiaGpu } from './technology.ts';

const folder = sharedVectors('nvidia');
const NOW = Date.parse('2026-11-25T00:00:00Z');
const read = (name: string) => readFileSync(join(folder ?? '', name));
const collateral = (...names: string[]) => readCollateral(names.map((name) => ({ name, bytes: read(name) })));
const waived = { waived: 'no OCSP responses come with these vectors' };

function evidenceIn(name: string): AnyEvidence {
  const [evidence] = readEvidenceFile(read(name));
  if (!evidence) throw new Error('The vector holds no evidence.');
  return evidence;
}

const reportIn = (name: string) => parseGpuEvidence(Buffer.from(evidenceIn(name).body, 'base64url'));

function policyFor(name: string, change: Partial<GpuEntry> = {}): Policy {
  const evidence = reportIn(name);
  const accept = [{ ...nvidiaGpu.pin(evidence), revocation: waived, ...change }];
  return { v: 1, binding: { reportData: hexEncode(evidence.report.nonce) }, accept, distrust: [] };
}

const judged = (evidence: AnyEvidence, policy: Policy, given: Collateral, at = NOW) =>
  appraiseEvidence(evidence, policy, { context: { at, collateral: given, roots: vendorRoots() } });

async function reasons(name: string, chain: string[], change: Partial<GpuEntry> = {}, at = NOW) {
  const appraisal = await judged(evidenceIn(name), policyFor(name, change), collateral(...chain), at);
  const found = appraisal.checks.filter(isReason).map(({ id }) => id);
  expect(appraisal.verdict).toBe(found.length === 0 ? 'affirmed' : 'refused');
  return found;
}

const HOPPER = 'nvsdk-hopperAttestationReport.txt';
const HOPPER_CHAIN = 'nvsdk-hopperCertChain.txt';
const LATER = 'nvsdk-hopperAttestationReportExpired.txt';
const LATER_CHAIN = 'nvsdk-hopperCertChainExpired.txt';
const BLACKWELL = 'nvsdk-blackwellAttestationReport.txt';
const BLACKWELL_CHAIN = 'nvsdk-blackwellCertChain.txt';
const FORGED = 'nvsdk-hopperAttestationReportInvalidSignature.txt';
const SDK_JSON = 'nvsdk-evidence_hopper_590_12.json';
const MANIFEST = 'nvsdk-NV_GPU_DRIVER_GH100_550.144.03.xml';

/** Every file of the folder: the verdict's test is below, or the reason why there is none. */
const UNUSED: Readonly<Record<string, string>> = {
  'README.md': 'words about the vectors',
  'coco-nvidia_device_root.pem': 'is the pinned root, byte for byte (below)',
  'attrs-nras_gpu_x5c_chain.json': 'certificates of NVIDIA’s service, of the technology nvidia-nras',
  'nvsdk-hopperClaimsv3_decoded.json': 'what that service says in its token',
  'nvsdk-hopperClaimsv3_detached_eat.json': 'a token of that service',
  'openpcc-nras_root.pem': 'the root of that service',
};

describe.skipIf(folder === undefined)('evidence of real GPUs', () => {
  test('is used, every file of it, or there is a reason', () => {
    const used = [
      HOPPER,
      HOPPER_CHAIN,
      LATER,
      LATER_CHAIN,
      BLACKWELL,
      BLACKWELL_CHAIN,
      FORGED,
      SDK_JSON,
      MANIFEST,
    ];
    expect([...used, ...Object.keys(UNUSED)].toSorted()).toEqual(readdirSync(folder ?? '').toSorted());
    const [pinned] = vendorRoots().nvidia ?? [];
    expect(collateral('coco-nvidia_device_root.pem').certificates[0]?.der).toEqual(pinned?.der);
  });

  test.each([
    [HOPPER, HOPPER_CHAIN, '535.86.09', '96.00.5E.00.01'],
    [LATER, LATER_CHAIN, '570.124.03', '96.00.5E.00.04'],
    [BLACKWELL, BLACKWELL_CHAIN, '575.32', '97.00.88.00.0F'],
  ])(
    '%s is affirmed with its certificates, when its own measurements are the reference',
    async (name, chain, driver, vbios) => {
      expect(await reasons(name, [chain])).toEqual([]);
      expect(reportIn(name).report).toMatchObject({ driver, vbios, nvdec0: 'disabled', mode: 'unstated' });
      expect(reportIn(name).report.measurements.size).toBe(64);
    },
  );

  test('in the form of NVIDIA’s SDK is affirmed, with what it says', async () => {
    expect(await reasons(SDK_JSON, [])).toEqual([]);
    const { claims } = await judged(evidenceIn(SDK_JSON), policyFor(SDK_JSON), collateral());
    expect(claims).toMatchObject({
      technology: 'nvidia-gpu',
      hardware: true,
      signed: {
        architecture: 'hopper',
        chip: 'GH100',
        driver: '590.12',
        vbios: '96.00.A5.00.01',
        mode: 'protected-pcie',
      },
    });
    expect(claims?.platform).toMatch(/^nvidia-gpu:key:[0-9a-f]{64}$/);
  });

  test('with a signature that is not over it is refused', async () => {
    expect(await reasons(FORGED, [HOPPER_CHAIN])).toContain('nvidia-gpu/signature');
  });

  test('is refused with the certificates of another GPU, or with none', async () => {
    expect(await reasons(HOPPER, [BLACKWELL_CHAIN])).toEqual(['nvidia-gpu/signature']);
    expect(await reasons(HOPPER, [])).toEqual(['nvidia-gpu/chain/no-certificates']);
  });

  test('is refused when revocation is required and nothing tells of it', async () => {
    const found = await reasons(SDK_JSON, [], { revocation: 'required' });
    expect(found).toEqual(Array.from({ length: 3 }, () => 'nvidia-gpu/revocation/unchecked'));
  });

  test('is refused before its certificates begin', async () => {
    const found = await reasons(SDK_JSON, [], {}, Date.parse('2020-10-16T23:00:00Z'));
    expect(new Set(found)).toEqual(new Set(['nvidia-gpu/chain/not-yet-valid']));
  });

  test('needs the manifest of its own driver and VBIOS, when the policy goes by those', async () => {
    const manifests = { reference: { manifests: 'nvidia' as const } };
    expect(await reasons(HOPPER, [HOPPER_CHAIN, MANIFEST], manifests)).toEqual([
      'nvidia-gpu/driver-manifest/missing',
      'nvidia-gpu/vbios-manifest/missing',
      'nvidia-gpu/measurements/driver',
      'nvidia-gpu/measurements/vbios',
      'nvidia-gpu/debug',
    ]);
  });
});

describe.skipIf(folder === undefined)('a reference manifest of NVIDIA', () => {
  const text = () => read(MANIFEST).toString('utf8');

  test('is read and its signature verified', async () => {
    const manifest = parseManifest(text());
    if (!manifest) throw new Error('The vector is no manifest.');
    expect(manifest).toMatchObject({ product: 'GH100', version: '550.144.03' });
    expect([...manifest.golden.keys()]).toEqual([7, ...Array.from({ length: 20 }, (_, i) => 21 + i)]);
    expect(await isManifestSigned(manifest)).toBe(true);
  });

  test('is the same in the JSON of NVIDIA’s service', async () => {
    const rim = Buffer.from(text()).toString('base64');
    const manifest = parseManifest(
      JSON.stringify({ id: 'NV_GPU_DRIVER_GH100_550.144.03', rim, request_id: 'x' }),
    );
    expect(manifest && (await isManifestSigned(manifest))).toBe(true);
  });

  test('is not signed any more when any value, name or word of it changed', async () => {
    const original = text();
    let changed = 0;
    for (const match of original.matchAll(/="([^"]+)"/g)) {
      const at = match.index + 2;
      if (at > original.indexOf('<ds:Signature')) break;
      const byte = original[at] === '1' ? '2' : '1';
      const edited = original.slice(0, at) + byte + original.slice(at + 1);
      let good: boolean;
      try {
        const manifest = parseManifest(edited);
        good = manifest !== undefined && (await isManifestSigned(manifest));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^attest\//) });
        good = false;
      }
      expect(good, match[0]).toBe(false);
      changed += 1;
    }
    expect(changed).toBeGreaterThan(400);
  });

  test('cut short at any length is no manifest', () => {
    const original = text();
    for (let length = 1; length < original.trimEnd().length; length += 37) {
      let parsed: unknown;
      try {
        parsed = parseManifest(original.slice(0, length));
      } catch (error) {
        expect(error).toMatchObject({ code: 'attest/bad-manifest' });
      }
      expect(parsed, String(length)).toBeUndefined();
    }
  });
});

describe.skipIf(folder === undefined)('a report of a real GPU', () => {
  const bytes = () => Buffer.from(evidenceIn(BLACKWELL).body, 'base64url');
  const codeOf = (given: Uint8Array) => {
    try {
      parseGpuEvidence(given);
      return 'parsed';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };

  test('is malformed when it is cut short anywhere, or goes on', () => {
    const report = bytes();
    for (let length = 0; length < report.length; length++)
      expect(codeOf(report.subarray(0, length)), String(length)).toBe('attest/malformed');
    for (const more of [[1], [0, 0], [0, 0, 0]])
      expect(codeOf(Buffer.concat([report, Buffer.from(more)])), `${more.length}`).toBe('attest/malformed');
    expect(codeOf(new Uint8Array(10_000_000).fill(0x11))).toBe('attest/too-large');
    expect(codeOf(Buffer.concat([report, Buffer.alloc(20_000)]))).toBe('attest/too-large');
  });

  test('is refused when any byte of it changed', async () => {
    const policy = policyFor(BLACKWELL);
    const given = collateral(BLACKWELL_CHAIN);
    const report = bytes();
    for (let at = 0; at < report.length; at += 29) {
      const changed = Uint8Array.from(report);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const evidence = { technology: 'nvidia-gpu' as const, body: base64urlEncode(changed) };
      expect((await judged(evidence, policy, given)).verdict, String(at)).toBe('refused');
    }
  });
});
