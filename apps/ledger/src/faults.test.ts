// The ledger's disk in trouble. The real process runs over a system whose calls fail on demand: a module that is loaded
// before it stands between it and node:fs, so that nothing of this is in the program itself. A full disk is a real one.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fsync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type Bytes, hexEncode, sha256 } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createStatement, freshSalt } from '@sealroom/contract';
import { ledgerEntry, openCheckpoint, PUBLIC_SUBJECT_KEY, verifyTlogProof } from '@sealroom/tlog';
import { hasSmallDisks, smallDisk } from '@sealroom/testkit/small-disk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDisk } from './disk.ts';
import { type Fixture, fixture, statement } from './fixtures.ts';
import type { Ledger } from './ledger.ts';

const flush = promisify(fsync);

describe('a flush that fails', () => {
  let place: Fixture;
  beforeEach(async () => {
    place = await fixture();
  });
  afterEach(() => place.remove());

  /** The log as a new process finds it: what was acknowledged is there, and it takes what is sent again. */
  async function expectWhole(before: readonly Bytes[], again: readonly Bytes[]): Promise<void> {
    const ledger = await place.open(openDisk(place.data));
    for (const [index, bytes] of before.entries())
      expect(ledger.find(hexEncode(await sha256(bytes)))).toBe(index);
    for (const bytes of again) await ledger.append(bytes);
    expect(ledger.head().size).toBe(before.length + again.length);
  }

  // One group flushes its statements, two tiles and the checkpoint, then the folders, and the folder of the checkpoint last.
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'number %i of a group: nothing is acknowledged then or later, until a new process takes up the log',
    async (which) => {
      let count = Number.NEGATIVE_INFINITY;
      const failing = async (descriptor: number): Promise<void> => {
        if (++count === which) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
        await flush(descriptor);
      };
      const ledger: Ledger = await place.open(openDisk(place.data, failing));
      const before = [statement(0), statement(1)];
      for (const bytes of before) await ledger.append(bytes);
      count = 0;
      const lost = { code: 'ledger/disk-lost' };
      await expect(ledger.append(statement(2))).rejects.toMatchObject(lost);
      expect(count).toBeGreaterThanOrEqual(which);
      // The next flush would succeed: that is the trap.
      await expect(ledger.append(statement(2))).rejects.toMatchObject(lost);
      await expect(ledger.append(statement(3))).rejects.toMatchObject(lost);
      expect(await ledger.lost).toMatchObject(lost);
      expect(ledger.head().size).toBe(before.length);
      await expectWhole(before, [statement(2), statement(3)]);
    },
  );

  test('while others of the same group find no room is told as the flush that failed', async () => {
    let failing = false;
    const disk = openDisk(place.data, async (descriptor) => {
      if (failing) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
      await flush(descriptor);
    });
    await disk.write([{ path: 'a/file', bytes: new Uint8Array(1) }]);
    failing = true;
    // A folder cannot be opened as a file.
    const files = ['a', 'b/file'].map((path) => ({ path, bytes: new Uint8Array(1) }));
    await expect(disk.write(files)).rejects.toMatchObject({ code: 'ledger/disk-lost' });
  });
});

const ORIGIN = 'ledger.test/faults';
let folder: string;
const running: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-ledger-faults-'));
  await writeFile(join(folder, 'faults.mjs'), FAULTS);
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What goes wrong stands in a file, so that it can change while the process runs. */
const FAULTS = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { fsync, openSync, writeSync, readFileSync } = fs;
const fault = () => { try { return readFileSync(process.env.FAULT_FILE, 'utf8'); } catch { return ''; } };
const error = (code) => Object.assign(new Error(code), { code });
fs.fsync = (descriptor, done) => (fault() === 'EIO' ? setImmediate(done, error('EIO')) : fsync(descriptor, done));
fs.openSync = (path, flags, ...rest) => {
  if (fault() === 'EROFS' && flags === 'w') throw error('EROFS');
  return openSync(path, flags, ...rest);
};
fs.writeSync = (descriptor, bytes, at, ...rest) =>
  fault() === 'short' && ArrayBuffer.isView(bytes)
    ? writeSync(descriptor, bytes, at, Math.min(7, bytes.length - at))
    : writeSync(descriptor, bytes, at, ...rest);
