// Starts one room process a run and plays the part of its TEE: it fixes the room's host data (SHA-256 of the manifest) and
// launch digest at the start and signs evidence over whatever report data the room asks for. The room talks in JSON lines:
//   room → node  {"ask":"quote","id":1,"reportData":"…"}    node → room  {"id":1,"evidence":{…}}
//   room → node  {"done":"completed"} or {"failed":"room/…"}
// What the room is handed on standard input is ciphertext, statements and URLs; no key of a party passes here.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { simulatedEvidence } from '@sealroom/attest';
import type { Work } from '@sealroom/api';
import { base64urlDecode, type Bytes, type Digest } from '@sealroom/bytes';
import type { Signer } from '@sealroom/cose';
import { z } from 'zod';

/** The room program's entry point. */
export const ROOM_PROGRAM = join(import.meta.dirname, '..', '..', 'room', 'src', 'main.ts');

const line = z.union([
  z.strictObject({ ask: z.literal('quote'), id: z.int(), reportData: z.string() }),
  z.strictObject({ done: z.enum(['completed', 'failed']) }),
  z.strictObject({ failed: z.string().regex(/^[a-z]+\/[a-z-]+$/) }),
]);

export type RoomStart = {
  /** Another program than the room's; for tests. */
  readonly program?: string;
  readonly work: Work;
  readonly hubUrl: string;
  readonly ledgerOrigin: string;
  readonly storeOrigins: readonly string[];
  readonly caPem: string | null;
  readonly spool: string;
  readonly simulator: Signer;
  readonly launch: Digest;
  /** SHA-256 of the manifest, fixed before the room starts. */
  readonly hostData: Bytes;
  /** The room is killed when it has not ended by then. */
  readonly wallMs: number;
  readonly now: () => number;
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

const MEMORY_FOLDER = '/dev/shm';

/** What a room leaves behind when it is killed: ciphertext in its spool folder, its package in the memory file system. */
async function clearUp(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const left = await readdir(MEMORY_FOLDER).catch(() => []);
  for (const name of left) {
    if (!name.startsWith(`sealroom-package-${basename(folder)}-`)) continue;
    await rm(join(MEMORY_FOLDER, name), { recursive: true, force: true });
  }
}

/** Runs a room to its end; never rejects for what the room does. */
export async function runRoom(start: RoomStart): Promise<RoomEnd> {
  const folder = await mkdtemp(join(start.spool, 'room-'));
  const child = spawn(process.execPath, [start.program ?? ROOM_PROGRAM], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: cleanEnvironment(),
    detached: true,
  });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  const deadline = setTimeout(kill, start.wallMs);
  start.signal.addEventListener('abort', kill, { once: true });
  let end: RoomEnd = { end: 'lost', code: 'room/lost' };
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', start.onStderr);
  const boot = {
    work: start.work,
    hub: { url: start.hubUrl },
    ledger: { origin: start.ledgerOrigin },
    caPem: start.caPem,
    spool: folder,
    storeOrigins: start.storeOrigins,
  };
  child.stdin.write(`${JSON.stringify(boot)}\n`);
  const quote = async (id: number, reportData: string): Promise<void> => {
    const report = {
      launch: start.launch,
      hostData: start.hostData,
      reportData: base64urlDecode(reportData),
      debug: false,
    };
    const evidence = await simulatedEvidence(start.simulator, report, Math.floor(start.now() / 1000));
    child.stdin.write(`${JSON.stringify({ id, evidence })}\n`);
  };
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  for await (const text of createInterface({ input: child.stdout })) {
    let said: z.infer<typeof line>;
    try {
      said = line.parse(JSON.parse(text));
    } catch {
      kill();
      end = { end: 'lost', code: 'room/bad-line' };
      break;
    }
    if ('ask' in said) await quote(said.id, said.reportData);
    else end = 'done' in said ? { end: said.done } : { end: 'lost', code: said.failed };
  }
  await exited;
  clearTimeout(deadline);
  start.signal.removeEventListener('abort', kill);
  kill();
  await clearUp(folder);
  return end;
}
