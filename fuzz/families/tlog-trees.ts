// Targets for proofs about trees, tiles, bundles and entries.
import { type Bytes, bytesEqual, concat, nodeHash, treeRoot } from '@sealroom/bytes';
import {
  decodeBundle,
  decodeTile,
  encodeBundle,
  expandTile,
  parseTilePath,
  rootAt,
  splitEntry,
  tileHashReader,
  tilePath,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from '@sealroom/tlog';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { tlog } from './codes.ts';
import { texts } from './genuine.ts';
import { PROOF, SIZE, textOf, type World } from './tlog-world.ts';

/** The claim as bytes: index, length of the proof, leaf, hashes. Size and root stay, as a signed checkpoint fixes them. */
export function inclusionTarget({ leaves, root }: World, proofs: readonly Bytes[]): Target {
  return {
    name: 'tlog.verifyInclusion',
    covers: ['tlog/verifyInclusion', 'tlog/verifySubtreeInclusion'],
    form: 'bytes',
    seeds: proofs,
    run: async (input) => {
      const index = input[0] ?? 0;
      const [leaf, ...proof] = hashesOf(input.subarray(1));
      const claim = { index, size: SIZE, leaf: leaf ?? new Uint8Array(), proof, root };
      const outcome = await judgeAsync(
        tlog(...PROOF),
        () => verifyInclusion(claim),
        () =>
          expect(
            bytesEqual(claim.leaf, leaves[index] ?? new Uint8Array()),
            'false-accept',
            'A leaf is proved that is not there.',
          ),
      );
      const subtree = await judgeAsync(
        tlog(...PROOF),
        () => verifySubtreeInclusion({ ...claim, start: 0, end: SIZE }),
        () => undefined,
      );
      expect(
        subtree.accepted === outcome.accepted,
        'disagreement',
        'As a subtree the whole tree says otherwise.',
      );
      return outcome;
    },
  };
}

/** 32 bytes each; what is left over is a hash of the wrong length. */
function hashesOf(bytes: Uint8Array): Bytes[] {
  const out: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += 32) out.push(new Uint8Array(bytes.subarray(at, at + 32)));
  return out;
}

export function consistencyTarget({ leaves, root }: World, proofs: readonly Bytes[]): Target {
  return {
    name: 'tlog.verifyConsistency',
    covers: ['tlog/verifyConsistency', 'tlog/verifySubtreeConsistency'],
    form: 'bytes',
    seeds: proofs,
    run: async (input) => {
      const from = input[0] ?? 0;
      const [fromRoot = new Uint8Array(), ...proof] = hashesOf(input.subarray(1));
      const outcome = await judgeAsync(
        tlog(...PROOF),
        () => verifyConsistency({ from, to: SIZE, fromRoot, toRoot: root, proof }),
        async () => {
          const true_ = await treeRoot(leaves.slice(0, from));
          expect(
            bytesEqual(true_, fromRoot),
            'false-accept',
            'A tree is proved to be earlier that never was.',
          );
        },
      );
      const [start, end] = [(input[1] ?? 0) & 15, from];
      await judgeAsync(
        tlog(...PROOF),
        () => verifySubtreeConsistency({ start, end, size: SIZE, subtreeRoot: fromRoot, root, proof }),
        async () => {
          const true_ = await treeRoot(leaves.slice(start, end));
          expect(bytesEqual(true_, fromRoot), 'false-accept', 'A subtree is proved that is none.');
        },
      );
      return outcome;
    },
  };
}

export const tilePathTarget: Target = {
  name: 'tlog.parseTilePath',
  covers: ['tlog/parseTilePath'],
  form: 'text',
  seeds: texts(
    'tile/0/000',
    'tile/entries/x001/234.p/7',
    'tile/63/x009/x007/199/254.p/255',
    'tile/5/x001/x234/067',
  ),
  words: ['.p/', 'x', '/', '256', '000', 'entries'],
  run: (input) => {
    const text = textOf(input);
    return judge(
      tlog('tlog/malformed-tile-path'),
      () => parseTilePath(text),
      (tile) => expect(tilePath(tile) === text, 'round-trip', 'It writes another path.'),
    );
  },
};

