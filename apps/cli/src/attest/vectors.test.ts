// Each row of vectors/attest/verdicts.json through `attest policy` and `attest verify --json`: verdict and every reason's code. The
// technologies' own tests have the ways to cheat. Some rows go through the installed command as well.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sharedVectors } from '@sealroom/testkit';
import type { Table } from '@sealroom/testkit/verdicts';
import { expect, test } from 'vitest';
import { sealroom } from '../cli-for-tests.ts';
import { codesIn, commandFor } from './rows-for-tests.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const { cases } = JSON.parse(readFileSync(join(ROOT, 'vectors', 'attest', 'verdicts.json'), 'utf8')) as Table;

const places = [...new Set(cases.map(({ evidence }) => evidence.split('/')[0] ?? ''))].map(sharedVectors);
const absent = places.includes(undefined);
const vector = (name: string) => join(places[0] ?? '', '..', name);

test.skipIf(absent).for(cases)('$evidence at $at: $verdict $codes', async (row) => {
  const said = await sealroom(await commandFor(row, vector));
  const { verdict, codes } = row;
  expect(said).toMatchObject({ exit: verdict === 'affirmed' ? 0 : 1, json: { verdict } });
  expect(codesIn(said.json).toSorted()).toEqual(codes.toSorted());
});

/** The first affirmed and the first refused row of each folder. */
const SAMPLE = [...Map.groupBy(cases, ({ evidence, verdict }) => `${evidence.split('/')[0]} ${verdict}`)]
  .map(([, [row]]) => row)
  .filter((row) => row !== undefined);

test.skipIf(absent)(
  'the installed command says the same of the first rows of each folder',
  async () => {
    expect(SAMPLE.length).toBeGreaterThan(12);
    const commands = await Promise.all(SAMPLE.map((row) => commandFor(row, vector)));
    for (const [index, row] of SAMPLE.entries()) {
      const { evidence, verdict, codes } = row;
      const run = promisify(execFile)('npx', ['sealroom', ...(commands[index] ?? [])], { cwd: ROOT });
      const { code: exit = 0, stdout } = (await run.catch(
        (error: { code: number; stdout: string }) => error,
      )) as { code?: number; stdout: string };
      const json = JSON.parse(stdout) as { verdict: string };
      expect([json.verdict, exit], evidence).toEqual([verdict, verdict === 'affirmed' ? 0 : 1]);
      expect(codesIn(json).toSorted(), evidence).toEqual(codes.toSorted());
    }
  },
  300_000,
);
