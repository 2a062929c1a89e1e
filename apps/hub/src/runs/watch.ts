// No run without an end: what nobody takes, or falls silent, is ended by the hub's own clock. This is the hub's view only;
// if the room's statement comes after all, it stands.
import { inTransaction } from '@sealroom/host';
import type { Db } from '../db.ts';
import type { Book } from '../record/book.ts';
import { lossOf } from './rules.ts';
import { giveUpRun, unfinishedRuns } from './store.ts';

/** Ends the runs that are lost at `now` (milliseconds since 1970); gives how many. */
export async function endLostRuns({ db, book }: { db: Db; book: Book }, now: number): Promise<number> {
  let ended = 0;
  for (const row of await unfinishedRuns(db)) {
    const maxMinutes = book.record.contracts.get(row.contract)?.contract.room.maxMinutes ?? 0;
    const waiting = {
      initiatedAt: row.initiated_at?.getTime() ?? now,
      takenAt: row.taken_at?.getTime() ?? null,
      heardAt: row.heard_at?.getTime() ?? null,
      maxMinutes,
    };
    const detail = lossOf(waiting, now);
    if (detail === undefined) continue;
    const at = new Date(now);
    if (await inTransaction(db, (tx) => giveUpRun(tx, row.run, { detail, at }))) ended++;
  }
  return ended;
}
