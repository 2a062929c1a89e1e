// The house of a crash run: the real processes as `sealroom up` starts them, with a proxy on every link of a run, and the
// means to find the process that a victim is.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { Digest } from '@sealroom/bytes';
import { isAlive, type ProcessName, processName } from '@sealroom/host';
import { createServer, type AddressInfo } from 'node:net';
import { certificateFor, layoutOf } from '../../apps/cli/src/up/layout.ts';
import { type House, startHouse } from '../../apps/cli/src/up/services.ts';
import type { RunningHouse } from '../story.ts';
import { type Exchange, type Proxy, startProxy, type Watch } from './proxy.ts';
import type { Victim } from './steps.ts';

export const VAULTS = ['hospital', 'vendor'] as const;
const ROOM_PROGRAM = 'apps/room/src/main.ts';

export type CrashHouse = {
  /** As parties know it: through the proxies where a run goes through them. */
  readonly running: RunningHouse;
  /** Addresses without a proxy. */
  readonly direct: House;
  /** The live process of a service by its name, such as `vault-vendor`; undefined while it is down. */
  service(name: string): ProcessName | undefined;
  /** The rooms that the node has started and that live. */
  rooms(): ProcessName[];
  /** The process that a victim is at this exchange; one of them where there are several. */
  victimOf(victim: Victim, exchange: Exchange): ProcessName | undefined;
  stop(): Promise<void>;
};

function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function runsRoom(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(ROOM_PROGRAM);
  } catch {
    return false;
  }
}

function childRooms(parent: number): ProcessName[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && parentOf(pid) === parent && runsRoom(pid))
    .map(processName)
    .filter(isAlive);
}

/** The inode of the socket that a local port belongs to. */
function inodeOf(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((fields) => fields[1] === `0100007F:${hex}`);
  return line?.[9];
}

function holds(pid: number, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (name) => readlinkSync(`/proc/${pid}/fd/${name}`) === `socket:[${inode}]`,
    );
  } catch {
    return false;
  }
}

type Proxies = { readonly [link: string]: Proxy };

const LINKS = [
  'hub→ledger',
  'node→hub',
  ...VAULTS.flatMap((name) => [`vault-${name}→ledger`, `room→vault-${name}`]),
];

/** @param cache a folder in which Node keeps what it compiled: services start again a thousand times; @param hub its port */
function settingsOf(proxies: Proxies, rooms: number, { cache, hub }: { cache: string; hub: number }) {
  const NODE_COMPILE_CACHE = cache;
  const url = (link: string): string => proxies[link]?.url ?? '';
  const vaults = VAULTS.map((name) => [
    `vault-${name}`,
    {
      SEALROOM_VAULT_LEDGER_URL: url(`vault-${name}→ledger`),
      SEALROOM_VAULT_FOLLOW_SECONDS: '3',
      NODE_COMPILE_CACHE,
    },
  ]);
  return {
    ledger: { NODE_COMPILE_CACHE },
    hub: { SEALROOM_HUB_LEDGER_URL: url('hub→ledger'), NODE_COMPILE_CACHE },
    node: {
      SEALROOM_NODE_HUB_URL: url('node→hub'),
      SEALROOM_NODE_CONCURRENCY: String(rooms),
      // The hub's own store lies behind no proxy.
      SEALROOM_NODE_STORE_ORIGINS: JSON.stringify([`https://127.0.0.1:${hub}`, `https://localhost:${hub}`]),
      NODE_COMPILE_CACHE,
    },
    ...(Object.fromEntries(vaults) as { [name: string]: { [variable: string]: string } }),
  };
}

/** @param rooms how many the node has at a time */
export async function openCrashHouse(
  directory: string,
  orgs: Readonly<{ [vault in (typeof VAULTS)[number]]: Digest }>,
  { watch, rooms }: { watch: Watch; rooms: number },
): Promise<CrashHouse> {
  const layout = layoutOf(directory);
  const files = await certificateFor(layout, 'proxy');
  const tls = {
    cert: await readFile(files.certificate, 'utf8'),
    key: await readFile(files.key, 'utf8'),
    ca: await readFile(layout.caFile, 'utf8'),
  };
  const proxies: { [link: string]: Proxy } = {};
  for (const link of LINKS) proxies[link] = await startProxy(link, tls, watch);
  const ports = await freePorts(2 + VAULTS.length);
  const [ledger = 0, hub = 0, ...vaultPorts] = ports;
  const vaults = Object.fromEntries(VAULTS.map((name, at) => [name, vaultPorts[at] ?? 0]));
  const state = {
    v: 1 as const,
    ports: { ledger, hub, vaults, postgres: 0 },
    vaults: { hospital: [orgs.hospital], vendor: [orgs.vendor] },
    storeOrigins: [],
  };
  const targets = {
    ledger,
    hub,
    ...Object.fromEntries(VAULTS.map((name) => [`vault-${name}`, vaults[name]])),
  };
  for (const [link, proxy] of Object.entries(proxies)) {
    const callee = link.split('→')[1] as keyof typeof targets;
    proxy.target(`https://127.0.0.1:${targets[callee]}`);
  }
  const settings = settingsOf(proxies, rooms, { cache: join(directory, 'compiled'), hub });
  const house = await startHouse(layout, state, {
    onRestart: () => undefined,
    tell: () => undefined,
    settings,
  });
  return crashHouse(directory, { house, proxies, ca: tls.ca });
}

/** Ports that nobody listens on now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function crashHouse(
  directory: string,
  { house, proxies, ca }: { house: House; proxies: Proxies; ca: string },
): CrashHouse {
  const service = (name: string): ProcessName | undefined => {
    const pid = house.pids[name];
    const found = pid === undefined ? undefined : processName(pid);
    return found && isAlive(found) ? found : undefined;
  };
  const rooms = (): ProcessName[] => {
    const node = service('node');
    return node ? childRooms(node.pid) : [];
  };
  const vaults = Object.fromEntries(VAULTS.map((name) => [name, proxies[`room→vault-${name}`]?.url ?? '']));
  const stop = async (): Promise<void> => {
    await house.stop();
    for (const proxy of Object.values(proxies)) await proxy.close();
  };
  const running: RunningHouse = {
    directory,
    hub: house.hub,
    ledger: house.ledger,
    vaults,
    vaultKeys: house.vaultKeys,
    pids: {},
    caPem: ca,
    stop,
  };
  const victimOf = (victim: Victim, { link, callerPort }: Exchange): ProcessName | undefined => {
    if (victim === 'room') {
      const inode = inodeOf(callerPort);
      const all = rooms();
      return all.find(({ pid }) => inode !== undefined && holds(pid, inode)) ?? all[0];
    }
    const named = link.split('→').find((name) => name.startsWith('vault-'));
    return service(victim === 'vault' ? (named ?? `vault-${VAULTS[0]}`) : victim);
  };
  return { running, direct: house, service, rooms, victimOf, stop };
}
