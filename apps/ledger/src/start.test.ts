// The real process: real statements over HTTP, killed again and again; and what it refuses to start on.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { base64urlDecode, base64urlEncode, type Bytes, sha256Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createStatement, freshSalt } from '@sealroom/contract';
import { createAuthority, issueCertificate, LOOPBACK_HOSTS, tlsFetch, writeFileAtomic } from '@sealroom/host';
import {
  ledgerEntry,
  PUBLIC_SUBJECT_KEY,
  verifyConsistency,
  openCheckpoint,
  verifyTlogProof,
} from '@sealroom/tlog';
import { afterAll, expect, test } from 'vitest';
import { createLedgerLog, startLedger } from './start.ts';

const ORIGIN = 'ledger.test/process';
const data = await mkdtemp(join(tmpdir(), 'sealroom-ledger-process-'));
const log = createLedgerLog(true);
afterAll(() => rm(data, { recursive: true, force: true }));

const config = (dataDirectory: string) => ({
  origin: ORIGIN,
  dataDirectory,
  host: '127.0.0.1',
  port: 0,
  witnesses: [],
  stopWithParent: false,
});

/** A statement that any new organisation may make: its registration. */
async function registration(): Promise<Bytes> {
  const root = await ed25519Signer(generateSecret());
  const payload = { salt: freshSalt(), root: root.key, domain: 'hospital.test', vaults: [], prev: null };
  return createStatement(root, {
    type: 'participant.registered',
    payload,
    iss: root.kid,
    origin: ORIGIN,
    now: 1_700_000_000_000,
  });
}

function post(url: string, body: Bytes): Promise<Response> {
  return fetch(`${url}/entries`, { method: 'POST', body, headers: { 'content-type': 'application/cose' } });
}

async function spawnLedger(
  settings: Record<string, string> = {},
): Promise<{ child: ChildProcess; url: string; key: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      ...process.env,
      SEALROOM_LEDGER_ORIGIN: ORIGIN,
      SEALROOM_LEDGER_DATA_DIRECTORY: data,
      // However the tests end, their processes end with them.
      SEALROOM_LEDGER_STOP_WITH_PARENT: 'true',
      ...settings,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, key } = JSON.parse(line) as { url: string; key: string };
    return { child, url, key };
  }
  throw new Error('The ledger process did not become ready.');
}

type Receipt = { readonly bytes: Bytes; readonly text: string };

/** Posts until the process dies; gives what was acknowledged. */
async function postUntilKilled(url: string, child: ChildProcess, after: number): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = [];
  const post1 = async (): Promise<void> => {
    for (;;) {
      const bytes = await registration();
      const answer = await post(url, bytes);
      receipts.push({ bytes, text: await answer.text() });
      expect(answer.status).toBe(201);
      if (receipts.length >= after) child.kill('SIGKILL');
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, post1));
  return receipts;
}

test('killed five times in the middle of its work, it has lost nothing that it acknowledged', async () => {
  const receipts: Receipt[] = [];
  let key = '';
  for (const after of [1, 7, 20, 33, 60]) {
    const running = await spawnLedger();
    if (key) expect(running.key).toBe(key);
    key = running.key;
    const died = once(running.child, 'exit');
    receipts.push(...(await postUntilKilled(running.url, running.child, after)));
    await died;
  }
  const running = await startLedger(config(data), log);
  try {
    const head = await openCheckpoint(await (await fetch(`${running.url}/checkpoint`)).text(), {
      origin: ORIGIN,
      key,
    });
    const indexes = new Set<number>();
    for (const { bytes, text } of receipts) {
      const entry = await ledgerEntry(PUBLIC_SUBJECT_KEY, bytes);
      const old = await verifyTlogProof(text, { entry, origin: ORIGIN, key });
      const from = old.checkpoint.size;
      const step = await fetch(`${running.url}/v1/consistency?from=${from}&to=${head.size}`);
      const proof = ((await step.json()) as { proof: string[] }).proof.map(base64urlDecode);
      await verifyConsistency({
        from,
        to: head.size,
        fromRoot: old.checkpoint.root,
        toRoot: head.root,
        proof,
      });
      const now = await (await fetch(`${running.url}/entries/${await sha256Digest(bytes)}`)).text();
      expect((await verifyTlogProof(now, { entry, origin: ORIGIN, key })).index).toBe(old.index);
      const read = await fetch(`${running.url}/statements/${await sha256Digest(bytes)}`, {
        headers: { 'sealroom-subject-key': base64urlEncode(PUBLIC_SUBJECT_KEY) },
      });
      expect(new Uint8Array(await read.arrayBuffer())).toEqual(bytes);
      indexes.add(old.index);
    }
    expect(receipts.length).toBeGreaterThanOrEqual(1 + 7 + 20 + 33 + 60);
    expect(indexes.size).toBe(receipts.length);
  } finally {
    await running.close();
  }
}, 180_000);

