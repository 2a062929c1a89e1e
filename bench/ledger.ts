// Durable appends a second, through the real ledger process over HTTP with 32 connections, beside the parts it is made of:
// the bare tree in memory, signature verification, and the same writes to the same disk without HTTP. Prints figures and
// ratios of this one run; asserts nothing.
//   node bench/ledger.ts [appends] [connections]
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ed25519Signer, generateSecret, verifySign1 } from '@sealroom/cose';
import { createStatement, freshSalt } from '@sealroom/contract';
import { Frontier, ledgerEntry, PUBLIC_SUBJECT_KEY, tilePath } from '@sealroom/tlog';
import { openDisk } from '../apps/ledger/src/disk.ts';
import { EMPTY_EDGE, growEdge, hashLeaf, hashNode } from '../apps/ledger/src/edge.ts';
import { statementsFile } from '../apps/ledger/src/statements.ts';

const ORIGIN = 'ledger.bench/log';
const count = Number(process.argv[2] ?? 4000);
const connections = Number(process.argv[3] ?? 32);

type Signed = { readonly bytes: Uint8Array<ArrayBuffer>; readonly key: string };

async function registration(): Promise<Signed> {
  const root = await ed25519Signer(generateSecret());
  const payload = { salt: freshSalt(), root: root.key, domain: 'bench.test', vaults: [], prev: null };
  const said = {
    type: 'participant.registered' as const,
    payload,
    iss: root.kid,
    origin: ORIGIN,
    now: Date.now(),
  };
  return { bytes: await createStatement(root, said), key: root.key };
}

async function rate(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round((count / (performance.now() - start)) * 1000);
}

function post(url: string, agent: Agent, body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/cose', 'content-length': body.length };
    const call = request(`${url}/entries`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 201 ? resolve() : reject(new Error(`${answer.statusCode}`)),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}

async function overHttp(statements: readonly Signed[]): Promise<{ rate: number; p50: number; p99: number }> {
  const data = await mkdtemp(join(tmpdir(), 'sealroom-bench-'));
  const main = join(import.meta.dirname, '..', 'apps', 'ledger', 'src', 'main.ts');
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, SEALROOM_LEDGER_ORIGIN: ORIGIN, SEALROOM_LEDGER_DATA_DIRECTORY: data },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let url = '';
    for await (const line of createInterface({ input: child.stdout })) {
      url = (JSON.parse(line) as { url: string }).url;
      break;
    }
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const times: number[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < statements.length; at = next++) {
        const start = performance.now();
        await post(url, agent, statements[at]?.bytes ?? new Uint8Array());
        times.push(performance.now() - start);
      }
    };
    const found = await rate(async () => {
      await Promise.all(Array.from({ length: connections }, worker));
    });
    agent.destroy();
    times.sort((a, b) => a - b);
    const at = (part: number) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 10) / 10;
    return { rate: found, p50: at(0.5), p99: at(0.99) };
  } finally {
    child.kill();
    await rm(data, { recursive: true, force: true });
  }
}

/** The same files in groups of as many as there are connections, without judging and without HTTP. */
async function onDisk(
  statements: readonly Signed[],
  entries: readonly Uint8Array<ArrayBuffer>[],
): Promise<number> {
  const data = await mkdtemp(join(tmpdir(), 'sealroom-bench-'));
  const disk = openDisk(data);
  try {
    return await rate(async () => {
      let edge = EMPTY_EDGE;
      for (let at = 0; at < statements.length; at += connections) {
        const grown = growEdge(edge, entries.slice(at, at + connections));
        edge = grown.edge;
        const group = statements.slice(at, at + connections).map(({ bytes }) => bytes);
        const tiles = grown.tiles.map(({ name, bytes }) => ({ path: tilePath(name), bytes }));
        const checkpoint = { path: 'checkpoint', bytes: new Uint8Array(200) };
        await disk.write([statementsFile(at, group), ...tiles], checkpoint);
      }
    });
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

const statements: Signed[] = [];
for (let i = 0; i < count; i++) statements.push(await registration());
const entries = await Promise.all(statements.map(({ bytes }) => ledgerEntry(PUBLIC_SUBJECT_KEY, bytes)));

const tree = await rate(async () => {
  const frontier = new Frontier(0, [], hashNode);
  for (const entry of entries) await frontier.add(hashLeaf(entry));
  await frontier.root();
});
const verifying = await rate(async () => {
  for (const { bytes, key } of statements) await verifySign1(bytes, key);
});
const disk = await onDisk(statements, entries);
const http = await overHttp(statements);

const share = (part: number) => (http.rate / part).toFixed(3);
console.log(`${count} appends, ${connections} connections, appends a second:`);
console.log(`  durable, over HTTP             ${http.rate}   (p50 ${http.p50} ms, p99 ${http.p99} ms)`);
console.log(`  the same writes without HTTP   ${disk}   ratio ${share(disk)}`);
console.log(`  signatures, one at a time      ${verifying}   ratio ${share(verifying)}`);
console.log(`  bare tree in memory            ${tree}   ratio ${share(tree)}`);
