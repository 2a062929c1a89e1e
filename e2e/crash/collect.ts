// Reads the true state after a crash run: the ledger's entries, the vaults' databases, the hub's runs, and what is left of
// rooms on this machine.
import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hubRoutes } from '@sealroom/api';
import { type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { openDatabase, tlsFetch } from '@sealroom/host';
import type { House } from '../../apps/cli/src/up/services.ts';
import { plain, type Tables } from '../../apps/vault/src/db.ts';
import { fetchCheckpoint, fetchEntries } from '../../apps/vault/src/follower/ledger.ts';
import type { Session } from '../party.ts';
import type { History, HubRun, VaultState } from './history.ts';

async function vaultState({ postgres }: House, name: string, kid: Digest): Promise<VaultState> {
  const role = `vault_${name}`;
  const db = openDatabase<Tables>(postgres.url(role, role), { connections: 1 });
  try {
    const releases = await db.selectFrom('releases').selectAll().execute();
    const clearances = await db.selectFrom('clearances').selectAll().execute();
    const outbox = await db.selectFrom('outbox').selectAll().execute();
    return {
      kid,
      releases: releases.map(({ run, room, state, reservation, answer }) => ({
        run: run as Digest,
        room,
        state,
        reservation: plain(reservation),
        answer: answer && plain(answer),
      })),
      clearances: clearances.map(({ run, room, statement }) => ({
        run: run as Digest,
        room,
        statement: plain(statement),
      })),
      outbox: outbox.map(({ cose, leaf, refused }) => ({ cose: plain(cose), leaf, refused })),
    };
  } finally {
    await db.destroy();
  }
}

async function hubRuns({ hub }: Session, project: string): Promise<HubRun[]> {
  const { runs } = await call(hub, hubRoutes.runs, { params: { project } });
  const found: HubRun[] = [];
  for (const { run, status, detail, endedAt, stages, hasReceipt, hasOutput } of runs) {
    const input = { params: { run } };
    found.push({
      run,
      status,
      detail,
      ended: endedAt !== null,
      stages: stages.map(({ stage }) => stage),
      receipt: hasReceipt ? new Uint8Array(await call(hub, hubRoutes.receipt, input)) : null,
      output: hasOutput ? await sha256Digest(await call(hub, hubRoutes.output, input)) : null,
    });
  }
  return found;
}

/** Ledger, vaults and hub as they are now. */
export async function collect(
  house: House,
  { caPem, owner, project }: { caPem: string; owner: Session; project: string },
): Promise<Pick<History, 'note' | 'entries' | 'vaults' | 'runs'>> {
  const fetch = tlsFetch({ caPem });
  const ledger = { ...house.ledger, fetch };
  const { note, size } = await fetchCheckpoint(ledger);
  const entries = await fetchEntries(ledger, 0, size);
  fetch.close();
  const vaults: VaultState[] = [];
  for (const [name, kid] of Object.entries(house.vaultKeys))
    vaults.push(await vaultState(house, name, kid as Digest));
  return { note, entries, vaults, runs: await hubRuns(owner, project) };
}

const QUIET_MS = 60_000;

/** Waits until the node has no run and no vault has anything to say. What stays is found as a left-over or an unsaid statement. */
export async function untilQuiet(house: House, directory: string): Promise<void> {
  const until = performance.now() + QUIET_MS;
  const busy = async (): Promise<boolean> => {
    const notes = await readdir(join(directory, 'node', 'runs')).catch(() => ['down']);
    if (notes.length > 0) return true;
    for (const name of Object.keys(house.vaultKeys)) {
      const { outbox } = await vaultState(house, name, 'sha256:' as Digest).catch(() => ({ outbox: [] }));
      if (outbox.some(({ leaf, refused }) => leaf === null && refused === null)) return true;
    }
    return false;
  };
  while (performance.now() < until && (await busy())) await delay(500);
}

/** Folders of rooms that are still there. @param rooms names of folders that the node's spool had */
export async function leftFolders(directory: string, rooms: ReadonlySet<string>): Promise<string[]> {
  const spool = await readdir(join(directory, 'node', 'spool'));
  const notes = await readdir(join(directory, 'node', 'runs'));
  const memory = await readdir('/dev/shm').catch(() => []);
  return [
    ...spool.map((name) => `the node's spool still holds ${name}`),
    ...notes.map((name) => `the node still has a note of run ${name}`),
    ...memory
      .filter((name) => [...rooms].some((room) => name.startsWith(`sealroom-package-${room}-`)))
      .map((name) => `an algorithm's package is still in memory as ${name}`),
  ];
}

/** Processes that were started below a folder for temporary files of their own and still live. */
export function leftProcesses(temporary: string): string[] {
  const left: string[] = [];
  for (const pid of readdirSync('/proc').filter(
    (name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid,
  )) {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (!variables.includes(`TMPDIR=${temporary}`)) continue;
      const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (program !== '') left.push(`process ${pid} still runs: ${program.slice(0, 200)}`);
    } catch {
      // It has ended meanwhile, or is another user's.
    }
  }
  return left;
}
