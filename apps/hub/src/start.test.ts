// The hub as a process, with a PostgreSQL of its own and the real ledger beside it, over TLS.
import { hubRoutes } from '@sealroom/api';
import { call, type Service } from '@sealroom/client';
import { createMessage, createStatement, freshSalt } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { base64urlEncode, sha256Digest } from '@sealroom/bytes';
import { createAuthority, issueCertificate, LOOPBACK_HOSTS, tlsFetch } from '@sealroom/host';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-hub-process-'));
const hubProgram = join(import.meta.dirname, 'main.ts');
const ledgerProgram = join(import.meta.dirname, '..', '..', 'ledger', 'src', 'main.ts');
const LEDGER = 'ledger.test/hub';

type Running = {
  readonly child: ChildProcess;
  readonly ready: { url: string; key?: string; origin?: string };
};
const children: ChildProcess[] = [];

async function start(program: string, settings: Record<string, string>): Promise<Running> {
  // However the tests end, their processes end with them.
  const withTests = { SEALROOM_LEDGER_STOP_WITH_PARENT: 'true', SEALROOM_HUB_STOP_WITH_PARENT: 'true' };
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...withTests, ...settings };
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'], env });
  children.push(child);
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said += part.toString()));
  const ready = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error(`${program} ended: ${said.slice(-2000)}`)));
  });
  return { child, ready: JSON.parse(ready) as Running['ready'] };
}

async function stop({ child }: Running): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return ended;
}

let ca = '';
let settings: Record<string, string> = {};
let ledgerKey = '';

beforeAll(async () => {
  const authority = await createAuthority();
  ca = authority.certPem;
  const pair = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS });
  const [certificate, key, caFile] = ['tls.pem', 'tls.key', 'ca.pem'].map((name) => join(folder, name));
  if (!certificate || !key || !caFile) throw new Error('no paths');
  writeFileSync(certificate, pair.certPem, { mode: 0o600 });
  writeFileSync(key, pair.keyPem, { mode: 0o600 });
  writeFileSync(caFile, ca, { mode: 0o600 });
  const ledger = await start(ledgerProgram, {
    SEALROOM_LEDGER_ORIGIN: LEDGER,
    SEALROOM_LEDGER_DATA_DIRECTORY: join(folder, 'ledger'),
    SEALROOM_LEDGER_TLS_CERTIFICATE_FILE: certificate,
    SEALROOM_LEDGER_TLS_KEY_FILE: key,
  });
  ledgerKey = ledger.ready.key ?? '';
  settings = {
    SEALROOM_HUB_DATA_DIRECTORY: join(folder, 'hub'),
    SEALROOM_HUB_LEDGER_URL: ledger.ready.url,
    SEALROOM_HUB_LEDGER_ORIGIN: LEDGER,
    SEALROOM_HUB_LEDGER_KEY: ledgerKey,
    SEALROOM_HUB_CA_PATH: caFile,
    SEALROOM_HUB_TLS_CERTIFICATE_FILE: certificate,
    SEALROOM_HUB_TLS_KEY_FILE: key,
  };
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function operatorCode(...command: string[]): Promise<string> {
  const program = join(import.meta.dirname, 'operator.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...command], {
    env: { ...settings, PATH: process.env['PATH'] },
  });
  return stdout.trim();
}

async function registration() {
  const root = await ed25519Signer(generateSecret());
  const payload = { salt: freshSalt(), root: root.key, domain: 'a.example', vaults: [], prev: null };
  const facts = { type: 'participant.registered', payload, iss: root.kid, origin: LEDGER } as const;
  return {
    org: root.kid,
    statement: base64urlEncode(await createStatement(root, { ...facts, now: Date.now() })),
  };
}

async function enrolWith(service: Service, code: string): Promise<void> {
  const { origin } = await call(service, hubRoutes.describe, {});
  const signer = await ed25519Signer(generateSecret());
  const launch = await sha256Digest(generateSecret());
  const facts = { key: signer.key, simulator: null, launch, isolation: 'none' } as const;
  const payload = { code, name: 'first', ...facts, maxVcpu: 1, maxMemoryGiB: 1 };
  const message = { name: 'node-enrolment', payload, audience: origin, now: Date.now() } as const;
  const enrolment = base64urlEncode(await createMessage(signer, message));
  const { node } = await call(service, hubRoutes.enrolNode, { body: { enrolment } });
  expect(node).toBe(signer.kid);
}

it('registers organisations by one-time code and holds them over a restart', async () => {
  const hub = await start(hubProgram, settings);
  const fetch = tlsFetch({ caPem: ca });
  const serviceOf = (running: Running): Service => ({ baseUrl: running.ready.url, fetch });
  const described = await call(serviceOf(hub), hubRoutes.describe, {});
  expect(described).toMatchObject({ registration: 'code', ledger: { origin: LEDGER, key: ledgerKey } });
  expect(described.storeOrigins).toEqual([described.origin]);
  expect((await fetch(`${hub.ready.url}/readyz`)).status).toBe(200);

  const { org, statement } = await registration();
  const register = (service: Service, code: string) =>
    call(service, hubRoutes.registerOrganisation, { body: { name: 'A', statement, code } });
  await expect(register(serviceOf(hub), 'guessed')).rejects.toMatchObject({
    problem: 'hub/registration-code',
  });
  const code = await operatorCode('code');
  const first = await register(serviceOf(hub), code);
  expect(first).toMatchObject({ org, index: 0 });
  const other = await registration();
  const again = { body: { name: 'B', statement: other.statement, code } };
  await expect(call(serviceOf(hub), hubRoutes.registerOrganisation, again)).rejects.toMatchObject({
    problem: 'hub/registration-code',
  });
  await enrolWith(serviceOf(hub), await operatorCode('node-code', 'first'));
  await expect(operatorCode('code', 'surplus')).rejects.toMatchObject({ code: 2 });
  for (const name of ['urls.key', 'file-store.key', 'database.url'])
    expect(statSync(join(folder, 'hub', name)).mode & 0o777).toBe(0o600);
  expect(await stop(hub)).toBe(0);

  const next = await start(hubProgram, settings);
  expect(await register(serviceOf(next), code)).toEqual(first);
  expect(await stop(next)).toBe(0);
  fetch.close();
});

it('refuses to start without a pinned ledger, and with half of TLS', async () => {
  const { SEALROOM_HUB_LEDGER_KEY: _, ...unpinned } = settings;
  await expect(start(hubProgram, unpinned)).rejects.toThrow(/SEALROOM_HUB_LEDGER_KEY/);
  const { SEALROOM_HUB_TLS_KEY_FILE: __, ...half } = settings;
  await expect(start(hubProgram, half)).rejects.toThrow(/hub\/half-tls/);
  expect(readFileSync(join(folder, 'hub', 'urls.key'), 'utf8')).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
});
