// A large file to the algorithm: `GET /api/v1/data/file` of the Enclave API, staged and streamed, beside the same server
// sending the same file in clear, and proxying the same sealed bytes from the same store undecrypted. All over TLS, each
// program in a process of its own. Prints ratios of interleaved rounds and the server's most memory; asserts nothing.
//   node bench/serve.ts [MiB, 1024 unless given] [rounds, 7]
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { base64urlEncode } from '@sealroom/bytes';
import { sealAsset } from '../apps/room/src/fixtures.ts';
import { countOf, load, ratios } from './measure.ts';
import type { RoomTask } from './serve-processes.ts';

const MIB = 2 ** 20;
const size = countOf(2, 1024) * MIB;
const rounds = countOf(3, 7);
const folder = await mkdtemp(join(tmpdir(), 'bench-serve-'));
const children: ChildProcessByStdio<Writable, Readable, null>[] = [];

type Said = {
  readonly next: <T>() => Promise<T>;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly write: (text: string) => void;
};
type Used = { readonly mostMemory: number; readonly processorSeconds: number };

function start(role: string, argument: string, input: unknown): Said {
  const program = join(import.meta.dirname, 'serve-processes.ts');
  const child = spawn(process.execPath, [program, role, argument], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  child.stdin.write(`${JSON.stringify(input)}\n`);
  if (role !== 'client') child.stdin.end();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    next: async <T>() => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`The ${role} ended early.`);
      return JSON.parse(value) as T;
    },
    signal: (name) => void child.kill(name),
    write: (text) => void child.stdin.write(text),
  };
}

async function makeInput(): Promise<void> {
  await mkdir(join(folder, 'plain'));
  const handle = await open(join(folder, 'plain', 'large.bin'), 'w');
  for (let at = 0; at < size; at += MIB) await handle.write(randomBytes(MIB));
  await handle.close();
}

const WAYS = ['clear', 'staged', 'proxied', 'streamed'] as const;
type Way = (typeof WAYS)[number];

try {
  await makeInput();
  const { asset, key } = await sealAsset(join(folder, 'plain'), join(folder, 'sealed'), 'dataset');
  const store = await start('store', folder, {}).next<{ url: string; ca: string }>();
  const task: RoomTask = {
    folder,
    size,
    asset: { ...asset, url: store.url },
    key: base64urlEncode(key),
    storeCa: store.ca,
  };
  const room = start('room', '', task);
  const { url, ca } = await room.next<{ url: string; ca: string }>();
  const client = start('client', '', { url, ca });
  const used = async () => {
    room.signal('SIGUSR2');
    return room.next<Used>();
  };
  const none = (): { [way in Way]: number[] } => ({ clear: [], staged: [], proxied: [], streamed: [] });
  const [speeds, costs] = [none(), none()];
  let before = await used();
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const way of WAYS) {
      client.write(`${way}\n`);
      const { bytes, seconds } = await client.next<{ bytes: number; seconds: number }>();
      if (bytes < size) throw new Error(`Only ${bytes} bytes of the ${way} file came.`);
      const after = await used();
      if (round > 0) {
        speeds[way].push(bytes / seconds / 1e6);
        costs[way].push(((after.processorSeconds - before.processorSeconds) * 1e9) / bytes);
      }
      before = after;
    }
  }
  console.log(`GET /data/file of ${size / MIB} MiB, ${rounds} rounds (min / median / max), ${load()}`);
  for (const way of WAYS) {
    const cost = ratios(costs[way]).text(2);
    console.log(
      `  ${way.padEnd(9)} ${ratios(speeds[way]).text(0)} MB/s, processor of the server ${cost} ns/byte`,
    );
  }
  const against = (way: Way, base: Way) =>
    ratios(speeds[way].map((speed, round) => speed / (speeds[base][round] ?? Number.NaN))).text(2);
  console.log(`  staged to clear      ${against('staged', 'clear')}`);
  console.log(`  streamed to proxied  ${against('streamed', 'proxied')}`);
  console.log(`  most memory of the server  ${(before.mostMemory / MIB).toFixed(0)} MiB`);
} finally {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true });
}
