// Finds the isolation that this host offers by running a small package in the whole sandbox. A program that merely exists
// (or a cgroup folder that can be made) proves nothing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '@sealroom/host/linux';
import { probeControlGroups } from './cgroup.ts';
import { SandboxError } from './error.ts';
import { runIsolated } from './run-isolated.ts';
import { isProcessor } from './seccomp.ts';
import type { ApiPlace, Isolation, ServedApi } from './types.ts';

const PROBE_MS = 30_000;

function setting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function versionOf(bwrap: string): { readonly major: number; readonly minor: number } | undefined {
  try {
    const text = execFileSync(bwrap, ['--version'], { encoding: 'utf8', timeout: 5000 });
    const found = /^bubblewrap ([0-9]+)\.([0-9]+)/.exec(text);
    return found ? { major: Number(found[1]), minor: Number(found[2]) } : undefined;
  } catch {
    return undefined;
  }
}

/** What is known to stand in the way, in words that say how to change it. */
function obstacles(): string[] {
  if (process.platform !== 'linux') {
    return ['The process sandbox needs Linux; on this system start the room in a Linux virtual machine.'];
  }
  const found: string[] = [];
  if (!isProcessor(process.arch))
    found.push(`There is no system call filter for the processor ${process.arch}.`);
  const bwrap = findProgram('bwrap');
  if (bwrap === undefined) {
    found.push('bubblewrap is not installed: install the package "bubblewrap", version 0.8 or newer.');
  } else {
    const version = versionOf(bwrap);
    if (version === undefined) {
      found.push('bubblewrap is installed but does not start: install the package "bubblewrap" again.');
    } else if (version.major === 0 && version.minor < 8) {
      found.push('bubblewrap is too old: version 0.8 or newer is needed.');
    }
  }
  if (process.getuid?.() === 0 && findProgram('setpriv') === undefined) {
    found.push('The room runs as root and cannot drop to another user: install util-linux (setpriv).');
  }
  return found;
}

function namespaceHints(): string[] {
  const found: string[] = [];
  if (setting('kernel/unprivileged_userns_clone') === '0') {
    found.push('User namespaces are switched off: set sysctl kernel.unprivileged_userns_clone=1.');
  }
  if (setting('user/max_user_namespaces') === '0') {
    found.push('User namespaces are switched off: set sysctl user.max_user_namespaces=10000.');
  }
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    found.push(
      'AppArmor keeps bubblewrap from user namespaces: give it a profile with "userns,", or set sysctl kernel.apparmor_restrict_unprivileged_userns=0.',
    );
  }
  return found;
}

function silentApi(place: ApiPlace): Promise<ServedApi> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.kind === 'socket' ? place.socketPath : 0, () =>
      resolve({ url: '', close: async () => void server.close() }),
    );
  });
}

/** Runs the probe package; its answer is /proc/self/status as the algorithm sees it. */
async function probe(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-probe-'));
  let answer = '';
  try {
    writeFileSync(join(folder, 'probe.sh'), '#!/bin/sh\ncat /proc/self/status\n');
    const result = await runIsolated({
      level: 'process',
      root: folder,
      workdir: '/app',
      command: ['probe.sh'],
      environment: {},
      files: [],
      spool: tmpdir(),
      serveApi: silentApi,
      limits: {
        cpus: 1,
        memoryBytes: 256 * 1024 * 1024,
        processes: 32,
        wallMs: PROBE_MS,
        outputBytes: 16_384,
      },
      onLog(stream, chunk) {
        if (stream === 'stdout') answer += Buffer.from(chunk).toString('latin1');
      },
    });
    if (result.exit !== 'exited' || result.code !== 0) {
      throw new SandboxError(
        'sandbox/unavailable',
        `The trial run in the sandbox ended as "${result.exit}".`,
      );
    }
    return answer;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What the host offers, by trying it; takes up to half a minute, normally a fifth of a second. Never throws: what goes wrong is
 * a reason.
 */
export async function detectIsolation(): Promise<Isolation> {
  const reasons = obstacles();
  if (reasons.length > 0) return { level: 'none', reasons, cgroups: 'none', seccomp: false };
  const cgroups = probeControlGroups();
  if (cgroups === 'none') {
    reasons.push(
      'No control group is delegated to the room, so memory and processes are held by resource limits and a watch, and the processor share is not limited: start it with "systemd-run --user --scope -p Delegate=yes", or as root.',
    );
  }
  try {
    const status = await probe();
    const seccomp = /^Seccomp:\t2$/m.test(status);
    const held = seccomp && /^NoNewPrivs:\t1$/m.test(status) && /^CapEff:\t0+$/m.test(status);
    if (held) return { level: 'process', reasons, cgroups, seccomp };
    return {
      level: 'none',
      reasons: [...reasons, 'The sandbox started without its system call filter.'],
      cgroups,
      seccomp,
    };
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    return { level: 'none', reasons: [...reasons, ...namespaceHints(), words], cgroups, seccomp: false };
  }
}
