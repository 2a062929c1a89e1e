// Where the node is root, each room gets a user of its own, whose processes are the room's: a room that was taken over can
// then neither act on the host's files nor trace a process of root. What root could have done for its runs is given to that
// user beforehand: control groups of its own. An ordinary node's rooms are its own user's. Not here: what the room may see.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '@sealroom/host';
import {
  groupFile,
  isReadable,
  makeGroup,
  ownV1Folder,
  processesOf,
  removeGroup,
  unifiedFolders,
  writeSetting,
} from '@sealroom/host/linux';

export type RoomUser = {
  readonly uid: number;
  /** Files into which the room's process writes its id before it becomes the user. */
  readonly joins: readonly string[];
  /** Ends what still runs under the user and removes its control groups. */
  remove(): Promise<void>;
};

// Above the users that the sandbox gives to root's runs, and mapped in containers too.
const FIRST_UID = 65_000;
const LAST_UID = 65_499;
const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct'];
const PATIENCE = 500;
const taken = new Set<number>();

function accounts(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

function chooseUid(): number {
  const known = accounts();
  const span = LAST_UID - FIRST_UID + 1;
  const start = randomInt(span);
  for (let step = 0; step < span; step++) {
    const uid = FIRST_UID + ((start + step) % span);
    if (taken.has(uid) || known.includes(`:x:${uid}:`) || processesOf(uid).length > 0) continue;
    taken.add(uid);
    return uid;
  }
  throw new Error('No user id between 65000 and 65499 is free for another room.');
}

type Delegated = { readonly groups: readonly string[]; readonly joins: readonly string[] };

async function delegateV1(name: string, uid: number): Promise<Delegated | undefined> {
  const parents = new Set(CONTROLLERS.flatMap((controller) => ownV1Folder(controller) ?? []));
  const groups = [...parents].flatMap((parent) => makeGroup(parent, name, 'v1') ?? []);
  for (const group of groups) await chown(group, uid, uid);
  if (groups.length === 0) return undefined;
  return { groups, joins: groups.map(groupFile) };
}

/** A group that hands controllers down may hold no process, so the room's own stands below it. */
async function delegateV2(name: string, uid: number): Promise<Delegated | undefined> {
  for (const parent of unifiedFolders()) {
    const group = makeGroup(parent, name, 'v2');
    if (group === undefined) continue;
    const leaf = isReadable(join(group, 'memory.max')) ? makeGroup(group, 'room', 'v2') : undefined;
    if (leaf === undefined) {
      removeGroup(group);
      continue;
    }
    for (const controller of ['memory', 'pids', 'cpu'])
      writeSetting(join(group, 'cgroup.subtree_control'), `+${controller}`);
    const files = [group, groupFile(group), join(group, 'cgroup.subtree_control'), leaf, groupFile(leaf)];
    for (const path of files) await chown(path, uid, uid);
    return { groups: [leaf, group], joins: [groupFile(leaf)] };
  }
  return undefined;
}

/** Removes a group with those that a killed room left in it. */
async function removeTree(group: string): Promise<void> {
  const inside = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of inside) if (entry.isDirectory()) await removeTree(join(group, entry.name));
  removeGroup(group);
}

const GROUP = /^sealroom-room-([0-9]+)-[0-9]+$/;

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** Removes the control groups that nodes of this machine left which were killed; a group that still holds a process stays. */
export async function removeLeftGroups(): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const parents = new Set([...CONTROLLERS.flatMap((name) => ownV1Folder(name) ?? []), ...unifiedFolders()]);
  for (const parent of parents) {
    for (const name of await readdir(parent).catch(() => [])) {
      const owner = GROUP.exec(name)?.[1];
      if (owner !== undefined && isGone(Number(owner))) await removeTree(join(parent, name));
    }
  }
}

async function endAll(uid: number): Promise<void> {
  for (let round = 0; round < PATIENCE; round++) {
    const left = processesOf(uid);
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        continue; // it has ended by itself
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let made = 0;

/** A user for one room, or undefined where the node is not root: then the room stays the node's user. */
export async function createRoomUser(): Promise<RoomUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const uid = chooseUid();
  const name = `sealroom-room-${process.pid}-${made++}`;
  const delegated = (await delegateV1(name, uid)) ?? (await delegateV2(name, uid));
  return {
    uid,
    joins: delegated?.joins ?? [],
    remove: async () => {
      await endAll(uid);
      for (const group of delegated?.groups ?? []) await removeTree(group);
      taken.delete(uid);
    },
  };
}
