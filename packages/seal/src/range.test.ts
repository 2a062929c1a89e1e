import { type Bytes, bytesEqual, digestString, sha256Digest } from '@sealroom/bytes';
import fc from 'fast-check';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import {
  associatedDataFor,
  encodeLeaves,
  leavesOf,
  openRange,
  parseLeaves,
  sealBytes,
  sealedFile,
  TINK_1MB,
  treeDigest,
  webSegmentCipher,
} from './index.ts';

const key = new Uint8Array(32).fill(7);
const path = 'a/b.csv';
const size = 2_500_000;
const plaintext = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);

async function listed(sealed: Bytes) {
  const leaves = encodeLeaves(await leavesOf(sealed));
  return {
    source: async (index: number) =>
      sealed.slice(index * TINK_1MB.segmentSize, (index + 1) * TINK_1MB.segmentSize),
    key,
    path,
    sealedSize: sealed.length,
    leaves,
    tree: await treeDigest(parseLeaves(leaves, sealed.length)),
  };
}

let sealed: Bytes;
let file: Awaited<ReturnType<typeof listed>>;

beforeAll(async () => {
  sealed = await sealBytes({ key, associatedData: associatedDataFor(path), plaintext });
  file = await listed(sealed);
});

test('gives any range of the plaintext', async () => {
  const open = await sealedFile(file);
  expect(open.size).toBe(size);
  const ends = fc.tuple(fc.nat({ max: size }), fc.nat({ max: size }));
  await fc.assert(
    fc.asyncProperty(ends, async ([one, other]) => {
      const [start, end] = [Math.min(one, other), Math.max(one, other)];
      expect(bytesEqual(await openRange(open, start, end - start), plaintext.subarray(start, end))).toBe(
        true,
      );
    }),
    { numRuns: 25 },
  );
});

test('fetches the first segment and the ones that hold the range, no other', async () => {
  const fetched: number[] = [];
  const source = async (index: number) => {
    fetched.push(index);
    return file.source(index);
  };
  const open = await sealedFile({ ...file, source });
  await openRange(open, 2_200_000, 10);
  await openRange(open, 2_200_010, 10);
  expect(fetched).toEqual([0, 2, 2]);
});

test('costs one segment a read once its salt was asked for, which the first leaf vouches for', async () => {
  const fetched: (number | string)[] = [];
  const source = async (index: number) => {
    fetched.push(index);
    return file.source(index);
  };
  const run = async function* (from: number, to: number) {
    fetched.push(`${from}-${to}`);
    for (let index = from; index < to; index++) yield await file.source(index);
  };
  const open = await sealedFile({ ...file, source, run });
  expect(bytesEqual(await open.salt(), sealed.slice(1, 33))).toBe(true);
  await openRange(open, 2_200_000, 10);
  await openRange(open, 5, 10);
  await openRange(open, 1_048_000, 1_000_000);
  expect(fetched).toEqual([0, 2, 0, '0-2']);
});

test.each([
  [0, size + 1],
  [size, 1],
  [-1, 1],
  [0, -1],
  [0.5, 1],
  [Number.MAX_SAFE_INTEGER, 1],
])('refuses the range of %d and %d bytes', async (offset, length) => {
  const range = openRange(await sealedFile(file), offset, length);
  await expect(range).rejects.toMatchObject({ code: 'seal/bad-range' });
});

