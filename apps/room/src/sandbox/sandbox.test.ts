import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { probeControlGroups } from './cgroup.ts';
import { HOG, type Outcome, runSpec, runSpecAs, type Spec } from './fixture.ts';
import { descendants, processTable } from './process-table.ts';
import { detectIsolation } from './sandbox.ts';

const isolation = await detectIsolation();
const isolated = isolation.level === 'process';
if (!isolated) {
  const words = `no process sandbox here: ${isolation.reasons.join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(words);
  console.log(`skipped: ${words}`);
}

const NOBODY = 65_534;
const asRoot = process.getuid?.() === 0;
type Way = readonly [how: string, run: (spec: Spec) => Promise<Outcome>];
const ways: readonly Way[] = asRoot
  ? [
      ['root', (spec) => runSpec(spec)],
      ['an ordinary user', (spec) => runSpecAs(NOBODY, spec)],
    ]
  : [['an ordinary user', (spec) => runSpec(spec)]];
if (!asRoot) console.log('skipped: runs started by root, since the tests are not root');

function python(program: string, rest: Partial<Spec> = {}): Spec {
  return { level: 'process', files: { 'main.py': program }, command: ['python3', 'main.py'], ...rest };
}

function shell(program: string, rest: Partial<Spec> = {}): Spec {
  return { level: 'process', files: { 'run.sh': `#!/bin/sh\n${program}\n` }, command: ['run.sh'], ...rest };
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it has ended
  }
}

/** Living processes that have `mark` in their command line. */
function living(mark: string): number[] {
  return processTable()
    .filter(({ pid, zombie }) => !zombie && commandLine(pid).includes(mark))
    .map(({ pid }) => pid);
}

/** Waits until the algorithm itself (not yet the sandbox around it) has `mark` in its command line. */
async function appears(mark: string): Promise<void> {
  await vi.waitFor(
    () => expect(living(mark).some((pid) => commandLine(pid).startsWith('sh\0-c\0'))).toBe(true),
    10_000,
  );
}

let marks = 0;
function freshMark(): string {
  return `sealroom-mark-${process.pid}-${marks++}`;
}

