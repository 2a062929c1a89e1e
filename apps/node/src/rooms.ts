// Starts one room process a run and hands it evidence over whatever report data it asks for, from the platform (platform.ts).
// The room talks in JSON lines:
//   room → node  {"ask":"quote","id":1,"reportData":"…","devices"?:"nvidia-gpu"}    node → room  {"id":1,"evidence":{…}}
//   room → node  {"done":"completed"} or {"failed":"room/…"}
// Under a gate the room has an empty network, and the node's gate is its only way out.
// What the room is handed on standard input is ciphertext, statements and URLs; no key of a party passes here.
import { spawn } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Work } from '@sealroom/api';
import { base64urlDecode, type Bytes, utf8Encode } from '@sealroom/bytes';
import { codeOf, killGroup, type ProcessName, processName } from '@sealroom/host';
import { ProviderError } from '@sealroom/host/attest';
import { coreless } from '@sealroom/host/linux';
import type { Allowance } from './gate/allowance.ts';
import type { Compiled } from './gate/compiled.ts';
import { enclosed, SOCKET_INSIDE } from './gate/enclosure.ts';
import { type Gate, type GateRefusal, openGate } from './gate/gate.ts';
import { createRoomUser, type RoomUser } from './gate/room-user.ts';
import { linesOf, parseRoomLine, type RoomLine } from './lines.ts';
import { type DevicesOf, type Platform, proveRoom } from './platform.ts';

/** The room program's entry point. */
export const ROOM_PROGRAM = join(import.meta.dirname, '..', '..', 'room', 'src', 'main.ts');

/** How a room is shut in, and what it may reach. */
export type RoomGate = {
  readonly bwrap: string;
  readonly compiled?: Compiled | undefined;
  readonly allowance: Allowance;
  readonly onRefusal: (refusal: GateRefusal) => void;
  readonly onClosed?: (traffic: { readonly outbound: number; readonly inbound: number }) => void;
};

export type RoomStart = {
  /** Another program than the room's; for tests. */
  readonly program?: string;
  readonly work: Work;
  readonly hubUrl: string;
  readonly ledgerOrigin: string;
  readonly storeOrigins: readonly string[];
  readonly caPem: string | null;
  readonly spool: string;
  /** Where the room's evidence comes from. */
  readonly platform: Platform;
  /** And that of the machine's devices, where a room asks for it; those that it has, when left out. */
  readonly devicesOf?: DevicesOf | undefined;
  /** Without one the room connects where the host lets it. */
  readonly gate?: RoomGate | undefined;
  /** SHA-256 of the manifest, fixed before the room starts. */
  readonly hostData: Bytes;
  /** The room is killed when it has not ended by then. */
  readonly wallMs: number;
  /** Told the room's process before it is handed anything, so that it can be found again if this node is killed. */
  readonly onStart?: (room: ProcessName) => Promise<void>;
  readonly onStderr: (chunk: Uint8Array) => void;
  readonly signal: AbortSignal;
};

/** `completed` and `failed` were finished by the room with a receipt; `lost` ended without one, with a code. */
export type RoomEnd =
  | { readonly end: 'completed' | 'failed' }
  | { readonly end: 'lost'; readonly code: string };

const ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];

function cleanEnvironment(): { [name: string]: string } {
  const entries = ENVIRONMENT.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return Object.fromEntries(entries) as { [name: string]: string };
}

const DRAIN_MS = 1000;
const MEMORY_FOLDER = '/dev/shm';

/** What a room leaves behind when it is killed: ciphertext in its spool folder, its package in the memory file system. */
export async function clearUp(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const left = await readdir(MEMORY_FOLDER).catch(() => []);
  for (const name of left) {
    if (!name.startsWith(`sealroom-package-${basename(folder)}-`)) continue;
    await rm(join(MEMORY_FOLDER, name), { recursive: true, force: true });
  }
}

/** What stands around a gated room: its gate, and its user where the node is root. */
type Surroundings = { readonly gate: Gate; readonly user: RoomUser | undefined; close(): Promise<void> };

