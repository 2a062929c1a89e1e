// From a work bundle to a started room: the node builds the manifest from the statements it was handed, because host data
// is fixed before the room starts. If the statements are wrong, the vaults refuse; the node decides nothing.
import type { Work } from '@sealroom/api';
import { type Bytes, sha256 } from '@sealroom/bytes';
import { buildManifest, encodeManifest, isOfType, placeStatements } from '@sealroom/contract';

const GRACE_MINUTES = 10;

export type PreparedWork = { readonly hostData: Bytes; readonly wallMs: number };

/** @throws statement/malformed, or an error when the bundle lacks the run's own request */
export async function prepareWork(work: Work): Promise<PreparedWork> {
  const placed = await placeStatements(work.statements);
  let request: Parameters<typeof buildManifest>[1] | undefined;
  let minutes = 1;
  const approvals: Parameters<typeof buildManifest>[2][number][] = [];
  for (const { statement } of placed) {
    if (isOfType(statement, 'run.requested') && statement.digest === work.run) request = statement.payload;
    if (isOfType(statement, 'run.approved') && statement.payload.run === work.run)
      approvals.push(statement.digest);
    if (isOfType(statement, 'contract.signed'))
      minutes = Math.max(minutes, statement.payload.room.maxMinutes);
  }
  if (!request) throw new Error('The work bundle holds no request for its run.');
  const manifest = await buildManifest(work.run, request, approvals, 'simulated');
  return { hostData: await sha256(encodeManifest(manifest)), wallMs: (minutes + GRACE_MINUTES) * 60_000 };
}
