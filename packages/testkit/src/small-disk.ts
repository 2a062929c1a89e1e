// A disk that can be full, for tests: a memory file system of a given size in a mount namespace of its own, which a process
// under bubblewrap holds open. The test reaches it through that process, so it needs no right to mount.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const PLACE = '/mnt';

function mounted(bytes: number): string[] {
  return ['--dev-bind', '/', '/', '--size', String(bytes), '--tmpfs', PLACE];
}

/** Whether this machine gives tests a small disk; says why where it does not. @throws when the environment says CI */
export function hasSmallDisks(): boolean {
  if (spawnSync('bwrap', [...mounted(4096), 'true'], { stdio: 'ignore' }).status === 0) return true;
  if (process.env['CI'] === 'true')
    throw new Error('A test needs a small disk; CI must not skip it. Install bubblewrap.');
  console.log('skipped: bubblewrap cannot mount a small disk here, so nothing was tried on a full one');
  return false;
}

export type SmallDisk = {
  /** Its folder, for any process of this user. */
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives back what `fill` took. */
  free(): Promise<void>;
  close(): void;
};

const BLOCK = new Uint8Array(4096);

async function fillUp(path: string): Promise<void> {
  const handle = await open(path, 'a', 0o600);
  try {
    for (;;) await handle.write(BLOCK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await handle.close();
  }
}

/** @param program runs on the disk instead of nothing, with `{disk}` for its folder; its first line is given to `onLine` */
export async function smallDisk(
  bytes: number,
  program?: { readonly command: readonly string[]; onLine(line: string): void },
): Promise<SmallDisk> {
  // The holder ends when its input does, however this process ends.
  const hold = program?.command.map((part) => part.replaceAll('{disk}', PLACE)) ?? ['cat'];
  const script = ['sh', '-c', 'echo $$; exec "$@"', 'sh', ...hold];
  const child = spawn('bwrap', [...mounted(bytes), ...script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('The holder of the small disk ended before it was ready.');
    return value;
  };
  const path = `/proc/${await next()}/root${PLACE}`;
  if (program) program.onLine(await next());
  const filler = join(path, 'filler');
  return {
    path,
    fill: () => fillUp(filler),
    free: () => rm(filler, { force: true }),
    close: () => {
      child.stdin.end();
      child.kill('SIGTERM');
    },
  };
}
