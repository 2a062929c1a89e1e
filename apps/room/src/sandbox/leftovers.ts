// Names for what a run leaves on the host while it lasts, and the sweeping of what a killed room could not remove. A name
// tells the process that made it (with its pid namespace, since numbers repeat between containers); only what belongs to a
// process that has ended is swept, and only what our own users own.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isRunUser } from './identity.ts';

function namespace(): string {
  try {
    return Number(/[0-9]+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0).toString(36);
  } catch {
    return '0'; // not Linux
  }
}

const PREFIX = `sealroom-${namespace()}-`;

/** Beginning of a name that says whose it is. */
export function ownPrefix(): string {
  return `${PREFIX}${process.pid}-`;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
}

/** Folders directly in `base` that a process left behind which has ended. */
export function leftovers(base: string): string[] {
  try {
    return readdirSync(base)
      .filter((name) => name.startsWith(PREFIX))
      .filter((name) => {
        const pid = Number(/^[0-9]+(?=-)/.exec(name.slice(PREFIX.length))?.[0] ?? 'NaN');
        return Number.isSafeInteger(pid) && !lives(pid);
      })
      .map((name) => join(base, name))
      .filter((path) => {
        const { uid } = lstatSync(path);
        return uid === process.getuid?.() || (process.getuid?.() === 0 && isRunUser(uid));
      });
  } catch {
    return []; // somebody else is sweeping, or the folder is closed to us
  }
}
