// Receipts of runs on hardware of made-up vendors: verified offline at the time of the release, with the collateral that they
// carry. Whoever puts a receipt together may leave out, add or change pieces; none of it makes a refused receipt pass.
import { type Collateral, joinCollateral, NO_COLLATERAL, readCollateral } from '@sealroom/attest';
import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import {
  type FakePlatform,
  nitroPlatform,
  snpPlatform,
  type SnpVendor,
  snpVendor,
  tdxPlatform,
} from '@sealroom/testkit/hardware';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { type Changes, type PlayedRun, playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { FakeNitro } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Judge, joinPieces, type ReceiptFile, type Trust, verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const DAY = 24 * 3_600_000;

let amd: SnpVendor;
let platform: FakePlatform;
let played: PlayedRun;
let roots: FakePlatform['roots'];

const playOn = async (on: FakePlatform, changes: Changes = {}) =>
  playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, {
    platform: on,
    sensitivity: 'real',
    ...changes,
  });

beforeAll(async () => {
  amd = await snpVendor(NOW);
  platform = await snpPlatform(amd);
  roots = platform.roots;
  played = await playOn(platform);
});

async function verdict(receipt: Uint8Array, judge: Judge = { roots }, trust?: Trust): Promise<string> {
  return verifyReceipt(receipt, trust, judge).then(
    (verified) => verified.verdict,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
}

/** The receipt with other collateral; an empty list is none. */
function carrying(change: (pieces: readonly string[]) => readonly string[], from = played): Uint8Array {
  return rewriteReceipt(from.receipt, ({ collateral = [], ...file }): ReceiptFile => {
    const pieces = change(collateral);
    return pieces.length > 0 ? { ...file, collateral: joinPieces(pieces) } : file;
  });
}

const pieceOf = (bytes: Uint8Array) => base64urlEncode(new Uint8Array(bytes));

describe('a receipt of a run on hardware', () => {
  test('is verified offline, and says that hardware attested it, which and when', async () => {
    const verified = await verifyReceipt(played.receipt, played.trust, { roots });
    expect(verified).toMatchObject({
      verdict: 'pinned',
      hardwareAttested: true,
      attestation: {
        technology: 'sev-snp',
        platform: platform.name,
        at: new Date(NOW).toISOString(),
        waivers: [],
      },
    });
    const kinds = verified.attestation.collateral.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['crl', 'certificate']));
  });

  test('is of nobody for who pins the genuine vendors: the made-up one is none of them', async () => {
    expect(await verdict(played.receipt, {})).toBe('receipt/evidence');
  });

  test('holds for quotes of the other vendor alike', async () => {
    const intel = await FakeIntel.create(NOW);
    const run = await playOn(await tdxPlatform(intel));
    const verified = await verifyReceipt(run.receipt, run.trust, { roots: intel.roots });
    expect(verified).toMatchObject({ hardwareAttested: true, attestation: { technology: 'tdx' } });
    expect(new Set(verified.attestation.collateral.map(({ kind }) => kind))).toEqual(
      new Set(['certificate', 'crl', 'tcb-info', 'qe-identity']),
    );
    for (const left of (JSON.parse(Buffer.from(run.receipt).toString()) as ReceiptFile).collateral ?? []) {
      const less = carrying((pieces) => pieces.filter((piece) => piece !== left), run);
      expect(await verdict(less, { roots: intel.roots })).toBe('receipt/evidence');
    }
  });

  test('holds for documents of enclaves, whose register was extended with the run', async () => {
    const aws = await FakeNitro.create(NOW);
    const run = await playOn(await nitroPlatform(aws));
    const pinned = readCollateral([{ name: 'root', bytes: aws.root }]).certificates;
    expect(await verifyReceipt(run.receipt, run.trust, { roots: { aws: pinned } })).toMatchObject({
      verdict: 'pinned',
      hardwareAttested: true,
      attestation: { technology: 'aws-nitro' },
    });
    expect(await verdict(run.receipt)).toBe('receipt/evidence');
  });

  test('repeats what its contract waives, with the reason', async () => {
    const reason = 'the list is not published for this test machine';
    const waived = await snpPlatform(amd, { list: 'missing', entry: { revocation: { waived: reason } } });
    const { receipt } = await playOn(waived);
    const { attestation } = await verifyReceipt(receipt, undefined, { roots });
    expect(new Set(attestation.waivers.map((one) => one.reason))).toEqual(new Set([reason]));
  });
});

