// The store before the vendors' services: what is fetched, kept and given out, and that nothing is given out beyond its time.
import { appraiseEvidence, NO_COLLATERAL, roomPolicy, technologyOf } from '@sealroom/attest';
import { base64urlDecode } from '@sealroom/bytes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY, makeVendors, NOW, PATHS, setStage, type Stage } from './stage-for-tests.ts';

const vendors = await makeVendors();
const { snp, tdx, amd, intel } = vendors;

let stage: Stage;
beforeEach(async () => {
  stage = await setStage(vendors);
});
afterEach(() => stage.close());

test('fetches what a report needs, and asks for nothing of it again', async () => {
  const store = await stage.open();
  const first = await store.gather(snp);
  expect(first.unmet).toEqual([]);
  expect(first.collateral.certificates).toHaveLength(2);
  expect(first.collateral.crls).toHaveLength(1);
  const asked = stage.vendors.asked.length;
  expect(asked).toBe(3);
  expect((await store.gather(snp)).collateral).toBe(first.collateral);
  expect(stage.vendors.asked).toHaveLength(asked);
});

test('fetches what a quote needs, with who signed it', async () => {
  const store = await stage.open();
  const { collateral, unmet } = await store.gather(tdx);
  expect(unmet).toEqual([]);
  expect(collateral.documents).toHaveLength(2);
  expect(collateral.crls).toHaveLength(2);
  expect(collateral.certificates).toHaveLength(1);
});

test.each([
  ['sev-snp', snp, ['sev-snp/revocation', 'sev-snp/signature', 'sev-snp/chain']],
  ['tdx', tdx, ['tdx/revocation', 'tdx/signature', 'tdx/tcb-info', 'tdx/qe-identity']],
] as const)('gives what makes %s evidence authentic and not revoked', async (technology, evidence, ids) => {
  const store = await stage.open();
  const collateral = await store.forEvidence(evidence);
  const known = technologyOf(technology);
  const policy = roomPolicy([known.pin(known.parse(base64urlDecode(evidence.body))) as never]);
  const world = { at: NOW, roots: vendors.roots };
  const checksWith = async (given: typeof collateral) => {
    const { checks } = await appraiseEvidence(evidence, policy, { context: { ...world, collateral: given } });
    return new Map(checks.map(({ id, outcome }) => [id, outcome]));
  };
  const checks = await checksWith(collateral);
  for (const id of ids) expect([id, checks.get(id)]).toEqual([id, 'pass']);
  const without = await checksWith(NO_COLLATERAL);
  expect(ids.every((id) => without.get(id) === 'pass')).toBe(false);
});

test('another store over the same folder finds all of it, without a service', async () => {
  await (await stage.open()).gather(tdx);
  const second = await stage.open({ offline: true });
  const { collateral, unmet } = await second.gather(tdx);
  expect(unmet).toEqual([]);
  expect(collateral.documents).toHaveLength(2);
});

test('gives out nothing that has ended, and says what is missing', async () => {
  await (await stage.open()).gather(tdx);
  const store = await stage.open({ offline: true });
  await store.gather(tdx);
  stage.clock.now = NOW + 29 * DAY;
  const { collateral, unmet } = await store.gather(tdx);
  expect(collateral.documents).toEqual([]);
  expect(collateral.crls).toEqual([]);
  expect(unmet.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'collateral/no-service'));
});

test('one moment before the end it is given out, at the end it is not', async () => {
  const store = await stage.open();
  await store.gather(tdx);
  stage.vendors.answers.clear();
  stage.clock.now = NOW + 29 * DAY - 1;
  expect((await store.forEvidence(tdx)).documents).toHaveLength(2);
  stage.clock.now += 1;
  expect((await store.forEvidence(tdx)).documents).toHaveLength(0);
});

test('gives out nothing before its time when the clock goes back', async () => {
  const store = await stage.open();
  await store.gather(tdx);
  stage.vendors.answers.clear();
  stage.clock.now = NOW - 2 * DAY;
  const { collateral } = await store.gather(tdx);
  expect(collateral.documents).toEqual([]);
  expect(collateral.crls).toEqual([]);
});

