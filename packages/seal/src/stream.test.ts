import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, bytesEqual, concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  headerLength,
  openBytes,
  openSegments,
  parseHeader,
  plainSize,
  sealBytes,
  sealedSize,
  sealSegments,
  segmentCapacity,
  segmentCount,
  segmentOf,
  segmentStart,
  type StreamParameters,
  TINK_1MB,
} from './index.ts';
import { sealSegment, streamOf } from './segment.ts';

const SMALL: StreamParameters = { segmentSize: 64, keySize: 16, hkdfHash: 'SHA-256' };
const key = new Uint8Array(32).fill(7);
const secret = { key, associatedData: utf8Encode('a/b.csv'), parameters: SMALL };

function bytes(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

async function collect(source: AsyncIterable<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of source) parts.push(part);
  return concat(...parts);
}

function* chunks(whole: Bytes, sizes: readonly number[]): Generator<Bytes> {
  let at = 0;
  for (let i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield whole.subarray(at, at + size);
    at += size;
  }
}

type TinkVector = {
  readonly id: string;
  readonly keyHex: string;
  readonly hkdfHash: 'SHA1' | 'SHA256' | 'SHA512';
  readonly ciphertextSegmentSize: number;
  readonly plaintextHex: string;
  readonly aadHex: string;
  readonly ciphertextHex: string;
  readonly derivedKeySize: 16 | 32;
};
const tink = sharedVectors('tink');
const hashes = { SHA1: 'SHA-1', SHA256: 'SHA-256', SHA512: 'SHA-512' } as const;

test.skipIf(!tink)('opens and makes again every AES-GCM-HKDF vector of Tink', async () => {
  const path = join(tink ?? '', 'aes_gcm_hkdf_streaming.json');
  const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: readonly TinkVector[] };
  expect(vectors.length).toBe(8);
  for (const vector of vectors) {
    const parameters: StreamParameters = {
      segmentSize: vector.ciphertextSegmentSize,
      keySize: vector.derivedKeySize,
      hkdfHash: hashes[vector.hkdfHash],
    };
    const own = { key: hexDecode(vector.keyHex), associatedData: hexDecode(vector.aadHex), parameters };
    const sealed = hexDecode(vector.ciphertextHex);
    const plaintext = await openBytes({ ...own, sealed });
    expect(hexEncode(plaintext), vector.id).toBe(vector.plaintextHex);
    expect(sealedSize(plaintext.length, parameters)).toBe(sealed.length);

    const stream = await streamOf(own, parseHeader(sealed, parameters));
    const last = segmentCount(sealed.length, parameters) - 1;
    const again: Bytes[] = [];
    for (let i = 0; i <= last; i++) {
      const start = segmentStart(i, parameters);
      const piece = plaintext.slice(start, start + segmentCapacity(i, parameters));
      again.push(await sealSegment(stream, i, i === last, piece));
    }
    expect(hexEncode(concat(...again)), vector.id).toBe(vector.ciphertextHex);
  }
});

describe('layout', () => {
  test('tells both sizes from each other, for any plaintext', () => {
    const parameters = fc.constantFrom(TINK_1MB, SMALL, { ...SMALL, segmentSize: 120, keySize: 32 as const });
    fc.assert(
      fc.property(parameters, fc.nat({ max: 2 ** 31 - 1 }), (given, size) => {
        const sealed = sealedSize(size, given);
        expect(plainSize(sealed, given)).toBe(size);
        expect(sealed).toBe(headerLength(given) + size + 16 * segmentCount(sealed, given));
      }),
    );
  });

  test('finds the segment of any offset', () => {
    fc.assert(
      fc.property(fc.constantFrom(TINK_1MB, SMALL), fc.nat({ max: 2 ** 31 - 1 }), (given, offset) => {
        const { index, within } = segmentOf(offset, given);
        expect(segmentStart(index, given) + within).toBe(offset);
        expect(within).toBeLessThan(segmentCapacity(index, given));
      }),
    );
  });

  test('refuses sizes that no file has', () => {
    expect(() => sealedSize(-1)).toThrow(expect.objectContaining({ code: 'seal/too-large' }));
    expect(() => sealedSize(2 ** 52)).toThrow(expect.objectContaining({ code: 'seal/too-large' }));
    expect(() => plainSize(2 ** 53)).toThrow(expect.objectContaining({ code: 'seal/too-large' }));
    for (let size = 0; size < 56; size++) {
      expect(() => plainSize(size)).toThrow(expect.objectContaining({ code: 'seal/truncated' }));
    }
    expect(plainSize(56)).toBe(0);
    expect(() => plainSize(2 ** 20 + 15)).toThrow(expect.objectContaining({ code: 'seal/truncated' }));
    expect(() => plainSize(2 ** 20 + 16)).toThrow(expect.objectContaining({ code: 'seal/empty-segment' }));
  });
});