const widthOf = (input: Uint8Array): number => ((input[0] ?? 0) << 8) | (input[1] ?? 0);

export const tileTarget: Target = {
  name: 'tlog.decodeTile',
  covers: ['tlog/decodeTile', 'tlog/expandTile'],
  form: 'bytes',
  seeds: [
    concat(Uint8Array.of(0, 3), new Uint8Array(96).fill(9)),
    concat(Uint8Array.of(1, 0), new Uint8Array(8192)),
  ],
  run: (input) =>
    judgeAsync(
      tlog('tlog/malformed-tile'),
      async () => decodeTile(input.subarray(2), widthOf(input)),
      async (hashes) => {
        expect(bytesEqual(concat(...hashes), input.subarray(2)), 'round-trip', 'It writes other bytes.');
        if (hashes.length > 16) return;
        const levels = await expandTile(hashes);
        const [first, second] = hashes;
        const above = first && second ? await nodeHash(first, second) : undefined;
        expect(
          above === undefined || bytesEqual(levels[1]?.[0] ?? new Uint8Array(), above),
          'disagreement',
          'Its parents are others.',
        );
      },
    ),
};

export const bundleTarget: Target = {
  name: 'tlog.decodeBundle',
  covers: ['tlog/decodeBundle'],
  form: 'bytes',
  seeds: [
    concat(Uint8Array.of(0, 2), encodeBundle([new Uint8Array(64), new Uint8Array(3)])),
    concat(Uint8Array.of(0, 0)),
    concat(Uint8Array.of(0, 1), encodeBundle([new Uint8Array()])),
  ],
  run: (input) =>
    judge(
      tlog('tlog/malformed-bundle'),
      () => decodeBundle(input.subarray(2), widthOf(input)),
      (entries) => {
        expect(bytesEqual(encodeBundle(entries), input.subarray(2)), 'round-trip', 'It writes other bytes.');
        for (const entry of entries) {
          judge(
            tlog('tlog/malformed-entry'),
            () => splitEntry(entry),
            ({ tag, coseDigest }) =>
              expect(
                bytesEqual(concat(tag, coseDigest), entry),
                'round-trip',
                'An entry writes other bytes.',
              ),
          );
        }
      },
    ),
};

export const entryTarget: Target = {
  name: 'tlog.splitEntry',
  covers: ['tlog/splitEntry'],
  form: 'bytes',
  seeds: [new Uint8Array(64), new Uint8Array(63)],
  run: (input) =>
    judge(
      tlog('tlog/malformed-entry'),
      () => splitEntry(input),
      ({ tag, coseDigest }) =>
        expect(bytesEqual(concat(tag, coseDigest), input), 'round-trip', 'It writes other bytes.'),
    ),
};

/** Hash tiles of a hostile server: the root that comes of them is compared with a signed one, so nothing may get past. */
export function tileReaderTarget({ leaves, root }: World): Target {
  const tile = concat(...leaves);
  return {
    name: 'tlog.tileHashReader',
    covers: ['tlog/tileHashReader'],
    form: 'bytes',
    seeds: [tile],
    run: (input) =>
      judgeAsync(
        tlog('tlog/malformed-tile', 'tlog/bad-index', 'tlog/root-mismatch'),
        async () => {
          const read = tileHashReader(() => input, SIZE);
          expect(tileWidth(0, 0, SIZE) === SIZE, 'disagreement', 'The tile is wider.');
          return { found: await rootAt(read, SIZE), first: await read(0, 0) };
        },
        ({ found }) => {
          const same = bytesEqual(found, root);
          expect(!same || bytesEqual(tile, input), 'false-accept', 'Other hashes give the signed root.');
          return same ? 'root' : 'another root';
        },
      ),
  };
}
