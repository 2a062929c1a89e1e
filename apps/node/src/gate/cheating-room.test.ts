import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processesOf } from '@sealroom/host/linux';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeMachine } from '../probe.ts';
import { canRunAs, type CheatOutcome, type CheatSpec, runCheat, runCheatAs } from './fixture.ts';

const NOBODY = 65_534;
const machine = await probeMachine();
const gated = machine.bwrap !== undefined;

function skipped(words: string): void {
  if (process.env['CI'] === 'true') throw new Error(words);
  console.log(`skipped: ${words}`);
}

const asRoot = process.getuid?.() === 0;
const asNobody = asRoot && gated && canRunAs(NOBODY);
if (!gated) skipped(`no gate here: ${machine.gateReasons}`);
else if (asRoot && !asNobody)
  skipped('cheating rooms of an ordinary user: other users cannot read this checkout');
else if (!asRoot) console.log('skipped: cheating rooms of root, since the tests are not root');

type Way = readonly [how: string, run: (spec: CheatSpec) => Promise<CheatOutcome>];
const ways: readonly Way[] = [
  [asRoot ? 'root' : 'an ordinary user', runCheat],
  ...(asNobody ? [['an ordinary user', (spec) => runCheatAs(NOBODY, spec)] as const satisfies Way] : []),
];

let service: Server;
let abstract: Server;
let pathname: Server;
let port = 0;
let received = 0;
let reached = 0;
let socketFolder = '';

beforeAll(async () => {
  service = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.length;
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  port = (service.address() as AddressInfo).port;
  const count = (): void => void reached++;
  abstract = createServer(count).listen(`\0sealroom-gate-${process.pid}`);
  socketFolder = mkdtempSync(join(tmpdir(), 'sealroom-host-'));
  pathname = createServer(count).listen({ path: join(socketFolder, 'host.sock'), writableAll: true });
  await Promise.all([once(abstract, 'listening'), once(pathname, 'listening')]);
});
afterAll(() => {
  for (const server of [service, abstract, pathname]) server.close();
  rmSync(socketFolder, { recursive: true, force: true });
});

/** A room that tries things and says, one JSON line on standard error, what became of each. */
function trying(attempts: Readonly<Record<string, string>>, after = ''): string {
  const entries = Object.entries(attempts).map(
    ([name, code]) => `${JSON.stringify(name)}: async () => { ${code} }`,
  );
  return `import { connect } from 'node:net';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import fs from 'node:fs';
import os from 'node:os';
import { spawnSync } from 'node:child_process';
const boot = JSON.parse((await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()).value);
const dial = (options) => new Promise((resolve, reject) => {
  const socket = connect(options).once('connect', () => { socket.destroy(); resolve('reached'); }).once('error', reject);
});
const gate = (path, words) => new Promise((resolve, reject) => {
  request({ socketPath: boot.gate, method: 'CONNECT', path }).once('error', reject)
    .once('connect', (answer, socket) => {
      const code = answer.headers['gate-code'];
      if (code !== undefined) return resolve(code);
      socket.once('error', () => {}).once('close', () => resolve('closed'));
      if (words === undefined) return resolve('reached');
      socket.once('data', () => resolve('answered'));
      socket.write(words);
    }).end();
});
const found = {};
for (const [name, attempt] of Object.entries({ ${entries.join(', ')} })) {
  try { found[name] = await attempt(); } catch (error) { found[name] = error.code ?? String(error); }
}
process.stderr.write(JSON.stringify(found));
${after}
process.stdout.write(JSON.stringify({ failed: 'room/ended' }) + '\\n', () => process.exit(0));`;
}

function found(outcome: CheatOutcome): Record<string, unknown> {
  return JSON.parse(outcome.said) as Record<string, unknown>;
}

