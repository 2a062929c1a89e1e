// Which platforms a receipt speaks for: also those that stand behind the first one of a token.
import { NO_COLLATERAL, readCollateral, technologyOf } from '@sealroom/attest';
import type { Entry, Evidence, Roots } from '@sealroom/attest';
import { base64urlEncode, type Bytes } from '@sealroom/bytes';
import type { FakePlatform } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld } from '@sealroom/testkit/receipt';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { base64Of } from '@sealroom/testkit/vendors/tokens';
import { expect, test } from 'vitest';
import { verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

/** A token that speaks for two GPUs, under a certificate chain of its own. */
async function twoGpus(): Promise<FakePlatform> {
  const nras = await FakeNras.create(NOW);
  const header = { x5c: [nras.leaf, nras.authority].map(base64Of) };
  const result = (bound: Bytes) => {
    const devices = ['first', 'second'].map((ueid) => nras.device(bound, ueid));
    return nras.result(bound, { devices, header });
  };
  const one = technologyOf('nvidia-nras');
  const pinned = one.pin(one.parse(await result(new Uint8Array(32)))) as object;
  const roots: Roots = {
    'nvidia-nras': readCollateral([{ name: 'root', bytes: nras.authority }]).certificates,
  };
  return {
    technology: 'nvidia-nras',
    roots,
    entry: {
      ...pinned,
      keys: 'chain',
      revocation: { waived: 'the service publishes no such list' },
    } as Entry,
    collateral: NO_COLLATERAL,
    name: 'nvidia-nras:gpu:first',
    prove: async ({ reportData }): Promise<Evidence> => ({
      technology: 'nvidia-nras',
      body: base64urlEncode(await result(reportData)),
    }),
  };
}

test('a receipt names every GPU of its token, so that the run is found when any of them is distrusted', async () => {
  const platform = await twoGpus();
  const ledger = await createFakeLedger({ origin: 'ledger.test' });
  const { receipt } = await playWorld(ledger, NOW, { platform });
  const { attestation } = await verifyReceipt(receipt, undefined, { roots: platform.roots });
  expect(attestation.platform).toBe('nvidia-nras:gpu:first');
  expect(attestation.platforms).toEqual(['nvidia-nras:gpu:first', 'nvidia-nras:gpu:second']);
});
