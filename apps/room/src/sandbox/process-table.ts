// Reads /proc: which processes descend from a run, or belong to its user, and what they use. Sampling only: a process that
// lives between two looks is not seen here. Off Linux every answer is empty.
import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on
const PAGE_BYTES = 4096;

export type ProcessEntry = {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly zombie: boolean;
  /** Own and waited-for children's processor time in milliseconds. */
  readonly cpuMs: number;
  /** Ticks since boot: with the pid, the identity of a process. */
  readonly started: number;
};

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // the process has ended, or /proc is hidden from us
  }
}

/** One process, or undefined once it is gone. proc(5): the name in brackets may hold anything, so fields count after it. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const number = (index: number): number => Number(fields[index] ?? 0);
  return {
    pid,
    parent: number(1),
    group: number(2),
    session: number(3),
    zombie: fields[0] === 'Z' || fields[0] === 'X',
    cpuMs: (number(11) + number(12) + number(13) + number(14)) * TICK_MS,
    started: number(19),
  };
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Every process that can be seen. */
export function processTable(): ProcessEntry[] {
  return pids().flatMap((pid) => readProcess(pid) ?? []);
}

/** `root` and what descends from it, zombies included. */
export function descendants(root: number, table: readonly ProcessEntry[] = processTable()): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of table) children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry]);
  const found = table.filter((entry) => entry.pid === root);
  for (const entry of found) found.push(...(children.get(entry.pid) ?? [])); // grows while it is walked
  return found;
}

/** Living processes whose environment holds `marker`; only those that we may look into. */
export function processesMarked(marker: string): number[] {
  return pids().filter(
    (pid) => pid !== process.pid && read(`/proc/${pid}/environ`)?.includes(marker) === true,
  );
}

/** Memory of a process in bytes, shared pages divided by their users where the kernel says so. */
export function memoryOf(pid: number): number {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const proportional = rollup === undefined ? undefined : /^Pss:\s+([0-9]+) kB/m.exec(rollup)?.[1];
  if (proportional !== undefined) return Number(proportional) * 1024;
  const pages = read(`/proc/${pid}/statm`)?.split(' ')[1];
  return pages === undefined ? 0 : Number(pages) * PAGE_BYTES;
}
