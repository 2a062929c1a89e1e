// Receipts of rooms that a token service vouches for, under keys that no certificate leads to a pinned root: by the word of the vaults
// they are no more than that, and every way of putting another key set in its place is refused.
import type { KeySet } from '@sealroom/attest';
import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import type { FakePlatform } from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { type Changes, type PlayedRun, playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { maaPlatform, spacePlatform, vaultKeySet } from '@sealroom/testkit/token-rooms';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
import { FakeConfidentialSpace } from '@sealroom/testkit/vendors/gcp-confidential-space';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  joinPieces,
  type Judge,
  type KeySetWord,
  keySetWords,
  type PayloadOf,
  type ReceiptFile,
  type Trust,
  verifyReceipt,
} from './index.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const SPACE_ISSUER = 'https://confidentialcomputing.googleapis.com';
const WAIVED = { revocation: { waived: 'this contract pins the key' } };
const text = (at: number) => new Date(at).toISOString().replace('.000', '');

let maa: FakeMaa;
let other: FakeMaa;
let platform: FakePlatform;
let played: PlayedRun;

type Answer = PayloadOf<'key.released'>;

const playOn = async (on: FakePlatform, changes: Changes = {}) =>
  playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, {
    platform: on,
    sensitivity: 'real',
    ...changes,
  });

/** A run after which the vaults' words are changed before they are signed. */
const playSaying = async (change: (words: KeySetWord[], which: string) => KeySetWord[], on = platform) =>
  playOn(on, {
    answer: ({ keySets = [], ...answer }, which): Answer => {
      const words = change(keySets, which);
      return words.length > 0 ? { ...answer, keySets: words } : answer;
    },
  });

