// The runs of a node from the hub's hand to their reported end. What the hub gave is noted before a room starts; a room that
// ends without finishing is reported until the hub has heard of it; what a killed node left behind is ended at its start.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Work } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { ClientError } from '@sealroom/client';
import { codeOf, ensureDirectory, killGroup, type Log } from '@sealroom/host';
import { measureRoom } from '@sealroom/host/measure';
import type { NodeConfig } from './config.ts';
import type { Compiled } from './gate/compiled.ts';
import { allowanceOf } from './gate/allowance.ts';
import type { HubLink } from './hub-link.ts';
import type { NodeKeys } from './keys.ts';
import type { Note, Notes } from './notes.ts';
import { clearUp, type RoomEnd, type RoomGate, runRoom } from './rooms.ts';
import { storeOriginsFor } from './stores.ts';
import type { DevicesOf, Platform } from './platform.ts';
import { type PreparedWork, prepareWork } from './work.ts';

export const RUN_EVENTS = {
  'gate.refused': ['run', 'code', 'destination'],
  'gate.closed': ['run', 'outbound', 'inbound', 'cap'],
  'room.started': ['run'],
  'room.ended': ['run', 'end', 'code'],
  'room.said': ['run', 'text'],
  'room.left-over': ['run'],
  'hub.refused': [],
  'hub.unreachable': ['retryMilliseconds'],
  'run.unreportable': ['run'],
} as const;

const MAX_REFUSALS_TOLD = 20;

export type Running = {
  readonly config: Pick<NodeConfig, 'hubUrl' | 'privateHosts' | 'storeOrigins'>;
  readonly keys: NodeKeys;
  readonly hub: HubLink;
  readonly caPem: string | null;
  readonly signal: AbortSignal;
  readonly spool: string;
  readonly notes: Notes;
  /** The room program as this node enrolled with it. */
  readonly launch: Digest;
  /** Where its rooms' evidence comes from. */
  readonly platform: Platform;
  readonly devicesOf?: DevicesOf;
  /** bubblewrap's path when rooms are kept behind the gate. */
  readonly bwrap: string | undefined;
  /** The room program's compiled code, where rooms are gated. */
  readonly compiled: Compiled | undefined;
  readonly log: Log<typeof RUN_EVENTS>;
  /** How long after a failed call the hub is called again, in milliseconds. */
  readonly retryMs: number;
};

/** Whether the hub has answered, and another call would bring the same. */
function isAnswer(error: unknown): boolean {
  return error instanceof ClientError && error.status !== undefined && error.status < 500;
}

type Asking = Pick<Running, 'signal' | 'retryMs'>;

/** Asks the hub until it answers. @throws its refusal, or what was in the way when this node stops */
async function untilAnswered<Result>(
  { signal, retryMs }: Asking,
  ask: () => Promise<Result>,
  onRetry: () => void = () => undefined,
): Promise<Result> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isAnswer(error) || signal.aborted) throw error;
      onRetry();
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Tells the hub that a run is lost, until it knows, and forgets the run. A node that stops leaves the note for its next start. */
export async function reportLost(
  { hub, notes, log, ...asking }: Pick<Running, 'hub' | 'notes' | 'log'> & Asking,
  run: Digest,
  code: string,
): Promise<void> {
  const unreportable = () => log.event('run.unreportable', { run });
  try {
    await untilAnswered(asking, () => hub.reportFailed(run, code), unreportable);
  } catch (error) {
    // Refused: the hub does not know the run as this node's (any more), so there is nothing to tell.
    if (!isAnswer(error)) return unreportable();
  }
  await notes.remove(run);
}

function gateFor(
  { config, bwrap, compiled, log }: Running,
  { work, prepared, storeOrigins }: { work: Work; prepared: PreparedWork; storeOrigins: readonly string[] },
): RoomGate | undefined {
  if (bwrap === undefined) return undefined;
  const { hubUrl, privateHosts } = config;
  const allowance = allowanceOf({ work, ...prepared, hubUrl, storeOrigins, privateHosts });
  let told = 0;
  return {
    bwrap,
    compiled,
    allowance,
    // A room that is refused without end does not fill the log.
    onRefusal: (refusal) => {
      if (told++ < MAX_REFUSALS_TOLD) log.event('gate.refused', { run: work.run, ...refusal });
    },
    onClosed: (traffic) =>
      log.event('gate.closed', { run: work.run, ...traffic, cap: allowance.outboundBytes }),
  };
}

async function startRoom(running: Running, work: Work): Promise<RoomEnd> {
  const { config, platform, devicesOf, hub, caPem, signal, spool, launch, log, notes } = running;
  const { ledgerOrigin, storeOrigins: named } = await untilAnswered(running, () => hub.describe());
  const storeOrigins = storeOriginsFor(config.hubUrl, named, config.storeOrigins);
  const prepared = await prepareWork(work, platform.technology);
  const { hostData, wallMs } = prepared;
  // A program that was changed since this node enrolled is another room: no contract names it.
  if ((await measureRoom()) !== launch) return { end: 'lost', code: 'node/program-changed' };
  return runRoom({
    work,
    hubUrl: config.hubUrl,
    ledgerOrigin,
    storeOrigins,
    caPem,
    spool,
    platform,
    devicesOf,
    gate: gateFor(running, { work, prepared, storeOrigins }),
    hostData,
    wallMs,
    onStart: (room) => notes.write(work.run, room),
    onStderr: (chunk) =>
      log.event('room.said', { run: work.run, text: new TextDecoder().decode(chunk).trim() }),
    signal,
  });
}

/** Runs a room for this work and sees to it that the hub learns of its end. */
export async function runOne(running: Running, work: Work): Promise<void> {
  const { log, notes } = running;
  const { run } = work;
  log.event('room.started', { run });
  const end = await startRoom(running, work).catch((error: unknown): RoomEnd => {
    log.failure('room.ended', error, { run });
    return { end: 'lost', code: 'node/failed' };
  });
  log.event('room.ended', { run, end: end.end, code: end.end === 'lost' ? end.code : undefined });
  if (end.end === 'lost') await reportLost(running, run, end.code);
  else await notes.remove(run);
}

/** Asks for work again and again, `concurrency` runs at a time. One call waits at the hub at any time, so that what it names as running is whole. */
export async function workLoops(running: Running, concurrency: number): Promise<void> {
  const { hub, notes, signal, log, retryMs } = running;
  let turn: Promise<unknown> = Promise.resolve();
  const take = (): Promise<Work | null> => {
    const mine = turn.then(async () => {
      if (signal.aborted) return null;
      const work = await hub.takeWork(notes.runs(), signal);
      if (work) await notes.write(work.run);
      return work;
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const work = await take();
        if (work) await runOne(running, work);
      } catch (error) {
        if (signal.aborted) return;
        // A refusal says what to mend, such as a clock that is off.
        if (isAnswer(error) || !(error instanceof ClientError)) log.failure('hub.refused', error, {});
        log.event('hub.unreachable', { retryMilliseconds: retryMs });
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
}

/** Ends what an earlier process of this node left behind: its rooms with all they started, and what they kept on this machine. */
export async function endLeftovers(
  spool: string,
  left: readonly Note[],
  log: Log<typeof RUN_EVENTS>,
): Promise<void> {
  for (const { run, room } of left) {
    log.event('room.left-over', { run });
    if (room) killGroup(room);
  }
  const folders = await readdir(spool).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of folders) await clearUp(join(spool, name));
  await rm(spool, { recursive: true, force: true });
  await ensureDirectory(spool, 0o700);
}