describe('cheating', () => {
  test('refuses an altered segment before it is decrypted', async () => {
    const load = vi.spyOn(webSegmentCipher, 'load');
    const source = async (index: number) => {
      const bytes = await file.source(index);
      bytes[500] = (bytes[500] ?? 0) ^ (index === 1 ? 1 : 0);
      return bytes;
    };
    const open = await sealedFile({ ...file, source });
    await expect(openRange(open, 1_100_000, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
    expect(load).not.toHaveBeenCalled();
    expect((await openRange(open, 0, 10)).length).toBe(10);
    expect(load).toHaveBeenCalledOnce();
  });

  test('refuses segments that were swapped, or come from an older sealing with the same key and path', async () => {
    const swapped = await sealedFile({ ...file, source: async (index) => file.source(index === 0 ? 1 : 0) });
    await expect(openRange(swapped, 0, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
    const older = await sealBytes({ key, associatedData: associatedDataFor(path), plaintext });
    const replayed = await sealedFile({ ...file, source: (await listed(older)).source });
    await expect(openRange(replayed, 0, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
  });

  test('checks the leaf on every read, not once', async () => {
    let turn = 0;
    const source = async (index: number) => {
      const bytes = await file.source(index);
      bytes[500] = (bytes[500] ?? 0) ^ turn++;
      return bytes;
    };
    const open = await sealedFile({ ...file, source });
    expect((await openRange(open, 0, 10)).length).toBe(10);
    await expect(openRange(open, 0, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
  });

  test('does not believe a header that the first leaf does not vouch for', async () => {
    const source = async (index: number) => {
      const bytes = await file.source(index);
      bytes[5] = (bytes[5] ?? 0) ^ (index === 0 ? 1 : 0);
      return bytes;
    };
    const open = await sealedFile({ ...file, source });
    await expect(open.salt()).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
    await expect(openRange(open, 2_200_000, 10)).rejects.toMatchObject({ code: 'seal/leaf-mismatch' });
  });

  test('refuses a run of segments that ends early, and reads none that nobody asked for', async () => {
    const none = await sealedFile({ ...file, run: async function* () {} });
    await expect(openRange(none, 0, size)).rejects.toMatchObject({ code: 'seal/truncated' });
    const more = await sealedFile({
      ...file,
      run: async function* () {
        for (;;) yield await file.source(1);
      },
    });
    await expect(openRange(more, 0, size)).rejects.toMatchObject({ code: 'seal/extended' });
  });

  test('refuses segments that are too short or too long', async () => {
    const short = await sealedFile({ ...file, source: async (index) => (await file.source(index)).slice(1) });
    await expect(openRange(short, 0, 1)).rejects.toMatchObject({ code: 'seal/truncated' });
    const long = await sealedFile({ ...file, source: async () => new Uint8Array(TINK_1MB.segmentSize + 1) });
    await expect(openRange(long, 0, 1)).rejects.toMatchObject({ code: 'seal/extended' });
  });

  test('refuses leaves that are not those of the inventory, or not as many as segments', async () => {
    const changed = file.leaves.slice();
    changed[0] = (changed[0] ?? 0) ^ 1;
    const wrong = { code: 'seal/bad-leaves' };
    await expect(sealedFile({ ...file, leaves: changed })).rejects.toMatchObject(wrong);
    await expect(sealedFile({ ...file, leaves: file.leaves.slice(32) })).rejects.toMatchObject(wrong);
    await expect(sealedFile({ ...file, leaves: file.leaves.slice(1) })).rejects.toMatchObject(wrong);
    await expect(sealedFile({ ...file, sealedSize: 100 })).rejects.toMatchObject(wrong);
    const tree = await sha256Digest(new Uint8Array());
    await expect(sealedFile({ ...file, tree })).rejects.toMatchObject(wrong);
  });

  test('refuses another path and another key, whose leaves match', async () => {
    const moved = await sealedFile({ ...file, path: 'a/c.csv' });
    await expect(openRange(moved, 0, 1)).rejects.toMatchObject({ code: 'seal/not-authentic' });
    const other = await sealedFile({ ...file, key: new Uint8Array(32) });
    await expect(openRange(other, 0, 1)).rejects.toMatchObject({ code: 'seal/not-authentic' });
    await expect(sealedFile({ ...file, path: '../a' })).rejects.toMatchObject({ code: 'seal/bad-path' });
  });
});

test('the leaf of a one-segment file is its tree', async () => {
  const small = await sealBytes({
    key,
    associatedData: associatedDataFor(path),
    plaintext: new Uint8Array(),
  });
  const [leaf] = await leavesOf(small);
  const given = await listed(small);
  expect(given.tree).toBe(digestString(leaf ?? new Uint8Array()));
  expect(await openRange(await sealedFile(given), 0, 0)).toEqual(new Uint8Array());
});
