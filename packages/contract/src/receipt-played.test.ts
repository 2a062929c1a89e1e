// Receipts of runs on every technology that a made-up vendor plays: verified offline, with what they carry. Pieces cannot be
// left out, and where all vaults gave keys to a room that cheated, its receipt is refused. More: receipt-hardware.test.ts.
import { base64urlEncode } from '@sealroom/bytes';
import {
  type Attempt,
  type Cheat,
  CHEATS,
  playAzureCvm,
  playMaaContainer,
  playMaaGuest,
  playSgx,
  playSpaceChain,
  playSpacePublished,
  playTpm,
  type PlayedTechnology,
} from '@sealroom/testkit/cheats';
import type { FakePlatform } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { describe, expect, test } from 'vitest';
import { type Judge, joinPieces, type ReceiptFile, type Trust, verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const played = await Promise.all(
  [playSgx, playTpm, playAzureCvm, playMaaGuest, playMaaContainer, playSpaceChain, playSpacePublished].map(
    (make) => make(NOW),
  ),
);

type Told = PlayedTechnology['cheats'];

/** What vaults release on, which should not. Cheats with the form of evidence do not get as far as a receipt. */
const PLAYED: readonly (keyof Told)[] = CHEATS.filter(
  (name) => !['simulated evidence', 'an unknown version', 'trailing bytes', 'a large blob'].includes(name),
).filter((name) => !name.startsWith('a clock') && name !== 'truncation');

/** A run whose vaults all release on what the room shows them. */
async function receiptOf(one: PlayedTechnology, cheat?: Cheat) {
  const { technology, roots, entry, platform, sensitivity } = one;
  let { collateral, published } = one;
  const others = async () => {
    const random = () => crypto.getRandomValues(new Uint8Array(32));
    return { reportData: random(), hostData: random() };
  };
  const on: FakePlatform = {
    technology,
    roots,
    entry,
    get collateral() {
      return collateral;
    },
    get keySets() {
      return published;
    },
    name: platform,
    prove: async (good) => {
      const other = await others();
      const bounds = { good, nonce: other, key: other, manifest: other };
      const shown: Attempt = cheat ? await cheat.attempt(bounds) : { body: await one.prove(good) };
      collateral = shown.collateral ?? one.collateral;
      published = shown.keySets ?? one.published;
      return { technology, body: base64urlEncode(new Uint8Array(shown.body)) };
    },
  };
  return playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, { platform: on, sensitivity });
}

async function codeOf(receipt: Uint8Array, judge: Judge, trust?: Trust): Promise<string> {
  return verifyReceipt(receipt, trust, judge).then(
    ({ verdict }) => verdict,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
}

/** A reader who pins the made-up vendor, and has kept what it published, if nothing else vouches for its keys. */
function readerOf({ roots, published }: PlayedTechnology): Judge {
  const keys = published.map(({ issuer, text }) => ({ issuer, text }));
  return keys.length > 0 ? { roots, keys } : { roots };
}

/** Each time without one of the pieces that a receipt carries. */
function incomplete(receipt: Uint8Array): Uint8Array[] {
  const { collateral: carried = [] } = JSON.parse(Buffer.from(receipt).toString()) as ReceiptFile;
  return carried.map((left) =>
    rewriteReceipt(receipt, ({ collateral = [], ...rest }) => {
      const pieces = joinPieces(collateral.filter((piece) => piece !== left));
      return pieces ? { ...rest, collateral: pieces } : rest;
    }),
  );
}

describe.each(played)('a receipt of a run on $title', (one) => {
  const { roots, technology, platform, basis } = one;
  const reader = readerOf(one);

  test('is verified offline by who pins its vendor', async () => {
    const { receipt, trust } = await receiptOf(one);
    expect(await verifyReceipt(receipt, trust, reader)).toMatchObject({
      verdict: 'pinned',
      hardwareAttested: true,
      attestation: { technology, platform, basis: basis === 'roots' ? 'roots' : 'reader' },
    });
  });

  test('is no more than it carries by itself, and not without any piece of it', async () => {
    const { receipt, trust } = await receiptOf(one);
    expect(await verifyReceipt(receipt, undefined, { roots })).toMatchObject({
      verdict: 'consistent',
      hardwareAttested: basis === 'roots',
      attestation: { technology, platform, basis },
    });
    const unpinned = basis === 'roots' ? 'receipt/evidence' : 'receipt/pins-key-set';
    expect(await codeOf(receipt, {}, trust)).toBe(unpinned);
    const parts = incomplete(receipt);
    expect(parts.length).toBeGreaterThan(0);
    const lacking = basis === 'roots' ? 'receipt/evidence' : 'receipt/collateral';
    for (const less of parts) expect(await codeOf(less, { roots })).toBe(lacking);
  });

  test('is refused by a reader who distrusts its platform', async () => {
    const { receipt, trust } = await receiptOf(one);
    expect(await codeOf(receipt, reader, trust)).toBe('pinned');
    const distrust = [platform];
    expect(await codeOf(receipt, reader, { ...trust, distrust })).toBe('receipt/pins-hardware');
  });

  test('is refused where all vaults gave keys to a room that cheated', async () => {
    const found: { [name: string]: string } = {};
    for (const name of PLAYED) {
      const row = one.cheats[name];
      const [cheat] = 'none' in row ? [] : row;
      if (cheat) found[name] = await codeOf((await receiptOf(one, cheat)).receipt, { roots });
    }
    expect(Object.keys(found).length).toBeGreaterThan(PLAYED.length / 2);
    expect(new Set(Object.values(found))).toEqual(new Set(['receipt/evidence']));
  });
});