describe('round trips', () => {
  const data = fc.uint8Array({ maxLength: 400 }).map((value) => new Uint8Array(value));
  const sizes = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 5 });

  test('opens what it sealed, however both were cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(data, sizes, sizes, async (plaintext, cut, cutAgain) => {
        const sealed = await collect(sealSegments(secret, chunks(plaintext, cut)));
        expect(sealed.length).toBe(sealedSize(plaintext.length, SMALL));
        expect(await collect(openSegments(secret, chunks(sealed, cutAgain)))).toEqual(plaintext);
      }),
    );
  });

  test('opens files at the edges of 1 MiB segments', async () => {
    const own = { key, associatedData: secret.associatedData };
    for (const size of [0, 1, 2 ** 20 - 57, 2 ** 20 - 56, 2 ** 20 - 55, 2 ** 21 - 72, 2 ** 21 - 71]) {
      const sealed = await sealBytes({ ...own, plaintext: bytes(size) });
      expect(sealed.length).toBe(sealedSize(size));
      expect(bytesEqual(await openBytes({ ...own, sealed }), bytes(size)), String(size)).toBe(true);
    }
  });

  test('seals the same bytes differently every time', async () => {
    const first = await sealBytes({ ...secret, plaintext: bytes(10) });
    const second = await sealBytes({ ...secret, plaintext: bytes(10) });
    expect(parseHeader(first, SMALL).salt).not.toEqual(parseHeader(second, SMALL).salt);
  });
});

describe('cheating', () => {
  const reject = async (sealed: Bytes, code: unknown, other: Partial<typeof secret> = {}) => {
    const refusal = expect.objectContaining({ code }) as unknown;
    await expect(openBytes({ ...secret, ...other, sealed })).rejects.toEqual(refusal);
    await expect(collect(openSegments({ ...secret, ...other }, [sealed]))).rejects.toEqual(refusal);
  };
  const any = expect.stringMatching(/^seal\//) as unknown;

  test('refuses a file cut short at any byte, and says so at the end of a segment', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(150) });
    expect(segmentCount(sealed.length, SMALL)).toBe(4);
    for (let length = 0; length < sealed.length; length++) {
      await reject(sealed.slice(0, length), length % 64 === 0 ? 'seal/truncated' : any);
    }
  });

  test('refuses a file with any one bit changed', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(80) });
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      await reject(changed, at === 0 ? 'seal/bad-header' : 'seal/not-authentic');
    }
  });

  test('refuses bytes behind the end', async () => {
    // 24 bytes fill the first segment, so that the last one is whole and more can follow.
    const sealed = await sealBytes({ ...secret, plaintext: bytes(24) });
    expect(sealed.length).toBe(64);
    await reject(concat(sealed, bytes(1)), any);
    await reject(concat(sealed, bytes(16)), any);
    await reject(concat(sealed, bytes(40)), 'seal/extended');
    await reject(concat(sealed, sealed), 'seal/extended');
  });

  test('refuses an empty last segment, even an authentic one', async () => {
    const stream = await streamOf(
      secret,
      parseHeader(await sealBytes({ ...secret, plaintext: bytes(0) }), SMALL),
    );
    const first = await sealSegment(stream, 0, false, bytes(24));
    const empty = await sealSegment(stream, 1, true, bytes(0));
    await reject(concat(first, empty), 'seal/empty-segment');
  });

  test('refuses segments in another order, repeated, or left out', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(150) });
    const [a, b, c, d] = [0, 64, 128, 192].map((at) => sealed.slice(at, at + 64));
    if (!a || !b || !c || !d) throw new Error('expected four segments');
    await reject(concat(a, c, b, d), 'seal/not-authentic');
    await reject(concat(a, b, b, d), 'seal/not-authentic');
    await reject(concat(a, b, d), 'seal/not-authentic');
    await reject(concat(b, c, d), any);
  });

  test('refuses a segment of another file, and of an older sealing of the same one', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(150) });
    const older = await sealBytes({ ...secret, plaintext: bytes(150) });
    const other = await sealBytes({ ...secret, associatedData: utf8Encode('other'), plaintext: bytes(150) });
    for (const foreign of [older, other]) {
      const mixed = concat(sealed.slice(0, 64), foreign.slice(64, 128), sealed.slice(128));
      await reject(mixed, 'seal/not-authentic');
    }
  });

  test('refuses another path, another key and a key that is too short', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(10) });
    await reject(sealed, 'seal/not-authentic', { associatedData: utf8Encode('a/c.csv') });
    await reject(sealed, 'seal/not-authentic', { key: new Uint8Array(32).fill(8) });
    await reject(sealed, 'seal/bad-key', { key: new Uint8Array(15) });
    const short = sealBytes({ ...secret, key: new Uint8Array(15), plaintext: bytes(1) });
    await expect(short).rejects.toMatchObject({ code: 'seal/bad-key' });
  });

  test('gives out no plaintext of a segment that is not authentic', async () => {
    const sealed = await sealBytes({ ...secret, plaintext: bytes(150) });
    sealed[70] = (sealed[70] ?? 0) ^ 1;
    const given: number[] = [];
    await expect(async () => {
      for await (const part of openSegments(secret, [sealed])) given.push(part.length);
    }).rejects.toMatchObject({ code: 'seal/not-authentic' });
    expect(given).toEqual([24]);
  });
});
