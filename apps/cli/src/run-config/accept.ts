// `--accept`: what rooms on hardware must prove under a contract, from policy files such as `attest policy` writes. A file that says
// more than a contract can, or something else than what a room must prove, is refused and not taken in part. What a policy
// binds is left out: in a contract it is each run's own nonces, keys and manifest. Who reviews holds a contract against policies of
// their own: entries count by their whole content, so that a weaker one, or another, is found whatever it looks like.
import { AttestError, type Entry, entrySchema, parsePolicy, type Policy } from '@sealroom/attest';
import { canonicalJson, type Json } from '@sealroom/bytes';
import type { ContractReview } from '@sealroom/client';
import type { Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readGiven } from '../home/files.ts';

const LARGEST = 1024 * 1024;
/** As many as a contract takes. */
const MOST = 16;

function bad(path: string, why: string, cause?: unknown): CliError {
  return new CliError(
    'cli/bad-file',
    `${JSON.stringify(path)} cannot be put into a contract: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

async function policyIn(path: string): Promise<Policy> {
  const bytes = await readGiven(path, LARGEST);
  try {
    return parsePolicy(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
    throw bad(path, error.message, error);
  }
}

function entryOf(path: string, entry: Policy['accept'][number]): Entry {
  if ('only' in entry)
    throw bad(path, `an entry of it is for a part of evidence alone (${entry.only}), which proves no room.`);
  const found = entrySchema.safeParse(entry);
  if (!found.success)
    throw bad(path, `an entry of it is for a device alone (${entry.technology}), which proves no room.`);
  if (found.data.technology === 'simulated')
    throw bad(path, 'an entry of it is for simulated rooms; name their nodes by --node, without --accept.');
  return found.data;
}

async function entriesIn(path: string): Promise<Entry[]> {
  const { accept, distrust } = await policyIn(path);
  if (accept.length === 0) throw bad(path, 'it accepts nothing.');
  if (distrust.length > 0)
    throw bad(
      path,
      'it distrusts platforms, for which a contract has no word; each vault’s own settings have ("distrust").',
    );
  return accept.map((entry) => entryOf(path, entry));
}

/** By content. */
function nameOf(entry: Entry): string {
  return canonicalJson(entry as unknown as Json);
}

/** The entries of all files, each once; undefined without the option. @throws cli/no-file · cli/bad-file · cli/usage */
export async function acceptedIn(input: Input): Promise<Entry[] | undefined> {
  const paths = input.list('accept');
  if (paths.length === 0) return undefined;
  const entries = new Map<string, Entry>();
  for (const path of paths) for (const entry of await entriesIn(path)) entries.set(nameOf(entry), entry);
  if (entries.size <= MOST) return [...entries.values()];
  throw new CliError('cli/usage', `A contract takes ${MOST} entries for rooms at most, not ${entries.size}.`);
}

/** The review, with a problem for each entry of the contract that is in none of the reader's own; without own ones as it was. */
export function heldToPolicy(review: ContractReview, own: readonly Entry[] | undefined): ContractReview {
  if (own === undefined) return review;
  const names = new Set(own.map(nameOf));
  const beyond = review.contract.room.accept.filter((entry) => !names.has(nameOf(entry)));
  const more = beyond.map(
    ({ technology }) => `it accepts rooms (${technology}) by an entry that is not in your policy`,
  );
  return { ...review, problems: [...review.problems, ...more] };
}
