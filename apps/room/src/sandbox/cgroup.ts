// Control groups for one run: a child group of our own (v1, one folder a controller) or of the nearest ancestor that is
// delegated to us (v2), with memory, process and processor limits. A limit counts only after it was read back and a
// process was seen inside: on a plain tmpfs mkdir succeeds and means nothing.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  groupFile,
  isReadable,
  makeGroup,
  ownV1Folder,
  removeGroup,
  unifiedFolders,
  writeSetting,
} from '@sealroom/host/linux';
import { leftovers, ownPrefix } from './leftovers.ts';
import type { Limits } from './types.ts';

const PERIOD_US = 100_000;

export type ControlGroup = {
  readonly kind: 'v1' | 'v2';
  /** Files into which a process writes its id to join. */
  readonly join: readonly string[];
  cpuMs(): number;
  peakMemoryBytes(): number;
  /** How many processes the kernel has killed for lack of memory in this group. */
  memoryKills(): number;
  processes(): number[];
  remove(): void;
};

type Folders = {
  kind: 'v1' | 'v2';
  memory: string;
  pids: string;
  cpu: string | undefined;
  accounting: string | undefined;
};

function number(path: string, pattern = /^([0-9]+)/): number {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function make(parent: string | undefined, name: string, kind: 'v1' | 'v2'): string | undefined {
  if (parent === undefined) return undefined;
  for (const old of leftovers(parent)) removeGroup(old);
  return makeGroup(parent, name, kind);
}

function createV1(name: string): Folders | undefined {
  const child = (controller: string): string | undefined => make(ownV1Folder(controller), name, 'v1');
  const memory = child('memory');
  const pids = memory === undefined ? undefined : child('pids');
  if (memory === undefined || pids === undefined) {
    if (memory !== undefined) removeGroup(memory);
    return undefined;
  }
  const accounting = child('cpuacct');
  const shared = accounting !== undefined && isReadable(join(accounting, 'cpu.cfs_quota_us'));
  return { kind: 'v1', memory, pids, accounting, cpu: shared ? accounting : child('cpu') };
}

function createV2(name: string): Folders | undefined {
  // A group that holds processes hands no controllers down, so the first that does is an ancestor.
  for (const at of unifiedFolders()) {
    const folder = make(at, name, 'v2');
    if (folder === undefined) continue;
    if (isReadable(join(folder, 'memory.max')) && isReadable(join(folder, 'pids.max'))) {
      const cpu = isReadable(join(folder, 'cpu.max')) ? folder : undefined;
      return { kind: 'v2', memory: folder, pids: folder, cpu, accounting: folder };
    }
    removeGroup(folder);
  }
  return undefined;
}

function limit(folders: Folders, limits: Pick<Limits, 'cpus' | 'memoryBytes' | 'processes'>): boolean {
  const quota = Math.max(1000, Math.round(limits.cpus * PERIOD_US));
  const v1 = folders.kind === 'v1';
  const memory = join(folders.memory, v1 ? 'memory.limit_in_bytes' : 'memory.max');
  const pids = join(folders.pids, 'pids.max');
  if (!writeSetting(memory, limits.memoryBytes) || !writeSetting(pids, limits.processes)) return false;
  // Swap would let a run use more than its limit; both files are absent where there is no swap accounting.
  writeSetting(
    join(folders.memory, v1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max'),
    v1 ? limits.memoryBytes : 0,
  );
  if (folders.cpu !== undefined) {
    if (v1) writeSetting(join(folders.cpu, 'cpu.cfs_quota_us'), quota);
    else writeSetting(join(folders.cpu, 'cpu.max'), `${quota} ${PERIOD_US}`);
  }
  const granted = number(memory);
  return granted > 0 && granted <= limits.memoryBytes && number(pids) === limits.processes;
}

let created = 0;

/** A fresh group with these limits, or undefined where the host does not let us have one. */
export function createControlGroup(
  limits: Pick<Limits, 'cpus' | 'memoryBytes' | 'processes'>,
): ControlGroup | undefined {
  if (process.platform !== 'linux') return undefined;
  const name = `${ownPrefix()}${created++}`;
  const folders = createV1(name) ?? createV2(name);
  if (folders === undefined) return undefined;
  const { kind, memory, pids, cpu, accounting } = folders;
  const all = [...new Set([memory, pids, cpu, accounting].filter((folder) => folder !== undefined))];
  const v1 = kind === 'v1';
  const group: ControlGroup = {
    kind,
    join: all.map(groupFile),
    cpuMs() {
      if (accounting === undefined) return 0;
      if (v1) return Math.round(number(join(accounting, 'cpuacct.usage')) / 1e6);
      return Math.round(number(join(accounting, 'cpu.stat'), /^usage_usec ([0-9]+)/m) / 1000);
    },
    peakMemoryBytes() {
      return number(join(memory, v1 ? 'memory.max_usage_in_bytes' : 'memory.peak'));
    },
    memoryKills() {
      return number(join(memory, v1 ? 'memory.oom_control' : 'memory.events'), /^oom_kill ([0-9]+)/m);
    },
    processes() {
      const ids = readFileSync(groupFile(pids), 'utf8').trim();
      return ids === '' ? [] : ids.split('\n').map(Number);
    },
    remove() {
      for (const folder of all) removeGroup(folder);
    },
  };
  if (limit(folders, limits)) return group;
  group.remove();
  return undefined;
}

/** Command words that join the groups before they become `argv`; without a group, `argv` itself. */
export function joining(group: ControlGroup | undefined, argv: readonly string[]): string[] {
  if (group === undefined) return [...argv];
  const script = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';
  return ['/bin/sh', '-c', script, 'sh', ...group.join, '--', ...argv];
}

/** The kind of control groups that work here, tried with a process inside. */
export function probeControlGroups(): 'v1' | 'v2' | 'none' {
  const group = createControlGroup({ cpus: 1, memoryBytes: 64 * 1024 * 1024, processes: 16 });
  if (group === undefined) return 'none';
  try {
    const [program = '', ...rest] = joining(group, ['/bin/cat', '/proc/self/cgroup']);
    const inside = spawnSync(program, rest, { encoding: 'utf8', timeout: 5000 });
    const name =
      dirname(group.join[0] ?? '')
        .split('/')
        .at(-1) ?? '';
    return inside.status === 0 && inside.stdout.includes(`/${name}`) ? group.kind : 'none';
  } finally {
    group.remove();
  }
}
