// Filling the store from files: the vendors' genuine ones and a fake vendor's; all of them or none, and each refused file named.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appraiseEvidence, roomPolicy, technologyOf, vendorRoots } from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY, makeVendors, NOW, setStage, type Stage, TCB } from './stage-for-tests.ts';
import { openCollateralStore } from './store.ts';

const vendors = await makeVendors();
const { amd, intel, snp, tdx } = vendors;

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

const file = (name: string, bytes: Uint8Array | string) => ({
  name,
  bytes: typeof bytes === 'string' ? utf8Encode(bytes) : bytes,
});

async function amdFiles() {
  return [
    file('anything.bin', vendors.vcek.certificate),
    file('list', await amd.revocationList()),
    file('chain.txt', certificatesPem([amd.askCertificate, amd.root])),
  ];
}

test('a store filled from files in any order gives what evidence needs, with no service', async () => {
  const store = await stage.open({ offline: true });
  await store.import(await amdFiles());
  const authority = file('pck-ca', intel.certificates.pckCa);
  await store.import([...(await intel.collateral('tdx')), authority]);
  for (const evidence of [snp, tdx]) expect((await store.gather(evidence)).unmet).toEqual([]);
  expect(stage.vendors.asked).toEqual([]);
});

test('a list counts for keys of chips and of providers alike', async () => {
  const store = await stage.open({ offline: true });
  const names = (await store.import([file('list', await amd.revocationList())])).map(({ name }) => name);
  expect(names.toSorted()).toEqual(['amd-crl_vcek_Milan', 'amd-crl_vlek_Milan']);
});

test('a pinned root among the files gives nothing to keep', async () => {
  const store = await stage.open({ offline: true });
  expect(await store.import([file('root.der', amd.root)])).toEqual([]);
  expect(await readdir(stage.folder)).toEqual([]);
});

test.each([
  ['text', 'attest/bad-collateral', async () => 'just words'],
  ['nothing', 'attest/bad-collateral', async () => ''],
  ['a report', 'attest/bad-collateral', async () => base64urlDecode(snp.body)],
  ['a key set', 'attest/bad-collateral', async () => '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}'],
  ['PEM cut short', 'attest/malformed', async () => certificatesPem([amd.askCertificate]).slice(0, 200)],
  [
    'a private key',
    'attest/bad-collateral',
    async () => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  ],
  ['17 MB', 'attest/too-large', async () => new Uint8Array(17 * 1024 * 1024)],
  [
    'a list that has ended',
    'attest/stale-collateral',
    async () => amd.revocationList({ thisUpdate: NOW - 9 * DAY, nextUpdate: NOW - DAY }),
  ],
  [
    'a list from the future',
    'attest/stale-collateral',
    async () => amd.revocationList({ thisUpdate: NOW + DAY }),
  ],
  [
    'a certificate that has ended',
    'attest/stale-collateral',
    async () => (await amd.endorse('VCEK', { notAfter: NOW - DAY })).certificate,
  ],
  [
    'a certificate of nobody known',
    'attest/bad-collateral',
    async () => (await amd.endorse('VCEK', { issuer: { ...amd.ask, pair: amd.asvk.pair } })).certificate,
  ],
  [
    'a malformed endorsement key',
    'attest/bad-certificate',
    async () => (await amd.endorse('VCEK', { product: 'Naples' })).certificate,
  ],
])('refuses %s (%s) by its name, and takes nothing of what came with it', async (_, code, make) => {
  const store = await stage.open({ offline: true });
  const files = [...(await amdFiles()), file('bad one', await make())];
  await expect(store.import(files)).rejects.toMatchObject({
    code,
    message: expect.stringContaining('"bad one"'),
  });
  expect(await readdir(stage.folder)).toEqual([]);
});

test('of two lists in one import the newer is kept', async () => {
  const store = await stage.open({ offline: true });
  const newer = await amd.revocationList({ serials: [0x10001], thisUpdate: NOW - DAY });
  await store.import([...(await amdFiles()), file('newer', newer)]);
  expect((await store.forEvidence(snp)).crls[0]?.revoked.size).toBe(1);
});

