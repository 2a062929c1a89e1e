// Runs inside the outer sandbox: makes the scratch folders, passes raw TCP of localhost:5000 to the room's Unix socket (TLS
// ends in the room, no key is here), starts the algorithm in a sandbox of its own below, and reports its end on descriptor
// 3. The algorithm sees neither this process nor the socket: it has its own pid and mount namespaces, and shares only the
// network. If this process ends, so does everything below it. Stands alone: only node: imports.
import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';

type Plan = {
  readonly package: string;
  readonly scratch: string;
  readonly socket: string;
  readonly port: number;
  readonly filter: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
};

const STATUS_DESCRIPTOR = 3;
const MAX_CONNECTIONS = 256;
const TICK_MS = 10;
const CLOSE_ON_EXEC = 0o2000000;

// Node hands its children sockets, which cannot be opened as /dev/stdout; programs expect pipes there, as in a container.
const WITH_PIPES = '{ "$@" 2>&1 >&6 6>&- | cat >&2 3<&- 4>&- 5<&- 6>&-; } 6>&1 | cat 3<&- 4>&- 5<&-';

function report(event: Readonly<Record<string, unknown>>): void {
  writeSync(STATUS_DESCRIPTOR, `${JSON.stringify(event)}\n`);
}

function join(near: Socket, socket: string): void {
  const far = connect({ path: socket, allowHalfOpen: true });
  const end = (): void => {
    near.destroy();
    far.destroy();
  };
  near.on('error', end);
  far.on('error', end);
  near.pipe(far);
  far.pipe(near);
}

async function listen(plan: Plan, host: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => join(near, plan.socket));
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(plan.port, host, resolve);
  });
  return server;
}

// Descriptors that whoever started the room left open would reach the algorithm: all that are to survive an exec go.
function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor <= STATUS_DESCRIPTOR) continue;
    try {
      const flags =
        /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'latin1'))?.[1] ?? '0';
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      continue; // the descriptor of this very listing
    }
  }
}

/** Processor time of children that were waited for, theirs included: fields cutime and cstime of proc(5). */
function childrenMs(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

async function main(path: string): Promise<void> {
  const plan = JSON.parse(readFileSync(path, 'utf8')) as Plan;
  closeInherited();
  // The kernel's last resort should take the sandbox, not the host's services. Raising one's own score is always allowed.
  writeFileSync('/proc/self/oom_score_adj', '900');
  for (const folder of ['tmp', 'shm']) mkdirSync(`${plan.scratch}/${folder}`, { mode: 0o700 });
  cpSync(plan.package, `${plan.scratch}/app`, { recursive: true });
  await listen(plan, '127.0.0.1');
  await listen(plan, '::1').catch(() => undefined); // a host without IPv6
  const filter = openSync(plan.filter, 'r');
  const child = spawn('/bin/sh', ['-c', WITH_PIPES, 'sh', ...plan.command], {
    stdio: ['ignore', 'inherit', 'inherit', filter, 'pipe', 'pipe'],
  });
  const variables = Object.entries(plan.environment).flatMap((pair) => ['--setenv', ...pair]);
  const channel = (child.stdio as readonly unknown[])[5];
  if (channel instanceof Socket) channel.end(variables.map((word) => `${word}\0`).join(''));
  // bwrap writes exit-code only for a program that was reached: its own failures must not look like the algorithm's.
  let status = '';
  child.stdio[4]?.on('data', (chunk: Buffer) => {
    status += chunk.toString('utf8');
    if (status.includes('child-pid')) report({ started: true });
  });
  child.on('error', (cause) => {
    report({ failed: cause.message });
    process.exit(1);
  });
  child.on('close', () => {
    const code = /"exit-code": *([0-9]+)/.exec(status)?.[1];
    if (code !== undefined) report({ code: Number(code), cpuMs: childrenMs() });
    else report({ failed: 'the inner sandbox was not set up: ' });
    process.exit(0);
  });
}

const [, , path = ''] = process.argv;
main(path).catch((cause: unknown) => {
  report({ failed: String(cause) });
  process.exit(1);
});
