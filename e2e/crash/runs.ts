// Invariants of runs as the hub shows them: each has come to an end that is clear, a completed one with one output and a
// receipt that verifies; what the ledger has as finished is finished; and the charge of each is what every vault cleared.
import { isOfType, verifyReceipt } from '@sealroom/contract';
import type { HubRun } from './history.ts';
import type { Judged } from './invariants.ts';

async function checkCompleted(judged: Judged, run: HubRun): Promise<void> {
  const { history, record, broken } = judged;
  if (record.runs.get(run.run)?.ended !== 'run.finished')
    broken('run/receipt', `run ${run.run} is completed and the ledger has no end of it`);
  if (!run.receipt) return broken('run/receipt', `run ${run.run} is completed and has no receipt`);
  try {
    const { verdict, finished } = await verifyReceipt(run.receipt, history.trust);
    if (verdict !== 'pinned' || finished.run !== run.run || finished.outcome !== 'completed')
      broken('run/receipt', `the receipt of run ${run.run} says something else than the hub`);
    if (finished.output !== run.output)
      broken('run/output', `the output of run ${run.run} is not the one that its receipt names`);
  } catch (error) {
    broken(
      'run/receipt',
      `the receipt of run ${run.run} does not verify: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

/** Once its end was said, a run is nothing but that; and each of its stages after the end is the end again. */
function checkEnd({ record, broken }: Judged, run: HubRun): void {
  if (!run.ended) return broken('run/hangs', `run ${run.run} is still "${run.status}"`);
  const clear = run.status === 'Run Completed' || run.status === 'Run Failed';
  if (!clear) broken('run/unclear', `run ${run.run} ended as "${run.status}"`);
  if (run.status === 'Run Failed' && run.detail === null && !record.runs.get(run.run)?.ended)
    broken('run/unclear', `run ${run.run} failed and nobody says why`);
  const completed = run.stages.filter((stage) => stage === 'Run Completed').length;
  if (completed > 1) broken('run/twice', `run ${run.run} was completed ${completed} times`);
}

/** What the ledger has as finished is finished at the hub: with the outcome of its statement, its output and a receipt. */
function checkFinished({ history, leaves, broken }: Judged): void {
  const shown = new Map(history.runs.map((run) => [run.run, run]));
  for (const { statement } of leaves) {
    if (!isOfType(statement, 'run.finished')) continue;
    const { run: digest, outcome, output } = statement.payload;
    const run = shown.get(digest);
    if (!run) continue;
    const status = outcome === 'completed' ? 'Run Completed' : 'Run Failed';
    if (run.status !== status || run.output !== output || run.receipt === null)
      broken('run/end-lost', `the ledger has run ${digest} as ${outcome}, the hub as "${run.status}"`);
  }
}

/** The charge in the room's statement is the one that each vault of the contract cleared. */
function checkCharges({ leaves, record, broken }: Judged): void {
  for (const { statement } of leaves) {
    if (!isOfType(statement, 'run.finished')) continue;
    const { run, contract, outcome, bits, bytes } = statement.payload;
    const cleared = [...(record.runs.get(run)?.cleared.values() ?? [])];
    const vaults = record.contracts.get(contract)?.contract.vaults.length ?? 0;
    const same = cleared.every(
      (item) => item.outcome === outcome && item.bits === bits && item.bytes === bytes,
    );
    if (cleared.length !== vaults || !same)
      broken('run/charge', `run ${run} was charged otherwise than its vaults cleared`);
  }
}

export async function checkRuns(judged: Judged): Promise<void> {
  const { history, record, broken } = judged;
  for (const run of history.overdue) broken('run/hangs', `run ${run} did not end within its time`);
  const shown = new Set(history.runs.map(({ run }) => run));
  for (const run of record.runs.keys())
    if (!shown.has(run)) broken('run/lost', `the hub does not show run ${run} of the ledger`);
  for (const run of history.runs) {
    if (!record.runs.has(run.run)) broken('run/lost', `the ledger has no request of run ${run.run}`);
    checkEnd(judged, run);
    if (run.status === 'Run Completed') await checkCompleted(judged, run);
  }
  checkFinished(judged);
  checkCharges(judged);
}
