// The user that a run gets. bubblewrap started by the real root would act on files as root (a writable core_pattern is
// the whole host), so root drops to a user of the run's own first; an ordinary user stays itself.
import { randomInt } from 'node:crypto';
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { processesOf } from '@sealroom/host/linux';
import { SandboxError } from './error.ts';

export type Identity = {
  readonly uid: number;
  readonly gid: number;
  /** Nobody else runs under this user: whatever does belongs to the run. */
  readonly dedicated: boolean;
};

// Below 65534, so that it is mapped in containers too, and above what distributions hand out to people and services.
const FIRST_UID = 63_000;
const LAST_UID = 64_999;
const taken = new Set<number>();

/** Whether this id is one that {@link chooseIdentity} gives out to root's runs. */
export function isRunUser(uid: number): boolean {
  return uid >= FIRST_UID && uid <= LAST_UID;
}

function accounts(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

/** Reserves the user of one run; {@link releaseIdentity} gives it back. */
export function chooseIdentity(): Identity {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0 || process.platform !== 'linux') return { uid, gid, dedicated: false };
  const known = accounts();
  const span = LAST_UID - FIRST_UID + 1;
  const start = randomInt(span);
  for (let step = 0; step < span; step++) {
    const candidate = FIRST_UID + ((start + step) % span);
    if (taken.has(candidate) || known.includes(`:x:${candidate}:`) || processesOf(candidate).length > 0)
      continue;
    taken.add(candidate);
    return { uid: candidate, gid: candidate, dedicated: true };
  }
  throw new SandboxError('sandbox/no-room', 'No user id is free for another run; wait until one has ended.');
}

export function releaseIdentity(identity: Identity): void {
  if (identity.dedicated) taken.delete(identity.uid);
}

function allows(path: string, bits: number): boolean {
  try {
    return (statSync(path).mode & bits) === bits;
  } catch {
    return false;
  }
}

/**
 * Whether the run's user can reach `path` and read and execute (or list) it. For a user that is not ours only the
 * permissions for others count; access control lists are not looked at.
 */
export function canReach(path: string, identity: Identity): boolean {
  try {
    if (!identity.dedicated) {
      accessSync(path, constants.R_OK | constants.X_OK);
      return true;
    }
    const real = realpathSync(path);
    if (!allows(real, 0o005)) return false;
    for (let folder = dirname(real); ; folder = dirname(folder)) {
      if (!allows(folder, 0o001)) return false;
      if (folder === dirname(folder)) return true;
    }
  } catch {
    return false;
  }
}
