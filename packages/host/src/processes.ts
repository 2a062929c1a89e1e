// Which process a number means: a pid alone can come back as another process, so it is kept with the time of its start.
// Linux tells that time; elsewhere a live pid counts as the same process.
import { readFileSync } from 'node:fs';
import { codeOf } from './problem.ts';

/** A process as one may name it in a file: its pid, and when it started, in clock ticks since the machine's start. */
export type ProcessName = { readonly pid: number; readonly start: string };

function statusOf(pid: number): { readonly state: string; readonly start: string } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return { state: '', start: '' };
  }
}

/** The name of a live process. */
export function processName(pid: number): ProcessName {
  return { pid, start: statusOf(pid).start };
}

/** Whether there is a process or zombie with this number. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** Whether the very process that was named still lives. */
export function isAlive({ pid, start }: ProcessName): boolean {
  if (!exists(pid)) return false;
  const now = statusOf(pid);
  // Z: it has ended, only its parent has not looked yet.
  if (now.state === 'Z') return false;
  return start === '' || now.start === '' || now.start === start;
}

/**
 * Kills a process that leads its own group, with all that is in the group, also when the leader has ended before the
 * others. A number that means another process by now is left alone.
 */
export function killGroup(leader: ProcessName): void {
  const now = statusOf(leader.pid).start;
  if (exists(leader.pid) && now !== '' && leader.start !== '' && now !== leader.start) return;
  try {
    process.kill(-leader.pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
