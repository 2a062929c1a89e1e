// Where the statements lie: one file a group, named by its first leaf, each statement after its length (uint32). A group is
// written by one flush, which is what makes many appends at once cheap; no file is ever changed.
//   <data>/statements/<first div 10,000>/<first>
import { type Bytes, concat, Reader } from '@sealroom/bytes';
import type { Disk, DurableFile } from './disk.ts';
import { LedgerError } from './error.ts';

const FOLDER = 'statements';
const FOLDER_WIDTH = 10_000;

function pathOf(first: number): string {
  return `${FOLDER}/${Math.floor(first / FOLDER_WIDTH)}/${first}`;
}

/** The file of a group whose first statement is leaf `first`. */
export function statementsFile(first: number, statements: readonly Bytes[]): DurableFile {
  const parts = statements.flatMap((bytes) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    return [length, bytes];
  });
  return { path: pathOf(first), bytes: concat(...parts) };
}

/** First leaves of the groups on disk, in order. Files that no group has, or that begin beyond `size`, are removed. */
export async function findGroups(disk: Disk, size: number): Promise<number[]> {
  const groups: number[] = [];
  for (const path of await disk.list(FOLDER)) {
    const first = Number(path.split('/').at(-1));
    if (path === pathOf(first) && first < size) groups.push(first);
    else await disk.remove(path);
  }
  return groups.sort((a, b) => a - b);
}

function lost(): LedgerError {
  const message =
    'Statements that the log holds are not on the disk as they were; restore the statements folder.';
  return new LedgerError('ledger/statement-missing', message);
}

/** The statements of a group. @throws ledger/statement-missing when there are not exactly `count` of them */
export async function readGroup(disk: Disk, first: number, count: number): Promise<readonly Bytes[]> {
  const bytes = await disk.read(pathOf(first));
  if (!bytes) throw lost();
  const reader = new Reader(bytes);
  const statements: Bytes[] = [];
  try {
    while (statements.length < count) statements.push(reader.take(reader.uintBE(4)));
    reader.end();
  } catch {
    throw lost();
  }
  return statements;
}

/** The statement of a leaf. `groups` are the first leaves in order. @throws ledger/statement-missing */
export async function readStatement(
  disk: Disk,
  { groups, size }: { readonly groups: readonly number[]; readonly size: number },
  leaf: number,
): Promise<Bytes> {
  let [low, high] = [0, groups.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((groups[middle] ?? 0) <= leaf) low = middle;
    else high = middle;
  }
  const first = groups[low] ?? 0;
  const found = (await readGroup(disk, first, (groups[low + 1] ?? size) - first))[leaf - first];
  if (found) return found;
  throw lost();
}