test('a directory has one ledger at a time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-ledger-lock-'));
  const running = await startLedger(config(folder), log);
  await expect(startLedger(config(folder), log)).rejects.toMatchObject({ code: 'file/locked' });
  await running.close();
  const again = await startLedger(config(folder), log);
  await again.close();
  await rm(join(folder, 'ledger.key'));
  await expect(startLedger(config(folder), log)).rejects.toMatchObject({ code: 'ledger/key-missing' });
  await rm(folder, { recursive: true });
});

test('it speaks TLS with the certificate it is given, and ends in order when it is asked to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-ledger-tls-'));
  const authority = await createAuthority();
  const { certPem, keyPem } = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS });
  await writeFileAtomic(join(folder, 'tls.pem'), certPem);
  await writeFileAtomic(join(folder, 'tls.key'), keyPem);
  const { child, url, key } = await spawnLedger({
    SEALROOM_LEDGER_DATA_DIRECTORY: join(folder, 'data'),
    SEALROOM_LEDGER_TLS_CERTIFICATE_FILE: join(folder, 'tls.pem'),
    SEALROOM_LEDGER_TLS_KEY_FILE: join(folder, 'tls.key'),
  });
  const ask = tlsFetch({ caPem: authority.certPem });
  expect(url).toMatch(/^https:/);
  const facts = (await (await ask(`${url}/v1/ledger`)).json()) as { origin: string; key: string };
  expect(facts).toMatchObject({ origin: ORIGIN, key, size: 0 });
  expect(await (await ask(`${url}/readyz`)).json()).toMatchObject({
    checks: { checkpoint: 'ready', disk: 'ready' },
  });
  ask.close();
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await rm(folder, { recursive: true });
});

test('a certificate without its key is refused, not served in clear', async () => {
  await expect(startLedger({ ...config(data), tlsCertificate: 'PEM' }, log)).rejects.toMatchObject({
    code: 'ledger/half-tls',
  });
});

test('the record judges statements: what was changed, repeated or meant for another ledger is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-ledger-record-'));
  const running = await startLedger(config(folder), log);
  try {
    const root = await ed25519Signer(generateSecret());
    const payload = { salt: freshSalt(), root: root.key, domain: 'bank.test', vaults: [], prev: null };
    const make = (origin: string, salt: string) =>
      createStatement(root, {
        type: 'participant.registered',
        payload: { ...payload, salt },
        iss: root.kid,
        origin,
        now: 1_700_000_000_000,
      });
    const codeOf = async (bytes: Bytes) => {
      const answer = await post(running.url, bytes);
      return [answer.status, ((await answer.json()) as { code: string }).code];
    };
    const good = await make(ORIGIN, freshSalt());
    expect((await post(running.url, good)).status).toBe(201);
    expect((await post(running.url, good)).status).toBe(200);
    expect(await codeOf(await make(ORIGIN, freshSalt()))).toEqual([409, 'statement/wrong-state']);
    expect(await codeOf(await make('other.test', freshSalt()))).toEqual([400, 'statement/wrong-ledger']);
    const changed = good.slice();
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    const other = (await registration()).slice();
    other[other.length - 1] = (other[other.length - 1] ?? 0) ^ 1;
    expect(await codeOf(other)).toEqual([403, 'statement/bad-signature']);
    expect((await codeOf(changed))[0]).toBe(409);
    expect(await codeOf(new Uint8Array([1, 2, 3]))).toEqual([400, 'statement/malformed']);
    expect(running.ledger.head().size).toBe(1);
  } finally {
    await running.close();
    await rm(folder, { recursive: true });
  }
});
