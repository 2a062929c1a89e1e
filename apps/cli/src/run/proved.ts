// Whether what was signed bears out the state in which the hub shows a run. A hub's database says what its operator likes.
import type { RunShape } from '@sealroom/api';
import type { LedgerRecord } from '@sealroom/contract';
import { CliError, EXIT } from '../error.ts';

/** The statement that must stand in the ledger for a run to be in this state. */
const SIGNED: Partial<Record<RunShape['status'], string>> = {
  'Run Completed': 'run.finished',
  'Run Rejected': 'run.rejected',
  'Run Withdrawn': 'run.withdrawn',
  'Run Cancelled': 'run.cancelled',
};

type Shown = Pick<RunShape, 'run' | 'status'>;

/** False when a statement should stand behind the state and does not; states that nobody signs are the hub's word. */
export function isBorneOut({ runs }: Pick<LedgerRecord, 'runs'>, { run, status }: Shown): boolean {
  const ended = runs.get(run)?.ended;
  const needed = SIGNED[status];
  if (needed !== undefined) return ended === needed;
  // A run that failed has its room's statement, or was given up by hub or node; one that goes on has none.
  return status === 'Run Failed' || ended === undefined;
}

/** @throws cli/not-proved */
export function checkBorneOut(record: Pick<LedgerRecord, 'runs'>, shown: Shown): void {
  if (isBorneOut(record, shown)) return;
  throw new CliError(
    'cli/not-proved',
    `The hub shows this run as "${shown.status}", and nothing that was signed says so.`,
    {
      exit: EXIT.refused,
      next: 'Do not rely on it. Ask the other party, and the operator of the hub.',
    },
  );
}
