// Test support: seals a small package given as data and runs it through the room's own staging, sandbox, Enclave API and
// gate. Started by itself, as another user perhaps, it reads the package from stdin and prints the outcome.
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SegmentPool } from '@sealroom/host/sealing';
import { execute } from './execution.ts';
import { folderStore, planFor, sealAsset } from './fixtures.ts';
import type { SandboxLevel } from './sandbox/sandbox.ts';
import { openAsset } from './staging.ts';

export type PackageSpec = {
  /** Beside a Dockerfile whose entry point is `run.sh`. */
  readonly files: Readonly<Record<string, string>>;
  readonly criteria: string;
  readonly level: SandboxLevel;
  readonly minutes?: number;
  readonly memoryGiB?: number;
};

export type PackageOutcome = {
  readonly outcome: 'completed' | 'failed';
  readonly code?: string;
  readonly report?: unknown;
  /** What is left in the spool folder beside the sealed files. */
  readonly left: readonly string[];
};

const DOCKERFILE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["run.sh"]\n';

async function layOut(folder: string, files: PackageSpec['files']): Promise<void> {
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
}

export async function runPackage(spec: PackageSpec): Promise<PackageOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-hostile-'));
  const threads = new SegmentPool(1);
  try {
    await layOut(join(folder, 'package'), { Dockerfile: DOCKERFILE, ...spec.files });
    await layOut(join(folder, 'data'), { 'rows.csv': 'a,b\n1,2\n' });
    const algorithm = await sealAsset(join(folder, 'package'), join(folder, 'algorithm'), 'algorithm');
    const dataset = await sealAsset(join(folder, 'data'), join(folder, 'dataset'), 'dataset');
    const { criteria, level, minutes = 1, memoryGiB = 1 } = spec;
    const wish = { criteria, minutes, memoryGiB, maxBits: 100_000 };
    const plan = await planFor({ dataset: dataset.asset, algorithm: algorithm.asset, ...wish });
    const spool = join(folder, 'spool');
    await mkdir(spool);
    const staging = { folder: join(spool, 'sealed'), opener: threads.open };
    const open = ({ asset, key }: typeof algorithm, name: string) =>
      openAsset(asset, key, { ...staging, fetch: folderStore(join(folder, name)) });
    const [code, data] = [await open(algorithm, 'algorithm'), await open(dataset, 'dataset')];
    const signal = new AbortController().signal;
    const end = await execute(plan, { algorithm: code, datasets: [data], level, spool, signal });
    const left = (await readdir(spool)).filter((name) => name !== 'sealed');
    if (end.outcome === 'failed') return { ...end, left };
    return {
      outcome: end.outcome,
      report: JSON.parse(new TextDecoder().decode(end.report)) as unknown,
      left,
    };
  } finally {
    await threads.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function dropped(uid: number, words: readonly string[]): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', process.execPath, ...words];
}

/** Whether another user can start this file where it lies. */
export function canRunAs(uid: number): boolean {
  const words = dropped(uid, ['-e', 'import(process.argv[1])', import.meta.filename]);
  return spawnSync('setpriv', words, { stdio: 'ignore', cwd: '/' }).status === 0;
}

/** The same in a process of an ordinary user. */
export async function runPackageAs(uid: number, spec: PackageSpec): Promise<PackageOutcome> {
  const words = dropped(uid, [import.meta.filename]);
  const child = spawn('setpriv', words, { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
  child.stdin.end(JSON.stringify(spec));
  return JSON.parse(await text(child.stdout)) as PackageOutcome;
}

if (import.meta.main) {
  const spec = JSON.parse(await text(process.stdin)) as PackageSpec;
  process.stdout.write(JSON.stringify(await runPackage(spec)), () => process.exit(0));
}