describe.skipIf(!isolated).each(ways)('a package in the sandbox of %s', (_, run) => {
  test('runs as its Dockerfile says: a script without permissions, its folder, its exit code', async () => {
    const { result, stdout } = await run(
      shell('', {
        files: {
          'run.sh': '#!/bin/sh\npwd; id -un; cat note.txt /opt/sealroom/files/*; sleep 0.4; exit 7\n',
          'note.txt': 'hello\n',
        },
        workdir: '/usr/src/app',
      }),
    );
    expect(stdout).toBe('/usr/src/app\nalgorithm\nhello\n{"ITERATIONS":"7"}');
    expect(result).toMatchObject({ exit: 'exited', code: 7, discardedOutputBytes: 0 });
    expect(result.peakMemoryBytes).toBeGreaterThan(1_000_000);
  });

  test('runs Python with threads, processes and subprocesses, and Node with workers', async () => {
    const program = [
      'import ctypes, multiprocessing, ssl, subprocess, threading, sqlite3, tempfile, hashlib',
      'def work(x): return x * x',
      'if __name__ == "__main__":',
      '    with multiprocessing.Pool(2) as pool: print(sum(pool.map(work, range(10))))',
      '    found = []',
      '    threads = [threading.Thread(target=found.append, args=(i,)) for i in range(8)]',
      '    [t.start() for t in threads]; [t.join() for t in threads]; print(len(found))',
      '    print(subprocess.run(["echo", "sub"], capture_output=True, text=True).stdout.strip())',
      '    print(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(41))',
      '    print(tempfile.NamedTemporaryFile().write(b"abc"))',
      '    print(subprocess.run(["node", "worker.mjs"], capture_output=True, text=True))',
    ].join('\n');
    const worker =
      "import { Worker, isMainThread, parentPort } from 'node:worker_threads'; import os from 'node:os'; import { execFileSync } from 'node:child_process';" +
      "if (isMainThread) { new Worker(new URL(import.meta.url)).on('message', (m) => console.log(m, os.cpus().length > 0, String(execFileSync('echo', ['x'])).trim())); } else parentPort.postMessage('worker');";
    const { result, stdout, stderr } = await run(
      python(program, { files: { 'main.py': program, 'worker.mjs': worker } }),
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n').slice(0, 5)).toEqual(['285', '8', 'sub', '42', '3']);
    expect(stdout).toContain("returncode=0, stdout='worker true x");
    expect(result.code).toBe(0);
  });

  test('has its variables, and none of the room’s', async () => {
    const { stdout } = await run(shell('env', { environment: { alpha: '0.5', ESCROW_RUN_ID: 'r 1' } }));
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(stdout).toContain('alpha=0.5\n');
    expect(stdout).toContain('ESCROW_RUN_ID=r 1\n');
    expect(stdout).toContain('ENCLAVE_URL=https://localhost:5000\n');
    const known = [
      'ENCLAVE_URL',
      'ESCROW_RUN_ID',
      'HOME',
      'LANG',
      'PATH',
      'PWD',
      'PYTHONPATH',
      'PYTHONUNBUFFERED',
      'TMPDIR',
      'alpha',
    ];
    expect(new Set(names)).toEqual(new Set(known));
  });

  test('reaches the room at localhost:5000 by either address', async () => {
    const program = [
      'import socket',
      'for host in ("localhost", "127.0.0.1"):',
      '    with socket.create_connection((host, 5000)) as s:',
      '        s.sendall(b"x" * 1000000); s.shutdown(socket.SHUT_WR)',
      '        n = 0',
      '        while True:',
      '            part = s.recv(65536)',
      '            if not part: break',
      '            n += len(part)',
      '        print(n)',
    ].join('\n');
    const { stdout } = await run(python(program));
    expect(stdout).toBe('1000000\n1000000\n');
  });

  test('may write beside itself and to /tmp, until its space is used up', async () => {
    const program = [
      'import errno, os',
      'open("beside", "w").write("x")',
      'for folder in ("/tmp", "/app", "/dev/shm", "/var/tmp"):',
      '    written = 0',
      '    try:',
      '        for part in range(200):',
      '            with open(f"{folder}/fill{part}", "wb") as f: f.write(bytes(1 << 20))',
      '            written += 1',
      '    except OSError as error:',
      '        print(folder, errno.errorcode[error.errno], written <= 64)',
    ].join('\n');
    const { result, stdout } = await run(python(program));
    const lines = ['/tmp', '/app', '/dev/shm', '/var/tmp'].map((folder) => `${folder} ENOSPC True`);
    expect(stdout.trim().split('\n')).toEqual(lines);
    expect(result.exit).toBe('exited');
  });

  test('that never ends is ended by the wall clock, with everything it started', async () => {
    const mark = freshMark();
    const program = `import os, subprocess, sys\nsubprocess.Popen(["setsid", "sh", "-c", "sleep 1000; : ${mark}"])\nprint("up")\nwhile True: pass`;
    const { result, stdout } = await run(python(program, { limits: { wallMs: 5000 } }));
    expect(stdout).toBe('up\n');
    expect(result).toMatchObject({ exit: 'timeout' });
    expect(result.cpuMs).toBeGreaterThan(200);
    expect(living(mark)).toEqual([]);
  });

  test('that leaves a process behind leaves none', async () => {
    const mark = freshMark();
    const { result } = await run(shell(`setsid sh -c 'trap "" HUP TERM; sleep 1000; : ${mark}' & exit 0`));
    expect(result).toMatchObject({ exit: 'exited', code: 0 });
    expect(living(mark)).toEqual([]);
  });

  test('that fills memory ends as memory', async () => {
    const { result } = await run(python(HOG, { limits: { memoryBytes: 160 * 1024 * 1024 } }));
    expect(result).toMatchObject({ exit: 'memory' });
    expect(result.peakMemoryBytes).toBeGreaterThan(100 * 1024 * 1024);
  });

  test('that fills memory with files ends as memory', async () => {
    const program =
      'import time\nfor part in range(400):\n    open(f"/dev/shm/{part}", "wb").write(bytes(1 << 20)); time.sleep(0.02)';
    const limits = { memoryBytes: 160 * 1024 * 1024, scratchBytes: 1024 * 1024 * 1024 };
    const { result } = await run(python(program, { limits }));
    expect(result).toMatchObject({ exit: 'memory' });
  });

  test('that fills memory with many processes ends as memory', async () => {
    const program = [
      'import os, time',
      'for i in range(8):',
      '    if os.fork() == 0:',
      '        hog = bytearray(b"x" * (40 << 20)); time.sleep(60)',
      'time.sleep(60)',
    ].join('\n');
    const { result } = await run(python(program, { limits: { memoryBytes: 160 * 1024 * 1024 } }));
    expect(result).toMatchObject({ exit: 'memory' });
  });

  test('that forks without end gets no more than its processes', async () => {
    const program = [
      'import errno, os, time',
      'made = 0',
      'try:',
      '    while made < 1000:',
      '        if os.fork() == 0: time.sleep(60); os._exit(0)',
      '        made += 1',
      'except OSError as error:',
      '    print(errno.errorcode[error.errno], 0 < made < 64)',
    ].join('\n');
    expect((await run(python(program))).stdout).toBe('EAGAIN True\n');
    const bomb = 'import os\nwhile True:\n    try: os.fork()\n    except OSError: pass';
    const mark = freshMark();
    const { result } = await run({
      ...python(bomb, { limits: { wallMs: 2500, cpus: 1 } }),
      command: ['python3', 'main.py', mark],
    });
    expect(result).toMatchObject({ exit: 'timeout' });
    expect(living(mark)).toEqual([]);
  });

  test('that floods the log is passed on up to its limit and counted beyond', async () => {
    const { result, stdout } = await run(
      shell('head -c 50000000 /dev/zero | tr "\\0" x', { limits: { outputBytes: 10_000 } }),
    );
    expect(stdout.length).toBe(10_000);
    expect(result).toMatchObject({ exit: 'exited', code: 0, discardedOutputBytes: 49_990_000 });
  });

  test('may open its output again, as in a container', async () => {
    const { stdout, stderr, result } = await run(
      shell(
        'echo one >/dev/stdout; echo two >/dev/stderr; echo three >&2; test -p /dev/fd/1 && test -p /dev/fd/2',
      ),
    );
    expect([stdout, stderr, result.code]).toEqual(['one\n', 'two\nthree\n', 0]);
  });

  test('that dies of a signal says which', async () => {
    const { result } = await run(python('import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)'));
    expect(result).toMatchObject({ exit: 'signalled', signal: 'SIGSEGV' });
  });

  test('whose entry point does not exist ends with an exit code', async () => {
    const { result } = await run({ ...shell('exit 0'), command: ['missing.sh'] });
    expect(result).toMatchObject({ exit: 'exited', code: 127 });
  });

  test('can be cancelled', async () => {
    const mark = freshMark();
    const spec = {
      ...shell('sleep 1000'),
      command: ['sh', '-c', `sleep 1000; : ${mark}`],
      cancelAfter: 1000,
    };
    const { result } = await run(spec);
    expect(result).toMatchObject({ exit: 'cancelled' });
    expect(living(mark)).toEqual([]);
  });

  test('leaves no file behind', async () => {
    // The mount table inside names the stage's folder on its own file system.
    const { stdout } = await run(shell('cat /proc/self/mountinfo'));
    const stage = /\/(sealroom-[A-Za-z0-9-]+)\/files /.exec(stdout)?.[1] ?? '';
    expect(stage).not.toBe('');
    for (const base of ['/dev/shm', tmpdir()]) expect(existsSync(join(base, stage))).toBe(false);
  });
});

describe('escape probes', () => {
  const host: { server?: Server; abstract?: Server } = {};
  let environment: Record<string, string> = {};
  const files = { 'probes.py': readFileSync(join(import.meta.dirname, 'probes.py'), 'utf8') };
  const probes: Spec = { level: 'process', files, command: ['python3', 'probes.py'] };

  beforeAll(async () => {
    writeFileSync(join(tmpdir(), `sealroom-visible-${process.pid}`), 'a file of the host', { mode: 0o644 });
    host.server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(host.server, 'listening');
    const name = `sealroom-abstract-${process.pid}`;
    host.abstract = createServer((socket) => socket.end()).listen(`\0${name}`);
    await once(host.abstract, 'listening');
    const address = host.server.address();
    environment = {
      HOST_PORT: String(typeof address === 'object' && address !== null ? address.port : 0),
      HOST_ABSTRACT: name,
      HOST_FILE: join(tmpdir(), `sealroom-visible-${process.pid}`),
      HOST_PID: String(process.pid),
    };
  });
  afterAll(() => {
    host.server?.close();
    host.abstract?.close();
    rmSync(join(tmpdir(), `sealroom-visible-${process.pid}`), { force: true });
  });

  test.skipIf(!isolated).each(ways)('all hold in the sandbox of %s', async (_, run) => {
    const { result, stdout, stderr } = await run({ ...probes, environment });
    expect(stderr).toBe('');
    expect(result).toMatchObject({ exit: 'exited', code: 0 });
    const found = Object.entries(JSON.parse(stdout) as Record<string, string>);
    expect(found.length).toBeGreaterThan(95);
    expect(found.filter(([, verdict]) => verdict !== 'held')).toEqual([]);
  });

  test('reach the host where there is no sandbox, so they can tell', async () => {
    const { stdout } = await runSpec({
      ...probes,
      level: 'none',
      environment: { ...environment, HOST_ONLY: '1' }, // no test sends anything beyond this machine
    });
    const found = JSON.parse(stdout) as Record<string, string>;
    const reached = Object.keys(found).filter((name) => found[name] !== 'held');
    expect(reached).toEqual(
      expect.arrayContaining([
        "host's loopback port",
        "host's abstract socket",
        "host's file",
        'memfd_create',
        'status',
      ]),
    );
  });
});

describe.each(ways)('without isolation, started by %s,', (_, run) => {
  const none = { level: 'none' } as const;

  test('a package runs in a folder of its own that is gone afterwards', async () => {
    const { result, stdout } = await run(
      shell('', {
        ...none,
        files: {
          'run.sh': '#!/bin/sh\npwd; echo "$CA"; cat "$CA" "$1" && touch beside; exit 3\n',
          'in.txt': 'in',
        },
        command: ['/app/run.sh', '/app/in.txt'],
        environment: { CA: '/opt/sealroom/files/parameters.json' },
      }),
    );
    const [folder = '', file = '', rest] = stdout.split('\n');
    expect(file).toMatch(/\/files\/parameters\.json$/);
    expect(rest).toBe('{"ITERATIONS":"7"}in');
    expect(existsSync(folder)).toBe(false);
    expect(result).toMatchObject({ exit: 'exited', code: 3 });
  });

  test('a package that never ends is ended, with children that have left its session', async () => {
    const mark = freshMark();
    const program = `import os, subprocess\nsubprocess.Popen(["setsid", "sh", "-c", "sleep 1000; : ${mark}"])\nwhile True: pass`;
    const { result } = await run(python(program, { ...none, limits: { wallMs: 1500 } }));
    expect(result).toMatchObject({ exit: 'timeout' });
    expect(living(mark)).toEqual([]);
  });

  test('a package that fills memory ends as memory', async () => {
    const { result } = await run(python(HOG, { ...none, limits: { memoryBytes: 128 * 1024 * 1024 } }));
    expect(result).toMatchObject({ exit: 'memory' });
  });

  test('the way to the Enclave API stands in ENCLAVE_URL', async () => {
    const { stdout } = await run(shell('echo "$ENCLAVE_URL"', none));
    expect(stdout).toBe('https://localhost:1\n');
  });
});

describe('the room', () => {
  test.skipIf(!isolated)('takes the sandbox with it when it is killed', async () => {
    const mark = freshMark();
    const room = spawn(process.execPath, [join(import.meta.dirname, 'fixture.ts')], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const left = (kind: RegExp): string[] =>
      ['/dev/shm', tmpdir()]
        .filter((base) => existsSync(base))
        .flatMap((base) => readdirSync(base).map((name) => join(base, name)))
        .filter((path) => kind.test(path) && path.includes(`-${room.pid}-`));
    const stage = /\/sealroom-[a-z0-9]+-[0-9]+-[^/]*$/;
    const testPackage = /\/sealroom-package-[^/]*$/;
    room.stdin.end(JSON.stringify({ ...shell('true'), command: ['sh', '-c', `sleep 1000; : ${mark}`] }));
    await appears(mark);
    room.kill('SIGKILL');
    await once(room, 'exit');
    await vi.waitFor(() => expect(living(mark)).toEqual([]), 10_000);
    for (const path of left(testPackage)) rmSync(path, { recursive: true });
    // What a killed room cannot remove, the next run does.
    expect(left(stage).length).toBe(1);
    await runSpec(shell('true'));
    expect(left(stage)).toEqual([]);
  });

  test.skipIf(!isolated)('fails a run whose way to the API is lost, and ends it', async () => {
    const mark = freshMark();
    const lost = runSpec({ ...shell('true'), command: ['sh', '-c', `echo up; sleep 1000; : ${mark}`] });
    const failed = expect(lost).rejects.toMatchObject({ code: 'sandbox/forwarder-lost' });
    await appears(mark);
    const forwarders = descendants(process.pid).filter(({ pid }) =>
      commandLine(pid).startsWith('/usr/local/bin/node\0'),
    );
    expect(forwarders.length).toBe(1);
    for (const { pid } of forwarders) process.kill(pid, 'SIGKILL');
    await failed;
    expect(living(mark)).toEqual([]);
  });

  test('detects only what it has tried', async () => {
    expect(isolation.seccomp).toBe(isolated);
    expect(isolation.cgroups === 'none').toBe(
      isolation.reasons.some((reason) => reason.includes('control group')),
    );
    expect(probeControlGroups()).toBe(isolation.cgroups);
    const path = process.env['PATH'];
    process.env['PATH'] = join(tmpdir(), 'nothing-here');
    try {
      const bare = await detectIsolation();
      expect(bare.level).toBe('none');
      expect(bare.reasons.join(' ')).toMatch(/bubblewrap|Linux/);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test.each([
    ['sandbox/bad-limits', { limits: { cpus: 0 } }],
    ['sandbox/bad-limits', { limits: { memoryBytes: 1000 } }],
    ['sandbox/bad-limits', { limits: { wallMs: 2 ** 31 } }],
    ['sandbox/bad-command', { command: [] }],
    ['sandbox/bad-command', { environment: { a: 'b\0c' } }],
    ...['/', '/usr', '/usr/lib', '/etc/x', '/tmp', '/app/../etc', 'app', '/opt/sealroom/python', '/a b'].map(
      (workdir) => ['sandbox/bad-workdir', { workdir }] as const,
    ),
  ] as const)('refuses with %s what it cannot run: %j', async (code, rest) => {
    await expect(runSpec({ ...shell('true'), ...(rest as Partial<Spec>) })).rejects.toMatchObject({ code });
  });
});
