// Services that lie, stall, flood or send elsewhere, and how politely they are asked again.
import { readdir } from 'node:fs/promises';
import type { Evidence } from '@sealroom/attest';
import { createAuthority } from '../tls.ts';
import { intelAnswers, type VendorAnswer, type VendorHandler } from '@sealroom/testkit/vendors/services';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { fakeAmd } from '@sealroom/testkit/vendors/sev-snp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FetchLimits } from './fetch.ts';
import { DAY, makeVendors, NOW, PATHS, setStage, type Stage, TCB } from './stage-for-tests.ts';

const vendors = await makeVendors();
const { snp, tdx, amd, intel, chip } = vendors;
const VCEK = `/vcek/v1/Milan/${chip}?blSPL=07&teeSPL=00&snpSPL=24&ucodeSPL=84`;

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

async function codesAfter(
  evidence: Evidence,
  path: string,
  answer: VendorAnswer | VendorHandler,
  fetch: Partial<FetchLimits> = {},
) {
  stage.vendors.answers.set(path, answer);
  const store = await stage.open({ fetch });
  const { unmet } = await store.gather(evidence);
  return Object.fromEntries(unmet.map(({ need, code }) => [need.split('_')[0], code]));
}

const HTML = '<!doctype html><html><body>Sign in to the network</body></html>';

const JUNK = [
  ['a page of HTML', HTML],
  ['nothing', ''],
  ['zeros', new Uint8Array(1000)],
  ['JSON of something else', '{"keys":[]}'],
] as const;
const PLACES = [
  ['a list', PATHS.crl, 'amd-crl'],
  ['a chain', PATHS.chain, 'amd-chain'],
] as const;

test.each(JUNK.flatMap(([junk, body]) => PLACES.map((place) => [junk, body, ...place] as const)))(
  '%s (%j) in the place of %s is kept nowhere',
  async (_junk, body, _place, path, need) => {
    expect(await codesAfter(snp, path, { body })).toMatchObject({ [need]: 'attest/bad-collateral' });
    expect((await readdir(stage.folder)).filter((file) => file.startsWith(need))).toEqual([]);
  },
);

test.each([
  ['TCB info', PATHS.tcb, 'intel-tcb-info'],
  ['the identity', PATHS.identity, 'intel-identity'],
])('a page of HTML in the place of %s is refused', async (_, path, need) => {
  expect(await codesAfter(tdx, path, { body: HTML })).toMatchObject({ [need]: 'attest/bad-collateral' });
});

test('a list signed by another than the root it names is refused', async () => {
  const other = await fakeAmd('Milan', NOW);
  const body = await other.revocationList();
  expect(await codesAfter(snp, PATHS.crl, { body })).toEqual({ 'amd-crl': 'attest/bad-collateral' });
});

test.each([
  ['PCK authority', 'pckCa', PATHS.rootCrl, 'intel-root-crl'],
  ['root', 'root', PATHS.pckCrl, 'intel-pck-crl'],
] as const)('a genuine list of the %s in another place is refused', async (_, of, path, need) => {
  const codes = await codesAfter(tdx, path, { body: await intel.crl(of) });
  expect(codes[need]).toMatch(/^(?:attest\/bad-collateral|collateral\/wrong-answer)$/);
  expect((await readdir(stage.folder)).filter((file) => file.startsWith(need))).toEqual([]);
});

test('the chain of provider keys in the place of that of chip keys is refused', async () => {
  const body = certificatesPem([amd.asvkCertificate, amd.root]);
  expect(await codesAfter(snp, PATHS.chain, { body })).toMatchObject({
    'amd-chain': 'collateral/wrong-answer',
  });
});

test('the chain of another product is refused, and so is a root that is not pinned', async () => {
  const genoa = await fakeAmd('Genoa', NOW);
  const body = certificatesPem([genoa.askCertificate, genoa.root]);
  expect(await codesAfter(snp, PATHS.chain, { body })).toMatchObject({
    'amd-chain': 'attest/bad-collateral',
  });
});

