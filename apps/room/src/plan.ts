// What the room is asked to do, worked out from the statements the node handed in. All of it is untrusted: the room folds
// the statements itself, and the vaults judge the same manifest by the ledger. Not checked here: inclusion in the ledger.
import { base64urlDecode, type Bytes, type Digest, sha256, sha256Digest, utf8Decode } from '@sealroom/bytes';
import { work } from '@sealroom/api';
import {
  admitStatement,
  applyStatement,
  buildManifest,
  type Contract,
  ContractError,
  contractStands,
  createRecord,
  encodeManifest,
  isOfType,
  type Manifest,
  type PayloadOf,
  type PlacedStatement,
  placeStatements,
  type Statement,
  stewardsOf,
  technology,
} from '@sealroom/contract';
import { z } from 'zod';
import { RoomError } from './error.ts';

export const bootSchema = z.strictObject({
  work,
  hub: z.strictObject({ url: z.string() }),
  ledger: z.strictObject({ origin: z.string() }),
  /** The host's word until the evidence proves it: the manifest names it, and the vaults compare. */
  technology,
  /** Certificates of the authorities that sign the services' TLS, beside the system's. */
  caPem: z.string().nullable(),
  /** Folder for ciphertext and for staging when there is no memory file system. */
  spool: z.string(),
  /** Store origins that data may be fetched from. */
  storeOrigins: z.array(z.string()),
  /** Unix socket of the node's gate, the only way out; absent where the node has none. */
  gate: z.string().optional(),
});

export type Boot = z.infer<typeof bootSchema>;

export type PlannedAsset = {
  readonly asset: Digest;
  readonly kind: 'dataset' | 'algorithm';
  readonly url: string;
  readonly uploadedAt: string;
  readonly published: PayloadOf<'dataset.published'> | PayloadOf<'algorithm.published'>;
  readonly access: 'staged' | 'streamed';
};

export type Plan = {
  readonly run: Digest;
  readonly project: string;
  readonly runConfiguration: string;
  readonly request: PayloadOf<'run.requested'>;
  /** All of them must permit the run; where they differ the strictest holds. */
  readonly contracts: readonly { readonly digest: Digest; readonly contract: Contract }[];
  readonly manifest: Manifest;
  readonly manifestBytes: Bytes;
  readonly manifestHash: Bytes;
  readonly datasets: readonly PlannedAsset[];
  readonly algorithm: PlannedAsset;
  readonly criteria: string;
  /** contract.signed and run statements, for the vaults. */
  readonly statements: readonly string[];
};

async function foldWork(boot: Boot) {
  const record = createRecord(boot.ledger.origin);
  const placed = await placeStatements(boot.work.statements);
  for (const { statement, index } of placed.toSorted((a, b) => a.index - b.index)) {
    await applyStatement(record, await admitStatement(record, statement.bytes), index);
  }
  return { record, placed };
}

type Published = Extract<Statement, { type: 'dataset.published' | 'algorithm.published' }>;

/** The owner's own statement, the last it made: anybody may publish a digest that is not theirs. */
function publishedBy(
  placed: readonly PlacedStatement[],
  kind: PlannedAsset['kind'],
  digest: Digest,
  owner: Digest | undefined,
): Published {
  const found = placed
    .map(({ statement }) => statement)
    .findLast(
      (item): item is Published =>
        (isOfType(item, 'dataset.published') || isOfType(item, 'algorithm.published')) &&
        item.type === `${kind}.published` &&
        item.payload.digest === digest &&
        item.payload.org === owner,
    );
  if (!found) throw new RoomError('room/bad-boot', `The ${kind} was not published by its owner.`);
  return found;
}

function planAsset(
  boot: Boot,
  { payload: published, claims }: Published,
  kind: 'dataset' | 'algorithm',
  access: PlannedAsset['access'],
): PlannedAsset {
  const { digest } = published;
  const url = boot.work.assets.find((item) => item.digest === digest && item.kind === kind)?.url;
  if (!url) throw new RoomError('room/bad-boot', 'The node named no place for an asset of the run.');
  // The signer's own time: what the node says of it would be a message from the host to the algorithm.
  const uploadedAt = new Date(claims.iat * 1000).toISOString();
  return { asset: digest, kind, url, uploadedAt, published, access };
}

/** The criteria that the request names by their digest; no others may stand at the gate. */
async function criteriaOf({ work: given }: Boot, request: PayloadOf<'run.requested'>): Promise<string> {
  const bytes = base64urlDecode(given.criteria);
  if ((await sha256Digest(bytes)) !== request.criteria)
    throw new RoomError('room/not-permitted', 'The node brought other criteria than the run was asked with.');
  return utf8Decode(bytes);
}

/** @throws room/bad-boot · room/not-permitted */
export async function makePlan(boot: Boot): Promise<Plan> {
  const { record, placed } = await foldWork(boot).catch((cause: unknown) => {
    if (!(cause instanceof ContractError)) throw cause;
    throw new RoomError('room/bad-boot', `The statements do not fold: ${cause.message}`, { cause });
  });
  const run = record.runs.get(boot.work.run);
  if (!run || run.ended) throw new RoomError('room/not-permitted', 'The run was not requested or has ended.');
  const contracts = run.request.contracts.map((digest) => {
    const state = record.contracts.get(digest);
    if (!state || !contractStands(state))
      throw new RoomError('room/not-permitted', 'A contract of the run does not stand.');
    for (const steward of stewardsOf(state.contract, run.request.datasets)) {
      if (!run.approvals.has(steward))
        throw new RoomError('room/not-permitted', 'A steward has not approved the run.');
    }
    if (!state.contract.output.classes.includes('report')) {
      throw new RoomError('room/not-permitted', 'A contract of the run lets no report out.');
    }
    return { digest, contract: state.contract };
  });
  const inOrder = placed.toSorted((a, b) => a.index - b.index);
  const datasets = run.request.datasets.map((digest) => {
    const terms = contracts.flatMap(({ contract }) =>
      contract.datasets.filter((item) => item.digest === digest),
    );
    const statement = publishedBy(inOrder, 'dataset', digest, terms[0]?.steward);
    const access = terms.every((item) => item.access === 'streamed') ? 'streamed' : 'staged';
    return planAsset(boot, statement, 'dataset', access);
  });
  const owner = contracts[0]?.contract.algorithms.find(
    (item) => item.package === run.request.algorithm,
  )?.owner;
  const algorithm = publishedBy(inOrder, 'algorithm', run.request.algorithm, owner);
  const approvals = [...run.approvals.values()].map((item) => item.statement);
  const manifest = await buildManifest(boot.work.run, run.request, approvals, boot.technology);
  const manifestBytes = encodeManifest(manifest);
  return {
    run: boot.work.run,
    project: run.request.project,
    runConfiguration: run.request.runConfiguration,
    request: run.request,
    contracts,
    manifest,
    manifestBytes,
    manifestHash: await sha256(manifestBytes),
    datasets,
    algorithm: planAsset(boot, algorithm, 'algorithm', 'staged'),
    criteria: await criteriaOf(boot, run.request),
    statements: boot.work.statements.map((item) => item.cose),
  };
}

/** The strictest of the contracts' numbers. */
export function strictest(plan: Plan, pick: (contract: Contract) => number): number {
  return Math.min(...plan.contracts.map(({ contract }) => pick(contract)));
}
