// Level `process`: lays out the stage, starts the two nested sandboxes as a user of the run's own, watches them, and leaves
// neither process nor file behind. Not covered: what the shared kernel itself lets through, and the timing and size of
// what the API answers, which are the gate's business.
import { type ChildProcess, spawn } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { coreless, findProgram, processesOf } from '@sealroom/host/linux';
import {
  checkWorkdir,
  DEFAULT_SCRATCH_BYTES,
  ETC_FILES,
  forwardPlan,
  INSIDE,
  innerCommand,
  limitedCommand,
  outerCommand,
  SCRATCH,
} from './bubblewrap.ts';
import { type ControlGroup, createControlGroup, joining } from './cgroup.ts';
import { SandboxError } from './error.ts';
import { chooseIdentity, type Identity, releaseIdentity } from './identity.ts';
import { descendants, memoryOf, readProcess } from './process-table.ts';
import { isProcessor, seccompFilter } from './seccomp.ts';
import { createStage, FORWARDER, giveTo, type Stage } from './stage.ts';
import { delay, type Supervised, supervise, type Watch } from './supervise.ts';
import type { SandboxOptions, SandboxResult } from './types.ts';

const SURVIVOR_DEADLINE_MS = 10_000;
// What the forwarder and the sandboxes' own processes need beside the algorithm; they are counted with it.
const FORWARDER_BYTES = 64 * 1024 * 1024;
const FORWARDER_THREADS = 32;

type Status = { started: boolean; code: number | undefined; cpuMs: number; failed: string | undefined };

function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new SandboxError(
    'sandbox/unavailable',
    `The program ${name} is not installed; install it, or use level none.`,
  );
}

function environmentOf(options: SandboxOptions): Record<string, string> {
  return {
    PATH: `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${options.workdir}`,
    HOME: '/tmp',
    TMPDIR: '/tmp',
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    PYTHONPATH: `${INSIDE.python}:${INSIDE.python}/compat`,
    ENCLAVE_URL: 'https://localhost:5000',
    ...options.environment,
  };
}

async function furnish(
  stage: Stage,
  options: SandboxOptions,
  group: ControlGroup | undefined,
): Promise<void> {
  if (!isProcessor(process.arch)) {
    throw new SandboxError(
      'sandbox/unsupported-processor',
      `There is no system call filter for ${process.arch}.`,
    );
  }
  const scratchBytes = options.limits.scratchBytes ?? DEFAULT_SCRATCH_BYTES;
  // Processes are bounded twice: the group counts everything, the limit inside only the algorithm's.
  const bounds = { memory: group === undefined, processes: true };
  const limited = limitedCommand(options.limits, stage.packageBytes + scratchBytes, bounds, options.command);
  const inner = innerCommand(requireProgram('bwrap'), options.workdir, limited);
  await mkdir(join(stage.folder, 'etc'), { mode: 0o755 });
  for (const [name, text] of Object.entries(ETC_FILES)) {
    await writeFile(join(stage.folder, 'etc', name), text, { mode: 0o644 });
  }
  await writeFile(join(stage.folder, 'filter.bpf'), seccompFilter(process.arch), { mode: 0o644 });
  await copyFile(FORWARDER, join(stage.folder, 'forward.ts'));
  await writeFile(join(stage.folder, 'plan.json'), forwardPlan(inner, environmentOf(options)), {
    mode: 0o644,
  });
}

// root never starts bwrap: it drops to the run's user first, for good.
function dropped(identity: Identity, argv: readonly string[]): string[] {
  if (!identity.dedicated) {
    if (process.getuid?.() === 0) {
      throw new SandboxError(
        'sandbox/unavailable',
        'A sandbox is not started as root; run the room as another user.',
      );
    }
    return [...argv];
  }
  const { uid, gid } = identity;
  const drop = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
  ];
  return [requireProgram('setpriv'), ...drop, '--', ...argv];
}

/** Reads one JSON object a line; resolves when the last writer has closed the stream. */
function lines(stream: unknown, onLine: (event: Record<string, unknown>) => void): Promise<unknown> {
  let rest = '';
  const source = stream as Readable;
  source.setEncoding('utf8').on('data', (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line.startsWith('{')) onLine(JSON.parse(line) as Record<string, unknown>);
    }
  });
  return new Promise((resolve) => source.once('close', resolve));
}

/** Bytes in the sandbox's scratch: its files lie in memory, and a control group would count them. */
function scratchOf(init: number | undefined): number {
  if (init === undefined) return 0;
  try {
    const { blocks, bfree, bsize } = statfsSync(`/proc/${init}/root${SCRATCH}`);
    return (blocks - bfree) * bsize;
  } catch {
    return 0; // not mounted yet, or gone
  }
}

type Tree = Watch & { peakMemoryBytes(): number; sampledCpuMs(): number; gone(): boolean };

