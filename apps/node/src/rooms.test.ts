import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  appraiseEvidence,
  type DeviceEvidence,
  deviceNonce,
  type Evidence,
  roomPolicy,
} from '@sealroom/attest';
import type { Work } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { ProviderError } from '@sealroom/host/attest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hardwarePlatform, simulatedPlatform } from './platform.ts';
import { type RoomEnd, type RoomStart, runRoom } from './rooms.ts';

const launch: Digest = `sha256:${'1'.repeat(64)}`;
const run: Digest = `sha256:${'2'.repeat(64)}`;
const hostData = new Uint8Array(32).fill(3);
const work: Work = {
  run,
  project: 'project-1',
  runConfiguration: 'configuration-1',
  contracts: [run],
  statements: [],
  assets: [],
  criteria: '',
  uploadedAt: [],
};
let folder: string;
let simulator: Signer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-node-'));
  simulator = await ed25519Signer(generateSecret());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let made = 0;
async function runProgram(source: string, more: Partial<RoomStart> = {}): Promise<RoomEnd> {
  const program = join(folder, `room-${made++}.mjs`);
  await writeFile(program, source);
  const spool = join(folder, `spool-${made}`);
  await mkdir(spool);
  const end = await runRoom({
    program,
    work,
    hubUrl: 'https://hub.example',
    ledgerOrigin: 'ledger.test',
    storeOrigins: [],
    caPem: null,
    spool,
    platform: simulatedPlatform({ simulator, launch, now: () => 0 }),
    hostData,
    wallMs: 60_000,
    onStderr: () => undefined,
    signal: new AbortController().signal,
    ...more,
  });
  expect(await readdir(spool)).toEqual([]);
  return end;
}

const LINES = `import { createInterface } from 'node:readline';
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
const boot = await next();
`;

test('signs whatever report data a room asks for, over the launch and host data that the node fixed', async () => {
  const out = join(folder, 'evidence.json');
  const reportData = Buffer.alloc(32, 4).toString('base64url');
  const end = await runProgram(`${LINES}import { writeFileSync } from 'node:fs';
say({ ask: 'quote', id: 1, reportData: '${reportData}' });
writeFileSync(${JSON.stringify(out)}, JSON.stringify((await next()).evidence));
say({ done: 'completed' });
process.exit(0);`);
  expect(end).toEqual({ end: 'completed' });
  const policy = roomPolicy([
    { technology: 'simulated', keys: [simulator.key], launch: [launch], hostData: 'manifest' },
  ]);
  const binding = { hostData, reportData: new Uint8Array(32).fill(4) };
  const evidence = JSON.parse(await readFile(out, 'utf8')) as Parameters<typeof appraiseEvidence>[0];
  expect((await appraiseEvidence(evidence, policy, { binding })).verdict).toBe('affirmed');
  const other = { ...binding, hostData: new Uint8Array(32) };
  expect((await appraiseEvidence(evidence, policy, { binding: other })).verdict).toBe('refused');
});

test('hands the room no variable of its own environment but the few a program needs', async () => {
  const out = join(folder, 'environment.json');
  process.env['SEALROOM_NODE_TEST_SECRET'] = 'secret';
  await runProgram(`import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(out)}, JSON.stringify(Object.keys(process.env)));`);
  delete process.env['SEALROOM_NODE_TEST_SECRET'];
  const names = JSON.parse(await readFile(out, 'utf8')) as string[];
  expect(names.filter((name) => !['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'].includes(name))).toEqual([]);
});

test.each([
  ['ends without a word', 'process.exit(0);', 'room/lost'],
  ['dies', 'process.kill(process.pid, "SIGKILL");', 'room/lost'],
  [
    'says something else',
    `${LINES}process.stdout.write('hello\\n'); setInterval(() => {}, 1000);`,
    'room/bad-line',
  ],
  [
    'says more than it may',
    `${LINES}say({ done: 'completed', row: '17.99' }); setInterval(() => {}, 1000);`,
    'room/bad-line',
  ],
  [
    'asks for a quote over something else than report data',
    `${LINES}say({ ask: 'quote', id: 1, reportData: '!' }); setInterval(() => {}, 1000);`,
    'room/bad-line',
  ],
  [
    'says a line without an end',
    `${LINES}setInterval(() => process.stdout.write('x'.repeat(1000)), 1);`,
    'room/bad-line',
  ],
  ['fails with a code', `${LINES}say({ failed: 'room/release' }); process.exit(0);`, 'room/release'],
  ['fails with words', `${LINES}say({ failed: 'patient 17 is ill' }); process.exit(0);`, 'room/bad-line'],
])('a room that %s is lost', async (_, source, code) => {
  expect(await runProgram(source)).toEqual({ end: 'lost', code });
});

test('a room that never ends is killed with what it started, when its time is over or the node stops', async () => {
  const child = join(folder, 'child.pid');
  const source = `import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
const child = spawn('sleep', ['600']);
writeFileSync(${JSON.stringify(child)}, String(child.pid));
setInterval(() => {}, 1000);`;
  expect(await runProgram(source, { wallMs: 1500 })).toEqual({ end: 'lost', code: 'room/lost' });
  const pid = Number(await readFile(child, 'utf8'));
  await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 10_000 }).toBe(false);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 500);
  expect(await runProgram(source, { signal: stop.signal })).toEqual({ end: 'lost', code: 'room/lost' });
});

