// What the user gives by hand: collateral from a folder, key sets of issuers of tokens, times.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Collateral, NO_COLLATERAL, readCollateral } from '@sealroom/attest';
import type { Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readGiven } from '../home/files.ts';

const MOST = 16 * 1024 * 1024;

/** @param folder files in any names, told apart by content; undefined is none @throws cli/no-file · attest/… */
export async function collateralIn(folder: string | undefined): Promise<Collateral> {
  if (folder === undefined) return NO_COLLATERAL;
  let names: string[];
  try {
    names = (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .toSorted();
  } catch (cause) {
    throw new CliError('cli/no-file', `${JSON.stringify(folder)} is no folder of collateral.`, { cause });
  }
  const files = names.map(async (name) => ({ name, bytes: await readGiven(join(folder, name), MOST) }));
  return readCollateral(await Promise.all(files));
}

/** A key set that the user vouches for. */
export type GivenKeys = { readonly issuer: string; readonly text: string; readonly file: string };

/** The option --keys, issuer by issuer. @throws cli/usage · cli/no-file */
export async function keysIn(input: Input): Promise<GivenKeys[]> {
  const given = input.list('keys').map((text) => /^(https:\/\/[^=]+)=(.+)$/.exec(text));
  const issuers = new Set(given.map((parts) => parts?.[1]));
  if (issuers.size < given.length)
    throw new CliError('cli/usage', 'The option --keys takes one file for each issuer.');
  const sets = given.map(async (parts) => {
    const [, issuer, file] = parts ?? [];
    if (issuer === undefined || file === undefined)
      throw new CliError(
        'cli/usage',
        'The option --keys takes an issuer and a file: https://issuer.example=keys.json.',
      );
    return { issuer, file, text: new TextDecoder().decode(await readGiven(file, MOST)) };
  });
  return Promise.all(sets);
}

/** An option that takes a time; milliseconds since 1970. @throws cli/usage */
export function timeIn(input: Input, name: string): number | undefined {
  const text = input.optional(name);
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at)) return at;
  throw new CliError('cli/usage', `The option --${name} takes a time such as 2026-02-03T04:05:06Z.`);
}
