// From a work bundle to a started room: the node builds the manifest from the statements it was handed, because host data
// is fixed before the room starts, and finds the terms that its gate goes by. If the statements are wrong, the vaults refuse;
// the node decides nothing.
import type { RoomTechnology } from '@sealroom/attest';
import type { Work } from '@sealroom/api';
import { type Bytes, type Digest, sha256 } from '@sealroom/bytes';
import {
  buildManifest,
  type Contract,
  encodeManifest,
  isOfType,
  type PlacedStatement,
  placeStatements,
} from '@sealroom/contract';

const GRACE_MINUTES = 10;

export type PreparedWork = {
  readonly hostData: Bytes;
  readonly wallMs: number;
  /** The contracts that the run stands under. */
  readonly contracts: readonly Contract[];
  /** Sealed files of the run's assets, as their owners published them. */
  readonly files: number;
};

/** Whose asset a digest is, by the contracts. */
function ownersOf(contracts: readonly Contract[]): ReadonlyMap<Digest, Digest> {
  return new Map(
    contracts.flatMap(({ datasets, algorithms }) => [
      ...datasets.map(({ digest, steward }) => [digest, steward] as const),
      ...algorithms.map(({ package: digest, owner }) => [digest, owner] as const),
    ]),
  );
}

/** The fewest that an owner has stated for each asset: more could only widen what may leave the room. */
function countFiles(placed: readonly PlacedStatement[], contracts: readonly Contract[], work: Work): number {
  const owners = ownersOf(contracts);
  const counts = new Map<Digest, number>();
  for (const { statement } of placed) {
    if (!isOfType(statement, 'dataset.published') && !isOfType(statement, 'algorithm.published')) continue;
    const { digest, org, files } = statement.payload;
    if (owners.get(digest) !== org) continue;
    counts.set(digest, Math.min(counts.get(digest) ?? files, files));
  }
  return work.assets.reduce((sum, { digest }) => sum + (counts.get(digest) ?? 0), 0);
}

/** @throws statement/malformed, or an error when the bundle lacks the run's own request or its contract */
export async function prepareWork(work: Work, technology: RoomTechnology): Promise<PreparedWork> {
  const placed = await placeStatements(work.statements);
  let request: Parameters<typeof buildManifest>[1] | undefined;
  let minutes = 1;
  const approvals: Parameters<typeof buildManifest>[2][number][] = [];
  const signed = new Map<Digest, Contract>();
  for (const { statement } of placed) {
    if (isOfType(statement, 'run.requested') && statement.digest === work.run) request = statement.payload;
    if (isOfType(statement, 'run.approved') && statement.payload.run === work.run)
      approvals.push(statement.digest);
    if (isOfType(statement, 'contract.signed')) {
      minutes = Math.max(minutes, statement.payload.room.maxMinutes);
      signed.set(statement.digest, statement.payload);
    }
  }
  if (!request) throw new Error('The work bundle holds no request for its run.');
  const manifest = await buildManifest(work.run, request, approvals, technology);
  const contracts = manifest.contracts.flatMap((digest) => signed.get(digest) ?? []);
  if (contracts.length === 0) throw new Error('The work bundle holds no contract of its run.');
  return {
    hostData: await sha256(encodeManifest(manifest)),
    wallMs: (minutes + GRACE_MINUTES) * 60_000,
    contracts,
    files: countFiles(placed, contracts, work),
  };
}
