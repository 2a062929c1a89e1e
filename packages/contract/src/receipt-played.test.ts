// Receipts of runs on every technology that a made-up vendor plays: verified offline, with what they carry. Pieces cannot be
// left out. More cheats with receipts: receipt-hardware.test.ts.
import { base64urlEncode } from '@sealroom/bytes';
import { playSgx, playTpm, type PlayedTechnology } from '@sealroom/testkit/cheats';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { describe, expect, test } from 'vitest';
import { type Judge, joinPieces, type ReceiptFile, type Trust, verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const played = await Promise.all([playSgx, playTpm].map((make) => make(NOW)));

async function receiptOf(one: PlayedTechnology) {
  const { technology, roots, entry, collateral, published, platform, sensitivity } = one;
  const prove = async (bound: Parameters<typeof one.prove>[0]) => ({
    technology,
    body: base64urlEncode(await one.prove(bound)),
  });
  const on = { technology, roots, entry, collateral, keySets: published, name: platform, prove };
  return playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, { platform: on, sensitivity });
}

async function codeOf(receipt: Uint8Array, judge: Judge, trust?: Trust): Promise<string> {
  return verifyReceipt(receipt, trust, judge).then(
    ({ verdict }) => verdict,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
}

describe.each(played.filter(({ offline }) => offline === 'affirmed'))(
  'a receipt of a run on $title',
  (one) => {
    const { roots, technology, platform } = one;

    test('is verified offline with what it carries, and not without any piece of it', async () => {
      const { receipt, trust } = await receiptOf(one);
      expect(await verifyReceipt(receipt, trust, { roots })).toMatchObject({
        verdict: 'pinned',
        hardwareAttested: true,
        attestation: { technology, platform },
      });
      expect(await codeOf(receipt, {}, trust)).toBe('receipt/evidence');
      const file = JSON.parse(Buffer.from(receipt).toString()) as ReceiptFile;
      for (const left of file.collateral ?? []) {
        const less = rewriteReceipt(receipt, ({ collateral = [], ...rest }) => {
          const pieces = joinPieces(collateral.filter((piece) => piece !== left));
          return pieces ? { ...rest, collateral: pieces } : rest;
        });
        expect(await codeOf(less, { roots }, trust)).toBe('receipt/evidence');
      }
    });
  },
);
