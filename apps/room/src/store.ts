// Reads objects of a run's stores. A connection that breaks is taken up where it broke, by Range, within limits: the bytes
// may then come from another version of the object, which the reader's hashes show (staging.ts). Not here: which stores may
// be asked (the boot's origins), what the bytes mean.
import { setTimeout } from 'node:timers/promises';
import { type Bytes, concat } from '@sealroom/bytes';
import { type BlobContent, type ByteRange, containerUrl, fetchBlob, Refusal } from '@sealroom/host/net';
import { RoomError } from './error.ts';

/** Gets one object of a store; refuses redirects and, for staged assets, knows no other origins than the allowed ones. */
export type StoreFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export type Store = {
  /** The container's URL. */
  readonly url: string;
  readonly fetch: StoreFetch;
  /** Waits before another attempt; `attempt` counts from 1. */
  readonly pause?: (attempt: number) => Promise<unknown>;
};

/** Attempts in a row that bring no byte. */
const ATTEMPTS = 12;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;

function failed(message: string, cause?: unknown): RoomError {
  return new RoomError('room/staging', message, { cause });
}

/** What another attempt may mend: the store did not answer, or could not. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Refusal)) return true;
  return ['fetch/failed', 'fetch/timeout', 'blob/failed'].includes(error.code);
}

async function* chunks({ body }: BlobContent): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Calls until it succeeds, or fails for good, or has failed too often in a row without `progress`. */
async function persist(
  { pause = (attempt) => setTimeout(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)) }: Store,
  failures: number,
  error: unknown,
): Promise<void> {
  if (error instanceof RoomError) throw error;
  if (!isPassing(error) || failures >= ATTEMPTS) throw failed('The store of an asset cannot be read.', error);
  await pause(failures);
}

/**
 * The bytes of an object from `start`, before `end`, in order; `size` is what the whole object must have.
 * @throws room/staging when the store refuses, has an object of another size, or fails time and again
 */
export async function* readObject(
  store: Store,
  path: string,
  { start, end, size }: Required<ByteRange> & { readonly size: number },
): AsyncGenerator<Uint8Array> {
  const url = containerUrl(store.url, path);
  let at = start;
  let failures = 0;
  while (at < end) {
    try {
      const whole = at === 0 && end === size;
      const range = whole ? undefined : { start: at, end };
      const content = await fetchBlob(url, { fetch: store.fetch, range });
      if (content.size !== size)
        throw failed('A file in the store has another size than its inventory says.');
      for await (const chunk of chunks(content)) {
        if (chunk.length === 0) continue;
        if (chunk.length > end - at) throw failed('A file in the store is longer than its inventory says.');
        at += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (at < end) throw new Error('The connection ended early.');
    } catch (error) {
      await persist(store, ++failures, error);
    }
  }
}

/** A small object whole, of at most `limit` bytes. @throws room/staging as {@link readObject} */
export async function readSmall(store: Store, path: string, limit: number): Promise<Bytes> {
  const url = containerUrl(store.url, path);
  for (let failures = 0; ; ) {
    try {
      const content = await fetchBlob(url, { fetch: store.fetch });
      if (content.size > limit) throw failed('An object in the store is larger than it can be.');
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of chunks(content)) {
        length += chunk.length;
        if (length > limit) throw failed('An object in the store is larger than it says.');
        parts.push(chunk);
      }
      if (length !== content.size) throw new Error('The connection ended early.');
      return concat(...parts);
    } catch (error) {
      await persist(store, ++failures, error);
    }
  }
}

/** Cuts bytes into pieces of `size`, the last one shorter. The pieces have memory of their own. */
export async function* pieces(
  source: AsyncIterable<Uint8Array>,
  total: number,
  size: number,
): AsyncGenerator<Bytes> {
  let left = total;
  let piece = new Uint8Array(Math.min(size, left));
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.subarray(at, at + piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < piece.length) continue;
      left -= filled;
      yield piece;
      piece = new Uint8Array(Math.min(size, left));
      filled = 0;
    }
  }
}
