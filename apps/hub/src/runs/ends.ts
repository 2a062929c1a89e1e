// The end of a run, on its way from the room into ledger and hub. It is kept before the ledger hears of it, so that a hub
// that dies in between says it again when it lives: the ledger takes the same bytes once and answers with their leaf. What
// ledger or record refuse is forgotten. Not checked here: that the upload agrees in itself (room-rules.ts).
import { recordStatus } from '@sealroom/api';
import { ContractError, isOfType, readStatement, type Statement } from '@sealroom/contract';
import { codeOf } from '@sealroom/host';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import type { Objects } from '../objects.ts';
import type { Book, Taking } from '../record/book.ts';
import type { Place } from '../record/ledger.ts';
import { allEnds, dropEnd, type End, findEnd, keepEnd } from './end-store.ts';
import { saveReceiptParts } from './room-store.ts';
import { finishRun } from './store.ts';

export type EndsParts = { readonly db: Db; readonly book: Book; readonly objects: Objects };

type Finished = Extract<Statement, { type: 'run.finished' }>;

function takingOf({ db }: EndsParts, end: End, { payload }: Finished): Taking {
  const { run, outcome, output, envelope } = payload;
  const status = outcome === 'completed' ? 'Run Completed' : 'Run Failed';
  return {
    accept: () => keepEnd(db, end),
    write: async (tx) => {
      await finishRun(tx, run, { status, at: end.handed_in_at, sealed: output, envelope });
      await saveReceiptParts(tx, run, end.parts);
      await dropEnd(tx, end.cose_digest);
    },
  };
}

/** Whether it was judged, by the ledger or by the record that judges alike; anything else may still go well. */
function isVerdict(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && recordStatus(code) !== undefined;
}

/** What the statement names must be here before anybody hears that the run has finished. */
async function checkObjects({ objects }: EndsParts, { payload }: Finished): Promise<void> {
  for (const digest of [payload.output, payload.envelope]) {
    if (digest === null || (await objects.get(digest))) continue;
    const message = `The output of run ${payload.run} is not in the objects folder as it was written; restore the folder from a backup.`;
    throw refuse('hub/output-missing', message);
  }
}

async function settle(parts: EndsParts, end: End): Promise<Place> {
  const { db, book } = parts;
  try {
    const statement = await readStatement(end.cose);
    if (!isOfType(statement, 'run.finished') || statement.payload.run !== end.run)
      throw new ContractError('statement/malformed', 'What is kept as the end of a run is none of it.');
    await checkObjects(parts, statement);
    const place = await book.take(end.cose, takingOf(parts, end, statement));
    await dropEnd(db, end.cose_digest);
    return place;
  } catch (error) {
    if (isVerdict(error)) await dropEnd(db, end.cose_digest);
    throw error;
  }
}

/**
 * Takes the end that a room hands in, after one that was kept before; the output is durable already.
 * @throws statement/… · hub/ledger-… · hub/end-unsettled · hub/output-missing
 */
export async function takeEnd(parts: EndsParts, end: End): Promise<Place> {
  const other = await findEnd(parts.db, end.run);
  if (other && other.cose_digest !== end.cose_digest)
    await settle(parts, other).catch((error: unknown) => {
      if (!isVerdict(error)) throw error;
    });
  return settle(parts, end);
}

/** How many runs were finished, and the codes with which the ends of others were refused. */
export type Settled = { readonly finished: number; readonly refused: readonly string[] };

/**
 * Brings the ends that a hub has left behind to where they belong. One that cannot be settled now is tried again next time.
 * @throws hub/ledger-… · hub/output-missing, after the others were tried
 */
export async function settleEnds(parts: EndsParts): Promise<Settled> {
  let finished = 0;
  const refused: string[] = [];
  const failures: unknown[] = [];
  for (const end of await allEnds(parts.db)) {
    try {
      await settle(parts, end);
      finished++;
    } catch (error) {
      const code = codeOf(error);
      if (code !== undefined && isVerdict(error)) refused.push(code);
      else failures.push(error);
      if (code === 'hub/ledger-unreachable') break;
    }
  }
  if (failures.length > 0) throw failures[0];
  return { finished, refused };
}
