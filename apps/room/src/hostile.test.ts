// Hostile packages through the real room, started by root and by an ordinary user: each ends in the right state, leaves
// nothing, and the next run works.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRunAs, type PackageOutcome, type PackageSpec, runPackage, runPackageAs } from './package-run.ts';
import { processTable } from './sandbox/process-table.ts';
import { detectIsolation } from './sandbox/sandbox.ts';

const NOBODY = 65_534;
const isolation = await detectIsolation();
const isolated = isolation.level === 'process';

function skipped(words: string): void {
  if (process.env['CI'] === 'true') throw new Error(words);
  console.log(`skipped: ${words}`);
}

const asRoot = process.getuid?.() === 0;
const asNobody = asRoot && isolated && canRunAs(NOBODY);
if (!isolated) skipped(`no process sandbox here: ${isolation.reasons.join(' ')}`);
else if (asRoot && !asNobody)
  skipped('hostile packages of an ordinary user: others cannot read this checkout');
else if (!asRoot) console.log('skipped: hostile packages of root, since the tests are not root');

type Wish = Omit<PackageSpec, 'level' | 'criteria'> & { readonly criteria?: string };
type Run = (wish: Wish) => Promise<PackageOutcome>;
const NUMBER = '{"n":{"type":"integer","min":0,"max":100000,"required":true}}';
const complete = (wish: Wish): PackageSpec => ({ criteria: NUMBER, level: 'process', ...wish });
const ways: readonly (readonly [how: string, run: Run])[] = [
  [asRoot ? 'root' : 'an ordinary user', (wish) => runPackage(complete(wish))],
  ...(asNobody
    ? [['an ordinary user', (wish) => runPackageAs(NOBODY, complete(wish))] as const satisfies [string, Run]]
    : []),
];

const POST = `import os, sys
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
def post(data):
    report = {"json_data": data, "name": "n", "status": "Completed"}
    ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict(report))
`;

/** A package of a shell script that can `post N`. */
function shell(program: string, rest: Partial<Wish> = {}): Wish {
  const files = {
    'report.py': `${POST}\nif __name__ == "__main__": post({"n": int(sys.argv[1])})\n`,
    'run.sh': `#!/bin/sh\npost() { python3 report.py "$1"; }\n${program}\n`,
  };
  return { files, ...rest };
}

function python(program: string, rest: Partial<Wish> = {}): Wish {
  return {
    files: { 'main.py': `${POST}${program}\n`, 'run.sh': '#!/bin/sh\nexec python3 main.py\n' },
    ...rest,
  };
}

/** Seconds as the minutes of a contract. */
const seconds = (count: number): { readonly minutes: number } => ({ minutes: count / 60 });

function marked(mark: string): number {
  return processTable().filter(({ pid, zombie }) => {
    try {
      return !zombie && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark);
    } catch {
      return false; // it has ended
    }
  }).length;
}

/** What runs leave on the host: groups, stages, packages, mounts. Other tests run beside this one, under other names. */
function traces(): string[] {
  const at = (folder: string): string[] => {
    try {
      return readdirSync(folder).filter((name) =>
        new RegExp(`^sealroom-[a-z0-9]+-${process.pid}-`).test(name),
      );
    } catch {
      return [];
    }
  };
  const groups = ['memory', 'pids', 'cpu', 'unified'].flatMap((name) => at(`/sys/fs/cgroup/${name}`));
  return [...groups, ...at('/dev/shm'), ...at(tmpdir())];
}

const NEXT = shell('post 1');

