import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Work } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { ClientError } from '@sealroom/client';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createLog, isAlive, processName } from '@sealroom/host';
import { hasSmallDisks, smallDisk } from '@sealroom/testkit/small-disk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HubLink } from './hub-link.ts';
import { openNotes } from './notes.ts';
import { simulatedPlatform } from './platform.ts';
import { endLeftovers, reportLost, RUN_EVENTS, type Running, workLoops } from './runs.ts';

const run = (digit: number): Digest => `sha256:${String(digit).repeat(64)}`;
const log = createLog({ name: 'node', silent: true, events: RUN_EVENTS });
let folder: string;
let stop: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-node-runs-'));
  stop = new AbortController();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function unreachable(): ClientError {
  return new ClientError('client/unreachable', 'down');
}

/** A hub that answers as its parts say, and keeps what it was asked. */
function hubOf(parts: Partial<HubLink>) {
  const asked: { running: Digest[]; reports: string[] } = { running: [], reports: [] };
  const hub: HubLink = {
    describe: async () => ({ origin: 'https://hub.test', ledgerOrigin: 'ledger.test', storeOrigins: [] }),
    enrol: async () => run(9),
    takeWork: async (running, signal) => {
      asked.running = [...running];
      return (await parts.takeWork?.(running, signal)) ?? null;
    },
    reportFailed: async (which, detail) => {
      await parts.reportFailed?.(which, detail);
      asked.reports.push(`${which} ${detail}`);
    },
  };
  return { hub, asked };
}

async function runningWith(hub: HubLink): Promise<Running> {
  const { notes } = await openNotes(join(folder, 'runs'));
  const spool = join(folder, 'spool');
  await mkdir(spool, { recursive: true });
  const keys = {
    node: await ed25519Signer(generateSecret()),
    simulator: await ed25519Signer(generateSecret()),
  };
  const config = { hubUrl: 'https://hub.test', privateHosts: [], storeOrigins: [] };
  const fixed = { config, bwrap: undefined, compiled: undefined, caPem: null, launch: run(1), retryMs: 1 };
  const platform = simulatedPlatform({ simulator: keys.simulator, launch: run(1), now: () => 0 });
  return { ...fixed, platform, keys, hub, signal: stop.signal, spool, notes, log };
}

const noted = async () => (await openNotes(join(folder, 'runs'))).left;

test('what a killed node left behind is ended: its room with all it started, ciphertext, package', async () => {
  const program = join(folder, 'room.mjs');
  const child = join(folder, 'child.pid');
  await writeFile(
    program,
    `import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(child)}, String(spawn('sleep', ['600']).pid));
setInterval(() => {}, 1000);`,
  );
  const room = spawn(process.execPath, [program], { detached: true, stdio: 'ignore' });
  const name = processName(room.pid ?? 0);
  await expect
    .poll(() => existsSync(child) && readFile(child, 'utf8'), { timeout: 30_000 })
    .toMatch(/^[0-9]+$/);
  const started = processName(Number(await readFile(child, 'utf8')));
  const spool = join(folder, 'spool');
  const left = await mkdtemp(join(await mkdir(spool, { recursive: true }).then(() => spool), 'room-'));
  await writeFile(join(left, 'sealed'), 'ciphertext');
  const inMemory = `/dev/shm/sealroom-package-${basename(left)}-x`;
  await mkdir(inMemory);
  const { notes } = await openNotes(join(folder, 'runs'));
  await notes.write(run(2), name);

  await endLeftovers(spool, await noted(), log);
  await expect.poll(() => isAlive(name) || isAlive(started), { timeout: 10_000 }).toBe(false);
  expect(await readdir(spool)).toEqual([]);
  expect(existsSync(inMemory)).toBe(false);
  // Until the hub knows of it, the run is this node's.
  expect(await noted()).toMatchObject([{ run: run(2), room: name }]);
});

