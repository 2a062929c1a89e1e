// Each row of vectors/attest/published.json, genuine evidence of public packages and repositories, through `attest policy` and
// `attest verify --json`. Its files are not kept here: `python3 vectors/fetch_published.py FOLDER` lays the packages into a folder,
// which SEALROOM_PUBLISHED names. Rows of repositories, which no registry serves, are for who puts checkouts into FOLDER/git: no
// tests without that folder.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, folderOf, type Published, type Source } from '@sealroom/testkit/verdicts';
import { expect, test } from 'vitest';
import { sealroom } from '../cli-for-tests.ts';
import { codesIn, commandFor } from './rows-for-tests.ts';

const TABLE = join(import.meta.dirname, '..', '..', '..', '..', 'vectors', 'attest', 'published.json');
const { packages, cases } = JSON.parse(readFileSync(TABLE, 'utf8')) as Published;
const root = process.env['SEALROOM_PUBLISHED'];
const place = (file: string) => join(root ?? '', file);

const sourceOf = (file: string) => packages.find((one) => file.startsWith(`${folderOf(one)}/`));
const isAbsent = (source: Source) => root === undefined || !existsSync(place(folderOf(source)));
// The registries' clients are at hand in continuous integration.
const missing = packages.filter((one) => one.from !== 'git' && isAbsent(one));
if (missing.length > 0 && process.env['CI'] === 'true')
  throw new Error(
    `Packages of evidence are missing; CI must not skip them: ${missing.map(folderOf).join(', ')}`,
  );

const hasCheckouts = root !== undefined && existsSync(place('git'));
const asked = packages.filter((one) => one.from !== 'git' || hasCheckouts);
const rows = cases.filter((row) => filesOf(row).every((file) => asked.some((one) => sourceOf(file) === one)));
for (const one of asked.filter(isAbsent))
  console.log(
    `skipped: ${folderOf(one)} is not here (SEALROOM_PUBLISHED names the folder; see vectors/attest/published.json)`,
  );
if (!hasCheckouts)
  console.log(
    `left out: ${cases.length - rows.length} rows of repositories (see docs/attestation/published.md)`,
  );

test('each package is used, and each file is of one that is named', () => {
  const files = cases.flatMap(filesOf);
  expect(files.filter((file) => sourceOf(file) === undefined)).toEqual([]);
  const used = new Set(files.map(sourceOf));
  expect(packages.filter((one) => !used.has(one))).toEqual([]);
});

test('rows of each registry are played', () => {
  expect([...new Set(rows.flatMap(filesOf).map((file) => file.split('/')[0]))]).toEqual(
    expect.arrayContaining(['crates', 'go', 'pypi']),
  );
});

test.for(rows)('$evidence at $at: $verdict $codes', async (row, { skip }) => {
  const absent = packages.filter(
    (one) => filesOf(row).some((file) => sourceOf(file) === one) && isAbsent(one),
  );
  skip(absent.length > 0, `${absent.map(folderOf).join(', ')} is not here`);
  const said = await sealroom(await commandFor(row, place));
  const { verdict, codes } = row;
  expect(said).toMatchObject({ exit: verdict === 'affirmed' ? 0 : 1, json: { verdict } });
  expect(codesIn(said.json).toSorted()).toEqual(codes.toSorted());
});
