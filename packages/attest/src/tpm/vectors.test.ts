// Certificates of attestation keys that Google and Microsoft issued, from the shared vectors.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { type Appraisal, appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import { parsePolicy } from '../policy.ts';
import { vendorRoots } from '../roots/roots.ts';
import { detectTechnologies } from '../technology.ts';

const gcp = sharedVectors('vtpm-gcp');
const azure = sharedVectors('azure-vtpm');
const WAIVED = { waived: 'no current list of this vendor is at hand' };

type Judged = { readonly verdict: Appraisal['verdict']; readonly reasons: readonly string[] };

async function judge(
  [leaf = '', ...collateral]: readonly string[],
  { vendors, at, revocation = WAIVED }: { vendors: readonly string[]; at: string; revocation?: unknown },
): Promise<Judged> {
  const bytes = new Uint8Array(readFileSync(leaf));
  expect(detectTechnologies(bytes)).toEqual(['tpm']);
  const entry = { technology: 'tpm', only: 'chain', vendors, revocation };
  const appraisal = await appraiseEvidence(
    { technology: 'tpm', body: base64urlEncode(bytes) },
    parsePolicy(JSON.stringify({ v: 1, binding: 'none', accept: [entry] })),
    {
      context: {
        at: Date.parse(at),
        collateral: readCollateral(collateral.map((name) => ({ name, bytes: readFileSync(name) }))),
        roots: vendorRoots(),
      },
    },
  );
  expect(appraisal.scope).toBe('chain');
  return {
    verdict: appraisal.verdict,
    reasons: appraisal.checks.filter(isReason).map(({ id }) => id),
  };
}

describe.skipIf(gcp === undefined)('Google’s certificate', () => {
  const files = ['openpcc-test_gce_ak_cert.pem', 'openpcc-test_gce_ak_intermediate_cert.pem'].map((name) =>
    join(gcp ?? '', name),
  );
  const vendors = ['google-tpm'];

  test('leads to the pinned root', async () => {
    expect(await judge(files, { vendors, at: '2026-11-25T00:00:00Z' })).toEqual({
      verdict: 'affirmed',
      reasons: [],
    });
  });

  test('is refused without the waiver, without its issuer, before its time, and as another vendor’s', async () => {
    const at = '2026-11-25T00:00:00Z';
    expect((await judge(files, { vendors, at, revocation: 'required' })).reasons).toContain(
      'tpm/revocation/unchecked',
    );
    expect((await judge(files.slice(0, 1), { vendors, at })).reasons).toContain('tpm/ak-chain/no-path');
    expect((await judge(files, { vendors, at: '2025-05-18T12:00:00Z' })).reasons).toContain(
      'tpm/ak-chain/not-yet-valid',
    );
    expect((await judge(files, { vendors: ['microsoft-tpm'], at })).reasons).toContain(
      'tpm/ak-chain/no-path',
    );
  });

  test('stands under the root that the vectors hold', () => {
    const [root] = readCollateral([
      { name: 'root', bytes: readFileSync(join(gcp ?? '', 'openpcc-gce_ek_ak_root.pem')) },
    ]).certificates;
    expect(vendorRoots()['google-tpm']?.[0]?.der).toEqual(root?.der);
  });

  test('is in a folder of which every file is used', () => {
    expect(readdirSync(gcp ?? '').toSorted()).toEqual([
      'README.md',
      'openpcc-gce_ek_ak_root.pem',
      'openpcc-test_gce_ak_cert.pem',
      'openpcc-test_gce_ak_intermediate_cert.pem',
    ]);
  });
});

describe.skipIf(azure === undefined)('Microsoft’s certificate', () => {
  const file = (name: string) => join(azure ?? '', name);
  const vendors = ['microsoft-tpm'];
  const issuer = file('openpcc-azure_tpm_intermediate_03.pem');
  const leaf = file('openpcc-test_azure_ak_certificate_01.pem');

  test('leads to the pinned root within its time', async () => {
    const good = { verdict: 'affirmed', reasons: [] };
    expect(await judge([leaf, issuer], { vendors, at: '2026-10-28T00:00:00Z' })).toEqual(good);
    const late = await judge([leaf, issuer], { vendors, at: '2026-11-25T00:00:00Z' });
    expect(late.reasons).toEqual(['tpm/ak-chain/expired']);
  });

  test('is read as the TPM’s memory holds it, padded with zeros', async () => {
    const padded = file('openpcc-test_azure_ak_certificate_03.pem');
    const { verdict } = await judge([padded, issuer], { vendors, at: '2026-06-01T00:00:00Z' });
    expect(verdict).toBe('affirmed');
  });

  test('does not lead over another issuer, nor over one that has expired', async () => {
    const other = file('openpcc-azure_tpm_intermediate_01.pem');
    const judged = await judge([leaf, other], { vendors, at: '2025-11-01T00:00:00Z' });
    expect(judged.reasons).toContain('tpm/ak-chain/no-path');
  });

  test('stands under the root that the vectors hold', () => {
    const [root] = readCollateral([
      { name: 'root', bytes: readFileSync(file('openpcc-azure_tpm_root_2023.pem')) },
    ]).certificates;
    expect(vendorRoots()['microsoft-tpm']?.[0]?.der).toEqual(root?.der);
  });
});
