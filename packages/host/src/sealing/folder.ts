// What sealing and opening a folder share: outputs apart from inputs, folders for files, progress over all of them.
import { mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { SealingError } from './error.ts';
import type { OnProgress } from './file.ts';
import { exists } from './place.ts';

/** Refuses an output that lies in the input or the other way round: it would seal, or delete, itself. */
export async function checkApart(input: string, output: string): Promise<void> {
  const target = (await exists(output))
    ? await realpath(output)
    : join(await realpath(dirname(resolve(output))), basename(resolve(output)));
  const source = await realpath(input);
  const inside = (outer: string, inner: string) => {
    const way = relative(outer, inner);
    return way === '' || !(way === '..' || way.startsWith(`..${sep}`));
  };
  if (inside(source, target) || inside(target, source)) {
    throw new SealingError(
      'sealing/bad-output',
      'Input and output must not lie in each other; choose another output.',
    );
  }
}

export type Totals = { readonly add: (path: string, count: number) => void };

export function totalsOf(total: number, onProgress: OnProgress | undefined): Totals {
  let done = 0;
  return { add: (path, count) => onProgress?.({ done: (done += count), total, path }) };
}

/** Makes the folders of these files below `root`, and gives all that are there now, `root` first. */
export async function makeFolders(root: string, paths: readonly string[]): Promise<string[]> {
  const folders = new Set<string>(['.']);
  for (const path of paths) {
    for (let folder = dirname(path); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  const made = [...folders].map((folder) => join(root, folder)).toSorted((a, b) => a.length - b.length);
  for (const folder of made) await mkdir(folder, { recursive: true });
  return made;
}
