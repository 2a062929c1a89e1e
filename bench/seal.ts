// Sealing and opening a file, disk to disk, beside `age` where it is installed. Prints MB/s and ratios of interleaved rounds;
// asserts nothing.
//   node bench/seal.ts [MiB, 1024 unless given] [rounds, 5]
// Each tool reads a file that was just written (so the system has it in memory) and writes another. Ours flushes its
// output to disk before it is done; age does not, so its time is shown with a flush too.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile, sealFile } from '@sealroom/host/sealing';
import { countOf, load, ratios, timed } from './measure.ts';

const size = countOf(2, 1024);
const rounds = countOf(3, 5);
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

/** Seconds of one go. What an earlier one made is removed before. */
async function once(output: string, work: () => Promise<void> | void): Promise<number> {
  await rm(at(output), { force: true });
  return timed(work);
}

async function makeInput(): Promise<void> {
  const handle = await open(at('plain'), 'w');
  for (let i = 0; i < size; i++) await handle.write(randomBytes(2 ** 20));
  await handle.sync();
  await handle.close();
}

type Round = { readonly seal: number; readonly open: number };
type AgeRound = Round & { readonly sealFlushed: number; readonly openFlushed: number };

async function ours(): Promise<Round> {
  const seal = await once('sealed', () => sealFile({ input: at('plain'), output: at('sealed'), key, path }));
  const back = await once('opened', () => openFile({ input: at('sealed'), output: at('opened'), key, path }));
  return { seal, open: back };
}

async function theirs(recipient: string): Promise<AgeRound> {
  const seal = await once('age', () => run('age', ['-r', recipient, '-o', at('age'), at('plain')]));
  const sealFlushed = seal + (await timed(() => flush('age')));
  const back = await once('unaged', () =>
    run('age', ['-d', '-i', at('identity'), '-o', at('unaged'), at('age')]),
  );
  const openFlushed = back + (await timed(() => flush('unaged')));
  return { seal, open: back, sealFlushed, openFlushed };
}

async function recipientOf(): Promise<string | undefined> {
  if (spawnSync('age', ['--version']).status !== 0) return undefined;
  run('age-keygen', ['-o', at('identity')]);
  return /age1[0-9a-z]+/.exec(await readFile(at('identity'), 'utf8'))?.[0];
}

const speeds = (seconds: readonly number[]) =>
  `${ratios(seconds.map((one) => (size * 1.048576) / one)).text(0)} MB/s`;

try {
  await makeInput();
  const recipient = await recipientOf();
  const all: { own: Round; age: AgeRound | undefined }[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const one = { own: await ours(), age: recipient === undefined ? undefined : await theirs(recipient) };
    if (round > 0) all.push(one);
  }
  console.log(`${size} MiB, ${rounds} rounds (min / median / max), ${load()}`);
  for (const verb of ['seal', 'open'] as const) {
    console.log(`  sealroom ${verb}, flushed: ${speeds(all.map(({ own }) => own[verb]))}`);
    for (const [name, words] of [
      [`${verb}Flushed`, 'flushed'],
      [verb, 'not flushed'],
    ] as const) {
      const pairs = all.flatMap(({ own, age }) => (age ? [[age[name], own[verb]] as const] : []));
      if (pairs.length === 0) continue;
      const times = ratios(pairs.map(([age, own]) => age / own)).text(2);
      console.log(
        `    age, ${words}: ${speeds(pairs.map(([age]) => age))}; sealroom is ${times} times as fast`,
      );
    }
  }
  if (recipient === undefined) console.log('  age is not installed; nothing to compare with');
  console.log(`  sealroom most memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
} finally {
  await rm(folder, { recursive: true });
}
