// Level `none`: NO ISOLATION. The package runs as a plain child with a cleared environment, a temporary folder, resource
// limits, a wall clock and, where the room is root, a user of its own. It can read what that user can read and reach every
// network that the host reaches. For reviewed or own algorithms only; the receipt says `none`.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, symlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { coreless, findProgram, processesOf } from '@sealroom/host/linux';
import { DEFAULT_SCRATCH_BYTES, INSIDE, limitedCommand } from './bubblewrap.ts';
import { type ControlGroup, createControlGroup, joining } from './cgroup.ts';
import { SandboxError } from './error.ts';
import { chooseIdentity, type Identity, releaseIdentity } from './identity.ts';
import { descendants, memoryOf, type ProcessEntry, processesMarked, processTable } from './process-table.ts';
import { createStage, type Stage } from './stage.ts';
import { delay, supervise, type Watch } from './supervise.ts';
import type { SandboxOptions, SandboxResult } from './types.ts';

const MARKER = 'SEALROOM_RUN_MARK';
const SURVIVOR_DEADLINE_MS = 10_000;

/** Moves a path inside the package or under /opt/sealroom to where it lies in the stage; other words stay. */
function relocate(word: string, workdir: string, stage: Stage): string {
  const moves: readonly (readonly [string, string])[] = [
    [INSIDE.python, stage.python],
    [INSIDE.files, stage.files],
    [workdir, stage.package],
  ];
  for (const [from, to] of moves) {
    if (word === from || word.startsWith(`${from}/`)) return to + word.slice(from.length);
  }
  return word;
}

function environmentOf(
  options: SandboxOptions,
  stage: Stage,
  url: string,
  mark: string,
): Record<string, string> {
  const given = Object.entries(options.environment).map(([name, value]): [string, string] => [
    name,
    relocate(value, options.workdir, stage),
  ]);
  return {
    // The host's own PATH last: without isolation there is nothing to hide, and Python may lie in an odd place.
    PATH: [
      join(stage.folder, 'bin'),
      '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      stage.package,
      process.env['PATH'] ?? '',
    ].join(':'),
    HOME: join(stage.folder, 'tmp'),
    TMPDIR: join(stage.folder, 'tmp'),
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    PYTHONPATH: `${stage.python}:${stage.python}/compat`,
    ...Object.fromEntries(given),
    ENCLAVE_URL: url,
    [MARKER]: mark,
  };
}

function dropped(identity: Identity, argv: readonly string[]): string[] {
  const setpriv = identity.dedicated ? findProgram('setpriv') : undefined;
  if (setpriv === undefined) return [...argv];
  const { uid, gid } = identity;
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--', ...argv];
}

type Tree = Watch & { members(): number[]; peakMemoryBytes(): number; cpuMs(): number };

// Without a pid namespace nothing holds a run together for certain. Four marks find what wants to be found: descent, the
// process group, a control group or user of its own, and a word in the environment.
function tree(
  child: ChildProcess,
  identity: Identity,
  group: ControlGroup | undefined,
  mark: string,
  limitBytes: number,
): Tree {
  let peak = 0;
  let cpu = 0;
  const known = new Map<number, number>();
  const root = child.pid ?? -1;
  const look = (): ProcessEntry[] => {
    const table = processTable();
    const ids = new Set(descendants(root, table).map(({ pid }) => pid));
    for (const pid of group?.processes() ?? []) ids.add(pid);
    for (const pid of identity.dedicated ? processesOf(identity.uid) : processesMarked(`${MARKER}=${mark}`))
      ids.add(pid);
    const found = table.filter(
      ({ pid, started, session, zombie }) =>
        !zombie && (ids.has(pid) || session === root || known.get(pid) === started),
    );
    for (const { pid, started } of found) known.set(pid, started);
    return found;
  };
  return {
    members: () => look().map(({ pid }) => pid),
    overMemory() {
      const now = look();
      cpu = Math.max(cpu, group?.cpuMs() ?? now.reduce((sum, { cpuMs }) => sum + cpuMs, 0));
      peak = Math.max(peak, group?.peakMemoryBytes() ?? now.reduce((sum, { pid }) => sum + memoryOf(pid), 0));
      return group === undefined ? peak > limitBytes : group.memoryKills() > 0;
    },
    kill() {
      const targets = look().map(({ pid }) => pid);
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
        targets.unshift(-child.pid);
      for (const pid of targets) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          continue; // it has ended by itself
        }
      }
    },
    peakMemoryBytes: () => peak,
    cpuMs: () => group?.cpuMs() ?? cpu,
  };
}

