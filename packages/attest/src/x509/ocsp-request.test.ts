// What a responder is asked, byte for byte as the openssl command line asks it.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificatesPem, issueCertificate } from '@sealroom/testkit/vendors/issue-certificates';
import { fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { askedSerial } from '@sealroom/testkit/vendors/nvidia-services';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificate, parseCertificate } from './certificate.ts';
import { ocspRequest } from './ocsp-request.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const present = spawnSync('openssl', ['version']).status === 0;
const wanted = present || process.env['CI'] === 'true';
if (!wanted) console.log('skipped: the openssl command is not here');

let folder: string;
let issuer: Certificate;
let certify: (serial: bigint) => Promise<Certificate>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-ocsp-'));
  const nvidia = await fakeNvidia(NOW);
  const { key, der } = nvidia.root;
  issuer = parseCertificate(der);
  certify = async (serial) => {
    const dates = { notBefore: NOW, notAfter: NOW + 86_400_000 };
    const { subject, spki } = issuer;
    return parseCertificate(await issueCertificate(key, { subject, spki, serial, extensions: [], ...dates }));
  };
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('a question about revocation', () => {
  test.skipIf(!wanted).each([1n, 0x7fn, 0x80n, 0x2d3670b1ca100411c1fec0e82a065b54n, 2n ** 159n - 1n])(
    'about the serial number %d is the one that openssl asks without a nonce',
    async (serial) => {
      const certificate = await certify(serial);
      await writeFile(join(folder, 'issuer.pem'), certificatesPem([issuer.der]));
      await writeFile(join(folder, 'certificate.pem'), certificatesPem([certificate.der]));
      const words = ['ocsp', '-issuer', 'issuer.pem', '-cert', 'certificate.pem', '-no_nonce'];
      const { status, stderr } = spawnSync('openssl', [...words, '-reqout', 'asked.der'], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(0);
      expect(Buffer.from(await ocspRequest(certificate, issuer)).toString('hex')).toBe(
        (await readFile(join(folder, 'asked.der'))).toString('hex'),
      );
    },
  );

  test('is one that the made-up responder reads', async () => {
    expect(askedSerial(await ocspRequest(await certify(1007n), issuer))).toBe(1007);
  });
});
