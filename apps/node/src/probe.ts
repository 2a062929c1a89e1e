// What this machine's rooms reach, found by trying: the isolation of the algorithm, by asking the room program itself (the
// same probe the room makes at a run), and whether a room can be kept behind the node's gate. A gate that would cost the
// algorithm its isolation is not put up.
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { ISOLATIONS, type Isolation } from '@sealroom/contract';
import { enclosed, findBubblewrap } from './gate/enclosure.ts';
import { createRoomUser } from './gate/room-user.ts';
import { ROOM_PROGRAM } from './rooms.ts';

const run = promisify(execFile);
const PROBE_MS = 60_000;

export type Reach = { readonly isolation: Isolation; readonly reasons: string };

export type Capabilities = Reach & {
  /** bubblewrap's path when rooms are kept behind the gate. */
  readonly bwrap: string | undefined;
  /** What stands in the gate's way. */
  readonly gateReasons: string;
};

async function outputOf([command = '', ...rest]: readonly string[]): Promise<string> {
  return (await run(command, rest, { timeout: PROBE_MS })).stdout;
}

/** @param words command words to start the room program behind */
async function probeIsolation(words: readonly string[]): Promise<Reach> {
  const stdout = await outputOf([...words, process.execPath, ROOM_PROGRAM, '--probe']);
  const { isolation, reasons } = JSON.parse(stdout) as { isolation?: unknown; reasons?: unknown };
  const found = ISOLATIONS.find((item) => item === isolation);
  if (!found) throw new Error('The room program named no isolation that this version knows.');
  return { isolation: found, reasons: Array.isArray(reasons) ? reasons.join(' ') : '' };
}

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

/** A program behind the words must fail to reach a port of this process. */
async function isCutOff(words: readonly string[]): Promise<boolean> {
  const { server, port } = await listening();
  const source = `require('node:net').connect(${port}, '127.0.0.1')
    .on('connect', () => { console.log('reached'); process.exit(); })
    .on('error', (error) => { console.log(error.code); process.exit(); });`;
  try {
    return (await outputOf([...words, process.execPath, '-e', source])).trim() === 'ECONNREFUSED';
  } finally {
    server.close();
  }
}

/** The isolation behind the gate, or undefined when a process there is not cut off. */
async function probeBehind(bwrap: string): Promise<Reach | undefined> {
  const user = await createRoomUser();
  try {
    const words = enclosed(bwrap, { program: ROOM_PROGRAM, folder: undefined, socketPath: undefined, user });
    return (await isCutOff(words)) ? await probeIsolation(words) : undefined;
  } finally {
    await user?.remove();
  }
}

/** @throws when the room program cannot be started at all */
export async function probeMachine(): Promise<Capabilities> {
  const { bwrap, missing } = findBubblewrap();
  if (bwrap === undefined) return { ...(await probeIsolation([])), bwrap, gateReasons: missing };
  let gateReasons = 'A process behind the gate still reached this machine\u2019s loopback.';
  const behind = await probeBehind(bwrap).catch(() => {
    gateReasons =
      'A room cannot be started in a network and root of its own here; the namespaces may be forbidden, or its user cannot read the program.';
    return undefined;
  });
  const strongest: Isolation = 'process';
  if (behind?.isolation === strongest) return { ...behind, bwrap, gateReasons: '' };
  const bare = await probeIsolation([]);
  if (behind === undefined) return { ...bare, bwrap: undefined, gateReasons };
  if (ISOLATIONS.indexOf(bare.isolation) <= ISOLATIONS.indexOf(behind.isolation))
    return { ...behind, bwrap, gateReasons: '' };
  gateReasons = `Behind the gate rooms would reach only isolation "${behind.isolation}": ${behind.reasons}`;
  return { ...bare, bwrap: undefined, gateReasons };
}
