// The run's receipt file. It is made when it is first asked for and stays the same from then on.
import { hubRoutes } from '@sealroom/api';
import { type Bytes, type Digest } from '@sealroom/bytes';
import { type PlacedStatement, readStatement } from '@sealroom/contract';
import { type App, mount } from '@sealroom/host';
import type { Witness } from '@sealroom/tlog';
import type { Db } from '../db.ts';
import { notFound } from '../error.ts';
import type { Book } from '../record/book.ts';
import { selectStatements } from '../record/store.ts';
import { WORK_TYPES } from '../runs/rules.ts';
import { runFor } from '../runs/store.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { assembleReceipt } from './rules.ts';
import { keepReceipt, loadReceipt } from './store.ts';

export type ReceiptsParts = { readonly db: Db; readonly book: Book; readonly actorOf: ActorOf };

async function statementsAround({ db, book }: ReceiptsParts, run: Digest): Promise<PlacedStatement[]> {
  const request = book.record.runs.get(run)?.request;
  if (!request) return [];
  const states = request.contracts.flatMap((digest) => book.record.contracts.get(digest) ?? []);
  const contracts = states.flatMap(({ digest, contract }) =>
    contract.first === null ? [digest] : [digest, contract.first],
  );
  const orgs = states.flatMap(({ contract }) => contract.participants.map(({ org }) => org));
  const marks = { orgs, project: request.project, projectTypes: WORK_TYPES, contracts, run };
  const rows = await selectStatements(db, marks);
  return Promise.all(
    rows.map(async (row) => ({
      statement: await readStatement(new Uint8Array(row.cose)),
      index: row.leaf,
    })),
  );
}

/** The witnesses that the run's contract names. */
function witnessesOf(book: Book, run: Digest): readonly Witness[] {
  const contract = book.record.runs.get(run)?.request.contract;
  const state = contract === undefined ? undefined : book.record.contracts.get(contract);
  return (state?.contract.ledger.witnesses ?? []).map(({ name, key }) => ({ name, key }));
}

async function receiptOf(parts: ReceiptsParts, run: Digest): Promise<Bytes> {
  const { db, book } = parts;
  const found = await loadReceipt(db, run);
  if (!found) throw notFound('receipt');
  if (found.receipt) return new Uint8Array(found.receipt);
  const statements = await statementsAround(parts, run);
  const witnesses = witnessesOf(book, run);
  const pathsOf = (indexes: readonly number[]) => book.ledger.paths(indexes, witnesses);
  const made = await assembleReceipt(run, found.parts, { statements, pathsOf });
  await keepReceipt(db, run, made);
  return new Uint8Array((await loadReceipt(db, run))?.receipt ?? made);
}

export function mountReceipts(app: App, parts: ReceiptsParts): void {
  mount(
    app,
    hubRoutes.receipt,
  )(async ({ params, request }) => {
    await runFor(parts.db, await parts.actorOf(request), params.run);
    return receiptOf(parts, params.run);
  });
}
