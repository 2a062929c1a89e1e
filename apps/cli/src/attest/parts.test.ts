// Parts of evidence by hand: a policy written for them, and a verdict that says that it is only of a part.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const gcp = sharedVectors('vtpm-gcp');
const azure = sharedVectors('azure-vtpm');
const AT = ['--at', '2026-06-01T00:00:00Z'];

test.skipIf(gcp === undefined || azure === undefined).each([
  [gcp, 'openpcc-test_gce_ak_cert.pem', 'openpcc-test_gce_ak_intermediate_cert.pem'],
  [azure, 'openpcc-test_azure_ak_certificate_01.pem', 'openpcc-azure_tpm_intermediate_03.pem'],
  [azure, 'openpcc-test_azure_ak_certificate_03.pem', 'openpcc-azure_tpm_intermediate_03.pem'],
])('%s/%s gets a verdict of its chain alone', async (from, leaf, issuer) => {
  const folder = await temporaryFolder();
  const collateral = await temporaryFolder();
  await copyFile(join(from ?? '', issuer), join(collateral, issuer));
  const file = join(from ?? '', leaf);
  const { json } = await sealroom(['attest', 'policy', file, ...AT, '--json']);
  const made = json as { binding: string; accept: [object] };
  expect(made).toMatchObject({ binding: 'none', accept: [{ technology: 'tpm', only: 'chain' }] });
  const verify = async (policy: object, ...more: string[]) => {
    const path = await fileIn(folder, 'policy.json', JSON.stringify(policy));
    return sealroom(['attest', 'verify', file, '--policy', path, '--collateral', collateral, ...AT, ...more]);
  };
  const strict = await verify(made, '--json');
  expect(strict).toMatchObject({ exit: 1, json: { verdict: 'refused', scope: 'chain' } });
  const revocation = { waived: 'the vendor publishes no list' };
  const waived = { ...made, accept: [{ ...made.accept[0], revocation }] };
  expect(await verify(waived, '--json')).toMatchObject({
    exit: 0,
    json: { ok: true, verdict: 'affirmed', scope: 'chain', status: 'none', claims: null, platform: null },
  });
  expect((await verify(waived)).out).toContain('NO ROOM WAS PROVED');
  expect(await verify({ ...waived, binding: 'room' }, '--json')).toMatchObject({
    exit: 2,
    json: { code: 'attest/bad-policy' },
  });
});
