// What an interrupted sealing had made and can be kept: a file whose source is still the one that was sealed (size, inode,
// times of change) and whose sealed bytes are those of the journal, every segment hashed again. All else in the folder is
// deleted, and sealed anew under fresh salts.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlEncode } from '@sealroom/bytes';
import { parseLeaves, sealedSize, treeDigest, TREE_SUFFIX } from '@sealroom/seal';
import { type SizedTask, type Done, runBatches } from './batches.ts';
import type { Entry, Partial } from './partial.ts';
import { exists } from './place.ts';
import type { SegmentPool } from './pool.ts';
import { type FoundFile, walkFolder } from './walk.ts';

/** Hashing needs none. */
const NO_KEY = new Uint8Array(32);

function isSame({ source }: Entry, found: FoundFile): boolean {
  const now = found.source;
  return (
    source.size === now.size &&
    source.inode === now.inode &&
    source.mtimeMs === now.mtimeMs &&
    source.ctimeMs === now.ctimeMs
  );
}

async function isWhole({ task, made }: Done, entry: Entry): Promise<boolean> {
  if (made.leaves.length === 0 || base64urlEncode(made.salt) !== entry.salt) return false;
  const leaves = parseLeaves(made.leaves, task.listed?.sealedSize ?? 0);
  return (await treeDigest(leaves)) === entry.tree;
}

/** The files to check: noted, with the same source, and still there. */
function candidates(
  entries: readonly Entry[],
  { files, folder, there }: { files: readonly FoundFile[]; folder: string; there: ReadonlySet<string> },
): Map<string, { entry: Entry; task: SizedTask }> {
  const sources = new Map(files.map((file) => [file.path, file]));
  const found = new Map<string, { entry: Entry; task: SizedTask }>();
  // A path that was noted twice was sealed twice; the last one counts.
  for (const entry of entries) {
    const { path, size, tree } = entry;
    const source = sources.get(path);
    found.delete(path);
    if (!source || !isSame(entry, source) || !there.has(path) || !there.has(`${path}${TREE_SUFFIX}`))
      continue;
    const listed = { size, sealedSize: sealedSize(size), tree };
    found.set(path, {
      entry,
      task: { input: join(folder, path), output: '', path, size: listed.sealedSize, listed },
    });
  }
  return found;
}

/**
 * The files of an interrupted sealing that are kept, by path. Whatever else lies in its folder is deleted.
 * @throws sealing/odd-file for links and the like in the folder, sealing/cancelled
 */
export async function keepWhole(
  files: readonly FoundFile[],
  { partial, pool, signal }: { partial: Partial; pool: SegmentPool; signal: AbortSignal | undefined },
): Promise<Map<string, Entry>> {
  const kept = new Map<string, Entry>();
  const { folder, entries } = partial;
  if (!(await exists(folder))) return kept;
  const lying = await walkFolder(folder);
  const there = new Set(lying.map(({ path }) => path));
  const found = candidates(entries, { files, folder, there });
  await runBatches(
    [...found.values()].map(({ task }) => task),
    { pool, mode: 'check', key: NO_KEY },
    {
      signal,
      onBatch: async (done) => {
        for (const one of done) {
          const entry = found.get(one.task.path)?.entry;
          if (entry && (await isWhole(one, entry))) kept.set(entry.path, entry);
        }
      },
    },
  );
  for (const { path, file } of lying) {
    const owner = path.endsWith(TREE_SUFFIX) ? path.slice(0, -TREE_SUFFIX.length) : path;
    if (!kept.has(owner)) await rm(file);
  }
  return kept;
}