test('the key of another chip and of another TCB version are refused', async () => {
  const hwid = new Uint8Array(64).fill(0xc5);
  hwid[63] = 1;
  const other = await amd.endorse('VCEK', { tcb: TCB, hwid });
  expect(await codesAfter(snp, VCEK, { body: other.certificate })).toEqual({
    'amd-vcek': 'collateral/wrong-answer',
  });
  const newer = await amd.endorse('VCEK', { tcb: { ...TCB, snp: 25 } });
  expect(await codesAfter(snp, VCEK, { body: newer.certificate })).toEqual({
    'amd-vcek': 'collateral/wrong-answer',
  });
});

test('TCB info of another platform family, genuine as it is, is refused', async () => {
  const [answer] = (await intelAnswers(intel, 'tdx', { tcbInfo: { fmspc: '00906ed50000' } })).values();
  if (!answer) throw new Error('no answer');
  expect(await codesAfter(tdx, PATHS.tcb, answer)).toEqual({ 'intel-tcb-info': 'collateral/wrong-answer' });
});

test.each([
  ['stale', { issueDate: '2026-09-01T00:00:00Z', nextUpdate: '2026-10-01T00:00:00Z' }],
  ['future', { issueDate: '2026-11-23T00:00:00Z', nextUpdate: '2026-12-23T00:00:00Z' }],
])('TCB info that is %s is refused', async (_, tcbInfo) => {
  const answer = (await intelAnswers(intel, 'tdx', { tcbInfo })).get(PATHS.tcb);
  if (!answer) throw new Error('no answer');
  expect(await codesAfter(tdx, PATHS.tcb, answer)).toEqual({ 'intel-tcb-info': 'attest/stale-collateral' });
});

test.each([
  ['stale', { thisUpdate: NOW - 60 * DAY, nextUpdate: NOW - 30 * DAY }, 'attest/stale-collateral'],
  ['ending now', { thisUpdate: NOW - DAY, nextUpdate: NOW }, 'attest/stale-collateral'],
  ['from the future', { thisUpdate: NOW + 1000, nextUpdate: NOW + DAY }, 'attest/stale-collateral'],
  ['without an end', { thisUpdate: NOW - DAY, nextUpdate: undefined }, 'attest/bad-collateral'],
])('a list that is %s is refused', async (_, window, code) => {
  const body = await amd.revocationList(window);
  expect(await codesAfter(snp, PATHS.crl, { body })).toEqual({ 'amd-crl': code });
});

test('statements signed by another Intel are refused, whatever chain comes with them', async () => {
  const impostor = await FakeIntel.create(NOW);
  const answer = (await intelAnswers(impostor, 'tdx')).get(PATHS.tcb);
  if (!answer) throw new Error('no answer');
  expect(await codesAfter(tdx, PATHS.tcb, answer)).toEqual({ 'intel-tcb-info': 'attest/bad-collateral' });
});

test('statements of a signer that the root has revoked are refused', async () => {
  const store = await stage.open();
  await store.import([
    { name: 'root.crl', bytes: await intel.crl('root', { serials: [4], thisUpdate: NOW }) },
  ]);
  const { unmet } = await store.gather(tdx);
  const codes = unmet.map(({ need, code }) => [need.split('_')[0], code]);
  expect(codes).toContainEqual(['intel-tcb-info', 'attest/bad-collateral']);
});

test('redirects are not followed', async () => {
  const answer = { status: 302, headers: { location: '/vlek/v1/Milan/crl' }, body: '' };
  expect(await codesAfter(snp, PATHS.crl, answer)).toEqual({ 'amd-crl': 'fetch/redirect' });
  expect(stage.vendors.asked).not.toContain('/vlek/v1/Milan/crl');
});

test('a service with a certificate of another authority is asked for nothing', async () => {
  const { certPem } = await createAuthority({ name: 'Another authority' });
  const store = await stage.open({ caPem: certPem });
  const { unmet, collateral } = await store.gather(snp);
  expect(new Set(unmet.map(({ code }) => code))).toEqual(new Set(['fetch/failed', 'collateral/backing-off']));
  expect(collateral.certificates).toEqual([]);
  expect(stage.vendors.asked).toEqual([]);
});

const drip: VendorHandler = (_request, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
};