async function waitUntilGone(run: Tree): Promise<void> {
  const deadline = performance.now() + SURVIVOR_DEADLINE_MS;
  while (run.members().length > 0) {
    if (performance.now() > deadline) {
      throw new SandboxError(
        'sandbox/survivors',
        'Processes of the run could not be ended; restart this machine.',
      );
    }
    run.kill();
    await delay(10).done;
  }
}

async function start(
  options: SandboxOptions,
  stage: Stage,
  identity: Identity,
  url: string,
): Promise<SandboxResult> {
  const { limits } = options;
  const group = createControlGroup(limits);
  const mark = randomBytes(16).toString('hex');
  const bounds = { memory: group === undefined, processes: identity.dedicated };
  const command = options.command.map((word) => relocate(word, options.workdir, stage));
  const scratchBytes = stage.packageBytes + (limits.scratchBytes ?? DEFAULT_SCRATCH_BYTES);
  const [program = '', ...rest] = coreless(
    joining(group, dropped(identity, limitedCommand(limits, scratchBytes, bounds, command))),
  );
  const native = identity.dedicated && findProgram('setpriv') === undefined && group === undefined;
  try {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environmentOf(options, stage, url, mark),
      cwd: stage.package,
      detached: true, // a session of its own, so that one signal reaches the whole group
      ...(native ? { uid: identity.uid, gid: identity.gid } : {}),
    });
    const run = tree(child, identity, group, mark, limits.memoryBytes);
    try {
      const end = await supervise(child, options, run);
      await waitUntilGone(run);
      const usage = {
        cpuMs: run.cpuMs(),
        peakMemoryBytes: run.peakMemoryBytes(),
        discardedOutputBytes: end.discardedOutputBytes,
      };
      const verdict = end.verdict ?? ((group?.memoryKills() ?? 0) > 0 ? 'memory' : undefined);
      if (verdict !== undefined) return { exit: verdict, code: undefined, signal: undefined, ...usage };
      const code = end.code ?? 128 + constants.signals[end.signal ?? 'SIGKILL'];
      const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
      if (code <= 128 || signal === undefined) return { exit: 'exited', code, signal: undefined, ...usage };
      return { exit: 'signalled', code, signal, ...usage };
    } finally {
      await waitUntilGone(run);
    }
  } finally {
    group?.remove();
  }
}

/** Runs one package without isolation; see {@link SandboxOptions}. */
export async function runUnconfined(options: SandboxOptions): Promise<SandboxResult> {
  const identity = chooseIdentity();
  try {
    const stage = await createStage(options, identity, true);
    try {
      for (const name of ['bin', 'tmp']) await mkdir(join(stage.folder, name), { mode: 0o755 });
      await symlink(stage.node, join(stage.folder, 'bin', 'node'));
      if (identity.dedicated) {
        for (const path of [join(stage.folder, 'tmp'), stage.package])
          await chown(path, identity.uid, identity.gid);
      }
      const api = await options.serveApi({ kind: 'loopback', hostname: '127.0.0.1', preferredPort: 5000 });
      try {
        return await start(options, stage, identity, api.url);
      } finally {
        await api.close();
      }
    } finally {
      await stage.remove();
    }
  } finally {
    releaseIdentity(identity);
  }
}
