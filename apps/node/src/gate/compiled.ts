// The room program's compiled code (Node's compile cache): made anew when the node starts, from the program as installed, and
// shown to gated rooms read-only, so that a room starts in half the time. Decision 085 says what it may and may not change.
// Without a gate there is none: a room could then write what later rooms run. Not checked: that Node made what it was asked.
import { execFile } from 'node:child_process';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ensureDirectory } from '@sealroom/host';

const run = promisify(execFile);
const FILL_MS = 60_000;

/** Node names the folder after its version, the processor, its flags and the user, and looks for no other. */
export type Compiled = { readonly folder: string; readonly name: string };

/** The folder's name for another user than the one that filled it. */
export function nameFor({ name }: Compiled, uid: number | undefined): string {
  return uid === undefined ? name : name.replace(/-[0-9]+$/, `-${uid}`);
}

/**
 * Starts the program once with `--probe` and keeps what it compiled; undefined when that does not come about, which costs
 * time only.
 */
export async function compileRoom(program: string, folder: string): Promise<Compiled | undefined> {
  const kept = resolve(folder);
  await rm(kept, { recursive: true, force: true });
  await ensureDirectory(kept, 0o700);
  const { PATH = '/usr/bin:/bin' } = process.env;
  try {
    const env = { PATH, NODE_COMPILE_CACHE: kept };
    await run(process.execPath, [program, '--probe'], { timeout: FILL_MS, env });
  } catch {
    return undefined;
  }
  const [name, ...more] = await readdir(kept);
  if (name === undefined || more.length > 0 || !/-[0-9]+$/.test(name)) return undefined;
  // A room's user must be able to read what root wrote for itself alone.
  await chmod(join(kept, name), 0o755);
  for (const file of await readdir(join(kept, name))) await chmod(join(kept, name, file), 0o644);
  return { folder: join(kept, name), name };
}
