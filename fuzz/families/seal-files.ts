// Targets for sealed files: streams, ranges, inventories and paths.
import {
  type Bytes,
  bytesEqual,
  concat,
  type Digest,
  hexDecode,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import { nodeSegmentCipher } from '@sealroom/host/sealing';
import {
  associatedDataFor,
  checkLeaves,
  checkPath,
  checkPaths,
  checkSalts,
  checkSegment,
  deriveSegmentKey,
  encodeInventory,
  encodeLeaves,
  foldPath,
  headerLength,
  openBytes,
  openInventory,
  openRange,
  openSegments,
  parseHeader,
  parseInventory,
  parseLeaves,
  sealedFile,
  type SealErrorCode,
  segmentCapacity,
  segmentNonce,
  type StreamParameters,
  versionDigest,
  webSegmentCipher,
} from '@sealroom/seal';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { seal } from './codes.ts';
import { texts } from './genuine.ts';

export const SMALL: StreamParameters = { segmentSize: 128, keySize: 32, hkdfHash: 'SHA-256' };

export const OPENING: readonly SealErrorCode[] = [
  'seal/bad-key',
  'seal/bad-header',
  'seal/truncated',
  'seal/extended',
  'seal/empty-segment',
  'seal/not-authentic',
];

export type TinkFile = { readonly path: string; readonly plaintext: string; readonly sealed: string };

/** A file sealed under a header that is given, so that it comes out the same each time. */
export async function sealWith(
  secret: { key: Bytes; associatedData: Bytes },
  plaintext: Bytes,
  salt: number,
): Promise<Bytes> {
  const length = headerLength(SMALL);
  const bytes = new Uint8Array(length).fill(salt);
  bytes[0] = length;
  const header = parseHeader(bytes, SMALL);
  const aead = await webSegmentCipher.load(
    await deriveSegmentKey({ ...secret, parameters: SMALL }, header.salt),
  );
  const parts: Bytes[] = [bytes];
  let at = 0;
  for (let index = 0; index === 0 || at < plaintext.length; index++) {
    const end = Math.min(plaintext.length, at + segmentCapacity(index, SMALL));
    parts.push(
      await aead.seal(
        segmentNonce(header.noncePrefix, index, end === plaintext.length),
        plaintext.slice(at, end),
      ),
    );
    at = end;
  }
  return concat(...parts);
}

export const KEY = new Uint8Array(32).fill(0x42);

export const DATA = associatedDataFor('a/b.csv');

export function has(list: readonly Uint8Array[], input: Uint8Array): boolean {
  return list.some((item) => bytesEqual(item, input));
}

/** Opening small segments by WebCrypto and by node:crypto: only genuine files open, and both say the same. */
export function openTarget(genuine: readonly Bytes[]): Target {
  const secret = { key: KEY, associatedData: DATA, parameters: SMALL };
  return {
    name: 'seal.openBytes',
    covers: [
      'seal/openBytes',
      'seal/openSegments',
      'seal/parseHeader',
      'seal/openSegment',
      'seal/openWith',
      'seal/checkLastSegment',
      'host/openSync',
    ],
    form: 'bytes',
    seeds: genuine,
    run: async (input) => {
      const judged = (cipher: typeof webSegmentCipher): Promise<Outcome> =>
        judgeAsync(
          seal(...OPENING),
          () => openBytes({ ...secret, cipher, sealed: input }),
          () => expect(has(genuine, input), 'false-accept', 'It opens, and nobody sealed it.'),
        );
      const web = await judged(webSegmentCipher);
      const node = await judged(nodeSegmentCipher);
      expect(web.note === node.note, 'disagreement', 'WebCrypto and node:crypto open it differently.');
      return web;
    },
  };
}

/** The same bytes in chunks of odd sizes, as a stream. */
export function streamTarget(genuine: readonly Bytes[]): Target {
  return {
    name: 'seal.openSegments',
    covers: ['seal/openSegments'],
    form: 'bytes',
    seeds: genuine,
    run: async (input) => {
      const whole = await judgeAsync(
        seal(...OPENING),
        () => openBytes({ key: KEY, associatedData: DATA, parameters: SMALL, sealed: input }),
        () => undefined,
      );
      const size = 1 + ((input[5] ?? 0) % 97);
      const chunks = function* (): Generator<Uint8Array> {
        for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
      };
      const streamed = await judgeAsync(
        seal(...OPENING),
        async () => {
          for await (const _ of openSegments(
            { key: KEY, associatedData: DATA, parameters: SMALL },
            chunks(),
          ));
        },
        () => undefined,
      );
      expect(
        streamed.accepted === whole.accepted,
        'disagreement',
        'A stream opens what memory does not, or the other way.',
      );
      return streamed;
    },
  };
}

export function tinkTarget(key: Bytes, files: readonly TinkFile[]): Target {
  const genuine = files.map(({ sealed }) => hexDecode(sealed));
  return {
    name: 'seal.openBytes(1mb)',
    covers: ['seal/openBytes', 'seal/parseHeader'],
    form: 'bytes',
    seeds: genuine,
    run: async (input) => {
      let outcome: Outcome = { accepted: false, note: '' };
      for (const { path, plaintext } of files) {
        outcome = await judgeAsync(
          seal(...OPENING, 'seal/too-large'),
          () => openBytes({ key, associatedData: utf8Encode(path), sealed: input }),
          (opened) =>
            expect(
              has(genuine, input) && bytesEqual(opened, hexDecode(plaintext)),
              'false-accept',
              'It opens, and nobody sealed it.',
            ),
        );
        if (outcome.accepted) break;
      }
      return outcome;
    },
  };
}

export type FolderVector = Record<
  'cek' | 'assetSalt' | 'inventory' | 'sealedInventory' | 'digest' | 'file' | 'leaves' | 'plaintext',
  string
>;

export const inventoryTarget = (inventory: string): Target => ({
  name: 'seal.parseInventory',
  covers: ['seal/parseInventory'],
  form: 'json',
  seeds: texts(inventory),
  words: ['"path"', '../', '.tree', 'inventory.sealed', 'tink/1mb', '"size"', 'A.B', '\u0130', '\ufb01'],
  run: (input) =>
    judge(
      seal('seal/bad-inventory', 'seal/bad-path', 'seal/zero-salt', 'seal/too-large'),
      () => parseInventory(input),
      (value) => {
        expect(bytesEqual(encodeInventory(value), input), 'round-trip', 'It writes other bytes.');
        const folded = value.files.map(({ path }) => foldPath(path));
        expect(new Set(folded).size === folded.length, 'false-accept', 'Two paths are one name.');
      },
    ),
});

export const openInventoryTarget = (key: Bytes, genuine: Bytes): Target => ({
  name: 'seal.openInventory',
  covers: ['seal/openInventory'],
  form: 'bytes',
  seeds: [genuine],
  run: (input) =>
    judgeAsync(
      seal(
        ...OPENING,
        'seal/bad-inventory',
        'seal/bad-path',
        'seal/zero-salt',
        'seal/too-large',
        'seal/wrong-key',
        'seal/wrong-asset',
      ),
      () => openInventory(key, input),
      async () => {
        expect(bytesEqual(genuine, input), 'false-accept', 'An inventory opens that nobody sealed.');
        const digest = await versionDigest(input);
        await openInventory(key, input, { digest });
      },
    ),
});

/** Input: leaves ‖ sealed file, the leaves' length in the first two bytes. Every byte of both must count. */
export function rangeTarget(key: Bytes, file: Bytes, leaves: Bytes, tree: Digest, plaintext: Bytes): Target {
  const genuine = concat(Uint8Array.of(0, leaves.length), leaves, file);
  return {
    name: 'seal.openRange',
    covers: [
      'seal/openRange',
      'seal/parseLeaves',
      'seal/checkLeaves',
      'seal/checkSegment',
      'seal/sealedFile',
    ],
    form: 'bytes',
    seeds: [genuine],
    run: (input) => {
      const length = (input[0] ?? 0) * 256 + (input[1] ?? 0);
      const own = input.subarray(2, 2 + length);
      const sealed = new Uint8Array(input.subarray(2 + length));
      return judgeAsync(
        seal(...OPENING, 'seal/bad-leaves', 'seal/leaf-mismatch', 'seal/bad-range', 'seal/too-large'),
        async () => {
          const hashes = parseLeaves(own, sealed.length);
          expect(bytesEqual(encodeLeaves(hashes), own), 'round-trip', 'The leaves write other bytes.');
          await checkLeaves(hashes, tree);
          for (const [index, hash] of hashes.entries()) await checkSegment(sealed, hash, index);
          const source = async () => sealed;
          const taken = await sealedFile({
            source,
            key,
            path: 'a/b.csv',
            sealedSize: sealed.length,
            leaves: own,
            tree,
          });
          return openRange(taken, 0, taken.size);
        },
        (opened) => expect(bytesEqual(opened, plaintext), 'false-accept', 'Other bytes come out.'),
      );
    },
  };
}

export const leavesTarget: Target = {
  name: 'seal.parseLeaves',
  covers: ['seal/parseLeaves'],
  form: 'bytes',
  seeds: [new Uint8Array(36), concat(Uint8Array.of(0, 32, 0, 1), new Uint8Array(96))],
  run: (input) => {
    const sealed = new DataView(concat(input, new Uint8Array(4)).buffer).getUint32(0);
    return judge(
      seal('seal/bad-leaves'),
      () => parseLeaves(input.subarray(4), sealed),
      (hashes) =>
        expect(bytesEqual(encodeLeaves(hashes), input.subarray(4)), 'round-trip', 'It writes other bytes.'),
    );
  },
};

export const headerTarget: Target = {
  name: 'seal.parseHeader',
  covers: ['seal/parseHeader'],
  form: 'bytes',
  seeds: [concat(Uint8Array.of(40), new Uint8Array(39).fill(7)), new Uint8Array(64)],
  run: (input) =>
    judge(
      seal('seal/truncated', 'seal/bad-header'),
      () => parseHeader(input),
      ({ bytes, salt, noncePrefix }) =>
        expect(
          bytesEqual(bytes, input.subarray(0, 40)) &&
            bytesEqual(concat(bytes.subarray(0, 1), salt, noncePrefix), bytes),
          'round-trip',
          'It writes other bytes.',
        ),
    ),
};

export const pathTarget: Target = {
  name: 'seal.checkPath',
  covers: ['seal/checkPath', 'seal/checkPaths', 'seal/checkSalts'],
  form: 'text',
  seeds: texts(
    'a/b.csv',
    'é/漢.txt',
    'A\na',
    'a\na/b',
    'x.tree',
    'inventory.sealed/x',
    'ß\nSS',
    'ﬁ\nFI',
    'İ\ni̇',
    'a\\b',
    '/a',
    'a//b',
    '..',
  ),
  words: [
    '..',
    '/',
    '.tree',
    'inventory.sealed',
    '\u0000',
    '\u2028',
    'e\u0301',
    '\u00e9',
    '\u0130',
    '\u1e9e',
    '\ufb01',
  ],
  run: (input) => {
    let text: string;
    try {
      text = utf8Decode(input);
    } catch {
      text = Buffer.from(input).toString('latin1');
    }
    const paths = text.split('\n');
    return judge(
      seal('seal/bad-path', 'seal/zero-salt', 'seal/repeated-salt'),
      () => {
        for (const path of paths) checkPath(path);
        checkPaths(paths);
        checkSalts(paths.map((path) => utf8Encode(foldPath(path))));
      },
      () => {
        for (const path of paths) {
          const parts = path.split('/');
          const escapes =
            path.startsWith('/') || parts.some((part) => part === '..' || part === '.' || part === '');
          expect(
            !escapes && !path.includes('\0') && !path.includes('\\'),
            'false-accept',
            'A path leads elsewhere.',
          );
          expect(path.normalize('NFC') === path, 'false-accept', 'A path has two spellings.');
        }
        const upper = new Set(paths.map((path) => path.toUpperCase()));
        const lower = new Set(paths.map((path) => path.toLowerCase()));
        expect(
          upper.size === paths.length && lower.size === paths.length,
          'false-accept',
          'Two paths are one name.',
        );
      },
    );
  },
};