describe.skipIf(!gated).each(ways)('a cheating room, started by %s,', (how, run) => {
  test('reaches no address but through the gate, and resolves no name', async () => {
    const outcome = await run({
      source: trying({
        loopback: `return dial({ host: '127.0.0.1', port: ${port} });`,
        internet: `return dial({ host: '1.1.1.1', port: 443 });`,
        'internet by IPv6': `return dial({ host: '2606:4700:4700::1111', port: 443 });`,
        metadata: `return dial({ host: '169.254.169.254', port: 80 });`,
        'a packet to a name server': `return new Promise((resolve, reject) => createSocket('udp4')
          .once('error', reject).send('x', 53, '8.8.8.8', (error) => error ? reject(error) : resolve('sent')));`,
        'a name': `return (await lookup('example.com')).address;`,
        'an abstract socket': `return dial({ path: '\\0sealroom-gate-${process.pid}' });`,
        'a socket file of the host': `return dial({ path: ${JSON.stringify(join(socketFolder, 'host.sock'))} });`,
        interfaces: `return Object.keys(os.networkInterfaces()).join(' ');`,
      }),
      allowed: [`127.0.0.1:${port}`],
    });
    expect(found(outcome)).toEqual({
      loopback: 'ECONNREFUSED',
      internet: 'ENETUNREACH',
      'internet by IPv6': 'ENETUNREACH',
      metadata: 'ENETUNREACH',
      'a packet to a name server': 'ENETUNREACH',
      'a name': expect.stringMatching(/^E(AI_AGAIN|NOTFOUND)$/) as string,
      'an abstract socket': 'ECONNREFUSED',
      'a socket file of the host': 'ENOENT',
      interfaces: 'lo',
    });
    expect([reached, outcome.refusals]).toEqual([0, []]);
  });

  test('reads the compiled program that later rooms start from, and can change nothing of it', async () => {
    const inside = `const { readdirSync, readFileSync, writeFileSync, unlinkSync } = await import('node:fs');
      const top = process.env.NODE_COMPILE_CACHE;
      const folder = top + '/' + readdirSync(top)[0];
      const file = folder + '/' + readdirSync(folder)[0];`;
    const outcome = await run({
      source: trying({
        own: `${inside} return folder.endsWith('-' + process.getuid());`,
        read: `${inside} return readFileSync(file).length > 0;`,
        change: `${inside} writeFileSync(file, 'other code'); return 'changed';`,
        add: `${inside} writeFileSync(folder + '/new', 'other code'); return 'added';`,
        remove: `${inside} unlinkSync(file); return 'removed';`,
      }),
      allowed: [],
      compiled: true,
    });
    const refused = expect.stringMatching(/^E(ROFS|ACCES|PERM)$/) as string;
    expect(found(outcome)).toEqual({ own: true, read: true, change: refused, add: refused, remove: refused });
  });

  test('is let through to its own destination, and refused every other by the gate', async () => {
    const outcome = await run({
      source: trying({
        permitted: `return gate('127.0.0.1:${port}', 'hello');`,
        'another port': `return gate('127.0.0.1:${port - 1}');`,
        'another address': `return gate('1.1.1.1:443');`,
        'another name': `return gate('example.com:443');`,
      }),
      allowed: [`127.0.0.1:${port}`],
    });
    expect(found(outcome)).toEqual({
      permitted: 'answered',
      'another port': 'gate/not-allowed',
      'another address': 'gate/not-allowed',
      'another name': 'gate/not-allowed',
    });
    expect(outcome.outbound).toBe(5);
    expect(outcome.refusals.map(({ code }) => code)).toEqual(Array(3).fill('gate/not-allowed'));
    expect(outcome.end).toEqual({ end: 'lost', code: 'room/ended' });
  });

  test('that would send more than its cap is cut and ended, and the rest has not left', async () => {
    received = 0;
    const outcome = await run({
      source: trying(
        { first: `return gate('127.0.0.1:${port}', 'x'.repeat(1000));` },
        `await gate('127.0.0.1:${port}', 'x'.repeat(100_000)); await new Promise(() => setInterval(() => {}, 1000));`,
      ),
      allowed: [`127.0.0.1:${port}`],
      outboundBytes: 5000,
    });
    expect(outcome.end).toEqual({ end: 'lost', code: 'gate/over-cap' });
    expect(outcome.refusals.map(({ code }) => code)).toEqual(['gate/over-cap']);
    expect(outcome.outbound).toBeLessThanOrEqual(5000);
    expect(received).toBe(outcome.outbound);
  });

  test('cannot leave its network, read the node’s keys or change a program of the host', async () => {
    const outcome = await run({
      source: trying({
        'sockets of services': `return fs.readdirSync('/run').filter((name) => name !== 'gate.sock').join(' ');`,
        'the network of pid 1': `return spawnSync('nsenter', ['-t', '1', '-n', 'true']).status === 0;`,
        'the network of the node': `return spawnSync('nsenter', ['-t', String(process.ppid), '-n', 'true']).status === 0;`,
        'the memory of the node': `return fs.openSync('/proc/' + process.ppid + '/mem', 'r+');`,
        'the environment of pid 1': `return fs.readFileSync('/proc/1/environ', 'latin1').length;`,
        'the root of pid 1': `return fs.readdirSync('/proc/1/root').length;`,
        'the node’s key': `return fs.readFileSync(boot.spool + '/../secret.key', 'utf8');`,
        'the system’s programs': `return fs.openSync('/usr/bin/probe-made', 'w');`,
        'its own program': `return fs.openSync(process.argv[1], 'r+');`,
        'a disk': `return fs.readdirSync('/dev').filter((name) => /^(sd|vd|nvme|mem|kvm)/.test(name)).length;`,
        'a new mount': `return spawnSync('mount', ['-t', 'tmpfs', 'x', '/tmp']).status === 0;`,
        spool: `fs.writeFileSync(boot.spool + '/mine', 'x'); return 'written';`,
      }),
      allowed: [],
    });
    expect(found(outcome)).toEqual({
      'the network of pid 1': false,
      'the network of the node': false,
      'the memory of the node': expect.stringMatching(/^(EACCES|EPERM)$/) as string,
      'the environment of pid 1': expect.stringMatching(/^(EACCES|EPERM)$/) as string,
      'the root of pid 1': expect.stringMatching(/^(EACCES|EPERM)$/) as string,
      'the node’s key': 'ENOENT',
      'the system’s programs': 'EROFS',
      'its own program': expect.stringMatching(/^(EACCES|EROFS)$/) as string,
      'a disk': 0,
      'a new mount': false,
      'sockets of services': '',
      spool: 'written',
    });
  });
});

test.skipIf(!gated || !asRoot)(
  'a room of root is not root, and leaves neither process nor control group',
  async () => {
    const outcome = await runCheat({
      source: trying({
        user: 'return process.getuid();',
        capabilities: `return /CapBnd:\\t(.*)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1];`,
        groups: `return fs.readFileSync('/proc/self/cgroup', 'latin1');`,
        'a process that stays': `return spawnSync('setsid', ['-f', 'sleep', '600'], { stdio: 'inherit' }).status;`,
      }),
      allowed: [],
    });
    const { user, capabilities, groups } = found(outcome);
    expect([Number(user) > 0, Number(capabilities), found(outcome)['a process that stays']]).toEqual([
      true,
      0,
      0,
    ]);
    expect(processesOf(Number(user))).toEqual([]);
    const own = /:pids:(\/.*sealroom-room-.*)$/m.exec(String(groups))?.[1] ?? 'nothing';
    expect(existsSync(join('/sys/fs/cgroup/pids', own))).toBe(false);
  },
);

test.skipIf(!gated)('behind the gate the algorithm keeps the isolation that it has without', () => {
  expect(machine.isolation).toBe('process');
});
