// Runs on a GPU that is distrusted later can be found by its name.
import { withGpus } from '@sealroom/testkit/devices';
import { snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld } from '@sealroom/testkit/receipt';
import { fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { verifyReceipt } from '@sealroom/contract';
import { expect, test } from 'vitest';
import { platformRow } from './platforms.ts';
import { receiptText } from './text.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

test('a run is found by its platform and by each of its devices, and by nothing else', async () => {
  const nvidia = await fakeNvidia(NOW);
  const gpus = [await nvidia.gpu(), await nvidia.gpu()];
  const platform = await withGpus(await snpPlatform(await snpVendor(NOW)), nvidia, gpus);
  const ledger = await createFakeLedger({ origin: 'ledger.test' });
  const { receipt } = await playWorld(ledger, NOW, { platform, sensitivity: 'real' });
  const verified = await verifyReceipt(receipt, undefined, { roots: platform.roots });
  const row = platformRow('r.json', verified, { distrust: [] });
  expect(row).toMatchObject({ platform: platform.name, technology: 'sev-snp', distrusted: [] });
  const [first, ...devices] = row?.platforms ?? [];
  expect(first).toBe(platform.name);
  expect(devices).toEqual(verified.attestation.devices.map((device) => device.platform));
  expect(devices).toHaveLength(2);
  for (const wanted of [platform.name, ...devices])
    expect(platformRow('r.json', verified, { wanted, distrust: [] })).toEqual(row);
  expect(platformRow('r.json', verified, { wanted: 'nvidia-gpu:key:00', distrust: [] })).toBeUndefined();
  // A list in capitals marks it too, as it makes a vault refuse.
  const distrust = devices.slice(1).map((name) => name.toUpperCase());
  expect(platformRow('r.json', verified, { distrust })?.distrusted).toEqual(devices.slice(1));
  for (const device of devices) expect(receiptText(verified)).toContain(device);
});