describe.skipIf(!isolated).each(ways)('of %s, a package', (_, run) => {
  const host: { server?: Server; abstract?: Server } = {};
  const visible = join(tmpdir(), `sealroom-hostile-visible-${process.pid}`);

  beforeAll(async () => {
    writeFileSync(visible, 'a file of the host', { mode: 0o644 });
    host.server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    host.abstract = createServer((socket) => socket.end()).listen(`\0sealroom-hostile-${process.pid}`);
    await Promise.all([once(host.server, 'listening'), once(host.abstract, 'listening')]);
  });
  afterAll(() => {
    host.server?.close();
    host.abstract?.close();
    rmSync(visible, { force: true });
  });

  test('that tries every probe reaches nothing', async () => {
    const address = host.server?.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const program = `import json, os, subprocess
os.environ.update(HOST_PORT="${port}", HOST_ABSTRACT="sealroom-hostile-${process.pid}", HOST_FILE="${visible}", HOST_PID="${process.pid}")
found = json.loads(subprocess.run(["python3", "probes.py"], capture_output=True, text=True, check=True).stdout)
reached = sorted(name for name, verdict in found.items() if verdict != "held")
post({"count": len(found), "reached": ", ".join(reached)[:300]})`;
    // Its name is one that the probes know as their own.
    const files = {
      'and-probes.py': `${POST}${program}\n`,
      'run.sh': '#!/bin/sh\nexec python3 and-probes.py\n',
    };
    const probes = readFileSync(join(import.meta.dirname, 'sandbox', 'probes.py'), 'utf8');
    const criteria =
      '{"count":{"type":"integer","min":0,"max":1000,"required":true},"reached":{"type":"string","maxlength":300,"required":true}}';
    const { report } = await run({ files: { ...files, 'probes.py': probes }, criteria });
    expect(report).toMatchObject({ reached: '' });
    expect((report as { count: number }).count).toBeGreaterThan(95);
  });

  const mark = `sealroom-hostile-mark-${process.pid}`;
  test.each<[string, Wish]>([
    ['never ends', shell(`while :; do :; done`, seconds(2))],
    ['sleeps through SIGTERM', shell(`trap '' TERM HUP INT; sleep 1000 & wait; sleep 1000`, seconds(2))],
    ['forks without end', python('while True:\n    try: os.fork()\n    except OSError: pass', seconds(1.5))],
    ['fills memory', python('hog = []\nwhile True: hog.append(b"x" * (16 << 20))', { memoryGiB: 0.25 })],
    [
      'fills memory with files',
      python(
        `for part in range(10000):
    with open("/dev/shm/" + str(part), "wb") as file: file.write(bytes(1 << 20))`,
        { memoryGiB: 0.25 },
      ),
    ],
    [
      'fills the disk',
      shell('cat /dev/zero > fill; cat /dev/zero > /tmp/fill; cat /dev/zero > /var/tmp/fill; exit 1'),
    ],
    ['floods its output', shell('yes; yes >&2', seconds(2))],
    ['double-forks and leaves its session', shell(`(setsid sh -c 'sleep 1000; : ${mark}' &) & exit 0`)],
    [
      'kills its parent, process 1 and all it can',
      shell(`kill -9 $PPID 1; kill -9 -1; sleep 5; exit 1`, seconds(10)),
    ],
    ['exits at once', shell('exit 0')],
    ['dies at once', shell('kill -SEGV $$')],
    ['reports and then never ends', shell('post 5; sleep 1000', seconds(4))],
    [
      'reports and then fills memory',
      python('post({"n": 5})\nhog = []\nwhile True: hog.append(b"x" * (16 << 20))', { memoryGiB: 0.25 }),
    ],
  ])(
    'that %s has failed, leaves nothing, and the next one runs',
    async (_name, wish) => {
      expect(await run(wish)).toEqual({ outcome: 'failed', code: 'room/no-report', left: [] });
      expect([marked(mark), traces()]).toEqual([0, []]);
      expect(await run(NEXT)).toEqual({ outcome: 'completed', report: { n: 1 }, left: [] });
    },
    240_000,
  );

  test('that starts threads without end gets no more than its share, and can still report', async () => {
    const program = `import threading, time
threads = []
try:
    while len(threads) < 5000:
        thread = threading.Thread(target=time.sleep, args=(3,), daemon=True); thread.start(); threads.append(thread)
except RuntimeError: pass
made = len(threads)
time.sleep(4)
post({"n": made})`;
    const { report } = await run(python(program));
    expect((report as { n: number }).n).toBeLessThan(512);
    expect((report as { n: number }).n).toBeGreaterThan(100);
  });

  test('that opens files without end gets no more than its share, and can still report', async () => {
    const program = `files = []
try:
    while len(files) < 100000: files.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
for file in files: os.close(file)
post({"n": len(files)})`;
    const { report } = await run(python(program));
    expect((report as { n: number }).n).toBeLessThan(4096);
  });

  test('that posts reports of any size is refused each, and can still report', async () => {
    const program = `import http.client, ssl
context = ssl.create_default_context(cafile=os.environ["ENCLAVE_CA_FILE"])
statuses = []
for size in (2 << 20, 32 << 20, 256 << 20):
    client = http.client.HTTPSConnection("localhost", 5000, context=context, timeout=3)
    try:
        client.putrequest("POST", "/api/v1/report"); client.putheader("Content-Type", "application/json")
        client.putheader("Content-Length", str(size)); client.endheaders()
        for part in range(size >> 20): client.send(b"x" * (1 << 20))
        statuses.append(client.getresponse().status)
    except OSError: statuses.append(0)
assert not any(200 <= status < 300 for status in statuses)
post({"n": len(statuses)})`;
    expect(await run(python(program, { memoryGiB: 0.25 }))).toMatchObject({ report: { n: 3 } });
  });

  test('that holds a thousand half-open connections to the API harms itself alone', async () => {
    const program = `import socket, time
held = []
for number in range(1000):
    try:
        client = socket.create_connection(("localhost", 5000), timeout=2); client.sendall(b"\\x16\\x03"); held.append(client)
    except OSError: pass
for client in held: client.close()
time.sleep(0.5)
post({"n": 1})`;
    expect(await run(python(program))).toMatchObject({ report: { n: 1 } });
  });

  test('finds nothing that the one before has left', async () => {
    const places = '/tmp /dev/shm /app /var/tmp';
    const leave = shell(
      `for at in ${places}; do echo left > $at/left-by-me; done; ln -s /app/left-by-me link; post 1`,
    );
    expect((await run(leave)).outcome).toBe('completed');
    const look = shell(`post "$(ls -a ${places} | grep -c left-by-me)"`);
    expect((await run(look)).report).toEqual({ n: 0 });
  });

  test('signals no process of the host, though it has the same user there', async () => {
    const bystander = spawn('sleep', ['600'], asRoot ? { uid: NOBODY, gid: NOBODY } : {});
    try {
      await run(shell(`kill -9 ${bystander.pid ?? 0} -1; exit 0`, seconds(10)));
      expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
    } finally {
      bystander.kill('SIGKILL');
    }
  });
});
