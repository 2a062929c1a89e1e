// Certificates in a token whose keys are not keys: whoever sends one gets a refusal, as for any other bad evidence.
import { type Bytes } from '@sealroom/bytes';
import {
  FakeConfidentialSpace,
  SPACE_AUDIENCE,
  SPACE_IMAGE,
} from '@sealroom/testkit/vendors/gcp-confidential-space';
import {
  distinguishedName,
  issueCertificate,
  spkiOf,
  vendorKeys,
} from '@sealroom/testkit/vendors/issue-certificates';
import { judge } from '@sealroom/testkit/vendors/judge';
import { expect, test } from 'vitest';
import { readCollateral } from '../collateral.ts';
import { parseCertificate } from '../x509/certificate.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const DAY = 86_400_000;
const reportData = new Uint8Array(32).fill(0xab);

/** A certificate by nobody, with this key in it. */
async function certificateOf(spki: Bytes): Promise<Bytes> {
  const pair = await vendorKeys('RSA-SHA256');
  const name = distinguishedName([['CN', 'nobody']]);
  const issuer = { name, pair, scheme: 'RSA-SHA256' } as const;
  return issueCertificate(issuer, {
    subject: name,
    spki,
    serial: 3,
    notBefore: NOW - DAY,
    notAfter: NOW + DAY,
    extensions: [],
  });
}

test.each([
  // Within the key itself: its SEQUENCE, the INTEGER of the modulus, and its length.
  ['no structure', 24, 0x31],
  ['no modulus', 28, 0x04],
  ['a modulus longer than the key', 31, 0xff],
])('a chain whose first key has %s is refused and does not fail', async (_what, at, byte) => {
  const google = await FakeConfidentialSpace.create(NOW);
  const spki = await spkiOf(await vendorKeys('RSA-SHA256'));
  spki[at] = byte;
  const [, intermediate = new Uint8Array(), root = new Uint8Array()] = google.chain;
  const chain = [await certificateOf(spki), intermediate, root];
  const entry = {
    technology: 'gcp-confidential-space',
    keys: 'chain',
    audience: [SPACE_AUDIENCE],
    image: [SPACE_IMAGE],
    hardware: ['GCP_AMD_SEV_SNP'],
    minimumSoftware: 250_301,
    support: ['STABLE'],
    projects: ['made-up'],
    command: 'image',
    environment: 'image',
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: { any: 'accepted' },
    runBinding: 'software',
  };
  const context = {
    at: NOW,
    collateral: readCollateral([]),
    roots: { 'google-confidential-space': [parseCertificate(root)] },
  };
  const bytes = await google.token(google.claims(reportData), {}, { chain });
  const binding = { reportData, hostData: new Uint8Array(32) };
  const { reasons } = await judge('gcp-confidential-space', bytes, { entry, context, binding });
  expect(reasons).toEqual(expect.arrayContaining(['chain/kid', 'signature']));
});
