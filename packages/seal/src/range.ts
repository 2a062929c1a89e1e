// Reading at random from a sealed file that stands in an inventory (protocol.md section 3). A segment is hashed against
// its leaf before it is decrypted, on every read; the leaves are checked against the tree root once, when the file is
// taken up. Not checked here: that size and tree come from an authentic inventory.
import { type Bytes, concat, type Digest } from '@sealroom/bytes';
import { SealError } from './error.ts';
import { plainSize, segmentCapacity, segmentCount, segmentOf, segmentStart, TINK_1MB } from './layout.ts';
import { checkLeaves, checkSegment, parseLeaves } from './leaves.ts';
import { associatedDataFor } from './path.ts';
import {
  deriveSegmentKey,
  openWith,
  parseHeader,
  type SegmentCipher,
  type StreamHeader,
  webSegmentCipher,
} from './segment.ts';

/** Fetches one sealed segment, whole. What it gives is not trusted. */
export type SegmentSource = (index: number) => Promise<Bytes>;

/**
 * Fetches the segments from `from`, before `to`, in order, each whole; or says where they lie, for an opener that fetches them
 * itself. What it gives is not trusted.
 */
export type SegmentRun<Sealed = Bytes> = (from: number, to: number) => AsyncIterable<Sealed>;

/** A segment and all it takes to open it. The first begins with the file's header; `key` is the file's AES key. */
export type ListedSegment<Sealed = Bytes> = {
  readonly sealed: Sealed;
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly last: boolean;
  readonly key: Bytes;
  readonly noncePrefix: Uint8Array;
};

/**
 * Hashes a segment against its leaf, and only then decrypts it. May do so elsewhere, several at a time, and may take
 * `sealed` away.
 * @throws seal/leaf-mismatch · seal/not-authentic · seal/truncated · seal/extended
 */
export type SegmentOpener<Sealed = Bytes> = (segment: ListedSegment<Sealed>) => Promise<Bytes>;

/** A sealed file whose leaves are checked; made by {@link sealedFile}. */
export type SealedFile = {
  /** Bytes of the plaintext. */
  readonly size: number;
  readonly segments: number;
  /** The salt in its header, which the first segment's leaf vouches for; fetches that segment unless it was read before. */
  readonly salt: () => Promise<Bytes>;
  /** The authentic plaintexts of the segments from `from`, before `to`; a few are opened ahead of their reader. */
  readonly plaintexts: (from: number, to: number) => AsyncGenerator<Bytes>;
};

const AHEAD = 4;

function openerOf(cipher: SegmentCipher): SegmentOpener {
  return async ({ sealed, leaf, index, last, key, noncePrefix }) => {
    await checkSegment(sealed, leaf, index);
    return openWith(await cipher.load(key), noncePrefix, { index, last, sealed });
  };
}

/** Where a segment lies; `length` in bytes. */
type Place = { readonly length: number };

export type SealedFileParts<Elsewhere extends Place = Bytes> = {
  readonly source: SegmentSource;
  /** For reads of several segments; one by one through `source` when left out. */
  readonly run?: SegmentRun<Bytes | Elsewhere>;
  /** The file key, not the asset key. */
  readonly key: Bytes;
  readonly path: string;
  readonly sealedSize: number;
  /** The bytes of `<path>.tree`. */
  readonly leaves: Uint8Array;
  readonly tree: Digest;
  /** Needed where `run` gives places. */
  readonly opener?: SegmentOpener<Bytes | Elsewhere>;
};

/**
 * Takes up a sealed file for reading.
 * @throws seal/bad-path · seal/bad-leaves · seal/truncated · seal/empty-segment · seal/leaf-mismatch · seal/bad-header
 */
