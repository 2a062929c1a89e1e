// Which platforms a receipt speaks for: also every GPU of a token beside the room's evidence.
import { NO_COLLATERAL, readCollateral, technologyOf } from '@sealroom/attest';
import type { Entry, Evidence } from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, type Bytes, hexEncode, sha256 } from '@sealroom/bytes';
import { tokenDemand, withToken } from '@sealroom/testkit/devices';
import { type FakePlatform, snpPlatform, snpVendor } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld } from '@sealroom/testkit/receipt';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { FakeTpm } from '@sealroom/testkit/vendors/tpm';
import { base64Of } from '@sealroom/testkit/vendors/tokens';
import { expect, test } from 'vitest';
import { verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

/** Beside the machine, a token that speaks for two GPUs, under a certificate chain of its own. */
async function withTwoGpus(machine: FakePlatform): Promise<FakePlatform> {
  const nras = await FakeNras.create(NOW);
  const header = { x5c: [nras.leaf, nras.authority].map(base64Of) };
  const names = ['first', 'second'];
  const revocation = { waived: 'the service publishes no such list' };
  const platform = withToken(machine, nras, {
    demands: [tokenDemand(2, { keys: 'chain', revocation })],
    result: (nonce) => ({ devices: names.map((ueid) => nras.device(nonce, ueid)), header }),
  });
  const anchors = readCollateral([{ name: 'root', bytes: nras.authority }]).certificates;
  return { ...platform, roots: { ...machine.roots, 'nvidia-nras': anchors } };
}

/** A TPM whose attestation key the contract names: any program can hold such a key. */
async function namedTpm(): Promise<FakePlatform> {
  const tpm = await FakeTpm.create(NOW);
  const ak = await tpm.publicArea();
  const registers = Object.fromEntries([0, 4, 7, 8, 9].map((index) => [index, '00'.repeat(32)]));
  const prove = async (reportData: Uint8Array): Promise<Evidence> => {
    const change = { ak: base64urlEncode(ak), akCertificates: undefined };
    const bytes = await tpm.evidence({ extraData: reportData, registers }, change);
    return { technology: 'tpm', body: base64urlEncode(bytes) };
  };
  const one = technologyOf('tpm');
  const { body } = await prove(new Uint8Array(32));
  const pinned = one.pin(one.parse(base64urlDecode(body))) as object;
  const entry = {
    ...pinned,
    ak: { names: [hexEncode(await sha256(ak))] },
    platforms: { any: 'accepted' },
  } as Entry;
  const name = `tpm:ak:${hexEncode(await sha256(tpm.spki))}`;
  const prover = ({ reportData }: { reportData: Bytes }) => prove(reportData);
  return { technology: 'tpm', roots: {}, entry, collateral: NO_COLLATERAL, name, prove: prover };
}

test('keys that only the contract names attest no hardware to who has not accepted them himself', async () => {
  const platform = await namedTpm();
  const ledger = await createFakeLedger({ origin: 'ledger.test' });
  const { receipt, trust } = await playWorld(ledger, NOW, { platform });
  expect(await verifyReceipt(receipt)).toMatchObject({
    verdict: 'consistent',
    hardwareAttested: false,
    attestation: {
      technology: 'tpm',
      hardware: true,
      basis: 'contract',
      keySources: [{ vouchedBy: 'contract' }],
    },
  });
  const accepting = { ...trust, accept: [platform.entry] };
  expect(await verifyReceipt(receipt, accepting)).toMatchObject({
    verdict: 'pinned',
    hardwareAttested: true,
    attestation: { basis: 'reader', keySources: [{ vouchedBy: 'reader' }] },
  });
  await expect(verifyReceipt(receipt, { ...trust, accept: [] })).rejects.toMatchObject({
    code: 'receipt/pins-hardware',
  });
});

test('a receipt names every GPU of its token, so that the run is found when any of them is distrusted', async () => {
  const machine = await snpPlatform(await snpVendor(NOW));
  const platform = await withTwoGpus(machine);
  const ledger = await createFakeLedger({ origin: 'ledger.test' });
  const { receipt } = await playWorld(ledger, NOW, { platform });
  const { attestation } = await verifyReceipt(receipt, undefined, { roots: platform.roots });
  expect(attestation.basis).toBe('roots');
  expect(attestation.platform).toBe(machine.name);
  const gpus = ['nvidia-nras:gpu:first', 'nvidia-nras:gpu:second'];
  expect(attestation.platforms).toEqual([machine.name, ...gpus]);
  expect(attestation.devices.map((one) => one.platform)).toEqual(gpus);
});
