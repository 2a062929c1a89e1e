// The two command lines of the sandbox. The outer one holds the forwarder and an empty network; the inner one, started by
// the forwarder, holds the algorithm: pid, mount, ipc, uts, cgroup and user namespaces of its own, seccomp, no capability,
// a root file system that is read-only but for its scratch. Root file system `base: host`: the host's /usr, read-only.
// Not hidden from the algorithm: what the host's /usr holds, and the machine's figures in /proc (memory, load, processors).
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxError } from './error.ts';
import type { Stage } from './stage.ts';
import type { Limits } from './types.ts';

const USER = '1000';
const STAGE = '/run/room';
/** Where the outer sandbox holds all that the algorithm may write. */
export const SCRATCH = '/run/scratch';
const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const HOST_ETC = [
  // R's own files, not its site files, in which an operator may keep passwords.
  '/etc/R/Renviron',
  '/etc/R/ldpaths',
  '/etc/alternatives',
  '/etc/ca-certificates.conf',
  '/etc/crypto-policies',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/mime.types',
  '/etc/pki/ca-trust',
  '/etc/pki/tls/certs',
  '/etc/python3',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
];
const MAX_LOCAL_PROGRAMS = 256;
export const DEFAULT_SCRATCH_BYTES = 512 * 1024 * 1024;

/** Where things lie for the algorithm. */
export const INSIDE = {
  python: '/opt/sealroom/python',
  files: '/opt/sealroom/files',
  prefix: '/opt/sealroom/',
} as const;