test('a killed room’s package does not stay in memory', async () => {
  const before = new Set(await readdir('/dev/shm'));
  await runProgram(`${LINES}import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
mkdirSync('/dev/shm/sealroom-package-' + basename(boot.spool) + '-x');
process.kill(process.pid, 'SIGKILL');`);
  const left = (await readdir('/dev/shm')).filter(
    (name) => name.startsWith('sealroom-package-room-') && !before.has(name),
  );
  expect(left).toEqual([]);
});

test('hands a room on hardware what its platform says, and names the technology in the boot', async () => {
  const out = join(folder, 'hardware.json');
  const reportData = Buffer.alloc(32, 5).toString('base64url');
  const asked: { reportData: Uint8Array; hostData: Uint8Array }[] = [];
  const platform = hardwarePlatform({
    name: 'configfs-tsm',
    technology: 'sev-snp',
    provide: async (given, host) => {
      asked.push({ reportData: given, hostData: host });
      return { technology: 'sev-snp', body: 'AQID' };
    },
  });
  const end = await runProgram(
    `${LINES}import { writeFileSync } from 'node:fs';
say({ ask: 'quote', id: 1, reportData: '${reportData}' });
const { evidence } = await next();
writeFileSync(${JSON.stringify(out)}, JSON.stringify({ technology: boot.technology, evidence }));
say({ done: 'completed' });
process.exit(0);`,
    { platform },
  );
  expect(end).toEqual({ end: 'completed' });
  expect(asked).toEqual([{ reportData: new Uint8Array(32).fill(5), hostData }]);
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual({
    technology: 'sev-snp',
    evidence: { technology: 'sev-snp', body: 'AQID' },
  });
});

test('a room that needs devices is lost on a machine that has none, and its platform is not asked', async () => {
  let asked = 0;
  const platform: RoomStart['platform'] = {
    technology: 'sev-snp',
    quote: async () => {
      asked++;
      return { technology: 'sev-snp', body: 'AQID' };
    },
  };
  const reportData = Buffer.alloc(32, 5).toString('base64url');
  const line = `{ ask: 'quote', id: 1, reportData: '${reportData}', devices: 'nvidia-gpu' }`;
  const end = await runProgram(`${LINES}say(${line});\nawait next();`, { platform });
  expect(end).toEqual({ end: 'lost', code: 'node/no-evidence' });
  expect(asked).toBe(0);
});

describe('a room that needs devices', () => {
  const reportData = new Uint8Array(32).fill(5);
  const line = `{ ask: 'quote', id: 1, reportData: '${Buffer.from(reportData).toString('base64url')}', devices: 'nvidia-gpu' }`;
  const evidence: Evidence = { technology: 'sev-snp', body: 'AQID' };
  const platform: RoomStart['platform'] = { technology: 'sev-snp', quote: async () => evidence };

  test('gets what its machine’s devices say over the nonce of its own report data, beside its own evidence', async () => {
    const asked: [string, Uint8Array][] = [];
    const devices: DeviceEvidence[] = ['AQ', 'Ag'].map((body) => ({ technology: 'nvidia-gpu', body }));
    const devicesOf: RoomStart['devicesOf'] = async (technology) => ({
      technology,
      provide: async (nonce) => {
        asked.push([technology, nonce]);
        return devices;
      },
    });
    const out = join(folder, 'devices.json');
    const end = await runProgram(
      `${LINES}import { writeFileSync } from 'node:fs';
say(${line});
writeFileSync(${JSON.stringify(out)}, JSON.stringify((await next()).evidence));
say({ done: 'completed' });
process.exit(0);`,
      { platform, devicesOf },
    );
    expect(end).toEqual({ end: 'completed' });
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual({ ...evidence, devices });
    expect(asked).toEqual([['nvidia-gpu', await deviceNonce(reportData)]]);
  });

  test('is lost when they say nothing, and the operator reads why', async () => {
    const said: string[] = [];
    const end = await runProgram(`${LINES}say(${line});\nawait next();`, {
      platform,
      devicesOf: async () => {
        throw new ProviderError('provider/refused', 'The GPUs are off.');
      },
      onStderr: (chunk) => void said.push(Buffer.from(chunk).toString()),
    });
    expect(end).toEqual({ end: 'lost', code: 'node/no-evidence' });
    expect(said.join('')).toContain('The GPUs are off. [provider/refused]');
  });
});

test('a platform that gives no evidence loses the run, and the room with it', async () => {
  const platform: RoomStart['platform'] = {
    technology: 'sev-snp',
    quote: async () => {
      throw new Error('busy');
    },
  };
  const reportData = Buffer.alloc(32, 5).toString('base64url');
  const end = await runProgram(
    `${LINES}say({ ask: 'quote', id: 1, reportData: '${reportData}' });\nawait next();`,
    {
      platform,
    },
  );
  expect(end).toEqual({ end: 'lost', code: 'node/no-evidence' });
});