async function verdict(receipt: Uint8Array, judge: Judge = {}, trust?: Trust): Promise<string> {
  return verifyReceipt(receipt, trust, judge).then(
    (verified) => `${verified.verdict} ${verified.attestation.basis} ${verified.hardwareAttested}`,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
}

function carrying(change: (pieces: readonly string[]) => readonly string[], from = played): Uint8Array {
  return rewriteReceipt(from.receipt, ({ collateral = [], ...file }): ReceiptFile => {
    const pieces = change(collateral);
    return pieces.length > 0 ? { ...file, collateral: joinPieces(pieces) } : file;
  });
}

const pieceOf = (jwks: string) => base64urlEncode(utf8Encode(jwks));
/** The same keys as a service that has published one more since. */
const rotated = (jwks: string) => jwks.replace('"keys":[', '"keys":[{"kty":"oct","kid":"a","k":"AQAB"},');
const wordOf = (set: KeySet): KeySetWord[] =>
  keySetWords([set], [{ kind: 'key-set', subject: set.issuer, sha256: set.sha256 }]);

beforeAll(async () => {
  [maa, other] = [await FakeMaa.create(NOW), await FakeMaa.create(NOW)];
  platform = await maaPlatform(maa, NOW);
  played = await playOn(platform);
});

describe('a receipt under a published key set', () => {
  test('is judged offline, and says that it rests on the word of its vaults, which proves no hardware', async () => {
    const { verdict: found, hardwareAttested, attestation, contracts } = await verifyReceipt(played.receipt);
    expect([found, hardwareAttested, attestation.basis]).toEqual(['consistent', false, 'vaults']);
    expect(attestation).toMatchObject({ technology: 'azure-maa', hardware: true, platform: platform.name });
    const [source, ...more] = attestation.keySources;
    expect(more).toEqual([]);
    expect(source).toMatchObject({ issuer: MAA_ISSUER, vouchedBy: 'vaults' });
    const how = { origin: 'fetched', fetchedAt: text(NOW - HOUR), notAfter: text(NOW + 23 * HOUR) };
    expect(source?.vaults).toEqual([
      { vault: expect.any(String) as string, ...how },
      { vault: expect.any(String) as string, ...how },
    ]);
    expect(new Set(source?.vaults.map(({ vault }) => vault)).size).toBe(contracts[0]?.contract.vaults.length);
  });

  test('holds for the other services’ tokens alike', async () => {
    const google = await FakeConfidentialSpace.create(NOW);
    const run = await playOn(await spacePlatform(google, NOW));
    expect(await verdict(run.receipt)).toBe('consistent vaults false');
    const keys = [{ issuer: SPACE_ISSUER, text: google.jwks }];
    expect(await verdict(run.receipt, { keys })).toBe('consistent reader true');
  });

  test('says when a vault’s owner had imported the set', async () => {
    const set = await vaultKeySet(MAA_ISSUER, maa.jwks, { now: NOW, origin: 'imported' });
    const run = await playOn(await maaPlatform(maa, NOW, { keySets: [set] }));
    const { attestation } = await verifyReceipt(run.receipt);
    expect(attestation.keySources[0]?.vaults.map(({ origin }) => origin)).toEqual(['imported', 'imported']);
  });

  test('is worth more to a reader who has the issuer’s set, and refused by one who has another', async () => {
    const keys = [{ issuer: MAA_ISSUER, text: rotated(maa.jwks) }];
    expect(await verdict(played.receipt, { keys })).toBe('consistent reader true');
    expect(await verdict(played.receipt, { keys: [{ issuer: MAA_ISSUER, text: other.jwks }] })).toBe(
      'receipt/evidence',
    );
    const strange = [{ issuer: 'https://other.weu.attest.azure.net', text: other.jwks }];
    expect(await verdict(played.receipt, { keys: strange })).toBe('consistent vaults false');
    const without = await playSaying(() => []);
    expect(
      await verdict(
        carrying(() => [], without),
        { keys },
      ),
    ).toBe('consistent reader true');
  });

  test('is by pinned parties only for who gives keys, pins them, or says that the vaults’ word is enough', async () => {
    const { trust, receipt } = played;
    expect(await verdict(receipt, {}, trust)).toBe('receipt/pins-key-set');
    expect(await verdict(receipt, {}, { ...trust, keySets: 'vaults' })).toBe('pinned vaults false');
    const keys = [{ issuer: MAA_ISSUER, text: maa.jwks }];
    expect(await verdict(receipt, { keys }, trust)).toBe('pinned reader true');
    const accept = [{ ...platform.entry, keys: [maa.signer.thumbprint], ...WAIVED }] as Trust['accept'];
    expect(await verdict(receipt, {}, { ...trust, accept })).toBe('pinned reader true');
    const strange = [{ ...platform.entry, keys: [other.signer.thumbprint], ...WAIVED }] as Trust['accept'];
    expect(await verdict(receipt, {}, { ...trust, accept: strange })).toBe('receipt/pins-hardware');
    const distrust = [platform.name];
    expect(await verdict(receipt, {}, { ...trust, keySets: 'vaults', distrust })).toBe(
      'receipt/pins-hardware',
    );
    expect(await verdict(receipt, {}, { ...trust, keySets: 'vaults', accept: [] })).toBe(
      'receipt/pins-hardware',
    );
  });
});

describe('whoever is no vault of the run cannot', () => {
  test('put in a key set of their own, add one, or leave the vaults’ out', async () => {
    expect(await verdict(carrying((pieces) => pieces))).toBe('consistent vaults false');
    expect(await verdict(carrying(() => [pieceOf(other.jwks)]))).toBe('receipt/collateral');
    expect(await verdict(carrying((pieces) => [...pieces, pieceOf(other.jwks)]))).toBe('receipt/collateral');
    expect(await verdict(carrying(() => []))).toBe('receipt/collateral');
    expect(await verdict(carrying((pieces) => [...pieces, pieceOf(rotated(maa.jwks))]))).toBe(
      'receipt/collateral',
    );
  });

  test('make a token of their own count: without the vaults no set of theirs is named', async () => {
    const forged = await maaPlatform(other, NOW, { keySets: platform.keySets ?? [] });
    const run = await playOn({ ...forged, entry: platform.entry, name: platform.name });
    expect(await verdict(run.receipt)).toBe('receipt/evidence');
    expect(await verdict(carrying(() => [pieceOf(other.jwks)], run))).toBe('receipt/collateral');
    expect(await verdict(carrying((pieces) => [...pieces, pieceOf(other.jwks)], run))).toBe(
      'receipt/evidence',
    );
  });

  test('pass off a whole world of their own as hardware, or as that of pinned parties', async () => {
    const run = await playOn(await maaPlatform(other, NOW));
    expect(await verdict(run.receipt)).toBe('consistent vaults false');
    expect(await verdict(run.receipt, {}, { ...played.trust, keySets: 'vaults' })).toBe(
      'receipt/pins-ledger',
    );
    const pinning = await maaPlatform(other, NOW, { entry: { keys: [other.signer.thumbprint], ...WAIVED } });
    expect(await verdict((await playOn(pinning)).receipt)).toBe('consistent contract false');
  });
});

describe('of the vaults', () => {
  test('each may have another set of the issuer, where each holds the key', async () => {
    const newer = await vaultKeySet(MAA_ISSUER, rotated(maa.jwks), { now: NOW });
    const run = await playSaying((words, which) => (which === 'owner' ? wordOf(newer) : words));
    const whole = carrying((pieces) => [...pieces, pieceOf(newer.text)], run);
    expect(await verdict(whole)).toBe('consistent vaults false');
    const { attestation } = await verifyReceipt(whole);
    expect(attestation.keySources.map(({ vaults }) => vaults.length)).toEqual([1, 1]);
    expect(await verdict(run.receipt)).toBe('receipt/collateral');
  });

  test('one alone cannot lie: the token must hold under the set of each', async () => {
    const lie = await vaultKeySet(MAA_ISSUER, other.jwks, { now: NOW });
    const forged = await maaPlatform(other, NOW, { keySets: [lie] });
    const room = { ...forged, entry: platform.entry };
    for (const liar of ['steward', 'owner']) {
      const run = await playSaying((words, which) => {
        expect(words).toEqual(wordOf(lie));
        return which === liar ? words : wordOf(platform.keySets?.[0] ?? lie);
      }, room);
      const whole = carrying((pieces) => [...pieces, pieceOf(maa.jwks)], run);
      expect(await verdict(whole)).toBe('receipt/evidence');
      const silent = await playSaying((words, which) => (which === liar ? words : []), room);
      expect(await verdict(silent.receipt)).toBe('receipt/evidence');
    }
    const both = await playOn(room);
    expect(await verdict(both.receipt)).toBe('consistent vaults false');
    const keys = [{ issuer: MAA_ISSUER, text: maa.jwks }];
    expect(await verdict(both.receipt, { keys })).toBe('receipt/evidence');
  });

  test('none may name the set of another issuer, or one that had ended or not begun', async () => {
    const saying = async (change: Partial<KeySetWord>) =>
      verdict((await playSaying((words) => words.map((word) => ({ ...word, ...change })))).receipt);
    expect(await saying({})).toBe('consistent vaults false');
    expect(await saying({ issuer: 'https://other.weu.attest.azure.net' })).toBe('receipt/evidence');
    expect(await saying({ notAfter: text(NOW) })).toBe('receipt/evidence');
    expect(await saying({ notAfter: text(NOW + 1000) })).toBe('consistent vaults false');
    expect(await saying({ fetchedAt: text(NOW + HOUR) })).toBe('receipt/evidence');
  });

  test('none may vouch for ever, or from later on', async () => {
    const day = 24 * HOUR;
    const saying = (change: Partial<KeySetWord>) =>
      playSaying((words) => words.map((word) => ({ ...word, ...change }))).then(
        () => 'made',
        (error: { code?: string }) => error.code,
      );
    const from = text(NOW - HOUR);
    expect(await saying({ fetchedAt: from, notAfter: text(NOW - HOUR + 30 * day) })).toBe('made');
    for (const bad of [
      { fetchedAt: from, notAfter: text(NOW - HOUR + 30 * day + 1000) },
      { fetchedAt: from, notAfter: from },
      { issuer: 'http://made-up.weu.attest.azure.net' },
      { issuer: `${MAA_ISSUER}/certs` },
      { origin: 'given' as 'fetched' },
    ])
      expect(await saying(bad)).toBe('statement/malformed');
  });

  test('none may name a set that the evidence was not held against', async () => {
    const idle = await vaultKeySet(SPACE_ISSUER, rotated(maa.jwks), { now: NOW });
    const run = await playSaying((words) => [...words, ...wordOf(idle)]);
    expect(await verdict(run.receipt)).toBe('receipt/collateral');
    expect(await verdict(carrying((pieces) => [...pieces, pieceOf(idle.text)], run))).toBe(
      'receipt/collateral',
    );
  });
});

test('keys that the contract pins are found in what the receipt carries, and are the contract’s word', async () => {
  const pinning = await maaPlatform(maa, NOW, { entry: { keys: [maa.signer.thumbprint], ...WAIVED } });
  const run = await playOn(pinning);
  expect(await verdict(run.receipt)).toBe('consistent contract false');
  expect(await verdict(carrying(() => [], run))).toBe('receipt/evidence');
  expect(await verdict(run.receipt, {}, run.trust)).toBe('pinned reader true');
  const { attestation } = await verifyReceipt(run.receipt);
  expect(attestation.keySources).toMatchObject([{ issuer: MAA_ISSUER, vouchedBy: 'contract', vaults: [] }]);
});

test('a key set that a reader gives must be one', async () => {
  const given = verifyReceipt(played.receipt, undefined, { keys: [{ issuer: MAA_ISSUER, text: 'words' }] });
  await expect(given).rejects.toMatchObject({ code: 'attest/bad-collateral' });
});
