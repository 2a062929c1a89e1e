// The vault's collateral: settings, what the log is told, and a status that anyone may read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCollateral } from '@sealroom/attest';
import { base64urlEncode } from '@sealroom/bytes';
import { FakeIntel, tdBody } from '@sealroom/testkit/vendors/intel';
import { intelAnswers, startVendorServices, type VendorServices } from '@sealroom/testkit/vendors/services';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VaultLog } from '../start.ts';
import { collateralSettings, openVaultCollateral } from './collateral.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const DAY = 86_400_000;
const intel = await FakeIntel.create(NOW);
const evidence = { technology: 'tdx', body: base64urlEncode(await intel.quote(4, tdBody())) } as const;
const roots = { intel: readCollateral([{ name: 'root', bytes: intel.certificates.root }]).certificates };

let folder = '';
let vendors: VendorServices;
const clock = { now: NOW };
const events: { name: string; fields: object }[] = [];
const log: VaultLog = {
  event: (name, fields) => void events.push({ name, fields }),
  failure: (name, _error, fields) => void events.push({ name, fields }),
};
const named = (name: string) => events.filter((event) => event.name === name).map(({ fields }) => fields);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-collateral-'));
  vendors = await startVendorServices(await intelAnswers(intel, 'tdx'));
  clock.now = NOW;
  events.length = 0;
});
afterEach(async () => {
  await vendors.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(offline = false) {
  const { url } = vendors;
  const services = offline ? 'offline' : { intel: url, intelCertificates: url };
  // The authority of the services' TLS certificate is a file, as an operator gives it.
  const caPath = join(folder, 'ca.pem');
  await writeFile(caPath, vendors.caPem);
  return openVaultCollateral(collateralSettings.parse({ services, caPath }), {
    dataDirectory: folder,
    log,
    clock: () => clock.now,
    roots,
  });
}

test('collateral is fetched for evidence, and the status counts it', async () => {
  const collateral = await open();
  expect(await collateral.status()).toEqual({ kept: 0, ending: 0 });
  expect((await collateral.forEvidence(evidence)).documents).toHaveLength(2);
  const { kept, ending } = await collateral.status();
  expect(kept).toBeGreaterThanOrEqual(5);
  expect(ending).toBe(0);
  expect(events).toEqual([]);
  collateral.close();
});

test('the log is told what could not be had, by need and code alone', async () => {
  const collateral = await open(true);
  await collateral.forEvidence(evidence);
  expect(named('vault.collateral-missing')).toContainEqual({
    need: 'intel-root-crl',
    code: 'collateral/no-service',
  });
  collateral.close();
});

test('the log and the status are told what ends within seven days', async () => {
  const first = await open();
  await first.forEvidence(evidence);
  first.close();
  clock.now = NOW + 22 * DAY - 1;
  const early = await open(true);
  expect(named('vault.collateral-ends')).toEqual([]);
  early.close();
  clock.now = NOW + 22 * DAY;
  const late = await open(true);
  expect(named('vault.collateral-ends')).toContainEqual({
    what: 'intel-tcb-info_tdx_b0c06f000000',
    until: new Date(NOW + 29 * DAY).toISOString(),
    ended: false,
  });
  expect((await late.status()).ending).toBe(4);
  late.close();
});

test.each([
  { services: 'online' },
  { services: { amd: 'http://kds.example' } },
  { services: { amd: 'file:///etc' } },
  { services: { amd: 'https://user:secret@kds.example' } },
  { services: { amd: 'https://kds.example/?a=b' } },
  { services: { other: 'https://kds.example' } },
  { services: { keySets: { 'http://maa.example': 'https://maa.example/certs' } } },
  { folder: '' },
  { more: true },
])('refuses the settings %j', (settings) => {
  expect(collateralSettings.safeParse(settings).success).toBe(false);
});
