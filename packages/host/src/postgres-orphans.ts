// Server processes that outlived their supervisor. Every PostgreSQL process works in its cluster's directory, which is
// how they are told from others whose process id is merely the one in a stale postmaster.pid.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { refusal } from './problem.ts';

const PATIENCE_MS = 30_000;
const FAST_MS = 10_000;

function postmasterPid(folder: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, 'postmaster.pid'), 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function worksIn(pid: string, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === folder;
  } catch {
    return false;
  }
}

function processesIn(folder: string): number[] {
  if (existsSync('/proc/self/cwd')) {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && worksIn(name, folder))
      .map(Number);
  }
  // Without /proc: the postmaster alone, by its command line, which names the folder.
  const pid = postmasterPid(folder);
  if (pid === undefined) return [];
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes(folder) ? [pid] : [];
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * Ends what still runs in a cluster's folder, cleanly if it can, and removes a pid file that nobody owns any more. Call it
 * only while holding the lock of the directory. @throws postgres/start when the processes do not end.
 */
export async function endOrphans(cluster: string): Promise<void> {
  const folder = realpathSync(cluster);
  const started = performance.now();
  const asked = new Set<NodeJS.Signals>();
  for (;;) {
    const running = processesIn(folder);
    const waited = performance.now() - started;
    if (running.length === 0) break;
    if (waited > PATIENCE_MS) {
      throw refusal(
        'postgres/start',
        `Processes ${running.join(', ')} still use ${cluster}; end them first.`,
      );
    }
    const postmaster = postmasterPid(folder);
    const name = waited > FAST_MS ? 'SIGQUIT' : 'SIGINT';
    if (!asked.has(name)) {
      asked.add(name);
      const targets = postmaster !== undefined && running.includes(postmaster) ? [postmaster] : running;
      // Backends without their postmaster end by themselves; they are pressed only when they do not.
      if (targets[0] === postmaster || name === 'SIGQUIT') for (const pid of targets) signal(pid, name);
    }
    await delay(50);
  }
  // Nobody works here: a pid file is stale, and its number may belong to a stranger now.
  rmSync(join(folder, 'postmaster.pid'), { force: true });
}
