// The command line that puts a room program into an empty network and a root of its own: the system's folders, the program
// and its packages, read-only; its spool folder; a /tmp, /run and /dev/shm that end with it. The node's keys, other folders of
// the same user and the sockets of the host's services are not there. It never runs as root. Namespaces, not a sandbox: no
// system call filter, and the host's processes are in its /proc, where it may signal those of its own user.
import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '@sealroom/host/linux';
import { type Compiled, nameFor } from './compiled.ts';
import type { RoomUser } from './room-user.ts';

const PROJECT = join(import.meta.dirname, '..', '..', '..', '..');
const PROGRAM_PARTS = ['apps/room', 'packages', 'sdk', 'node_modules', 'package.json'];
const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
// What it takes to become the room's user, and no more.
const DROPPING = ['SETGID', 'SETUID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]);
const JOINING = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';

/** Where a room under a gate finds its socket. */
export const SOCKET_INSIDE = '/run/gate.sock';

const COMPILED_INSIDE = '/run/compiled';

/** The path of bubblewrap, or what is missing. */
export function findBubblewrap(): { readonly bwrap?: string; readonly missing: string } {
  const bwrap = findProgram('bwrap');
  if (bwrap === undefined)
    return {
      missing: 'bubblewrap is not installed: install the package "bubblewrap", version 0.8 or newer.',
    };
  if (process.getuid?.() === 0 && findProgram('setpriv') === undefined)
    return { missing: 'The node is root and cannot give a room another user: install util-linux (setpriv).' };
  return { bwrap, missing: '' };
}

function systemFolders(): string[] {
  return SYSTEM_FOLDERS.flatMap((path) => {
    try {
      return lstatSync(path).isSymbolicLink()
        ? ['--symlink', readlinkSync(path), path]
        : ['--ro-bind', path, path];
    } catch {
      return []; // this host has no such folder
    }
  });
}

function readOnly(path: string): string[] {
  return ['--ro-bind', path, path];
}

/** bubblewrap makes missing folders for its own user alone; the room's user has to pass through them. */
function foldersAbove(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    for (let at = dirname(path); at !== dirname(at); at = dirname(at)) found.add(at);
  }
  return [...found].toSorted().flatMap((path) => ['--perms', '0755', '--dir', path]);
}

function memoryFolders(): string[] {
  return ['/dev/shm', '/tmp'].flatMap((path) => ['--perms', '1777', '--tmpfs', path]);
}

export type Enclosure = {
  /** The room program or a test's. */
  readonly program: string;
  /** The room's spool folder, absolute. */
  readonly folder: string | undefined;
  /** The gate's socket; without one there is no way out at all. */
  readonly socketPath: string | undefined;
  /** Its user, where the node is root. */
  readonly user: RoomUser | undefined;
  /** The program's compiled code, which the room may read. */
  readonly compiled?: Compiled | undefined;
};

function showing(compiled: Compiled | undefined, user: RoomUser | undefined): string[] {
  if (compiled === undefined) return [];
  const inside = join(COMPILED_INSIDE, nameFor(compiled, user?.uid));
  const found = ['--setenv', 'NODE_COMPILE_CACHE', COMPILED_INSIDE];
  return ['--perms', '0755', '--dir', COMPILED_INSIDE, '--ro-bind', compiled.folder, inside, ...found];
}

/** bubblewrap makes the root as root would, and what runs in it is the room's user from its first instruction. */
function becoming(user: RoomUser | undefined): string[] {
  if (user === undefined) return [];
  const { uid } = user;
  const drop = ['--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  // Changing users takes the parent's-death signal away, so it is asked for again.
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, ...drop, '--pdeathsig=KILL', '--'];
}

function joining(user: RoomUser | undefined): string[] {
  if (user === undefined || user.joins.length === 0) return [];
  return ['/bin/sh', '-c', JOINING, 'sh', ...user.joins, '--'];
}

/** Command words before the program's own. */
export function enclosed(
  bwrap: string,
  { program, folder, socketPath, user, compiled }: Enclosure,
): string[] {
  const parts = PROGRAM_PARTS.map((name) => realpathSync(join(PROJECT, name)));
  const own = [...parts, realpathSync(process.execPath), dirname(realpathSync(program))];
  return [
    joining(user),
    [bwrap, '--unshare-net', '--unshare-ipc', '--die-with-parent', '--cap-drop', 'ALL'],
    user === undefined ? ['--unshare-user'] : DROPPING,
    [...readOnly('/usr'), ...systemFolders(), ...readOnly('/etc'), '--bind', '/proc', '/proc'],
    // Control groups that are delegated to the node are so to its rooms.
    [...readOnly('/sys'), '--bind-try', '/sys/fs/cgroup', '/sys/fs/cgroup', '--dev', '/dev'],
    [...memoryFolders(), '--tmpfs', '/run', '--dir', '/var', '--symlink', '../tmp', '/var/tmp'],
    foldersAbove(folder === undefined ? own : [...own, folder]),
    own.flatMap(readOnly),
    folder === undefined ? [] : ['--bind', folder, folder],
    showing(compiled, user),
    socketPath === undefined ? [] : ['--bind', socketPath, SOCKET_INSIDE],
    ['--chdir', '/', '--setenv', 'TMPDIR', '/tmp', '--'],
    becoming(user),
  ].flat();
}
