// How a row of a table of verdicts goes through `attest policy` and `attest verify --json`.
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { changedPolicy, evidenceOf, type Row, textIn } from '@sealroom/testkit/verdicts';
import { expect } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

type Place = (file: string) => string;

/** Files with these names in a folder of their own. */
async function folderWith(
  within: string,
  { name, files, place }: { name: string; files: readonly string[]; place: Place },
): Promise<string> {
  const folder = join(within, name);
  await mkdir(folder);
  for (const [index, file] of files.entries())
    await copyFile(place(file), join(folder, `${index}-${basename(file)}`));
  return folder;
}

/** The option that gives a row's key set. */
async function keysOf({ keys }: Row, { folder, place }: { folder: string; place: Place }): Promise<string[]> {
  if (!keys) return [];
  const { issuer, file, within, kid } = keys;
  const text = textIn(await readFile(place(file), 'utf8'), within);
  const set = kid === undefined ? text : JSON.stringify({ keys: [{ kty: 'RSA', kid, n: text, e: 'AQAB' }] });
  return ['--keys', `${issuer}=${await fileIn(folder, 'keys.json', set)}`];
}

/** The arguments of `attest verify` for a row, with its policy made by `attest policy`. @param place where a file of it lies */
export async function commandFor(row: Row, place: Place): Promise<string[]> {
  const folder = await temporaryFolder();
  const bytes = await evidenceOf(row, async (name) => new Uint8Array(await readFile(place(name))));
  const evidence = await fileIn(folder, 'evidence', bytes);
  const collateral = await folderWith(folder, { name: 'collateral', files: row.collateral, place });
  const at = ['--at', row.at, '--json', ...(await keysOf(row, { folder, place }))];
  const { pinnedTo } = row.policy;
  const other = pinnedTo && (await folderWith(folder, { name: 'pinned', files: pinnedTo.collateral, place }));
  const source = pinnedTo && other ? [place(pinnedTo.evidence), '--collateral', other] : undefined;
  const own = [evidence, '--collateral', collateral];
  const pinned = await sealroom(['attest', 'policy', ...(source ?? own), ...at]);
  expect(pinned).toMatchObject({ exit: 0, json: { accept: [{}] } });
  const text = changedPolicy(pinned.json as Parameters<typeof changedPolicy>[0], row.policy);
  const policy = await fileIn(folder, 'policy.json', text);
  return ['attest', 'verify', ...own, '--policy', policy, ...at];
}

export const codesIn = (json: unknown): string[] => [
  ...new Set((json as { reasons: { code: string }[] }).reasons.map(({ code }) => code)),
];