async function surround(plan: RoomGate, folder: string, onOverCap: () => void): Promise<Surroundings> {
  const user = await createRoomUser();
  const gate = await openGate({ ...plan, folder, onOverCap });
  if (user !== undefined) for (const path of [folder, gate.socketPath]) await chown(path, user.uid, user.uid);
  return {
    gate,
    user,
    close: async () => {
      await user?.remove();
      await gate.close();
    },
  };
}

function argvOf(start: RoomStart, folder: string, around: Surroundings | undefined): string[] {
  const program = start.program ?? ROOM_PROGRAM;
  const argv = [process.execPath, program];
  if (start.gate === undefined || around === undefined) return coreless(argv);
  const { gate, user } = around;
  return coreless([
    ...enclosed(start.gate.bwrap, {
      program,
      folder,
      socketPath: gate.socketPath,
      user,
      compiled: start.gate.compiled,
    }),
    ...argv,
  ]);
}

function bootLine(start: RoomStart, folder: string): string {
  const boot = {
    work: start.work,
    hub: { url: start.hubUrl },
    technology: start.platform.technology,
    ledger: { origin: start.ledgerOrigin },
    caPem: start.caPem,
    spool: folder,
    storeOrigins: start.storeOrigins,
    gate: start.gate && SOCKET_INSIDE,
  };
  return `${JSON.stringify(boot)}\n`;
}

async function quoteLine(
  { platform, devicesOf, hostData }: RoomStart,
  { id, reportData, devices }: Extract<RoomLine, { ask: 'quote' }>,
): Promise<string> {
  const asked = { hostData, reportData: base64urlDecode(reportData), devices };
  const evidence = await proveRoom({ platform, devicesOf }, asked);
  return `${JSON.stringify({ id, evidence })}\n`;
}

/** Runs a room to its end; never rejects for what the room does. */
export async function runRoom(start: RoomStart): Promise<RoomEnd> {
  const folder = await mkdtemp(join(resolve(start.spool), 'room-'));
  const over = new AbortController();
  const around = start.gate && (await surround(start.gate, folder, () => over.abort()));
  const [command = '', ...words] = argvOf(start, folder, around);
  const child = spawn(command, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: cleanEnvironment(),
    detached: true,
  });
  const room = child.pid === undefined ? undefined : processName(child.pid);
  const kill = () => {
    if (room) killGroup(room);
  };
  const deadline = setTimeout(kill, start.wallMs);
  for (const signal of [start.signal, over.signal]) signal.addEventListener('abort', kill, { once: true });
  let end: RoomEnd = { end: 'lost', code: 'room/lost' };
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', start.onStderr);
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  // What a room leaves behind may hold its streams open; the room has ended all the same.
  child.once('exit', () => {
    kill();
    setTimeout(() => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    }, DRAIN_MS).unref();
  });
  try {
    if (room) await start.onStart?.(room);
    child.stdin.write(bootLine(start, folder));
  } catch (error) {
    start.onStderr(utf8Encode(`The room could not be noted: ${codeOf(error) ?? 'unknown'}`));
    end = { end: 'lost', code: 'node/failed' };
    kill();
  }
  for await (const text of linesOf(child.stdout)) {
    const said = parseRoomLine(text);
    if (!said) {
      kill();
      end = { end: 'lost', code: 'room/bad-line' };
      break;
    }
    if ('ask' in said) {
      const line = await quoteLine(start, said).catch((error: unknown) => {
        // A provider's messages are its own words; others may quote what they were given.
        const why = error instanceof ProviderError ? `${error.message} [${error.code}]` : codeOf(error);
        start.onStderr(utf8Encode(`The platform gave no evidence: ${why ?? 'unknown'}`));
        return undefined;
      });
      if (line !== undefined) child.stdin.write(line);
      else {
        end = { end: 'lost', code: 'node/no-evidence' };
        kill();
        break;
      }
    } else end = 'done' in said ? { end: said.done } : { end: 'lost', code: said.failed };
  }
  await exited;
  clearTimeout(deadline);
  start.signal.removeEventListener('abort', kill);
  kill();
  if (around !== undefined) {
    if (around.gate.overCap()) end = { end: 'lost', code: 'gate/over-cap' };
    start.gate?.onClosed?.(around.gate.traffic());
    await around.close();
  }
  await clearUp(folder);
  return end;
}
