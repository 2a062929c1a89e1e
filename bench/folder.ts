// Sealing and opening a folder of many small files, beside what cannot be saved: `cp -r` of it and as many bare derivations
// of file keys. Prints figures and ratios of interleaved rounds; asserts nothing.
//   node bench/folder.ts [files, 10000 unless given] [rounds, 7] [bytes a file, 4096]
// Sealing writes two files for each, and flushes all of them to disk before it is done. `cp` flushes nothing, so its time is
// shown with a flush of the file system behind it too.
import { execFileSync } from 'node:child_process';
import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64urlDecode } from '@sealroom/bytes';
import { openFolder, sealFolder } from '@sealroom/host/sealing';
import { assetKey, associatedDataFor, deriveSegmentKey, generateCek } from '@sealroom/seal';
import { countOf, load, ratios, timed } from './measure.ts';

const files = countOf(2, 10_000);
const rounds = countOf(3, 7);
const size = countOf(4, 4096);
const PER_FOLDER = 100;

const folder = await mkdtemp(join(tmpdir(), 'bench-folder-'));
const plain = join(folder, 'plain');
const cek = generateCek();

async function makeInput(): Promise<void> {
  for (let i = 0; i < files; i++) {
    const inside = join(plain, `d${Math.floor(i / PER_FOLDER)}`);
    if (i % PER_FOLDER === 0) await mkdir(inside, { recursive: true });
    await writeFile(join(inside, `${i}.bin`), randomBytes(size));
  }
}

/** The derivation of @sealroom/seal through WebCrypto, and node:crypto's, which waits for no promise. */
async function derive(): Promise<{ web: number; node: number }> {
  const key = new Uint8Array(randomBytes(32));
  const salts = Array.from({ length: files }, () => new Uint8Array(randomBytes(32)));
  const associatedData = associatedDataFor('d1/1.bin');
  const web = await timed(async () => {
    for (const salt of salts) await deriveSegmentKey({ key, associatedData }, salt);
  });
  const node = await timed(() => {
    for (const salt of salts) hkdfSync('sha256', key, salt, associatedData, 32);
  });
  return { web, node };
}

const flush = () => execFileSync('sync', ['-f', folder]);

type Round = { cp: number; flushed: number; web: number; node: number; seal: number; open: number };

// Nothing is deleted between rounds: ext4 takes much longer to make files while many were deleted a moment ago.
async function round(number: number): Promise<Round> {
  const [copy, sealed, opened] = [`copy-${number}`, `sealed-${number}`, `opened-${number}`].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  flush();
  const cp = await timed(() => void execFileSync('cp', ['-r', plain, copy]));
  const flushed = cp + (await timed(() => void flush()));
  const { web, node } = await derive();
  let salt = '';
  const seal = await timed(async () => {
    const made = await sealFolder({ input: plain, output: sealed, cek, kind: 'dataset' });
    salt = made.assetSalt;
  });
  const key = await assetKey(cek, base64urlDecode(salt), 'dataset');
  const open = await timed(async () => {
    await openFolder({ input: sealed, output: opened, assetKey: key });
  });
  return { cp, flushed, web, node, seal, open };
}

try {
  await makeInput();
  await round(0);
  const all: Round[] = [];
  for (let i = 0; i < rounds; i++) all.push(await round(i + 1));
  const ms = (name: keyof Round) => `${ratios(all.map((one) => one[name] * 1000)).text(0)} ms`;
  console.log(`${files} files of ${size} bytes, ${rounds} rounds (min / median / max), ${load()}`);
  console.log(`  cp -r ${ms('cp')}; with a flush ${ms('flushed')}`);
  console.log(`  bare file-key derivations: node:crypto ${ms('node')}; WebCrypto ${ms('web')}`);
  for (const verb of ['seal', 'open'] as const) {
    const against = (base: (one: Round) => number) => ratios(all.map((one) => one[verb] / base(one))).text(2);
    console.log(`  ${verb}, flushed: ${ms(verb)}`);
    console.log(`    to cp -r and node:crypto derivations       ${against((one) => one.cp + one.node)}`);
    console.log(`    to cp -r, flushed, and those derivations   ${against((one) => one.flushed + one.node)}`);
    console.log(`    to cp -r and WebCrypto derivations         ${against((one) => one.cp + one.web)}`);
  }
} finally {
  await rm(folder, { recursive: true });
}
