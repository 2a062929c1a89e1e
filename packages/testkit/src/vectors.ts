// Where the shared test vectors lie. A user's checkout may lack them (tests then skip and say so); in CI they must be there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root =
  process.env['SEALROOM_SHARED_VECTORS'] ??
  join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'vectors');

/**
 * The folder of a set of vectors, or undefined (with the reason printed) when it is absent outside CI.
 * @throws when the set is absent and the environment says CI.
 */
export function sharedVectors(set: string): string | undefined {
  const folder = join(root, set);
  if (existsSync(folder)) return folder;
  if (process.env['CI'] === 'true')
    throw new Error(`The test vectors "${set}" are missing; CI must not skip them.`);
  console.log(
    `skipped: the shared test vectors "${set}" are not here (set SEALROOM_SHARED_VECTORS to their folder)`,
  );
  return undefined;
}
