// `npm run demo`: two organisations validate a model on real data, each step by the real processes, then three cheats are
// tried. `npm run -s demo -- --json` prints one JSON object instead of the story.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Digest } from '@sealroom/bytes';
import { encodeTrust } from '@sealroom/contract';
import { collect, trustOf } from '../e2e/collect.ts';
import {
  createCast,
  EXAMPLE,
  initiate,
  offer,
  REPOSITORY,
  request,
  setStage,
  type Stage,
  startHouse,
  untilEnded,
} from '../e2e/story.ts';
import { forgeApproval, smuggleRow, swapDatasetFile } from './cheats.ts';

const json = process.argv.includes('--json');
const started = performance.now();

function tell(text: string): void {
  if (!json) process.stdout.write(`${text}\n`);
}

function step(text: string): void {
  tell(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
}

const run = promisify(execFile);

async function hasPython(): Promise<boolean> {
  return run('/usr/bin/python3', ['--version']).then(
    () => true,
    () => false,
  );
}

async function probe(): Promise<{ isolation: string; reasons: string[] }> {
  const { stdout } = await run(process.execPath, [
    join(REPOSITORY, 'apps', 'room', 'src', 'main.ts'),
    '--probe',
  ]);
  return JSON.parse(stdout) as { isolation: string; reasons: string[] };
}

type Paths = { readonly report: string; readonly receipt: string; readonly trust: string };

async function save(stage: Stage, run: Digest, paths: Paths): Promise<unknown> {
  const { verified, receipt, output, report } = await collect(stage, run);
  if (verified.verdict !== 'pinned') throw new Error('The receipt is not by the pinned parties.');
  await writeFile(paths.report, output);
  await writeFile(paths.receipt, receipt);
  await writeFile(paths.trust, encodeTrust(trustOf(stage)));
  return report;
}

function tellReport(report: unknown): void {
  const metrics = (report as { report: { [name: string]: { value: number; CI: number[]; n: number } } })
    .report;
  for (const [name, { value, CI, n }] of Object.entries(metrics)) {
    tell(
      `            ${name.padEnd(12)} ${value.toFixed(4)}   95 % interval ${CI.map((bound) => bound.toFixed(4)).join(' to ')}   n = ${n}`,
    );
  }
}

async function play(folder: string, paths: Paths): Promise<boolean> {
  const cast = await createCast();
  const language = (await hasPython()) ? 'python' : 'javascript';
  const { isolation, reasons } = await probe();
  step('Starting PostgreSQL, a ledger, a hub, two vaults and a node, each a process with keys of its own.');
  const house = await startHouse(join(folder, 'house'), {
    hospital: cast.steward.org,
    vendor: cast.owner.org,
  });
  try {
    step(
      'The hospital (data steward) and the vendor (algorithm owner) register and get a key-encryption key from their vaults.',
    );
    const stage = await setStage(house, cast, folder);
    step('The hospital sealed 284 records of breast-cancer measurements; only ciphertext was uploaded.');
    const agreed = await offer(stage, join(EXAMPLE, `algorithm-${language}`), join(folder, 'algorithm'));
    step(
      `The vendor sealed its model and its ${language === 'python' ? 'Python' : 'JavaScript'} code, and signed the contract as its offer.`,
    );
    const name = await request(stage, agreed);
    await initiate(stage, agreed, name);
    step('The hospital signed the same contract and initiated the run.');
    const ended = await untilEnded(stage, name);
    if (ended.status !== 'Run Completed')
      throw new Error(`The run ended as "${ended.status}" (${ended.detail ?? 'no detail'}).`);
    const report = await save(stage, name, paths);
    step('Both vaults released their keys to the room; it ran the model and let only the agreed report out:');
    tellReport(report);
    step('The receipt verifies offline, by the pinned parties. (Simulated room: not hardware-attested.)');
    tell('');
    tell('Three cheats, tried for real:');
    const approval = await forgeApproval(stage, agreed);
    step(
      `The operator forges the hospital's approval: hub ${approval?.[0]}, ledger ${approval?.[1]}, vault ${approval?.[2]}.`,
    );
    const row = await smuggleRow(stage, join(EXAMPLE, 'algorithm-cheat'), join(folder, 'cheat'));
    step(
      `The vendor ships an algorithm that puts a patient's row into its report: ${row}. Nothing left the room.`,
    );
    const swapped = await swapDatasetFile(stage, agreed);
    step(`The operator swaps a sealed data file in the store: ${swapped}. The algorithm was not started.`);
    const refusals = [swapped, approval?.[0], row];
    const ok =
      refusals.join() === 'room/staging,statement/bad-signature,room/no-report' &&
      approval?.[2] === 'vault/refused';
    tell('');
    tell(
      `Isolation of the algorithm: ${isolation}.${isolation === 'none' ? ' NOT ISOLATED: the algorithm ran as a plain process of this machine.' : ''}`,
    );
    for (const reason of reasons) tell(`  ${reason}`);
    tell(
      isolation === 'process'
        ? '  Stronger: rooms on TEE hardware, which this demo does not use (docs/attestation.md).'
        : '',
    );
    tell(`Report:  ${paths.report}\nReceipt: ${paths.receipt}\nTrust:   ${paths.trust}`);
    tell(`Check it yourself:  npx sealroom receipt verify ${paths.receipt} --trust ${paths.trust}`);
    if (json)
      process.stdout.write(
        `${JSON.stringify({ ok, ...paths, isolation, hardwareAttested: false, language, refusals, approvalRefusals: approval ?? [], result: report })}\n`,
      );
    return ok;
  } finally {
    await house.stop();
  }
}

const output = join(process.cwd(), 'demo-output');
const paths = {
  report: join(output, 'report.json'),
  receipt: join(output, 'run.receipt.json'),
  trust: join(output, 'trust.json'),
};
const folder = await mkdtemp(join(tmpdir(), 'sealroom-demo-'));
try {
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const ok = await play(folder, paths);
  if (!ok) {
    process.stderr.write('The demo did not end as it should: a cheat was not refused as expected.\n');
    process.exitCode = 1;
  }
} catch (error) {
  const logs = join(folder, 'house', 'logs');
  process.stderr.write(
    `The demo failed: ${error instanceof Error ? error.message : String(error)}\n${existsSync(logs) ? `The services' logs are in ${logs}\n` : ''}`,
  );
  process.exitCode = 1;
} finally {
  if (process.exitCode === undefined) await rm(folder, { recursive: true, force: true });
}
