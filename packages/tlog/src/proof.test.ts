import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leafHash, treeRoot, type Bytes } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  consistencyProof,
  Frontier,
  type HashReader,
  inclusionProof,
  rootAt,
  TlogError,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from './index.ts';

type Case = {
  leafIdx: number;
  treeSize: number;
  size1: number;
  size2: number;
  start: number;
  end: number;
  size: number;
  root: string;
  root1: string;
  root2: string;
  leafHash: string;
  proof: string[] | null;
  desc: string;
  wantErr: boolean;
};

const bytes = (text: string): Bytes => new Uint8Array(Buffer.from(text ?? '', 'base64'));

const VERIFIERS: Record<string, (vector: Case, proof: Bytes[]) => Promise<void>> = {
  inclusion: (vector, proof) =>
    verifyInclusion({
      index: vector.leafIdx,
      size: vector.treeSize,
      leaf: bytes(vector.leafHash),
      root: bytes(vector.root),
      proof,
    }),
  consistency: (vector, proof) =>
    verifyConsistency({
      from: vector.size1,
      to: vector.size2,
      fromRoot: bytes(vector.root1),
      toRoot: bytes(vector.root2),
      proof,
    }),
  subtreeinclusion: (vector, proof) =>
    verifySubtreeInclusion({
      index: vector.leafIdx,
      start: vector.start,
      end: vector.end,
      leaf: bytes(vector.leafHash),
      root: bytes(vector.root),
      proof,
    }),
  subtreeconsistency: (vector, proof) =>
    verifySubtreeConsistency({
      start: vector.start,
      end: vector.end,
      size: vector.size,
      subtreeRoot: bytes(vector.root1),
      root: bytes(vector.root2),
      proof,
    }),
};

const folder = sharedVectors('merkle');

describe.skipIf(!folder)('the proof vectors of transparency-dev/merkle', () => {
  const counts = { inclusion: 98, consistency: 98, subtreeinclusion: 204, subtreeconsistency: 118 };
  for (const [kind, verify] of Object.entries(VERIFIERS)) {
    test(`get their verdict: ${kind}`, async () => {
      const root = join(folder ?? '', 'transparency-dev', 'testdata', kind);
      const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.json'),
      );
      for (const file of files) {
        const vector = JSON.parse(readFileSync(join(root, file), 'utf8')) as Case;
        const verdict = verify(vector, (vector.proof ?? []).map(bytes));
        // Upstream calls an empty subtree part of any tree, whatever the root; we refuse to look at nothing.
        const empty = kind === 'subtreeconsistency' && vector.start === vector.end;
        if (vector.wantErr || empty) await expect(verdict, file).rejects.toBeInstanceOf(TlogError);
        else await expect(verdict, file).resolves.toBeUndefined();
      }
      expect(files.length).toBe(counts[kind as keyof typeof counts]);
    });
  }
});

/** The first `count` leaves of a log, and a hash reader that computes from them. */
async function log(count: number): Promise<{ leaves: Bytes[]; read: HashReader }> {
  const leaves = await Promise.all(
    Array.from({ length: count }, (_, i) => leafHash(Uint8Array.of(i, i >> 8))),
  );
  return {
    leaves,
    read: (level, index) => treeRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
  };
}

test('every leaf of every tree up to 40 leaves has a proof that verifies, and under no other root', async () => {
  const { leaves, read } = await log(40);
  for (let size = 1; size <= 40; size++) {
    const root = await treeRoot(leaves.slice(0, size));
    expect(await rootAt(read, size)).toEqual(root);
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(read, index, size);
      const leaf = leaves[index] ?? new Uint8Array();
      await verifyInclusion({ index, size, leaf, proof, root });
      await expect(
        verifyInclusion({ index, size, leaf, proof, root: await leafHash(root) }),
      ).rejects.toMatchObject({ code: 'tlog/root-mismatch' });
    }
  }
});

test('any two sizes of one log are consistent, and a rewritten log is not', async () => {
  const { leaves, read } = await log(70);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), async (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const proof = await consistencyProof(read, from, to);
      const fromRoot = await treeRoot(leaves.slice(0, from));
      const toRoot = await treeRoot(leaves.slice(0, to));
      await verifyConsistency({ from, to, fromRoot, toRoot, proof });
      const rewritten = await treeRoot([await leafHash(toRoot), ...leaves.slice(1, to)]);
      await expect(verifyConsistency({ from, to, fromRoot, toRoot: rewritten, proof })).rejects.toMatchObject(
        { code: 'tlog/root-mismatch' },
      );
    }),
    { numRuns: 150 },
  );
});

test('refuses a proof with a hash too many, too few, or of the wrong length', async () => {
  const { leaves, read } = await log(13);
  const [index, size, root] = [5, 13, await treeRoot(leaves)];
  const leaf = leaves[index] ?? new Uint8Array();
  const proof = await inclusionProof(read, index, size);
  const check = (changed: readonly Bytes[]) => verifyInclusion({ index, size, leaf, root, proof: changed });
  await expect(check([...proof, root])).rejects.toMatchObject({ code: 'tlog/bad-proof-length' });
  await expect(check(proof.slice(1))).rejects.toMatchObject({ code: 'tlog/bad-proof-length' });
  await expect(check([...proof.slice(1), root.slice(1)])).rejects.toMatchObject({ code: 'tlog/bad-hash' });
});

test('refuses sizes and indexes that no tree has', async () => {
  const { read } = await log(4);
  await expect(inclusionProof(read, 4, 4)).rejects.toMatchObject({ code: 'tlog/bad-index' });
  await expect(inclusionProof(read, -1, 4)).rejects.toMatchObject({ code: 'tlog/bad-index' });
  await expect(inclusionProof(read, 0, 2 ** 53)).rejects.toMatchObject({ code: 'tlog/bad-size' });
  await expect(consistencyProof(read, 0, 4)).rejects.toMatchObject({ code: 'tlog/bad-size' });
  await expect(consistencyProof(read, 4, 3)).rejects.toMatchObject({ code: 'tlog/bad-size' });
});

test('a frontier has the root of the whole tree at every size, also when taken up again from its hashes', async () => {
  const { leaves, read } = await log(67);
  let frontier = new Frontier();
  for (const [at, leaf] of leaves.entries()) {
    expect(await frontier.root()).toEqual(await treeRoot(leaves.slice(0, at)));
    await frontier.add(leaf);
    if (at % 5 === 0) frontier = await Frontier.from(read, frontier.size);
  }
  expect(await frontier.root()).toEqual(await treeRoot(leaves));
  expect(frontier.size).toBe(67);
  const copy = frontier.copy();
  await copy.add(leaves[0] ?? new Uint8Array());
  expect(frontier.size).toBe(67);
  expect(() => new Frontier(3, [])).toThrow(expect.objectContaining({ code: 'tlog/bad-size' }));
});