syncBuiltinESMExports();
`;

type Running = { readonly child: ChildProcess; readonly url: string; readonly key: string };

async function spawnLedger(data: string): Promise<Running> {
  const parts = ['--import', join(folder, 'faults.mjs'), join(import.meta.dirname, 'main.ts')];
  const child = spawn(process.execPath, parts, {
    env: {
      ...process.env,
      FAULT_FILE: join(folder, 'fault'),
      SEALROOM_LEDGER_ORIGIN: ORIGIN,
      SEALROOM_LEDGER_DATA_DIRECTORY: data,
      // However the tests end, their processes end with them.
      SEALROOM_LEDGER_STOP_WITH_PARENT: 'true',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, key } = JSON.parse(line) as { url: string; key: string };
    return { child, url, key };
  }
  throw new Error('The ledger process did not become ready.');
}

function setFault(name: 'none' | 'EIO' | 'EROFS' | 'short'): Promise<void> {
  return writeFile(join(folder, 'fault'), name);
}

async function registration(): Promise<Bytes> {
  const root = await ed25519Signer(generateSecret());
  const payload = { salt: freshSalt(), root: root.key, domain: 'hospital.test', vaults: [], prev: null };
  const head = { type: 'participant.registered' as const, payload, iss: root.kid };
  return createStatement(root, { ...head, origin: ORIGIN, now: 1_700_000_000_000 });
}

type Acknowledged = { readonly bytes: Bytes; readonly proof: string };

async function post(url: string, bytes: Bytes): Promise<{ status: number; code?: string; proof: string }> {
  const headers = { 'content-type': 'application/cose' };
  const answer = await fetch(`${url}/entries`, { method: 'POST', body: bytes, headers });
  const text = await answer.text();
  if (answer.ok) return { status: answer.status, proof: text };
  return { status: answer.status, code: (JSON.parse(text) as { code: string }).code, proof: '' };
}

async function acknowledge(url: string): Promise<Acknowledged> {
  const bytes = await registration();
  const { status, proof } = await post(url, bytes);
  expect(status).toBe(201);
  return { bytes, proof };
}

async function expectKept({ url, key }: Running, kept: readonly Acknowledged[]): Promise<void> {
  for (const { bytes, proof } of kept) {
    const entry = await ledgerEntry(PUBLIC_SUBJECT_KEY, bytes);
    const then = await verifyTlogProof(proof, { entry, origin: ORIGIN, key });
    const again = await post(url, bytes);
    expect(again.status).toBe(200);
    const now = await verifyTlogProof(again.proof, { entry, origin: ORIGIN, key });
    expect(now.index).toBe(then.index);
    expect(now.checkpoint.size).toBeGreaterThanOrEqual(then.checkpoint.size);
  }
}

describe('the process', { timeout: 180_000 }, () => {
  test('ends when a flush fails, and a new one has all that was acknowledged', async () => {
    await setFault('none');
    const data = join(folder, 'eio');
    const first = await spawnLedger(data);
    const kept = [await acknowledge(first.url), await acknowledge(first.url)];
    await setFault('EIO');
    const ended = once(first.child, 'exit');
    const lost = await registration();
    // The process may be gone before its answer is.
    const answer = await post(first.url, lost).catch(() => undefined);
    expect([undefined, 503]).toContain(answer?.status);
    expect(await ended).toEqual([1, null]);
    // A disk that still fails lets no ledger start.
    await expect(spawnLedger(data)).rejects.toThrow('did not become ready');
    await setFault('none');
    const second = await spawnLedger(data);
    await expectKept(second, kept);
    expect((await post(second.url, lost)).status).toBeLessThan(300);
  });

  test('on a disk that became read-only takes nothing, shows what it has, says that it is not ready, and goes on', async () => {
    await setFault('none');
    const ledger = await spawnLedger(join(folder, 'erofs'));
    const kept = [await acknowledge(ledger.url)];
    await setFault('EROFS');
    expect(await post(ledger.url, await registration())).toMatchObject({
      status: 503,
      code: 'ledger/storage-failed',
    });
    expect((await fetch(`${ledger.url}/readyz`)).status).toBe(503);
    await expectKept(ledger, kept);
    const note = await (await fetch(`${ledger.url}/checkpoint`)).text();
    expect((await openCheckpoint(note, { origin: ORIGIN, key: ledger.key })).size).toBe(1);
    await setFault('none');
    kept.push(await acknowledge(ledger.url));
    await expectKept(ledger, kept);
    expect((await fetch(`${ledger.url}/readyz`)).status).toBe(200);
  });

  test('whose writes are cut short writes the rest, and its files are whole', async () => {
    await setFault('short');
    const data = join(folder, 'short');
    const first = await spawnLedger(data);
    const kept = [await acknowledge(first.url), await acknowledge(first.url), await acknowledge(first.url)];
    const ended = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await ended;
    await setFault('none');
    await expectKept(await spawnLedger(data), kept);
  });
});

test.skipIf(!hasSmallDisks())(
  'a full disk: no receipt is given, and the log goes on when there is room',
  async () => {
    await setFault('none');
    const disk = await smallDisk(1024 * 1024);
    try {
      const ledger = await spawnLedger(join(disk.path, 'data'));
      const kept = [await acknowledge(ledger.url), await acknowledge(ledger.url)];
      await disk.fill();
      for (let count = 0; count < 5; count++) {
        const refused = await post(ledger.url, await registration());
        expect(refused).toMatchObject({ status: 503, code: 'ledger/storage-failed' });
      }
      expect((await fetch(`${ledger.url}/readyz`)).status).toBe(503);
      await expectKept(ledger, kept);
      await disk.free();
      kept.push(await acknowledge(ledger.url));
      await expectKept(ledger, kept);
    } finally {
      disk.close();
    }
  },
  180_000,
);
