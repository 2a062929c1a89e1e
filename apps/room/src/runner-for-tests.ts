// For tests: runs a folder as a package in the room's own code (sandbox, Enclave API, gate), at the best isolation that this
// machine has, over sealed files in a temporary folder.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SegmentPool } from '@sealroom/host/sealing';
import { expect } from 'vitest';
import { execute, type Execution } from './execution.ts';
import { folderStore, planFor, sealAsset, type SealedAsset } from './fixtures.ts';
import { openAsset } from './staging.ts';
import type { StoreFetch } from './store.ts';
import { detectIsolation, type SandboxLevel } from './sandbox/sandbox.ts';

export type Wish = {
  readonly data?: SealedAsset;
  readonly dataStore?: StoreFetch;
  readonly criteria?: string;
  readonly maxBits?: number;
  readonly parameters?: Record<string, string | number>;
};

export type Runner = {
  /** A temporary folder; goes away with the runner. */
  readonly folder: string;
  readonly dataset: SealedAsset;
  readonly level: SandboxLevel;
  readonly threads: SegmentPool;
  /** Another name at each call. */
  readonly next: (name: string) => string;
  /** A package whose run.sh holds these lines. */
  readonly packageOf: (program: string, files?: Readonly<Record<string, string>>) => Promise<string>;
  readonly run: (packageFolder: string, wish?: Wish) => Promise<Execution>;
  readonly close: () => Promise<void>;
};

/** The report of a run that must have completed. */
export function reportOf(execution: Execution): unknown {
  expect(execution.outcome).toBe('completed');
  return execution.outcome === 'completed'
    ? JSON.parse(new TextDecoder().decode(execution.report))
    : undefined;
}

/** @param data folder of the dataset that runs get; @param criteria those of runs that wish for no others */
export async function createRunner(data: string, criteria: string): Promise<Runner> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-execution-'));
  const dataset = await sealAsset(data, join(folder, 'dataset'), 'dataset');
  const { level } = await detectIsolation();
  if (process.env['CI'] === 'true') expect(level).toBe('process');
  else if (level === 'none')
    console.log('these runs are NOT isolated: bubblewrap is missing or may not be used here');
  const threads = new SegmentPool(2);
  let made = 0;
  const next = (name: string) => join(folder, `${name}-${made++}`);

  const run: Runner['run'] = async (packageFolder, wish = {}) => {
    const name = next('algorithm');
    const algorithm = await sealAsset(packageFolder, name, 'algorithm');
    const sealed = wish.data ?? dataset;
    const { parameters = {}, maxBits = 4096 } = wish;
    const plan = await planFor({
      dataset: sealed.asset,
      algorithm: algorithm.asset,
      criteria: wish.criteria ?? criteria,
      maxBits,
      parameters,
    });
    const spool = await mkdtemp(join(folder, 'spool-'));
    const staging = { folder: join(spool, 'sealed'), opener: threads.open };
    const code = await openAsset(algorithm.asset, algorithm.key, { ...staging, fetch: folderStore(name) });
    const opened = await openAsset(sealed.asset, sealed.key, {
      ...staging,
      fetch: wish.dataStore ?? folderStore(join(folder, 'dataset')),
    });
    try {
      const { signal } = new AbortController();
      return await execute(plan, { algorithm: code, datasets: [opened], level, spool, signal });
    } finally {
      // Nothing of the run is left but the sealed files.
      expect(await readdir(spool)).toEqual(['sealed']);
    }
  };

  const packageOf: Runner['packageOf'] = async (program, files = {}) => {
    const at = next('package');
    const all = {
      Dockerfile: 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["run.sh"]\n',
      'run.sh': `#!/bin/sh\n${program}\n`,
      ...files,
    };
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(at, path)), { recursive: true });
      await writeFile(join(at, path), content);
    }
    return at;
  };
  const close = async () => {
    await threads.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, dataset, level, threads, next, packageOf, run, close };
}
