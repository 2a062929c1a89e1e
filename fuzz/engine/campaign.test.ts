import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Finding, runCampaign } from './campaign.ts';
import { mutateJson } from './json.ts';
import { FAMILIES } from './planted-for-tests.ts';
import { Random } from './random.ts';
import { runFamily } from './runner.ts';

async function campaign(name: keyof typeof FAMILIES, seed = 1, executions = 2000) {
  const findings: Finding[] = [];
  const tried: string[] = [];
  const progress = await runCampaign(await FAMILIES[name](), {
    seed,
    executions,
    before: (_, input) => tried.push(Buffer.from(input).toString('hex')),
    onFinding: (finding) => findings.push(finding),
  });
  return { progress, findings, tried };
}

test('finds nothing in a sound decoder, and counts what it accepted and refused', async () => {
  const { progress, findings } = await campaign('sound');
  expect(findings).toEqual([]);
  expect(progress.executions).toBe(2000);
  expect(progress.accepted + progress.refused).toBe(2000);
  expect(progress.accepted).toBeGreaterThan(100);
  expect(progress.refused).toBeGreaterThan(100);
});

test('tries the same inputs again from the same seed, and others from another', async () => {
  const [first, again, other] = [
    await campaign('sound', 7),
    await campaign('sound', 7),
    await campaign('sound', 8),
  ];
  expect(again.tried).toEqual(first.tried);
  expect(other.tried).not.toEqual(first.tried);
});

test.each([
  ['foreign', 'foreign-error'],
  ['code', 'foreign-error'],
  ['forged', 'false-accept'],
  ['greedy', 'memory'],
  ['slow', 'slow'],
] as const)(
  'finds the planted defect %s',
  async (name, oracle) => {
    const { findings } = await campaign(name, 3, name === 'greedy' || name === 'slow' ? 40 : 2000);
    expect(findings.length).toBeGreaterThan(0);
    expect(new Set(findings.map((finding) => finding.oracle))).toEqual(new Set([oracle]));
  },
  600_000,
);

test('gives each target its number of executions, of those whose names are wanted', async () => {
  const lines: string[] = [];
  const options = {
    seed: 1,
    executions: undefined,
    each: 100,
    minutes: 1,
    out: tmpdir(),
    coverage: 'none',
  } as const;
  const log = (line: string): unknown => lines.push(line);
  const { findings } = await runFamily('json', { ...options, targets: ['hex', 'utf8'], log });
  expect(findings).toBe(0);
  const told = lines.filter((line) => line.startsWith('target='));
  expect(told.length).toBeGreaterThan(1);
  const names = told.map((line) => line.split(' ')[0]);
  expect(new Set(names).size).toBe(names.length);
  for (const line of told) {
    expect(line).toMatch(/^target=\S*(?:hex|utf8)/);
    expect(Number(/executions=([0-9]+)/.exec(line)?.[1])).toBeGreaterThanOrEqual(100);
  }
  await expect(runFamily('json', { ...options, targets: ['nothing'], log })).rejects.toThrow();
}, 600_000);

test('makes an input small before it tells of it', async () => {
  const { findings } = await campaign('foreign');
  const [first] = findings;
  expect(first?.input).toHaveLength(4);
  expect(first?.input[2]).toBe(0);
});

test('leaves texts that are nested too deep for a tree to be changed by their bytes', () => {
  const inside = (bytes: Uint8Array): Uint8Array => bytes;
  for (const depth of [600, 5000, 100_000]) {
    const text = '['.repeat(depth) + ']'.repeat(depth);
    expect(mutateJson(new Random(1), text, text, inside)).toBeUndefined();
  }
  const shallow = '['.repeat(400) + ']'.repeat(400);
  for (let seed = 0; seed < 50; seed++) {
    expect(typeof mutateJson(new Random(seed), shallow, shallow, inside)).toBe('string');
  }
});

test('saves the input of an execution that does not end, and replaces its thread', async () => {
  const out = await mkdtemp(join(tmpdir(), 'sealroom-fuzz-'));
  const source = new URL('./planted-for-tests.ts', import.meta.url).href;
  const options = { seed: 1, executions: 1_000_000, minutes: 1, out, coverage: 'none' } as const;
  const limits = { hangCpuMs: 500, mostRestarts: 1 };
  const lines: string[] = [];
  const log = (line: string): unknown => lines.push(line);
  const { findings } = await runFamily('endless', { ...options, ...limits, source, log });
  expect(findings).toBe(2);
  const folder = join(out, 'endless');
  expect(existsSync(folder)).toBe(true);
  const saved = (await readdir(folder)).filter((name) => name.endsWith('.bin'));
  expect((await readFile(join(folder, saved[0] ?? ''))).length).toBeGreaterThan(12);
  expect(lines.some((line) => line.startsWith('finding hang endless'))).toBe(true);
  await rm(out, { recursive: true });
}, 600_000);

test.each(['count', 'feedback'] as const)(
  'measures in its thread which code ran (%s)',
  async (coverage) => {
    const out = await mkdtemp(join(tmpdir(), 'sealroom-fuzz-'));
    const lines: string[] = [];
    const options = {
      seed: 1,
      executions: 300,
      minutes: 1,
      out,
      coverage,
      log: (line: string) => lines.push(line),
    };
    const totals = await runFamily('json', options);
    expect(totals).toMatchObject({ executions: 300, findings: 0 });
    expect(totals.covered).toBeGreaterThan(1000);
    expect(await readdir(out)).toEqual([]);
    await rm(out, { recursive: true });
  },
  600_000,
);
