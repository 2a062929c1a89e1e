// Contracts that were signed from this home, so that they can be suspended or revoked without the hub, and the statements
// by which that was done, so that the hub can be told later. Files: contracts/<digest>.json and contracts/<digest>.<n>.cose.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { type Contract, parseContract } from '@sealroom/contract';
import { CliError } from '../error.ts';
import { ensureHome, readGiven, writeWhole } from '../home/files.ts';
import { findById } from '../hub/project.ts';

function folderOf(home: string): string {
  return join(home, 'contracts');
}

export async function keepContract(home: string, digest: Digest, bytes: Bytes): Promise<void> {
  await ensureHome(folderOf(home));
  await writeWhole(join(folderOf(home), `${digest.slice(7)}.json`), bytes, { overwrite: true });
}

async function names(home: string): Promise<readonly string[]> {
  return readdir(folderOf(home)).catch(() => []);
}

/** A contract that was signed from here. @throws cli/not-found · cli/ambiguous · cli/bad-file */
export async function keptContract(
  home: string,
  reference: string | undefined,
): Promise<{ readonly digest: Digest; readonly contract: Contract }> {
  const kept = (await names(home)).flatMap((name) => {
    const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    return hex === undefined ? [] : [{ digest: `sha256:${hex}` as Digest }];
  });
  const { digest } = findById(kept, 'digest', reference, 'contract signed from here');
  const bytes = await readGiven(join(folderOf(home), `${digest.slice(7)}.json`));
  if ((await sha256Digest(bytes)) !== digest)
    throw new CliError('cli/bad-file', 'The kept contract was altered; restore the home from a backup.');
  return { digest, contract: parseContract(bytes) };
}

/** Keeps a statement that the hub was not told. */
export async function keepTold(home: string, contract: Digest, cose: Bytes): Promise<void> {
  const name = `${contract.slice(7)}.${(await sha256Digest(cose)).slice(7, 23)}.cose`;
  await writeWhole(join(folderOf(home), name), cose, { overwrite: true });
}

export async function keptTold(home: string, contract: Digest): Promise<readonly Bytes[]> {
  const found = (await names(home)).filter(
    (name) => name.startsWith(`${contract.slice(7)}.`) && name.endsWith('.cose'),
  );
  return Promise.all(found.toSorted().map((name) => readGiven(join(folderOf(home), name))));
}
