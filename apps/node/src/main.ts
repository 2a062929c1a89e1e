// A node: asks its hub for work and starts a room for each run. It holds no key of any party.
import { readFile } from 'node:fs/promises';
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
import { detectDevices } from '@sealroom/host/attest';
import { measureRoom } from '@sealroom/host/measure';
import type { Digest } from '@sealroom/bytes';
import { type NodeConfig, readConfig } from './config.ts';
import { createHubLink, type HubLink } from './hub-link.ts';
import { compileRoom } from './gate/compiled.ts';
import { removeLeftGroups } from './gate/room-user.ts';
import { loadKeys, type NodeKeys } from './keys.ts';
import { openNotes } from './notes.ts';
import { detectPlatform, type Platform, simulatedPlatform } from './platform.ts';
import { type Capabilities, probeMachine } from './probe.ts';
import { ROOM_PROGRAM } from './rooms.ts';
import { endLeftovers, reportLost, RUN_EVENTS, type Running, workLoops } from './runs.ts';

const log = createLog({
  name: 'node',
  events: {
    'node.refused': [],
    'node.started': ['node', 'isolation', 'reasons', 'gate', 'gateReasons', 'launch', 'technology'],
    ...RUN_EVENTS,
  },
});

const RETRY_MS = 2000;

type Program = Pick<Capabilities, 'isolation'> & { readonly launch: Digest };

async function platformOf(config: NodeConfig, keys: NodeKeys, launch: Digest): Promise<Platform> {
  const { simulated, attestationAudience: audience, tpm } = config;
  if (simulated) return simulatedPlatform({ simulator: keys.simulator, launch, now: Date.now });
  return detectPlatform({ ...(audience !== undefined && { audience }), ...(tpm !== undefined && { tpm }) });
}

async function enrol(
  config: NodeConfig,
  keys: NodeKeys,
  hub: HubLink,
  { launch, isolation, technology }: Program & Pick<Platform, 'technology'>,
): Promise<void> {
  const marker = join(config.dataDirectory, 'enrolled');
  const simulated = technology === 'simulated';
  const facts = `${launch} ${isolation}${simulated ? '' : ` ${technology}`}`;
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === facts) return;
  if (config.code === undefined) {
    throw new Error(
      'This node is not enrolled with its present program. Give a one-time code of the hub (SEALROOM_NODE_CODE_FILE).',
    );
  }
  await hub.enrol({
    code: config.code,
    name: config.name,
    key: keys.node.key,
    simulator: simulated ? keys.simulator.key : null,
    ...(simulated ? {} : { hardware: technology }),
    launch,
    isolation,
    maxVcpu: config.maxVcpu,
    maxMemoryGiB: config.maxMemoryGib,
  });
  await writeFileAtomic(marker, new TextEncoder().encode(facts), 0o600);
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  await ensureDirectory(config.dataDirectory, 0o700);
  const lock = lockDirectory(config.dataDirectory);
  const keys = await loadKeys(config.dataDirectory);
  // Before anything that may fail: no room stays that nobody watches.
  const spool = join(config.dataDirectory, 'spool');
  const { notes, left } = await openNotes(join(config.dataDirectory, 'runs'));
  await endLeftovers(spool, left, log);
  await removeLeftGroups();
  const caPem = config.caPath === undefined ? null : await readFile(config.caPath, 'utf8');
  const fetch = tlsFetch(caPem === null ? {} : { caPem });
  const hub = await createHubLink(config.hubUrl, { signer: keys.node, fetch, now: Date.now });
  const { bwrap, ...machine } = await probeMachine();
  if (bwrap === undefined && config.requireGate)
    throw new Error(`Rooms cannot be kept behind the gate: ${machine.gateReasons}`);
  const launch = await measureRoom();
  const platform = await platformOf(config, keys, launch);
  const { technology } = platform;
  const program = { launch, technology, ...machine };
  const compiled =
    bwrap === undefined ? undefined : await compileRoom(ROOM_PROGRAM, join(config.dataDirectory, 'compiled'));
  await enrol(config, keys, hub, program);
  const stopping = new AbortController();
  const checks = { hub: async () => void (await hub.describe()) };
  const health = await startServer({
    app: serverApp({ log, name: 'node', checks }),
    host: '127.0.0.1',
    port: config.healthPort,
    log,
  });
  log.event('node.started', { node: keys.node.kid, ...program, gate: bwrap !== undefined });
  const running: Running = {
    config,
    keys,
    hub,
    caPem,
    signal: stopping.signal,
    spool,
    notes,
    launch,
    platform,
    devicesOf: (kind) => detectDevices(kind, { helper: config.gpuHelper }),
    bwrap,
    compiled,
    log,
    retryMs: RETRY_MS,
  };
  const debts = left.map(({ run }) => reportLost(running, run, 'node/restarted'));
  const loops = workLoops(running, config.concurrency);
  onStop(async () => {
    stopping.abort();
    await Promise.all([loops, ...debts]);
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
