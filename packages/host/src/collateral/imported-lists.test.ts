// Lists that no service is known for: of enclaves' authorities, of attestation keys and of tokens' chains. They come by import alone
// and must reach whoever judges such evidence, and nobody else.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evidence, readCollateral, type Roots } from '@sealroom/attest';
import { base64urlEncode } from '@sealroom/bytes';
import { FakeNitro } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeConfidentialSpace } from '@sealroom/testkit/vendors/gcp-confidential-space';
import { FakeTpm } from '@sealroom/testkit/vendors/tpm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY, NOW } from './stage-for-tests.ts';
import { openCollateralStore } from './store.ts';

const [aws, google, tpm] = await Promise.all([
  FakeNitro.create(NOW),
  FakeConfidentialSpace.create(NOW),
  FakeTpm.create(NOW),
]);
const anchor = (bytes: Uint8Array = new Uint8Array()) =>
  readCollateral([{ name: 'root', bytes }]).certificates;
const roots: Roots = {
  aws: anchor(aws.root),
  'google-confidential-space': anchor(google.chain[2]),
  'microsoft-tpm': anchor(tpm.root),
};
const lists = {
  'aws-nitro': [await aws.crls(), aws.cabundle],
  'gcp-confidential-space': [await google.crls(), google.chain],
  tpm: [[await tpm.authority.revocationList([])], []],
} as const;
const evidence: { readonly [technology in keyof typeof lists]: Evidence['body'] } = {
  'aws-nitro': base64urlEncode(await aws.document()),
  'gcp-confidential-space': base64urlEncode(await google.token(google.claims(new Uint8Array(32)))),
  tpm: base64urlEncode(
    await tpm.evidence({ extraData: new Uint8Array(32), registers: { 4: '00'.repeat(32) } }),
  ),
};

let folder = '';
const clock = { now: NOW };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-imported-'));
  clock.now = NOW;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function filled() {
  const store = await openCollateralStore({ folder, roots, clock: () => clock.now });
  const files = Object.values(lists).flat(2);
  await store.import(files.map((bytes, at) => ({ name: String(at), bytes })));
  return store;
}

test.each(['aws-nitro', 'gcp-confidential-space', 'tpm'] as const)(
  'imported lists reach evidence of %s, and only their vendor’s',
  async (technology) => {
    const store = await filled();
    const about = { technology, body: evidence[technology] };
    const { collateral, unmet } = await store.gather(about);
    expect(unmet).toEqual([]);
    const wanted = new Set(lists[technology][0].map((der) => base64urlEncode(der)));
    expect(new Set(collateral.crls.map(({ der }) => base64urlEncode(der)))).toEqual(wanted);
    clock.now = NOW + 30 * DAY;
    expect((await store.forEvidence(about)).crls).toEqual([]);
  },
);

test('they reach no evidence of another vendor', async () => {
  const store = await filled();
  expect((await store.forEvidence({ technology: 'sgx', body: '' })).crls).toEqual([]);
});
