// Vectors of vendors through `attest policy` and `attest verify`: a policy is pinned to the evidence, revocation is waived
// where no current list is among the vectors, and the verdict is that of the vectors' README. The technologies' own tests
// have every vector and the ways to cheat.
import { mkdir, copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

type Row = readonly [
  file: string,
  at: string,
  beside: readonly string[],
  verdict: 'affirmed' | 'refused',
  code: string | undefined,
];

const NOW = '2026-11-25T00:00:00Z';
const GENOA = ['sev-snp/msft-genoa-vcek.pem', 'sev-snp/msft-genoa-ask.pem'];
const MILAN = 'sev-snp/amd-ask_ark_milan.pem';

const ROWS: readonly Row[] = [
  ['sev-snp/msft-genoa-report.bin', NOW, GENOA, 'affirmed', undefined],
  [
    'sev-snp/msft-turin-report.bin',
    NOW,
    ['sev-snp/msft-turin-vcek.pem', 'sev-snp/msft-turin-ask.pem'],
    'affirmed',
    undefined,
  ],
  ['sev-snp/virtee-report_milan.hex', NOW, ['sev-snp/virtee-vcek_milan.der', MILAN], 'affirmed', undefined],
  [
    'sev-snp/gosev-attestation.bin',
    NOW,
    ['sev-snp/gosev-vcek.der', 'sev-snp/gosev-milan-ask-ark.pem'],
    'refused',
    'sev-snp/debug',
  ],
  ['sev-snp/derived-genoa-v3-measurement-bitflip.bin', NOW, GENOA, 'refused', 'sev-snp/signature'],
  ['sev-snp/derived-genoa-v3-reportdata-bitflip.bin', NOW, GENOA, 'refused', 'sev-snp/signature'],
  ['sev-snp/derived-genoa-v3-debugbit-forged.bin', NOW, GENOA, 'refused', 'sev-snp/signature'],
  [
    'tdx/phala-tdx_quote',
    '2025-06-25T00:00:00Z',
    ['tdx/phala-tdx_quote_collateral.json'],
    'affirmed',
    undefined,
  ],
  [
    'tdx/phala-tdx_quote',
    '2026-01-01T00:00:00Z',
    ['tdx/phala-tdx_quote_collateral.json'],
    'refused',
    undefined,
  ],
  [
    'tdx/phala-tdx_quote',
    '2025-01-01T00:00:00Z',
    ['tdx/phala-tdx_quote_collateral.json'],
    'refused',
    undefined,
  ],
  [
    'tdx/coco-tdx_quote_4.dat',
    '2025-06-25T00:00:00Z',
    ['tdx/phala-tdx_quote_collateral.json'],
    'refused',
    'tdx/debug',
  ],
  [
    'sgx-dcap/phala-sgx_quote',
    '2025-06-25T00:00:00Z',
    ['sgx-dcap/phala-sgx_quote_collateral.json'],
    'refused',
    'sgx/tcb/status',
  ],
  ['aws-nitro/evervault-valid-attestation-doc-bytes', '2022-10-13T08:58:02Z', [], 'affirmed', undefined],
  ['aws-nitro/evervault-valid-attestation-doc-bytes', NOW, [], 'refused', undefined],
  [
    'aws-nitro/evervault-debug-mode-attestation-doc-bytes',
    '2022-10-12T13:50:06Z',
    [],
    'refused',
    'aws-nitro/debug',
  ],
  [
    'gcp-confidential-space/oak-valid.jwt',
    '2025-06-23T14:30:00Z',
    [],
    'refused',
    'gcp-confidential-space/debug',
  ],
  ['azure-maa/azcvm-token-1.jwt', '2023-03-30T20:00:00Z', [], 'refused', 'azure-maa/key-set'],
  ['nvidia/nvsdk-evidence_hopper_590_12.json', '2026-01-01T00:00:00Z', [], 'affirmed', undefined],
  [
    'vtpm-gcp/openpcc-test_gce_ak_cert.pem',
    '2026-01-01T00:00:00Z',
    ['vtpm-gcp/openpcc-test_gce_ak_intermediate_cert.pem'],
    'affirmed',
    undefined,
  ],
];

type Entry = { revocation?: unknown };

test.each(ROWS)('%s at %s beside %j is %s %s', async (file, at, beside, verdict, code) => {
  const [set = ''] = file.split('/');
  const place = sharedVectors(set);
  if (place === undefined) return;
  const vectors = join(place, '..');
  const folder = await temporaryFolder();
  const collateral = join(folder, 'collateral');
  await mkdir(collateral);
  for (const name of beside) await copyFile(join(vectors, name), join(collateral, basename(name)));
  const common = [join(vectors, file), '--collateral', collateral];
  const pinned = await sealroom(['attest', 'policy', ...common, '--at', at, '--json']);
  expect(pinned.exit).toBe(0);
  const made = pinned.json as { accept: Entry[] };
  for (const entry of made.accept)
    if ('revocation' in entry) entry.revocation = { waived: 'no current list is among the vectors' };
  const policy = await fileIn(folder, 'policy.json', JSON.stringify(made));
  const said = await sealroom(['attest', 'verify', ...common, '--policy', policy, '--at', at, '--json']);
  expect(said).toMatchObject({ exit: verdict === 'affirmed' ? 0 : 1, json: { verdict } });
  const codes = (said.json as { reasons: { code: string }[] }).reasons.map((reason) => reason.code);
  if (verdict === 'affirmed') expect(codes).toEqual([]);
  else expect(codes).toContain(code ?? codes[0] ?? 'a reason');
});
