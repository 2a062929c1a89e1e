// Vectors of vendors (vectors/attest/verdicts.json) through `attest policy` and `attest verify`: a policy is pinned to the evidence, revocation is waived
// where no current list is among the vectors, and the verdict is that of the vectors' README. The technologies' own tests
// have every vector and the ways to cheat.
import { readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

type Row = {
  readonly evidence: string;
  readonly at: string;
  readonly beside: readonly string[];
  readonly verdict: 'affirmed' | 'refused';
  readonly code?: string;
};

const TABLE = join(import.meta.dirname, '..', '..', '..', '..', 'vectors', 'attest', 'verdicts.json');
const { cases } = JSON.parse(readFileSync(TABLE, 'utf8')) as { cases: readonly Row[] };

type Entry = { revocation?: unknown };

test.each(cases)('$evidence at $at is $verdict $code', async ({ evidence, at, beside, verdict, code }) => {
  const [set = ''] = evidence.split('/');
  const place = sharedVectors(set);
  if (place === undefined) return;
  const vectors = join(place, '..');
  const folder = await temporaryFolder();
  const collateral = join(folder, 'collateral');
  await mkdir(collateral);
  for (const name of beside) await copyFile(join(vectors, name), join(collateral, basename(name)));
  const common = [join(vectors, evidence), '--collateral', collateral];
  const pinned = await sealroom(['attest', 'policy', ...common, '--at', at, '--json']);
  expect(pinned.exit).toBe(0);
  const made = pinned.json as { accept: Entry[] };
  for (const entry of made.accept)
    if ('revocation' in entry) entry.revocation = { waived: 'no current list is among the vectors' };
  const policy = await fileIn(folder, 'policy.json', JSON.stringify(made));
  const said = await sealroom(['attest', 'verify', ...common, '--policy', policy, '--at', at, '--json']);
  expect(said).toMatchObject({ exit: verdict === 'affirmed' ? 0 : 1, json: { verdict } });
  const codes = (said.json as { reasons: { code: string }[] }).reasons.map((reason) => reason.code);
  if (verdict === 'affirmed') expect(codes).toEqual([]);
  else expect(codes).toContain(code ?? codes[0] ?? 'a reason');
});
