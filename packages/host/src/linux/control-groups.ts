// Where this process's control groups lie (cgroups(7)): one folder a controller in version 1, one for all in version 2; and
// making, setting and removing groups. On a plain tmpfs mkdir succeeds and means nothing, so a group is made only on a
// control group file system. Not here: which limits, and whether they hold.
import { mkdirSync, readFileSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Mount, mounts } from './mounts.ts';

const MAGIC = { v1: 0x27e0eb, v2: 0x63677270 } as const;

export function isReadable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether the kernel took the value; it may still have changed it. */
export function writeSetting(path: string, value: number | string): boolean {
  try {
    writeFileSync(path, String(value));
    return true;
  } catch {
    return false;
  }
}

/** A new group below `parent`, or undefined where there is none to be had. */
export function makeGroup(parent: string, name: string, kind: 'v1' | 'v2'): string | undefined {
  const folder = join(parent, name);
  try {
    if (statfsSync(parent).type !== MAGIC[kind]) return undefined;
    mkdirSync(folder);
    return folder;
  } catch {
    return undefined;
  }
}

/** Removes a group that holds no process and no group. */
export function removeGroup(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** The file of a group into which a process writes its id to join. */
export function groupFile(folder: string): string {
  return join(folder, 'cgroup.procs');
}

/** This process's group by controller; '' is version 2's. */
function ownPaths(): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    for (const controller of controllers.split(',')) found.set(controller, path.join(':'));
  }
  return found;
}

function placeOf(mount: Mount, path: string): string {
  return join(mount.point, path.startsWith(mount.root) ? path.slice(mount.root.length) : path);
}

/** Version 1: the folder of this process's group for one controller. */
export function ownV1Folder(controller: string): string | undefined {
  const mount = mounts().find(
    ({ type, superOptions }) => type === 'cgroup' && superOptions.includes(controller),
  );
  const path = ownPaths().get(controller);
  return mount === undefined || path === undefined ? undefined : placeOf(mount, path);
}

/** Version 2: the folder of this process's group and those of the groups around it, the nearest first. */
export function unifiedFolders(): string[] {
  const mount = mounts().find(({ type }) => type === 'cgroup2');
  const path = ownPaths().get('');
  if (mount === undefined || path === undefined) return [];
  const found: string[] = [];
  for (let at = placeOf(mount, path); at.startsWith(mount.point); at = dirname(at)) found.push(at);
  return found;
}