test('looks for a newer list after a day, and keeps it instead', async () => {
  const store = await stage.open();
  const before = (await store.forEvidence(snp)).crls[0];
  const revoked = await amd.revocationList({ serials: [0x10001], thisUpdate: NOW });
  stage.vendors.answers.set(PATHS.crl, { body: revoked });
  stage.clock.now = NOW + DAY - 1;
  expect((await store.forEvidence(snp)).crls).toEqual([before]);
  stage.clock.now = NOW + DAY;
  const [after] = (await store.forEvidence(snp)).crls;
  expect([...(after?.revoked ?? [])]).toEqual(['010001']);
});

test('goes on with what is here when nothing newer can be had, until it ends', async () => {
  const store = await stage.open();
  await store.gather(snp);
  stage.vendors.answers.clear();
  stage.clock.now = NOW + 30 * DAY;
  const { collateral, unmet } = await store.gather(snp);
  expect(unmet).toEqual([]);
  expect(collateral.crls).toHaveLength(1);
  stage.clock.now = NOW + 200 * DAY;
  expect((await store.forEvidence(snp)).crls).toEqual([]);
});

test('never takes an older list for a newer one', async () => {
  const store = await stage.open();
  const newer = await amd.revocationList({ serials: [0x10001], thisUpdate: NOW - DAY });
  stage.vendors.answers.set(PATHS.crl, { body: newer });
  await store.gather(snp);
  stage.vendors.answers.set(PATHS.crl, { body: await amd.revocationList() });
  stage.clock.now = NOW + 2 * DAY;
  const [list] = (await store.forEvidence(snp)).crls;
  expect(list?.revoked.size).toBe(1);
  const older = { name: 'older.crl', bytes: await amd.revocationList() };
  await expect(store.import([older])).rejects.toMatchObject({ code: 'collateral/older' });
});

test('tells what ends within a time, and what has ended', async () => {
  const store = await stage.open();
  await store.gather(tdx);
  expect(await store.expiring(7 * DAY)).toEqual([]);
  stage.clock.now = NOW + 23 * DAY;
  const kinds = (await store.expiring(7 * DAY)).map(({ piece }) => piece.kind).toSorted();
  expect(kinds).toEqual(['crl', 'crl', 'qe-identity', 'tcb-info']);
});

test('needs nothing for evidence of no hardware, and for bytes that are no evidence', async () => {
  const store = await stage.open();
  for (const technology of ['simulated', 'tdx', 'sev-snp', 'azure-maa'] as const)
    expect(await store.gather({ technology, body: 'AAAA' })).toEqual({
      collateral: NO_COLLATERAL,
      keySets: [],
      unmet: [],
    });
  expect(stage.vendors.asked).toEqual([]);
});

test('asks once for what many want at the same time', async () => {
  const store = await stage.open();
  await Promise.all(Array.from({ length: 8 }, () => store.gather(snp)));
  expect(stage.vendors.asked.toSorted()).toEqual([...new Set(stage.vendors.asked)].toSorted());
});

test('takes the TCB info that is newer of two that are current', async () => {
  const store = await stage.open();
  await store.gather(tdx);
  const newer = await intel.collateral('tdx', { tcbInfo: { issueDate: '2026-11-22T09:00:00Z' } });
  await store.import(newer.filter(({ name }) => name === 'tcb.json'));
  const documents = (await store.forEvidence(tdx)).documents.map(({ text }) => text);
  expect(documents.some((text) => text.includes('"issueDate":"2026-11-22T09:00:00Z"'))).toBe(true);
  expect(documents).toHaveLength(2);
});

test('a store that opened with a wrong clock finds everything once the clock is right', async () => {
  await (await stage.open()).gather(tdx);
  stage.clock.now = 0;
  const store = await stage.open({ offline: true });
  expect((await store.gather(tdx)).unmet).toHaveLength(5);
  stage.clock.now = NOW;
  expect((await store.gather(tdx)).unmet).toEqual([]);
});
