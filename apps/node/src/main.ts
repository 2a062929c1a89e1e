// A node: asks its hub for work and starts a room for each run. It holds no key of any party.
import { readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  createLog,
  ensureDirectory,
  lockDirectory,
  onStop,
  readyLine,
  serverApp,
  startServer,
  stopWithParent,
  tlsFetch,
  writeFileAtomic,
} from '@sealroom/host';
import { measureRoom } from '@sealroom/host/measure';
import type { Work } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { ClientError } from '@sealroom/client';
import { type NodeConfig, readConfig } from './config.ts';
import { createHubLink, type HubLink } from './hub-link.ts';
import { loadKeys, type NodeKeys } from './keys.ts';
import { allowanceOf } from './gate/allowance.ts';
import { type Capabilities, probeMachine } from './probe.ts';
import { type RoomGate, runRoom } from './rooms.ts';
import { type PreparedWork, prepareWork } from './work.ts';

const log = createLog({
  name: 'node',
  events: {
    'node.refused': [],
    'node.started': ['node', 'isolation', 'reasons', 'gate', 'gateReasons', 'launch', 'simulated'],
    'gate.refused': ['run', 'code', 'destination'],
    'gate.closed': ['run', 'outbound', 'inbound', 'cap'],
    'room.started': ['run'],
    'room.ended': ['run', 'end', 'code'],
    'room.said': ['run', 'text'],
    'hub.unreachable': ['retryMilliseconds'],
    'run.unreportable': ['run'],
  },
});

const RETRY_MS = 2000;
const MAX_REFUSALS_TOLD = 20;

async function enrol(
  config: NodeConfig,
  keys: NodeKeys,
  hub: HubLink,
  { isolation }: Capabilities,
): Promise<Digest> {
  const marker = join(config.dataDirectory, 'enrolled');
  const launch = await measureRoom();
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === `${launch} ${isolation}`) return launch;
  if (config.code === undefined) {
    throw new Error(
      'This node is not enrolled with its present program. Give a one-time code of the hub (SEALROOM_NODE_CODE_FILE).',
    );
  }
  await hub.enrol({
    code: config.code,
    name: config.name,
    key: keys.node.key,
    simulator: keys.simulator.key,
    launch,
    isolation,
    maxVcpu: config.maxVcpu,
    maxMemoryGiB: config.maxMemoryGib,
  });
  await writeFileAtomic(marker, new TextEncoder().encode(`${launch} ${isolation}`), 0o600);
  return launch;
}

type Running = {
  readonly config: NodeConfig;
  readonly keys: NodeKeys;
  readonly hub: HubLink;
  readonly caPem: string | null;
  readonly signal: AbortSignal;
  readonly spool: string;
  /** The room program as this node enrolled with it. */
  readonly launch: Digest;
  /** bubblewrap's path when rooms are kept behind the gate. */
  readonly bwrap: string | undefined;
};

function gateFor(
  { config, bwrap }: Running,
  { work, prepared, storeOrigins }: { work: Work; prepared: PreparedWork; storeOrigins: readonly string[] },
): RoomGate | undefined {
  if (bwrap === undefined) return undefined;
  const { hubUrl, privateHosts } = config;
  const allowance = allowanceOf({ work, ...prepared, hubUrl, storeOrigins, privateHosts });
  let told = 0;
  return {
    bwrap,
    allowance,
    // A room that is refused without end does not fill the log.
    onRefusal: (refusal) => {
      if (told++ < MAX_REFUSALS_TOLD) log.event('gate.refused', { run: work.run, ...refusal });
    },
    onClosed: (traffic) =>
      log.event('gate.closed', { run: work.run, ...traffic, cap: allowance.outboundBytes }),
  };
}

async function runOne(running: Running, work: Work): Promise<void> {
  const { config, keys, hub, caPem, signal, spool, launch } = running;
  log.event('room.started', { run: work.run });
  const { ledgerOrigin, storeOrigins } = await hub.describe();
  const prepared = await prepareWork(work);
  const { hostData, wallMs } = prepared;
  // A program that was changed since this node enrolled is another room: no contract names it.
  if ((await measureRoom()) !== launch) {
    log.event('room.ended', { run: work.run, end: 'lost', code: 'node/program-changed' });
    await hub.reportFailed(work.run, 'node/program-changed');
    return;
  }
  const said = (chunk: Uint8Array) =>
    log.event('room.said', { run: work.run, text: new TextDecoder().decode(chunk).trim() });
  const end = await runRoom({
    work,
    hubUrl: config.hubUrl,
    ledgerOrigin,
    storeOrigins,
    caPem,
    spool,
    simulator: keys.simulator,
    launch,
    gate: gateFor(running, { work, prepared, storeOrigins }),
    hostData,
    wallMs,
    now: Date.now,
    onStderr: said,
    signal,
  });
  log.event('room.ended', { run: work.run, end: end.end, code: end.end === 'lost' ? end.code : undefined });
  if (end.end === 'lost')
    await hub.reportFailed(work.run, end.code).catch(() => log.event('run.unreportable', { run: work.run }));
}

async function loop(running: Running): Promise<void> {
  while (!running.signal.aborted) {
    try {
      const work = await running.hub.takeWork(running.signal);
      if (work) await runOne(running, work);
    } catch (error) {
      if (running.signal.aborted) return;
      if (!(error instanceof ClientError)) log.failure('hub.unreachable', error, {});
      log.event('hub.unreachable', { retryMilliseconds: RETRY_MS });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  await ensureDirectory(config.dataDirectory, 0o700);
  const lock = lockDirectory(config.dataDirectory);
  const keys = await loadKeys(config.dataDirectory);
  const caPem = config.caPath === undefined ? null : await readFile(config.caPath, 'utf8');
  const fetch = tlsFetch(caPem === null ? {} : { caPem });
  const hub = await createHubLink(config.hubUrl, { signer: keys.node, fetch, now: Date.now });
  const machine = await probeMachine();
  if (machine.bwrap === undefined && config.requireGate)
    throw new Error(`Rooms cannot be kept behind the gate: ${machine.gateReasons}`);
  const launch = await enrol(config, keys, hub, machine);
  const spool = join(config.dataDirectory, 'spool');
  await rm(spool, { recursive: true, force: true });
  await ensureDirectory(spool, 0o700);
  const stopping = new AbortController();
  const checks = { hub: async () => void (await hub.describe()) };
  const health = await startServer({
    app: serverApp({ log, name: 'node', checks }),
    host: '127.0.0.1',
    port: config.healthPort,
    log,
  });
  log.event('node.started', {
    node: keys.node.kid,
    isolation: machine.isolation,
    reasons: machine.reasons,
    gate: machine.bwrap !== undefined,
    gateReasons: machine.gateReasons,
    launch,
    simulated: true,
  });
  const loops = Array.from({ length: config.concurrency }, () =>
    loop({ config, keys, hub, caPem, signal: stopping.signal, spool, launch, bwrap: machine.bwrap }),
  );
  onStop(async () => {
    stopping.abort();
    await Promise.all(loops);
    await health.close();
    lock.release();
  }, log);
  if (config.stopWithParent) stopWithParent(log);
  readyLine({ name: 'node', node: keys.node.kid, url: health.url });
}

try {
  await main();
} catch (error) {
  log.failure('node.refused', error, {});
  process.exitCode = 1;
}