export async function sealedFile<Elsewhere extends Place = Bytes>({
  source,
  run = async function* (from, to) {
    for (let index = from; index < to; index++) yield await source(index);
  },
  key,
  path,
  sealedSize,
  leaves,
  tree,
  opener = openerOf(webSegmentCipher) as SegmentOpener<Bytes | Elsewhere>,
}: SealedFileParts<Elsewhere>): Promise<SealedFile> {
  const associatedData = associatedDataFor(path);
  const size = plainSize(sealedSize);
  const hashes = parseLeaves(leaves, sealedSize);
  await checkLeaves(hashes, tree);
  const segments = segmentCount(sealedSize);
  const leafOf = (index: number) => hashes[index] ?? new Uint8Array();

  function checkLength<Sealed extends Place>(sealed: Sealed, index: number): Sealed {
    const { segmentSize } = TINK_1MB;
    const wanted = index === segments - 1 ? sealedSize - index * segmentSize : segmentSize;
    if (sealed.length === wanted) return sealed;
    throw new SealError(
      sealed.length < wanted ? 'seal/truncated' : 'seal/extended',
      `Segment ${index} has ${sealed.length} bytes instead of ${wanted}; fetch it again.`,
    );
  }

  type Keys = { readonly header: StreamHeader; readonly aes: Bytes };
  let keys: Keys | undefined;
  /** The header is believed once the leaf of the whole first segment has matched. */
  async function takeKeys(): Promise<{ keys: Keys; first?: Bytes }> {
    if (keys) return { keys };
    const first = checkLength(await source(0), 0);
    await checkSegment(first, leafOf(0), 0);
    const header = parseHeader(first);
    keys = { header, aes: await deriveSegmentKey({ key, associatedData }, header.salt) };
    return { keys, first };
  }

  async function* sealedRun(
    from: number,
    to: number,
    first: Bytes | undefined,
  ): AsyncGenerator<Bytes | Elsewhere> {
    if (from === 0 && first && to > 0) yield first;
    const next = from === 0 && first ? 1 : from;
    if (next === to - 1) yield await source(next);
    else if (next < to) yield* run(next, to);
  }

  async function* plaintexts(from: number, to: number): AsyncGenerator<Bytes> {
    const { keys: taken, first } = await takeKeys();
    const { header, aes } = taken;
    const opening: Promise<Bytes>[] = [];
    let index = from;
    for await (const sealed of sealedRun(from, to, first)) {
      if (index === to) break;
      checkLength(sealed, index);
      const last = index === segments - 1;
      const opened = opener({
        sealed,
        leaf: leafOf(index),
        index,
        last,
        key: aes,
        noncePrefix: header.noncePrefix,
      });
      // Its reader may never come; whoever does come is told.
      opened.catch(() => undefined);
      opening.push(opened);
      index++;
      if (opening.length === AHEAD) yield await (opening.shift() ?? opened);
    }
    for (const opened of opening) yield await opened;
    if (index < to) throw new SealError('seal/truncated', 'The sealed file lacks its end; fetch it again.');
  }
  return { size, segments, salt: async () => (await takeKeys()).keys.header.salt, plaintexts };
}

/**
 * The plaintext from `offset` to `offset + length`, a piece a segment.
 * @throws seal/bad-range when it reaches past the end, and what a bad segment throws
 */
export async function* streamRange(file: SealedFile, offset: number, length: number): AsyncGenerator<Bytes> {
  const end = offset + length;
  if (![offset, length, end].every((n) => Number.isSafeInteger(n) && n >= 0) || end > file.size) {
    throw new SealError('seal/bad-range', `The range ends past the file's ${file.size} bytes.`);
  }
  if (length === 0) return;
  let { index } = segmentOf(offset);
  for await (const plaintext of file.plaintexts(index, segmentOf(end - 1).index + 1)) {
    const start = segmentStart(index);
    const from = Math.max(0, offset - start);
    const to = Math.min(segmentCapacity(index), end - start);
    index++;
    yield plaintext.subarray(from, to);
  }
}

/** As {@link streamRange}, in one piece of memory. */
export async function openRange(file: SealedFile, offset: number, length: number): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of streamRange(file, offset, length)) parts.push(part);
  return concat(...parts);
}
