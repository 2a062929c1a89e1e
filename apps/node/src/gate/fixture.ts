// Test support: runs a room program under the gate. Started by itself, as another user perhaps, it reads what to run from
// stdin and prints the outcome.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { simulatedPlatform } from '../platform.ts';
import { type RoomEnd, ROOM_PROGRAM, runRoom } from '../rooms.ts';
import { compileRoom } from './compiled.ts';
import { findBubblewrap } from './enclosure.ts';
import type { GateRefusal } from './gate.ts';

export type CheatSpec = {
  /** The program's source; what it writes to standard error comes back. */
  readonly source: string;
  /** `host:port` of what the room may reach. */
  readonly allowed: readonly string[];
  readonly outboundBytes?: number;
  /** Show the room its program's compiled code. */
  readonly compiled?: boolean;
};

export type CheatOutcome = {
  readonly end: RoomEnd;
  readonly said: string;
  readonly refusals: readonly GateRefusal[];
  readonly outbound: number;
};

/** Runs the program as a room; a file `secret.key` of the node's lies beside its spool. */
export async function runCheat({
  source,
  allowed,
  outboundBytes = 100_000,
  compiled = false,
}: CheatSpec): Promise<CheatOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-cheat-'));
  const refusals: GateRefusal[] = [];
  let said = '';
  let outbound = 0;
  try {
    await mkdir(join(folder, 'program'));
    await mkdir(join(folder, 'node'));
    const program = join(folder, 'program', 'room.mjs');
    await writeFile(program, source);
    await writeFile(join(folder, 'node', 'secret.key'), 'secret', { mode: 0o600 });
    const digest = `sha256:${'1'.repeat(64)}` as const;
    const end = await runRoom({
      program,
      work: {
        run: digest,
        project: 'project-1',
        runConfiguration: 'configuration-1',
        contracts: [digest],
        statements: [],
        assets: [],
        criteria: '',
        uploadedAt: [],
      },
      hubUrl: 'https://hub.example',
      ledgerOrigin: 'ledger.test',
      storeOrigins: [],
      caPem: null,
      spool: join(folder, 'node'),
      platform: simulatedPlatform({
        simulator: await ed25519Signer(generateSecret()),
        launch: digest,
        now: () => 0,
      }),
      gate: {
        bwrap: findBubblewrap().bwrap ?? '',
        compiled: compiled ? await compileRoom(ROOM_PROGRAM, join(folder, 'node', 'compiled')) : undefined,
        allowance: {
          destinations: new Map(
            allowed.map((name) => {
              const [host = '', port] = name.split(':');
              return [name, { host, port: Number(port), allows: () => true }];
            }),
          ),
          outboundBytes,
          outboundBytesPerMiB: 0,
        },
        onRefusal: (refusal) => refusals.push(refusal),
        onClosed: (traffic) => {
          outbound = traffic.outbound;
        },
      },
      hostData: new Uint8Array(32),
      wallMs: 30_000,
      onStderr: (chunk) => {
        said += new TextDecoder().decode(chunk);
      },
      signal: new AbortController().signal,
    });
    return { end, said, refusals, outbound };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function dropped(uid: number, words: readonly string[]): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', process.execPath, ...words];
}

/** Whether another user can start this file where it lies. */
export function canRunAs(uid: number): boolean {
  const words = dropped(uid, ['-e', 'import(process.argv[1])', import.meta.filename]);
  return spawnSync('setpriv', words, { stdio: 'ignore', cwd: '/' }).status === 0;
}

/** The same in a process of an ordinary user. */
export async function runCheatAs(uid: number, spec: CheatSpec): Promise<CheatOutcome> {
  const words = dropped(uid, [import.meta.filename]);
  const child = spawn('setpriv', words, { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
  child.stdin.end(JSON.stringify(spec));
  return JSON.parse(await text(child.stdout)) as CheatOutcome;
}

if (import.meta.main) {
  const spec = JSON.parse(await text(process.stdin)) as CheatSpec;
  process.stdout.write(JSON.stringify(await runCheat(spec)));
}
