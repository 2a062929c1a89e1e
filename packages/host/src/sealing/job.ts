// A run of neighbouring segments, from one open file to another, at their places: what a worker does at a time. Nothing
// here waits for the event loop. File descriptors belong to the process, so workers use those the main thread opened.
import { createHash } from 'node:crypto';
import { readSync, writevSync } from 'node:fs';
import { bytesEqual } from '@sealroom/bytes';
import {
  headerLength,
  leafMismatch,
  type ListedSegment,
  sealedSize,
  segmentCapacity,
  segmentFailure,
  segmentNonce,
  segmentStart,
  TINK_1MB,
} from '@sealroom/seal';
import { openSync, release, sealSync } from './cipher.ts';
import { SealingError } from './error.ts';

export type SegmentJob = {
  readonly mode: 'seal' | 'open';
  readonly inputFd: number;
  readonly outputFd: number;
  /** The AES key derived for this file, and the header (of 40 bytes) that it was derived from. */
  readonly key: Uint8Array;
  readonly header: Uint8Array;
  /** Bytes of the plaintext of the whole file, and its number of segments. */
  readonly size: number;
  readonly segments: number;
  /** The segments of this job: from `from`, before `to`. */
  readonly from: number;
  readonly to: number;
  /** When sealing: make leaf hashes. When opening: the leaf hashes that segments `from` to `to` must have. */
  readonly leaves: boolean | Uint8Array;
};

/** A segment in a file on disk, which the thread that opens it reads. */
export type FilePlace = { readonly file: string; readonly position: number; readonly length: number };

export const HASH_LENGTH = 32;
const buffer = Buffer.allocUnsafeSlow(TINK_1MB.segmentSize);

export function readAt(fd: number, length: number, position: number): Buffer {
  let filled = 0;
  while (filled < length) {
    const got = readSync(fd, buffer, filled, length - filled, position + filled);
    if (got === 0) {
      throw new SealingError('sealing/changed', 'The file became shorter while it was read; start again.');
    }
    filled += got;
  }
  return buffer.subarray(0, length);
}

function writeAt(fd: number, parts: readonly Uint8Array[], position: number): void {
  let rest = parts.filter((part) => part.length > 0);
  let at = position;
  while (rest.length > 0) {
    let written = writevSync(fd, rest, at);
    at += written;
    const next: Uint8Array[] = [];
    for (const part of rest) {
      if (written < part.length) next.push(part.subarray(written));
      written = Math.max(0, written - part.length);
    }
    rest = next;
  }
}

export function leafOf(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256').update(Uint8Array.of(0));
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function sealOne(job: SegmentJob, index: number): Buffer | undefined {
  const start = segmentStart(index);
  const plaintext = readAt(job.inputFd, Math.min(segmentCapacity(index), job.size - start), start);
  const nonce = segmentNonce(job.header.subarray(-7), index, index === job.segments - 1);
  const [ciphertext, tag] = sealSync(job.key, nonce, plaintext);
  const parts = index === 0 ? [job.header, ciphertext, tag] : [ciphertext, tag];
  writeAt(job.outputFd, parts, index * TINK_1MB.segmentSize);
  const leaf = job.leaves === true ? leafOf(...parts) : undefined;
  release(ciphertext);
  return leaf;
}

type Listed = Omit<ListedSegment, 'leaf' | 'sealed' | 'key'> & {
  readonly sealed: Uint8Array;
  readonly key: Uint8Array;
  readonly leaf: Uint8Array | undefined;
};

/** Hashes a segment against its leaf, if one is given, then decrypts it. @throws as `SegmentOpener` of @sealroom/seal */
export function openListed({ sealed, leaf, index, last, key, noncePrefix }: Listed): Buffer {
  if (leaf && !bytesEqual(leafOf(sealed), leaf)) throw leafMismatch(index);
  const body = index === 0 ? sealed.subarray(headerLength()) : sealed;
  const plaintext = openSync(key, segmentNonce(noncePrefix, index, last), body);
  if (plaintext) return plaintext;
  const otherwise = openSync(key, segmentNonce(noncePrefix, index, !last), body);
  throw segmentFailure(last, otherwise !== undefined);
}

function openOne(job: SegmentJob, index: number): void {
  const start = index * TINK_1MB.segmentSize;
  const sealed = readAt(job.inputFd, Math.min(TINK_1MB.segmentSize, sealedSize(job.size) - start), start);
  const at = (index - job.from) * HASH_LENGTH;
  const leaf = job.leaves instanceof Uint8Array ? job.leaves.subarray(at, at + HASH_LENGTH) : undefined;
  const last = index === job.segments - 1;
  const noncePrefix = job.header.subarray(-7);
  const plaintext = openListed({ sealed, leaf, index, last, key: job.key, noncePrefix });
  writeAt(job.outputFd, [plaintext], segmentStart(index));
  release(plaintext);
}

/**
 * Does the job and gives the leaf hashes of its segments, if it was to make them.
 * @throws SealError for a segment that is not authentic, SealingError for an input that became shorter
 */
export function runJob(job: SegmentJob): Uint8Array {
  const leaves: Buffer[] = [];
  for (let index = job.from; index < job.to; index++) {
    const leaf = job.mode === 'seal' ? sealOne(job, index) : openOne(job, index);
    if (leaf) leaves.push(leaf);
  }
  return new Uint8Array(Buffer.concat(leaves));
}