test.each<[string, VendorHandler]>([
  ['comes', () => undefined],
  ['ends', drip],
])('an answer that never %s is given up', async (_, answer) => {
  const codes = await codesAfter(snp, PATHS.crl, answer, { timeoutMs: 700 });
  expect(codes).toMatchObject({ 'amd-crl': 'fetch/timeout' });
});

test('an answer of 100 MB is not read to its end', async () => {
  const part = new Uint8Array(1024 * 1024);
  const flood: VendorHandler = (_request, response) => {
    response.writeHead(200);
    let sent = 0;
    const more = (): void => {
      while (sent < 100 && !response.destroyed) {
        sent += 1;
        if (!response.write(part)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  };
  expect(await codesAfter(snp, PATHS.crl, flood)).toMatchObject({ 'amd-crl': 'fetch/too-large' });
});

test.each([429, 500, 503])(
  'after a status of %d the service is left alone for as long as it says',
  async (status) => {
    const answer = { status, headers: { 'retry-after': '600' }, body: '' };
    stage.vendors.answers.set(PATHS.crl, answer);
    const store = await stage.open();
    await store.gather(snp);
    const asked = stage.vendors.asked.length;
    stage.clock.now = NOW + 599_000;
    expect((await store.gather(snp)).unmet.map(({ code }) => code)).toContain('collateral/backing-off');
    expect(stage.vendors.asked).toHaveLength(asked);
    stage.vendors.answers.set(PATHS.crl, { body: await amd.revocationList() });
    stage.clock.now = NOW + 601_000;
    expect((await store.gather(snp)).unmet).toEqual([]);
  },
);

test('Retry-After cannot silence a service for more than an hour', async () => {
  stage.vendors.answers.set(PATHS.crl, { status: 429, headers: { 'retry-after': '999999999' }, body: '' });
  const store = await stage.open();
  await store.gather(snp);
  stage.vendors.answers.set(PATHS.crl, { body: await amd.revocationList() });
  stage.clock.now = NOW + 3_600_001;
  expect((await store.gather(snp)).unmet).toEqual([]);
});

test('what was not there is asked for again later and later', async () => {
  stage.vendors.answers.delete(PATHS.crl);
  const store = await stage.open();
  const times = async () => {
    await store.gather(snp);
    return stage.vendors.asked.filter((path) => path === PATHS.crl).length;
  };
  expect(await times()).toBe(1);
  stage.clock.now += 29_000;
  expect(await times()).toBe(1);
  stage.clock.now += 2_000;
  expect(await times()).toBe(2);
  stage.clock.now += 31_000;
  expect(await times()).toBe(2);
  stage.clock.now += 30_000;
  expect(await times()).toBe(3);
});

test('a service that failed while the clock was ahead is asked once the clock is right', async () => {
  const answer = stage.vendors.answers.get(PATHS.crl);
  stage.vendors.answers.delete(PATHS.crl);
  const store = await stage.open();
  stage.clock.now = NOW + 300 * DAY;
  await store.gather(snp);
  stage.clock.now = NOW;
  if (answer) stage.vendors.answers.set(PATHS.crl, answer);
  expect((await store.gather(snp)).unmet).toEqual([]);
});

test('a service is asked so many times and then left alone for a while', async () => {
  const store = await stage.open({ fetch: { burst: 2, refillMs: 10_000 } });
  const first = await store.gather(snp);
  expect(first.unmet.map(({ code }) => code)).toEqual(['collateral/rate-limited']);
  expect(stage.vendors.asked).toHaveLength(2);
  stage.clock.now += 10_000;
  expect((await store.gather(snp)).unmet).toEqual([]);
});

test('evidence of many chips does not make a service be asked without end', async () => {
  const store = await stage.open({ fetch: { burst: 5, refillMs: 10_000 } });
  for (let at = 0; at < 20; at++) {
    const chipId = new Uint8Array(64).fill(at + 1);
    const report = await amd.report(vendors.vcek, { chipId });
    await store.gather({ technology: 'sev-snp', body: Buffer.from(report).toString('base64url') });
  }
  expect(stage.vendors.asked).toHaveLength(5);
});
