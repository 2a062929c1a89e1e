// Sealing and opening a file, disk to disk, beside `age` where it is installed. Prints MB/s and ratios; asserts nothing.
//   node bench/seal.ts [MiB, 1024 unless given] [rounds, 3]
// Each tool reads a file that was just written (so the system has it in memory) and writes another. Ours flushes its
// output to disk before it is done; age does not, so its time is shown with a flush too. Times are the best round's.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile, sealFile } from '@sealroom/host/sealing';

const size = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 3);
const folder = await mkdtemp(join(tmpdir(), 'bench-seal-'));
const at = (name: string) => join(folder, name);
const key = new Uint8Array(randomBytes(32));
const path = 'plain.bin';

async function flush(name: string): Promise<void> {
  const handle = await open(at(name), 'r+');
  await handle.sync();
  await handle.close();
}

function run(tool: string, given: readonly string[]): void {
  const { status, stderr } = spawnSync(tool, given, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${tool} failed: ${stderr}`);
}

/** Seconds of the best of all rounds. */
async function best(output: string, work: () => Promise<void> | void): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    await rm(at(output), { force: true });
    const start = performance.now();
    await work();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return seconds;
}

async function makeInput(): Promise<void> {
  const handle = await open(at('plain'), 'w');
  for (let i = 0; i < size; i++) await handle.write(randomBytes(2 ** 20));
  await handle.sync();
  await handle.close();
}

async function ours(): Promise<Record<string, number>> {
  const seal = await best('sealed', async () =>
    sealFile({ input: at('plain'), output: at('sealed'), key, path }),
  );
  const back = await best('opened', async () =>
    openFile({ input: at('sealed'), output: at('opened'), key, path }),
  );
  return { seal, open: back };
}

async function age(): Promise<Record<string, number> | undefined> {
  if (spawnSync('age', ['--version']).status !== 0) return undefined;
  run('age-keygen', ['-o', at('identity')]);
  const recipient = /age1[0-9a-z]+/.exec(await readFile(at('identity'), 'utf8'))?.[0] ?? '';
  const encrypt = () => run('age', ['-r', recipient, '-o', at('age'), at('plain')]);
  const decrypt = () => run('age', ['-d', '-i', at('identity'), '-o', at('unaged'), at('age')]);
  return {
    seal: await best('age', async () => {
      encrypt();
      await flush('age');
    }),
    open: await best('unaged', async () => {
      decrypt();
      await flush('unaged');
    }),
    'seal, not flushed': await best('age', encrypt),
    'open, not flushed': await best('unaged', decrypt),
  };
}

function speed(seconds: number): string {
  return `${((size * 1.048576) / seconds).toFixed(0)} MB/s`;
}

try {
  await makeInput();
  const own = await ours();
  const most = Math.round(process.resourceUsage().maxRSS / 1024);
  for (const [name, seconds] of Object.entries(own)) console.log(`sealroom ${name}: ${speed(seconds)}`);
  console.log(`sealroom most memory: ${most} MiB`);
  const other = await age();
  if (!other) console.log('age is not installed; nothing to compare with');
  for (const [name, seconds] of Object.entries(other ?? {})) {
    const mine = own[name.startsWith('seal') ? 'seal' : 'open'] ?? seconds;
    console.log(`age ${name}: ${speed(seconds)}; sealroom is ${(seconds / mine).toFixed(2)} times as fast`);
  }
} finally {
  await rm(folder, { recursive: true });
}