/** Generated files of /etc, by name. */
export const ETC_FILES: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/:/bin/sh\nalgorithm:x:${USER}:${USER}:algorithm:/tmp:/bin/sh\n`,
  group: `root:x:0:\nalgorithm:x:${USER}:\n`,
  hosts: '127.0.0.1 localhost room\n::1 localhost room\n',
  hostname: 'room\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
};

/**
 * @throws SandboxError `sandbox/bad-workdir` for a folder that would cover the system's.
 */
export function checkWorkdir(workdir: string): void {
  const plain = /^(\/[A-Za-z0-9_][A-Za-z0-9._-]*){1,8}$/.test(workdir);
  const system = /^\/(usr|bin|sbin|lib[0-9a-z]*|etc|proc|dev|sys|run|tmp|boot|var)(\/|$)/.test(workdir);
  const own = workdir === '/opt' || workdir.startsWith('/opt/sealroom');
  if (!plain || own || (system && !workdir.startsWith('/usr/src/'))) {
    throw new SandboxError(
      'sandbox/bad-workdir',
      'The Dockerfile names a WORKDIR that cannot hold a package; use /app or another folder of its own.',
    );
  }
}

// /usr is put together from its parts so that /usr/local/bin can hold our Node beside what the host has there.
function usrArguments(node: string): string[] {
  const out: string[] = [];
  const part = (path: string): void => {
    const status = lstatSync(path);
    if (status.isSymbolicLink()) out.push('--symlink', readlinkSync(path), path);
    else out.push('--ro-bind-try', path, path);
  };
  for (const name of readdirSync('/usr')) if (name !== 'local' && name !== 'src') part(join('/usr', name));
  const local = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  for (const name of local('/usr/local')) if (name !== 'bin') part(join('/usr/local', name));
  const programs = local('/usr/local/bin').filter((name) => name !== 'node');
  for (const name of programs.slice(0, MAX_LOCAL_PROGRAMS)) part(join('/usr/local/bin', name));
  out.push('--ro-bind', node, '/usr/local/bin/node');
  return out;
}

function systemArguments(): string[] {
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

const COMMON = [
  ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
  ['--uid', USER, '--gid', USER, '--hostname', 'room', '--cap-drop', 'ALL'],
  ['--new-session', '--die-with-parent', '--clearenv'],
].flat();

/** The outer sandbox around the forwarder. */
export function outerCommand(bwrap: string, stage: Stage, workdir: string, scratchBytes: number): string[] {
  return [
    [bwrap],
    COMMON,
    ['--unshare-net'],
    usrArguments(stage.node),
    workdir.startsWith('/usr/src/') ? ['--dir', workdir] : [],
    systemArguments(),
    Object.keys(ETC_FILES).flatMap((name) => ['--ro-bind', `${stage.folder}/etc/${name}`, `/etc/${name}`]),
    HOST_ETC.flatMap((path) => ['--ro-bind-try', path, path]),
    ['--ro-bind', stage.folder, STAGE],
    ['--size', String(stage.packageBytes + scratchBytes), '--perms', '0700', '--tmpfs', SCRATCH],
    ['--dir', '/tmp', '--proc', '/proc', '--dev', '/dev', '--remount-ro', '/dev', '--remount-ro', '/'],
    ['--chdir', '/', '--json-status-fd', '4', '--'],
    ['/usr/local/bin/node', '--max-old-space-size=64', `${STAGE}/forward.ts`, `${STAGE}/plan.json`],
  ].flat();
}

/**
 * Shell words that set resource limits and then become the algorithm. In units of sh: blocks of 512 bytes, kilobytes,
 * seconds. The number of processes is counted in the algorithm's own user namespace, so the limit is set inside it.
 */
export function limitedCommand(
  limits: Limits,
  scratchBytes: number,
  bounds: { readonly memory: boolean; readonly processes: boolean },
  command: readonly string[],
): string[] {
  const seconds = Math.ceil((limits.wallMs / 1000) * Math.max(1, Math.ceil(limits.cpus))) + 5;
  const words = [
    `ulimit -f ${Math.ceil(scratchBytes / 512)}`,
    `ulimit -t ${seconds}`,
    'ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -H -n)"',
  ];
  // A backstop for one burst between two looks of the memory watch, which is the judge where no control group is.
  if (bounds.memory) words.push(`ulimit -d ${Math.ceil((limits.memoryBytes * 2) / 1024) + 262_144}`);
  // dash and busybox say -p, bash says -u.
  if (bounds.processes)
    words.push(`ulimit -u ${limits.processes} 2>/dev/null || ulimit -p ${limits.processes}`);
  return [
    '/bin/sh',
    '-c',
    `${words.map((word) => `{ ${word}; }`).join(' && ')} && exec "$@"`,
    'sh',
    ...command,
  ];
}

/**
 * The inner sandbox around the algorithm, as the forwarder starts it, with the seccomp filter as descriptor 3, bwrap's
 * status as 4 and the variables as 5.
 */
export function innerCommand(bwrap: string, workdir: string, command: readonly string[]): string[] {
  return [
    [bwrap],
    COMMON,
    // Variables come through a descriptor: a command line can be read by everybody on the host.
    ['--disable-userns', '--args', '5'],
    ['--ro-bind', '/usr', '/usr', ...systemArguments(), '--ro-bind', '/etc', '/etc'],
    ['--ro-bind', `${STAGE}/python`, INSIDE.python, '--ro-bind', `${STAGE}/files`, INSIDE.files],
    // Process 1 is bwrap's own. It is the algorithm's user and has none of the limits set below: its memory must not be
    // writable, and a system call filter cannot see the path of an open(2).
    ['--proc', '/proc', '--perms', '0555', '--tmpfs', '/proc/1', '--remount-ro', '/proc/1'],
    ['--dev', '/dev', '--bind', `${SCRATCH}/shm`, '/dev/shm', '--remount-ro', '/dev'],
    ['--bind', `${SCRATCH}/tmp`, '/tmp', '--dir', '/var', '--symlink', '../tmp', '/var/tmp'],
    ['--bind', `${SCRATCH}/app`, workdir, '--chdir', workdir, '--remount-ro', '/', '--seccomp', '3'],
    ['--json-status-fd', '4', '--'],
    command,
  ].flat();
}

/** What the forwarder reads at its start. */
export function forwardPlan(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string {
  return JSON.stringify({
    environment,
    package: `${STAGE}/package`,
    scratch: SCRATCH,
    socket: `${STAGE}/api.sock`,
    port: 5000,
    filter: `${STAGE}/filter.bpf`,
    command,
  });
}
