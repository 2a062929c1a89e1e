// Which isolation this machine's rooms reach, by asking the room program itself: the same probe the room makes at a run.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ISOLATIONS, type Isolation } from '@sealroom/contract';
import { ROOM_PROGRAM } from './rooms.ts';

const run = promisify(execFile);

/** @returns the level, and what stands in the way of a stronger one @throws when the room program cannot be started */
export async function probeIsolation(): Promise<{ isolation: Isolation; reasons: string }> {
  const { stdout } = await run(process.execPath, [ROOM_PROGRAM, '--probe'], { timeout: 60_000 });
  const { isolation, reasons } = JSON.parse(stdout) as { isolation?: unknown; reasons?: unknown };
  const found = ISOLATIONS.find((item) => item === isolation);
  if (!found) throw new Error('The room program named no isolation that this version knows.');
  return { isolation: found, reasons: Array.isArray(reasons) ? reasons.join(' ') : '' };
}