test('a process that only has the number of a left-over room is left alone', async () => {
  const other = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const name = processName(other.pid ?? 0);
  try {
    await endLeftovers(join(folder, 'spool'), [{ run: run(3), room: { ...name, start: '1' } }], log);
    expect(isAlive(name)).toBe(true);
  } finally {
    other.kill('SIGKILL');
  }
});

test('a lost run is told until the hub has heard of it, and only then forgotten', async () => {
  const failures = [unreachable(), new ClientError('client/refused', 'trouble', { status: 503 })];
  const { hub, asked } = hubOf({
    reportFailed: async () => {
      expect(await noted()).toHaveLength(1);
      const failure = failures.shift();
      if (failure) throw failure;
    },
  });
  const running = await runningWith(hub);
  await running.notes.write(run(4));
  await reportLost(running, run(4), 'node/restarted');
  expect(asked.reports).toEqual([`${run(4)} node/restarted`]);
  expect(await noted()).toEqual([]);
});

test('a run that the hub no longer counts as this node’s is forgotten', async () => {
  const { hub } = hubOf({
    reportFailed: async () => {
      throw new ClientError('client/refused', 'unknown', { status: 404, problem: 'hub/not-found' });
    },
  });
  const running = await runningWith(hub);
  await running.notes.write(run(5));
  await reportLost(running, run(5), 'room/lost');
  expect(await noted()).toEqual([]);
});

test('a node that stops before the hub has heard keeps the note for its next start', async () => {
  const { hub } = hubOf({
    reportFailed: async () => {
      stop.abort();
      throw unreachable();
    },
  });
  const running = await runningWith(hub);
  await running.notes.write(run(6));
  await reportLost(running, run(6), 'room/lost');
  expect(await noted()).toEqual([{ run: run(6) }]);
});

const work: Work = {
  run: run(7),
  project: 'project-1',
  runConfiguration: 'configuration-1',
  contracts: [run(1)],
  statements: [],
  assets: [],
  criteria: '',
  uploadedAt: [],
};

test('the node names every run it has when it asks for more, one call at a time, and ends what it cannot start', async () => {
  let open = 0;
  const takes: number[] = [];
  const { hub, asked } = hubOf({
    takeWork: async (running, signal) => {
      takes.push(++open);
      const gives = takes.length === 1;
      if (!gives) await new Promise((resolve) => setTimeout(resolve, 20));
      open--;
      if (takes.length > 5 && running.length === 1) stop.abort();
      expect(signal.aborted || running.includes(run(8))).toBe(true);
      // Its bundle holds no request, so that no room can be started for it.
      return gives ? work : null;
    },
  });
  const running = await runningWith(hub);
  await running.notes.write(run(8));
  await workLoops(running, 3);
  expect(Math.max(...takes)).toBe(1);
  expect(asked.reports).toEqual([`${run(7)} node/failed`]);
  expect(asked.running).toEqual([run(8)]);
  expect((await noted()).map((note) => note.run)).toEqual([run(8)]);
});

test('a note that is not what this program writes stops the start instead of being taken for nothing', async () => {
  await mkdir(join(folder, 'runs'));
  await writeFile(join(folder, 'runs', 'x.json'), '{"run":"sha256:1","room":{"pid":0,"start":""}}');
  await expect(openNotes(join(folder, 'runs'))).rejects.toThrow('run');
});

test.skipIf(!hasSmallDisks())(
  'on a full disk the node keeps no work: it does not name it, and the hub takes it back',
  async () => {
    const disk = await smallDisk(256 * 1024);
    try {
      const { notes } = await openNotes(join(disk.path, 'runs'));
      await notes.write(run(8));
      await disk.fill();
      let gave = 0;
      const { hub, asked } = hubOf({
        takeWork: async (running) => {
          if (gave++ < 2) return work;
          expect(running).toEqual([run(8)]);
          stop.abort();
          return null;
        },
      });
      await workLoops({ ...(await runningWith(hub)), notes }, 1);
      expect(asked.running).toEqual([run(8)]);
      await disk.free();
      await notes.write(run(7));
      expect(notes.runs().toSorted()).toEqual([run(7), run(8)]);
    } finally {
      disk.close();
    }
  },
);
