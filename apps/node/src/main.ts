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
import { probeIsolation } from './probe.ts';
import { runRoom } from './rooms.ts';
import { prepareWork } from './work.ts';

const log = createLog({
  name: 'node',
  events: {
    'node.refused': [],
    'node.started': ['node', 'isolation', 'reasons', 'launch', 'simulated'],
    'room.started': ['run'],
    'room.ended': ['run', 'end', 'code'],
    'room.said': ['run', 'text'],
    'hub.unreachable': ['retryMilliseconds'],
    'run.unreportable': ['run'],
  },
});

const RETRY_MS = 2000;

async function enrol(config: NodeConfig, keys: NodeKeys, hub: HubLink): Promise<Digest> {
  const marker = join(config.dataDirectory, 'enrolled');
  const launch = await measureRoom();
  const { isolation } = await probeIsolation();
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
};

async function runOne(
  { config, keys, hub, caPem, signal, spool, launch }: Running,
  work: Work,
): Promise<void> {
  log.event('room.started', { run: work.run });
  const { ledgerOrigin, storeOrigins } = await hub.describe();
  const { hostData, wallMs } = await prepareWork(work);
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
  const launch = await enrol(config, keys, hub);
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
    ...(await probeIsolation()),
    launch,
    simulated: true,
  });
  const loops = Array.from({ length: config.concurrency }, () =>
    loop({ config, keys, hub, caPem, signal: stopping.signal, spool, launch }),
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
