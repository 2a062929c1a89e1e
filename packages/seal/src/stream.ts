// Whole files: sealing and opening from memory, and as a stream over chunks of any size (Tink streaming AEAD).
// An opened stream gives out each segment once it is authentic, before the end of the file is known: whoever acts on it
// early must undo that when the generator throws. Here no leaf is checked; see range.ts for files with an inventory.
import { type Bytes, concat } from '@sealroom/bytes';
import { checkLastSegment, plainSize, segmentCapacity, type StreamParameters, TINK_1MB } from './layout.ts';
import {
  newHeader,
  openSegment,
  parseHeader,
  sealSegment,
  type Stream,
  streamOf,
  type StreamSecret,
} from './segment.ts';

export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Cuts chunks of any size into pieces: the first of `first` bytes, the others of `rest`, the last one shorter. A piece
 * is given out only when a byte beyond it, or the end, has been seen; there is always a last piece, if of no bytes.
 */
async function* regroup(
  source: Chunks,
  first: number,
  rest: number,
): AsyncGenerator<{ index: number; last: boolean; bytes: Bytes }> {
  let piece = new Uint8Array(first);
  let filled = 0;
  let index = 0;
  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.length) {
      if (filled === piece.length) {
        yield { index: index++, last: false, bytes: piece };
        piece = new Uint8Array(rest);
        filled = 0;
      }
      const taken = chunk.subarray(at, at + piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
    }
  }
  yield { index, last: true, bytes: piece.subarray(0, filled) };
}

async function collect(source: AsyncIterable<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of source) parts.push(part);
  return concat(...parts);
}

async function* sealWith(stream: Stream, source: Chunks): AsyncGenerator<Bytes> {
  const { parameters } = stream;
  for await (const { index, last, bytes } of regroup(
    source,
    segmentCapacity(0, parameters),
    segmentCapacity(1, parameters),
  )) {
    yield await sealSegment(stream, index, last, bytes);
  }
}

/** Seals a stream under a fresh salt; yields sealed segments. @throws seal/bad-key */
export async function* sealSegments(secret: StreamSecret, source: Chunks): AsyncGenerator<Bytes> {
  yield* sealWith(await streamOf(secret, newHeader(secret.parameters)), source);
}

/**
 * Opens a stream; yields the plaintext of each segment when it is authentic. Only after the generator has ended
 * without throwing is it known that nothing was cut off.
 * @throws seal/bad-key · seal/bad-header · seal/truncated · seal/extended · seal/empty-segment · seal/not-authentic
 */
export async function* openSegments(secret: StreamSecret, source: Chunks): AsyncGenerator<Bytes> {
  const parameters: StreamParameters = secret.parameters ?? TINK_1MB;
  let stream: Stream | undefined;
  for await (const { index, last, bytes } of regroup(
    source,
    parameters.segmentSize,
    parameters.segmentSize,
  )) {
    stream ??= await streamOf(secret, parseHeader(bytes, parameters));
    if (last) checkLastSegment(index, bytes.length, parameters);
    yield await openSegment(stream, index, last, bytes);
  }
}

/** Seals bytes in memory under a fresh salt. @throws seal/bad-key */
export async function sealBytes({
  plaintext,
  ...secret
}: StreamSecret & { readonly plaintext: Uint8Array }): Promise<Bytes> {
  return collect(sealSegments(secret, [plaintext]));
}

/** Opens a whole sealed file in memory; gives nothing unless all of it is authentic. @throws as {@link openSegments} */
export async function openBytes({
  sealed,
  ...secret
}: StreamSecret & { readonly sealed: Uint8Array }): Promise<Bytes> {
  plainSize(sealed.length, secret.parameters);
  return collect(openSegments(secret, [sealed]));
}
