// Which living processes belong to a user, from /proc; empty off Linux. A process that starts during the look may be missed,
// so whoever ends a user's processes looks again until none is left.
import { readdirSync, readFileSync } from 'node:fs';

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return ''; // it has ended, or /proc is hidden from us
  }
}

/** Living processes whose real user is `uid`. */
export function processesOf(uid: number): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
  return names.map(Number).filter((pid) => {
    const status = statusOf(pid);
    return status.includes(`\nUid:\t${uid}\t`) && !/^State:\t[ZX]/m.test(status);
  });
}
