// Reading at random from a sealed file that stands in an inventory (protocol.md section 3). A segment is hashed against
// its leaf before it is decrypted, on every read; the leaves are checked against the tree root once, when the file is
// taken up. Not checked here: that size and tree come from an authentic inventory.
import { type Bytes, concat, type Digest } from '@sealroom/bytes';
import { SealError } from './error.ts';
import {
  headerLength,
  plainSize,
  segmentCapacity,
  segmentCount,
  segmentOf,
  segmentStart,
  TINK_1MB,
} from './layout.ts';
import { checkLeaves, checkSegment, parseLeaves } from './leaves.ts';
import { associatedDataFor } from './path.ts';
import { openSegment, parseHeader, type SegmentCipher, type Stream, streamOf } from './segment.ts';

/** Fetches one sealed segment, whole. What it gives is not trusted. */
export type SegmentSource = (index: number) => Promise<Bytes>;

/** A sealed file whose leaves are checked; made by {@link sealedFile}. */
export type SealedFile = {
  /** Bytes of the plaintext. */
  readonly size: number;
  readonly segments: number;
  /** The authentic plaintext of one segment. */
  readonly segment: (index: number) => Promise<Bytes>;
};

/**
 * Takes up a sealed file for reading.
 * @param key the file key (not the asset key)
 * @param leaves the bytes of `<path>.tree`
 * @throws seal/bad-path · seal/bad-leaves · seal/truncated · seal/empty-segment · seal/leaf-mismatch · seal/bad-header
 */
export async function sealedFile({
  source,
  key,
  path,
  sealedSize,
  leaves,
  tree,
  cipher,
}: {
  readonly source: SegmentSource;
  readonly key: Bytes;
  readonly path: string;
  readonly sealedSize: number;
  readonly leaves: Uint8Array;
  readonly tree: Digest;
  readonly cipher?: SegmentCipher;
}): Promise<SealedFile> {
  const associatedData = associatedDataFor(path);
  const size = plainSize(sealedSize);
  const hashes = parseLeaves(leaves, sealedSize);
  await checkLeaves(hashes, tree);
  const segments = segmentCount(sealedSize);
  const lastLength = sealedSize - (segments - 1) * TINK_1MB.segmentSize;

  async function fetch(index: number): Promise<Bytes> {
    const sealed = await source(index);
    const wanted = index === segments - 1 ? lastLength : TINK_1MB.segmentSize;
    if (sealed.length !== wanted) {
      throw new SealError(
        sealed.length < wanted ? 'seal/truncated' : 'seal/extended',
        `Segment ${index} has ${sealed.length} bytes instead of ${wanted}; fetch it again.`,
      );
    }
    await checkSegment(sealed, hashes[index] ?? new Uint8Array(), index);
    return sealed;
  }

  let stream: Stream | undefined;
  async function segment(index: number): Promise<Bytes> {
    const sealed = await fetch(index);
    stream ??= await streamOf(
      cipher ? { key, associatedData, cipher } : { key, associatedData },
      parseHeader(index === 0 ? sealed : (await fetch(0)).subarray(0, headerLength())),
    );
    return openSegment(stream, index, index === segments - 1, sealed);
  }
  return { size, segments, segment };
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
  let at = offset;
  while (at < end) {
    const { index, within } = segmentOf(at);
    const plaintext = await file.segment(index);
    const stop = Math.min(segmentCapacity(index), end - segmentStart(index));
    yield plaintext.subarray(within, stop);
    at += stop - within;
  }
}

/** As {@link streamRange}, in one piece of memory. */
export async function openRange(file: SealedFile, offset: number, length: number): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of streamRange(file, offset, length)) parts.push(part);
  return concat(...parts);
}
