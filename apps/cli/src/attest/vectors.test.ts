// Each row of vectors/attest/verdicts.json through `attest policy` and `attest verify --json`: verdict and every reason's code. The
// technologies' own tests have the ways to cheat. Some rows go through the installed command as well.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { sharedVectors } from '@sealroom/testkit';
import { changedPolicy, evidenceOf, type Row, type Table } from '@sealroom/testkit/verdicts';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const { cases } = JSON.parse(readFileSync(join(ROOT, 'vectors', 'attest', 'verdicts.json'), 'utf8')) as Table;

const places = [...new Set(cases.map(({ evidence }) => evidence.split('/')[0] ?? ''))].map(sharedVectors);
const absent = places.includes(undefined);
const vector = (name: string) => join(places[0] ?? '', '..', name);

/** Files with these names in a folder of their own. */
async function folderOf(within: string, name: string, files: readonly string[]): Promise<string> {
  const folder = join(within, name);
  await mkdir(folder);
  for (const file of files) await copyFile(vector(file), join(folder, basename(file)));
  return folder;
}

/** The arguments of `attest verify` for a row, with its policy made by `attest policy`. */
async function commandFor(row: Row): Promise<string[]> {
  const folder = await temporaryFolder();
  const bytes = await evidenceOf(row, async (name) => new Uint8Array(await readFile(vector(name))));
  const evidence = await fileIn(folder, 'evidence', bytes);
  const collateral = await folderOf(folder, 'collateral', row.collateral);
  const at = ['--at', row.at, '--json'];
  const { pinnedTo } = row.policy;
  const other = pinnedTo && (await folderOf(folder, 'pinned', pinnedTo.collateral));
  const source = pinnedTo && other ? [vector(pinnedTo.evidence), '--collateral', other] : undefined;
  const own = [evidence, '--collateral', collateral];
  const pinned = await sealroom(['attest', 'policy', ...(source ?? own), ...at]);
  expect(pinned).toMatchObject({ exit: 0, json: { accept: [{}] } });
  const text = changedPolicy(pinned.json as Parameters<typeof changedPolicy>[0], row.policy);
  const policy = await fileIn(folder, 'policy.json', text);
  return ['attest', 'verify', ...own, '--policy', policy, ...at];
}

const codesIn = (json: unknown) => [
  ...new Set((json as { reasons: { code: string }[] }).reasons.map(({ code }) => code)),
];

test.skipIf(absent).for(cases)('$evidence at $at: $verdict $codes', async (row) => {
  const said = await sealroom(await commandFor(row));
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
    const commands = await Promise.all(SAMPLE.map(commandFor));
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
