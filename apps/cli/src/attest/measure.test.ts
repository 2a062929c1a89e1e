// `attest measure` of images: equal to what the package computes, and bad options named. The reference tools stand beside
// the package's own tests.
import { existsSync, readFileSync } from 'node:fs';
import { measureMrTd, measureSnp } from '@sealroom/attest/measure';
import { hexEncode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const OVMF = '/usr/share/ovmf/OVMF.fd';

const installed = existsSync(OVMF);
if (!installed) {
  if (process.env['CI'] === 'true') throw new Error('Debian’s package ovmf is missing; CI must have it.');
  console.log('skipped: Debian’s package ovmf is not installed');
}

const measure = (...options: readonly string[]) => sealroom(['attest', 'measure', ...options, '--json']);

test.skipIf(!installed)('gives the launch digest of SEV-SNP and MRTD of TDX', async () => {
  const file = OVMF;
  const snp = await measure(
    '--technology',
    'sev-snp',
    '--firmware',
    file,
    '--vcpus',
    '2',
    '--processor',
    'EPYC-Milan',
  );
  const bytes = new Uint8Array(readFileSync(file));
  const launch = await measureSnp({ firmware: bytes, vcpus: 2, processor: 'EPYC-Milan' });
  expect(snp).toMatchObject({ exit: 0, json: { technology: 'sev-snp', launch } });
  const tdx = await measure('--technology', 'tdx', '--firmware', file);
  expect(tdx).toMatchObject({ exit: 0, json: { mrTd: hexEncode(await measureMrTd(bytes)), rtmrs: [] } });
});

test.each([
  ['cli/usage', ['--technology', 'sgx']],
  ['cli/usage', ['--technology', 'sev-snp']],
  [
    'cli/no-file',
    ['--technology', 'sev-snp', '--firmware', '/nowhere', '--vcpus', '1', '--processor', 'EPYC-Milan'],
  ],
  ['cli/no-file', ['--technology', 'tdx', '--firmware', '/nowhere']],
] as const)('says %s for %j', async (code, options) => {
  expect(await measure(...options)).toMatchObject({ exit: 2, json: { code } });
});

test.each([
  ['cli/usage', ['--vcpus', '1', '--processor', 'Pentium']],
  ['attest/malformed', ['--vcpus', '1', '--processor', 'EPYC-Milan']],
  ['attest/malformed', ['--vcpus', '0', '--processor', 'EPYC-Milan']],
  ['cli/usage', ['--vcpus', '1', '--processor', 'EPYC-Milan', '--hypervisor', 'xen']],
  ['cli/usage', ['--vcpus', 'many', '--processor', 'EPYC-Milan']],
] as const)('says %s of an image that is none, with %j', async (code, options) => {
  const file = await fileIn(await temporaryFolder(), 'image', 'no firmware');
  expect(await measure('--technology', 'sev-snp', '--firmware', file, ...options)).toMatchObject({
    exit: 2,
    json: { code },
  });
});