describe('whoever puts a receipt together cannot', () => {
  test('leave out any piece that it needs', async () => {
    expect(await verdict(carrying(() => []))).toBe('receipt/evidence');
    const file = JSON.parse(Buffer.from(played.receipt).toString()) as ReceiptFile;
    expect(file.collateral?.length).toBeGreaterThan(2);
    for (const left of file.collateral ?? [])
      expect(await verdict(carrying((pieces) => pieces.filter((piece) => piece !== left)))).toBe(
        'receipt/evidence',
      );
  });

  test('add one that it does not need, or that cannot be read', async () => {
    const strange = await amd.amd.endorse('VLEK');
    const extra = pieceOf(strange.certificate);
    expect(await verdict(carrying((pieces) => [...pieces, extra]))).toBe('receipt/collateral');
    const text = pieceOf(utf8Encode('{"keys":[]}'));
    expect(await verdict(carrying((pieces) => [...pieces, text]))).toBe('receipt/collateral');
    const broken = pieceOf(utf8Encode('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'));
    expect(await verdict(carrying((pieces) => [...pieces, broken]))).toBe('receipt/collateral');
  });

  test('hold its evidence against lists that are stale, from later or another vendor’s', async () => {
    const list = pieceOf(amd.list);
    const instead = async (bytes: Uint8Array) =>
      verdict(carrying((pieces) => pieces.map((piece) => (piece === list ? pieceOf(bytes) : piece))));
    expect(await instead(amd.list)).toBe('consistent');
    expect(await instead(await amd.amd.revocationList({ nextUpdate: NOW - DAY }))).toBe('receipt/evidence');
    expect(await instead(await amd.amd.revocationList({ thisUpdate: NOW + DAY }))).toBe('receipt/evidence');
    const other = await snpVendor(NOW);
    expect(await instead(other.list)).toBe('receipt/evidence');
    expect(await instead(await amd.amd.revocationList({ serials: [0x1_0001] }))).toBe('receipt/evidence');
  });

  test('hide a revocation behind an older list beside it', async () => {
    const revoked = pieceOf(await amd.amd.revocationList({ serials: [0x1_0001] }));
    expect(await verdict(carrying((pieces) => [...pieces, revoked]))).toBe('receipt/evidence');
  });

  test('carry more than fits, pieces in another order, twice, or an empty list', async () => {
    const form = (collateral: unknown) => {
      const file = JSON.parse(Buffer.from(played.receipt).toString()) as object;
      const entries = Object.entries({ ...file, collateral }).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return utf8Encode(JSON.stringify(Object.fromEntries(entries)));
    };
    const { collateral = [] } = JSON.parse(Buffer.from(played.receipt).toString()) as ReceiptFile;
    expect(await verdict(form(collateral))).toBe('consistent');
    expect(await verdict(form(collateral.toReversed()))).toBe('receipt/malformed');
    expect(await verdict(form([...collateral, collateral.at(-1)]))).toBe('receipt/malformed');
    expect(await verdict(form([]))).toBe('receipt/malformed');
    const many = Array.from({ length: 65 }, (_, at) => pieceOf(new Uint8Array([1, at])));
    expect(await verdict(form(many.toSorted()))).toBe('receipt/malformed');
    const large = Array.from({ length: 6 }, (_, at) => pieceOf(new Uint8Array(700_000).fill(at)));
    expect(await verdict(form(large.toSorted()))).toBe('receipt/malformed');
    expect(joinPieces(large)).toBeUndefined();
  });
});

test('collateral that a reader brings stands in for what a receipt does not carry', async () => {
  const without = carrying(() => []);
  const judge = (collateral: Collateral): Judge => ({ roots, collateral });
  expect(await verdict(without, judge(platform.collateral))).toBe('consistent');
  expect(await verdict(without, judge(NO_COLLATERAL))).toBe('receipt/evidence');
  const revoked = await amd.amd.revocationList({ serials: [0x1_0001] });
  const known = readCollateral([{ name: 'list', bytes: revoked }]);
  expect(await verdict(played.receipt, judge(joinCollateral(platform.collateral, known)))).toBe(
    'receipt/evidence',
  );
});

test('every vault may have released to a room that its contract does not accept; the receipt is refused all the same', async () => {
  const cheats = [
    await snpPlatform(amd, { fields: { policy: 0xb001fn } }),
    await snpPlatform(amd, { fields: { measurement: new Uint8Array(48).fill(9) } }),
    await snpPlatform(amd, { bound: (bound) => ({ ...bound, hostData: new Uint8Array(32) }) }),
    await snpPlatform(amd, { list: { serials: [0x1_0001] } }),
  ];
  for (const cheat of cheats) {
    const { receipt } = await playOn(cheat);
    expect(await verdict(receipt)).toBe('receipt/evidence');
  }
  const lying = await playOn(platform, { finished: (it) => ({ ...it, platform: 'sev-snp:chip:00' }) });
  expect(await verdict(lying.receipt)).toBe('receipt/evidence');
  const simulated = await playOn(platform, { finished: (it) => ({ ...it, technology: 'simulated' }) });
  expect(await verdict(simulated.receipt)).toBe('receipt/evidence');
});

test('a reader’s own entries hold beyond the contract’s, and no entry accepts no hardware', async () => {
  const { trust, receipt } = played;
  const { accept: _, ...none } = trust;
  expect(await verdict(receipt, { roots }, none)).toBe('receipt/pins-hardware');
  expect(await verdict(receipt, { roots }, { ...trust, accept: [] })).toBe('receipt/pins-hardware');
  const other = await snpPlatform(amd, { entry: { launch: ['09'.repeat(48)] } });
  expect(await verdict(receipt, { roots }, { ...trust, accept: [other.entry] })).toBe(
    'receipt/pins-hardware',
  );
  expect(await verdict(receipt, { roots }, { ...trust, distrust: [platform.name] })).toBe(
    'receipt/pins-hardware',
  );
  expect(await verdict(receipt, { roots }, trust)).toBe('pinned');
});
