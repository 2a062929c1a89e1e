// What a statement that the hub found in the ledger means for its tables: the same as if it had been handed in here, but
// without the words that may have come with it.
import { Refusal } from '@sealroom/host';
import { ContractError, type Statement } from '@sealroom/contract';
import { type Configuration, findByContract, findConfiguration, markRevoked } from '../contracts/store.ts';
import type { Db } from '../db.ts';
import type { Taking } from '../record/book.ts';
import { RUN_TYPES, runNamed, type RunStatement } from './rules.ts';
import { findRun, openRunOf } from './store.ts';
import type { Runs } from './submit.ts';

function isRunStatement(statement: Statement): statement is RunStatement {
  return RUN_TYPES.some((type) => type === statement.type);
}

/** The configuration of a run statement, if the hub has what the statement builds on. */
async function configurationOf(db: Db, statement: RunStatement): Promise<Configuration | undefined> {
  if (statement.type !== 'run.requested') {
    const run = await findRun(db, runNamed(statement));
    return run && findConfiguration(db, run.run_configuration);
  }
  const id = await findByContract(db, statement.payload.contract);
  if (id === undefined || (await openRunOf(db, id)) !== undefined) return undefined;
  return findConfiguration(db, id);
}

export function learnedTaking({
  db,
  runs,
}: {
  db: Db;
  runs: Runs;
}): (statement: Statement) => Promise<Taking> {
  return async (statement) => {
    if (statement.type === 'contract.revoked')
      return { write: (tx) => markRevoked(tx, statement.payload.contract) };
    if (!isRunStatement(statement)) return {};
    const configuration = await configurationOf(db, statement);
    if (!configuration) return {};
    try {
      return await runs.takingOf(statement, configuration, undefined);
    } catch (error) {
      // The ledger takes what this hub would not have: a request that names another configuration, for one.
      if (error instanceof Refusal || error instanceof ContractError) return {};
      throw error;
    }
  };
}