function tree(
  child: ChildProcess,
  identity: Identity,
  group: ControlGroup | undefined,
  limitBytes: number,
): Tree {
  let init: { pid: number; started: number } | undefined;
  let peak = 0;
  let cpu = 0;
  // bwrap tells the pid of its init; that process's end is the end of everything in its pid namespace.
  void lines(child.stdio[4], (event) => {
    const pid = event['child-pid'];
    const entry = typeof pid === 'number' ? readProcess(pid) : undefined;
    if (entry !== undefined) init = { pid: entry.pid, started: entry.started };
  });
  const initLives = (): boolean => {
    if (init === undefined) return false;
    const now = readProcess(init.pid);
    return now !== undefined && now.started === init.started && !now.zombie;
  };
  const kill = (pid: number): void => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  };
  return {
    overMemory() {
      if (group !== undefined) {
        peak = group.peakMemoryBytes();
        return group.memoryKills() > 0;
      }
      if (child.pid === undefined || child.exitCode !== null) return false;
      const now = descendants(child.pid);
      const used = now.reduce((sum, { pid }) => sum + memoryOf(pid), 0) + scratchOf(init?.pid);
      peak = Math.max(peak, used);
      cpu = Math.max(
        cpu,
        now.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      );
      return used > limitBytes;
    },
    kill() {
      if (initLives() && init !== undefined) kill(init.pid);
      child.kill('SIGKILL');
      if (identity.dedicated) for (const pid of processesOf(identity.uid)) kill(pid);
      for (const pid of group?.processes() ?? []) kill(pid);
    },
    peakMemoryBytes: () => peak,
    sampledCpuMs: () => cpu,
    gone() {
      const members = group?.processes().filter((pid) => readProcess(pid)?.zombie === false) ?? [];
      return (
        !initLives() &&
        members.length === 0 &&
        (!identity.dedicated || processesOf(identity.uid).length === 0)
      );
    },
  };
}

async function waitUntilGone(run: Tree): Promise<void> {
  const deadline = performance.now() + SURVIVOR_DEADLINE_MS;
  while (!run.gone()) {
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

function judge(
  end: Supervised,
  status: Status,
  memoryKills: number,
): Pick<SandboxResult, 'exit' | 'code' | 'signal'> {
  const none = { code: undefined, signal: undefined };
  if (end.verdict !== undefined) return { exit: end.verdict, ...none };
  if (memoryKills > 0) return { exit: 'memory', ...none };
  if (status.code === undefined) {
    if (status.started && status.failed === undefined) {
      throw new SandboxError(
        'sandbox/forwarder-lost',
        'The way to the Enclave API was lost, so the run has failed.',
      );
    }
    // The program's own words are safe to show: the algorithm has not run.
    const words = JSON.stringify((status.failed ?? '') + end.firstError).slice(0, 500);
    throw new SandboxError('sandbox/start-failed', `The sandbox could not be started: ${words}`);
  }
  if (status.code <= 128) return { exit: 'exited', code: status.code, signal: undefined };
  const signal = Object.entries(constants.signals).find(
    ([, number]) => number === (status.code ?? 0) - 128,
  )?.[0];
  return { exit: signal === undefined ? 'exited' : 'signalled', code: status.code, signal };
}

// Without a control group nothing limits the share of the processor, so everything else on the machine goes first.
function behindOthers(group: ControlGroup | undefined, argv: readonly string[]): readonly string[] {
  return group === undefined ? ['nice', '-n', '10', ...argv] : argv;
}

async function start(
  stage: Stage,
  options: SandboxOptions,
  identity: Identity,
  group: ControlGroup | undefined,
): Promise<SandboxResult> {
  const scratchBytes = options.limits.scratchBytes ?? DEFAULT_SCRATCH_BYTES;
  const outer = outerCommand(requireProgram('bwrap'), stage, options.workdir, scratchBytes);
  const [program = '', ...rest] = coreless(joining(group, behindOthers(group, dropped(identity, outer))));
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    cwd: '/',
  });
  const status: Status = { started: false, code: undefined, cpuMs: 0, failed: undefined };
  const told = lines(child.stdio[3], (event) => {
    if (event['started'] === true) status.started = true;
    if (typeof event['code'] === 'number') status.code = event['code'];
    if (typeof event['cpuMs'] === 'number') status.cpuMs = event['cpuMs'];
    if (typeof event['failed'] === 'string') status.failed = event['failed'];
  });
  const run = tree(child, identity, group, options.limits.memoryBytes + FORWARDER_BYTES);
  try {
    const end = await supervise(child, options, run);
    await waitUntilGone(run);
    await told; // with every writer gone, the forwarder's last word has arrived or never will
    const memoryKills = group?.memoryKills() ?? 0;
    return {
      ...judge(end, status, memoryKills),
      cpuMs: group?.cpuMs() ?? Math.max(status.cpuMs, run.sampledCpuMs()),
      peakMemoryBytes: group?.peakMemoryBytes() ?? run.peakMemoryBytes(),
      discardedOutputBytes: end.discardedOutputBytes,
    };
  } finally {
    await waitUntilGone(run);
  }
}

/** Runs one package in the sandbox; see {@link SandboxOptions}. */
export async function runIsolated(options: SandboxOptions): Promise<SandboxResult> {
  checkWorkdir(options.workdir);
  const identity = chooseIdentity();
  try {
    const stage = await createStage(options, identity, false);
    try {
      const group = createControlGroup({
        ...options.limits,
        memoryBytes: options.limits.memoryBytes + FORWARDER_BYTES,
        processes: options.limits.processes + FORWARDER_THREADS,
      });
      const socketPath = join(stage.folder, 'api.sock');
      try {
        await furnish(stage, options, group);
        const api = await options.serveApi({ kind: 'socket', socketPath });
        try {
          await giveTo(socketPath, identity);
          return await start(stage, options, identity, group);
        } finally {
          await api.close();
        }
      } finally {
        group?.remove();
      }
    } finally {
      await stage.remove();
    }
  } finally {
    releaseIdentity(identity);
  }
}