test('a key with a chip that is another one after its first sixteen bytes answers no need of this one', async () => {
  const hwid = new Uint8Array(64).fill(0xc5);
  hwid[40] = 0;
  const other = await amd.endorse('VCEK', { tcb: TCB, hwid });
  const store = await stage.open({ offline: true });
  const [, ...rest] = await amdFiles();
  await store.import([...rest, file('other chip', other.certificate)]);
  const { unmet, collateral } = await store.gather(snp);
  expect(unmet.map(({ code }) => code)).toEqual(['collateral/no-service']);
  expect(collateral.certificates).toHaveLength(1);
});

const [snpFolder, tdxFolder] = [sharedVectors('sev-snp'), sharedVectors('tdx')];

describe.skipIf(!snpFolder || !tdxFolder)('the vendors’ own files', () => {
  const read = async (folder: string | undefined, name: string) =>
    file(name, new Uint8Array(await readFile(join(folder ?? '', name))));
  const open = (at: string) =>
    openCollateralStore({ folder: stage.folder, roots: vendorRoots(), clock: () => Date.parse(at) });
  const judged = async (technology: 'sev-snp' | 'tdx', bytes: Uint8Array, at: string) => {
    const evidence = { technology, body: base64urlEncode(bytes) } as const;
    const known = technologyOf(technology);
    const { collateral, unmet } = await (await open(at)).gather(evidence);
    const policy = roomPolicy([known.pin(known.parse(bytes)) as never]);
    const context = { at: Date.parse(at), roots: vendorRoots(), collateral };
    const { checks } = await appraiseEvidence(evidence, policy, { context });
    return { unmet, outcomes: new Map(checks.map(({ id, outcome }) => [id, outcome])) };
  };

  test('AMD’s certificates of a Genoa chip make its genuine report authentic', async () => {
    const at = '2026-11-01T00:00:00Z';
    const store = await open(at);
    const names = ['msft-genoa-vcek.pem', 'msft-genoa-ask.pem', 'msft-genoa-ark.pem'];
    await store.import(await Promise.all(names.map((name) => read(snpFolder, name))));
    const { bytes } = await read(snpFolder, 'msft-genoa-report.bin');
    const { outcomes, unmet } = await judged('sev-snp', bytes, at);
    expect(outcomes.get('sev-snp/signature')).toBe('pass');
    expect(unmet.map(({ need }) => need)).toEqual(['amd-crl_vcek_Genoa']);
  });

  test('AMD’s lists are taken within their time, and refused after', async () => {
    const { bytes } = await read(snpFolder, 'openpcc-test_amd_milan_crl.pem');
    const list = [file('milan', bytes)];
    const taken = await (await open('2025-06-01T00:00:00Z')).import(list);
    expect(taken.map(({ name }) => name)).toContain('amd-crl_vcek_Milan');
    await expect((await open('2026-11-01T00:00:00Z')).import(list)).rejects.toMatchObject({
      code: 'attest/stale-collateral',
    });
  });

  test('Intel’s bundle makes a genuine quote authentic, unrevoked and rated', async () => {
    const at = '2025-06-25T00:00:00Z';
    const store = await open(at);
    await store.import([await read(tdxFolder, 'phala-tdx_quote_collateral.json')]);
    const { bytes } = await read(tdxFolder, 'phala-tdx_quote');
    const { outcomes, unmet } = await judged('tdx', bytes, at);
    expect(unmet).toEqual([]);
    for (const id of ['signature', 'revocation', 'tcb-info', 'qe-identity'])
      expect([id, outcomes.get(`tdx/${id}`)]).toEqual([id, 'pass']);
  });

  test.each(['2026-01-01T00:00:00Z', '2025-01-01T00:00:00Z'])(
    'Intel’s bundle is refused at %s',
    async (at) => {
      const bundle = await read(tdxFolder, 'phala-tdx_quote_collateral.json');
      await expect((await open(at)).import([bundle])).rejects.toMatchObject({
        code: 'attest/stale-collateral',
      });
      expect(await readdir(stage.folder)).toEqual([]);
    },
  );

  test('what was taken in its time is not given out after', async () => {
    const store = await open('2025-06-25T00:00:00Z');
    await store.import([await read(tdxFolder, 'phala-tdx_quote_collateral.json')]);
    const { bytes } = await read(tdxFolder, 'phala-tdx_quote');
    const { outcomes, unmet } = await judged('tdx', bytes, '2026-01-01T00:00:00Z');
    expect(unmet.map(({ need }) => need).toSorted()).toContain('intel-tcb-info_tdx_b0c06f000000');
    expect(outcomes.get('tdx/tcb-info')).toBeUndefined();
  });
});
