// Collateral from a folder that the user names.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Collateral, NO_COLLATERAL, readCollateral } from '@sealroom/attest';
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
