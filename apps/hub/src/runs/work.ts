// What a node gets when it takes a run: everything its room and the vaults need, in the order of the ledger. Store URLs
// leave the hub here and nowhere else.
import type { Work } from '@sealroom/api';
import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { type Contract, isOfType, readStatement, type Statement } from '@sealroom/contract';
import { inTransaction, Refusal } from '@sealroom/host';
import { urlAbout } from '../artifacts/routes.ts';
import type { Vaulting } from '../artifacts/secrets.ts';
import { loadDocument, loadUrl } from '../artifacts/store.ts';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import type { NodeRow } from '../nodes/store.ts';
import type { Book } from '../record/book.ts';
import { issuedAt } from '../record/rules.ts';
import { selectStatements } from '../record/store.ts';
import type { Queue } from './queue.ts';
import { concerns, hasEnded, kindsFor, kindsOf, standingOf, WORK_TYPES } from './rules.ts';
import { claimRun, findRun, giveUpRun, runsWith, unclaimRun, unfinishedRuns } from './store.ts';

export type WorkParts = {
  readonly db: Db;
  readonly book: Book;
  readonly queue: Queue;
  readonly vaulting: Vaulting;
  readonly now: () => number;
};

const RETRY_SECONDS = 30;

async function statementsOf(
  { db }: WorkParts,
  contract: Contract,
  { project, contracts, run }: { project: string; contracts: readonly Digest[]; run: Digest },
): Promise<{ statement: Statement; index: number }[]> {
  const orgs = contract.participants.map(({ org }) => org);
  const rows = await selectStatements(db, { orgs, project, projectTypes: WORK_TYPES, contracts, run });
  const all = await Promise.all(
    rows.map(async (row) => ({
      statement: await readStatement(new Uint8Array(row.cose)),
      index: row.leaf,
    })),
  );
  const shared: ReadonlySet<string> = new Set(WORK_TYPES);
  return all.filter(({ statement }) => !shared.has(statement.type) || concerns(contract, statement));
}

async function assetsOf(
  { db, vaulting }: WorkParts,
  contract: Contract,
  project: string,
): Promise<Work['assets']> {
  const wanted = [
    ...contract.datasets.map((item) => ({
      org: item.steward,
      digest: item.digest,
      kind: 'dataset' as const,
    })),
    ...contract.algorithms.map((item) => ({
      org: item.owner,
      digest: item.package,
      kind: 'algorithm' as const,
    })),
  ];
  return Promise.all(
    wanted.map(async ({ org, digest, kind }) => {
      const sealed = await loadUrl(db, project, { org, kind, digest });
      if (!sealed) throw refuse('hub/unknown-asset', `The store URL of a ${kind} is missing.`);
      return { digest, kind, url: await vaulting.open(sealed, urlAbout(project, org, digest)) };
    }),
  );
}

/** @throws hub/unknown-asset when something the contract names is no longer here */
export async function workOf(parts: WorkParts, run: Digest): Promise<Work> {
  const { db, book } = parts;
  const request = book.record.runs.get(run)?.request;
  const contract = request && book.record.contracts.get(request.contract)?.contract;
  if (!request || !contract) throw refuse('hub/unknown-asset', 'The run’s contract is missing.');
  const { project, contracts, runConfiguration } = request;
  if (hasEnded(book.record, request.contract))
    throw refuse('hub/unknown-asset', 'The contract was revoked or replaced.');
  const criteria = await loadDocument(db, project, contract.criteria);
  if (!criteria) throw refuse('hub/unknown-asset', 'The validation criteria are missing.');
  const statements = await statementsOf(parts, contract, { project, contracts, run });
  const uploadedAt = statements.flatMap(({ statement }) =>
    isOfType(statement, 'dataset.published') || isOfType(statement, 'algorithm.published')
      ? [{ digest: statement.payload.digest, at: issuedAt(statement).toISOString() }]
      : [],
  );
  return {
    run,
    project,
    runConfiguration,
    contracts: [...contracts],
    statements: statements.map(({ statement, index }) => ({
      cose: base64urlEncode(statement.bytes),
      index,
    })),
    assets: await assetsOf(parts, contract, project),
    criteria: base64urlEncode(criteria),
    uploadedAt,
  };
}

/** The work, or why there can be none: a run that cannot be handed out ends here instead of coming back for ever. */
async function workOrReason(parts: WorkParts, run: Digest): Promise<Work | string> {
  try {
    return await workOf(parts, run);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.message;
  }
}

/**
 * Puts every run that waits for a node into the queues again. A hub that was killed with a job in its hands has left it to
 * expire; the row of the run is what counts, and a job too many finds nothing to claim.
 */
export async function requeueWaiting({
  db,
  book,
  queue,
}: Pick<WorkParts, 'db' | 'book' | 'queue'>): Promise<void> {
  for (const { run, contract, taken_at } of await unfinishedRuns(db)) {
    const state = book.record.contracts.get(contract);
    if (taken_at !== null || !state) continue;
    const kinds = kindsOf(state.contract);
    await queue.prepare(kinds);
    await inTransaction(db, (tx) => queue.send(tx, run, kinds));
  }
}

/**
 * Settles the runs that a node was given and does not have: it says at each call which ones it has. One that no room has
 * spoken of was lost on its way to the node and is handed out again; one that a room had begun is lost.
 */
export async function settleRuns(
  { db, book, queue, now }: WorkParts,
  { node }: NodeRow,
  running: readonly Digest[],
): Promise<void> {
  for (const { run, contract, heard_at } of await runsWith(db, node)) {
    if (running.includes(run)) continue;
    const state = book.record.contracts.get(contract);
    const kinds = state ? kindsOf(state.contract) : [];
    const lost = { detail: 'node/lost', at: new Date(now()) };
    await queue.prepare(kinds);
    await inTransaction(db, async (tx) => {
      if (heard_at !== null) await giveUpRun(tx, run, lost);
      else if (await unclaimRun(tx, run, node)) await queue.send(tx, run, kinds);
    });
  }
}

/** The next run that this node may have, now its own; undefined when there is none. */
export async function takeRun(parts: WorkParts, node: NodeRow): Promise<Work | undefined> {
  const { db, book, queue, now } = parts;
  for (const kind of kindsFor(node)) {
    for (let job = await queue.fetch(kind); job !== undefined; job = await queue.fetch(kind)) {
      const { run } = job;
      const taken = job;
      const standing = standingOf(book.record, run, node);
      const open = standing !== 'ended' && (await findRun(db, run))?.ended_at === null;
      const work = open && standing === 'ready' ? await workOrReason(parts, run) : undefined;
      const at = new Date(now());
      const mine = await inTransaction(db, async (tx) => {
        await queue.done(tx, kind, taken);
        if (open && standing === 'later') await queue.send(tx, run, [kind], RETRY_SECONDS);
        if (typeof work === 'string') await giveUpRun(tx, run, { detail: work, at });
        return typeof work === 'object' && (await claimRun(tx, run, node.node, at));
      });
      if (mine && typeof work === 'object') return work;
    }
  }
  return undefined;
}
