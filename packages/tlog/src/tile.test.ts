import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, bytesEqual, leafHash, treeRoot } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  consistencyProof,
  decodeBundle,
  decodeTile,
  encodeBundle,
  inclusionProof,
  openCheckpoint,
  parseNoteKeyText,
  parseTilePath,
  rootAt,
  tileHashReader,
  type TileName,
  tilePath,
  tilesBetween,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
} from './index.ts';

test('tile paths are those of tlog-tiles, and read back', () => {
  expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
  expect(tilePath({ level: 'entries', index: 0, width: 3 })).toBe('tile/entries/000.p/3');
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
      fc.maxSafeNat(),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width });
      },
    ),
  );
});

test('refuses tile paths in any other form', () => {
  const paths = [
    'tile/00/000',
    'tile/64/000',
    'tile/0/x000/000',
    'tile/0/0',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
  ];
  paths.push(
    'tile/0/000.p/01',
    'tile/0/x001',
    'tile/entries/../000',
    '/tile/0/000',
    'tile/0/000/',
    'tile/-1/000',
  );
  for (const path of paths) {
    expect(() => parseTilePath(path), path).toThrow(
      expect.objectContaining({ code: 'tlog/malformed-tile-path' }),
    );
  }
});

test('a tree of 70,000 leaves has the tiles that the specification counts', () => {
  const tiles = tilesBetween(0, 70_000);
  const count = (level: number, full: boolean) =>
    tiles.filter((tile) => tile.level === level && (tile.width === 256) === full).length;
  expect([count(0, true), count(0, false), count(1, true), count(1, false), count(2, false)]).toEqual([
    273, 1, 1, 1, 1,
  ]);
  expect([tileWidth(0, 273, 70_000), tileWidth(1, 1, 70_000), tileWidth(2, 0, 70_000)]).toEqual([112, 17, 1]);
  expect(tilesBetween(70_000, 70_001)).toEqual([{ level: 0, index: 273, width: 113 }]);
  expect(tilesBetween(255, 256)).toEqual([
    { level: 0, index: 0, width: 256 },
    { level: 1, index: 0, width: 1 },
  ]);
});

test('bundles read back, and torn or padded ones are refused at every byte', () => {
  const entries = [new Uint8Array(64).fill(1), new Uint8Array(0), new Uint8Array(300).fill(3)];
  const bundle = encodeBundle(entries);
  expect(decodeBundle(bundle, 3)).toEqual(entries);
  const refused = expect.objectContaining({ code: 'tlog/malformed-bundle' });
  for (let length = 0; length < bundle.length; length++) {
    expect(() => decodeBundle(bundle.slice(0, length), 3)).toThrow(refused);
  }
  expect(() => decodeBundle(bundle, 2)).toThrow(refused);
  expect(() => decodeBundle(bundle, 4)).toThrow(refused);
  expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(refused);
  expect(() => decodeTile(new Uint8Array(33), 1)).toThrow(
    expect.objectContaining({ code: 'tlog/malformed-tile' }),
  );
});

/** Tiles of a log, made from its leaf hashes. */
function tilesOf(leaves: readonly Bytes[]) {
  return async ({ level, index, width }: TileName): Promise<Uint8Array> => {
    const span = 256 ** Number(level);
    const hashes: Bytes[] = [];
    for (let at = index * 256; at < index * 256 + width; at++) {
      hashes.push(await treeRoot(leaves.slice(at * span, (at + 1) * span)));
    }
    return Buffer.concat(hashes);
  };
}

test('proofs made from tiles verify in a tree of several tile levels', async () => {
  const size = 66_000;
  const leaves: Bytes[] = [];
  for (let i = 0; i < size; i++) {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, i);
    leaves.push(hash);
  }
  const read = tileHashReader(tilesOf(leaves), size);
  const root = await treeRoot(leaves);
  expect(await rootAt(read, size)).toEqual(root);
  for (const index of [0, 255, 256, 65_535, 65_536, 65_999]) {
    const leaf = leaves[index] ?? new Uint8Array();
    await verifyInclusion({ index, size, leaf, root, proof: await inclusionProof(read, index, size) });
  }
  for (const from of [255, 65_793]) {
    const fromRoot = await treeRoot(leaves.slice(0, from));
    const proof = await consistencyProof(read, from, size);
    await verifyConsistency({ from, to: size, fromRoot, toRoot: root, proof });
  }
  await expect(Promise.resolve(read(0, size))).rejects.toMatchObject({ code: 'tlog/bad-index' });
});

const folder = sharedVectors('merkle');
const VERIFIER = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

describe.skipIf(!folder)('the log that Tessera wrote', () => {
  const root = join(folder ?? '', 'tessera-log', 'testdata', 'log');
  const file = (path: string) => readFileSync(join(root, path));

  test('verifies whole: each checkpoint, bundle, tile, entry and step', async () => {
    const { name: origin, key } = await parseNoteKeyText(VERIFIER);
    const checkpoints = await Promise.all(
      Array.from({ length: 16 }, (_, size) =>
        openCheckpoint(file(`checkpoint.${size}`).toString(), { origin, key, unknownLines: 'refuse' }),
      ),
    );
    const last = tileHashReader((tile) => file(tilePath(tile)), 15);
    for (const [size, checkpoint] of checkpoints.entries()) {
      expect(checkpoint.size).toBe(size);
      if (size === 0) continue;
      const bundle = decodeBundle(file(tilePath({ level: 'entries', index: 0, width: size })), size);
      const hashes = decodeTile(file(tilePath({ level: 0, index: 0, width: size })), size);
      expect(await treeRoot(hashes)).toEqual(checkpoint.root);
      for (const [index, entry] of bundle.entries()) {
        const leaf = await leafHash(entry);
        expect(bytesEqual(leaf, hashes[index] ?? new Uint8Array())).toBe(true);
        const proof = await inclusionProof(last, index, size);
        await verifyInclusion({ index, size, leaf, proof, root: checkpoint.root });
      }
      const [to, toRoot] = [15, checkpoints[15]?.root ?? new Uint8Array()];
      const proof = await consistencyProof(last, size, to);
      await verifyConsistency({ from: size, to, fromRoot: checkpoint.root, toRoot, proof });
    }
    expect(file('checkpoint').toString()).toBe(checkpoints[15]?.note);
  });
});
