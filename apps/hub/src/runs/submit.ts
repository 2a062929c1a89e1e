// What people sign about runs: request, approve (INITIATE RUN), reject, withdraw, cancel.
import { type Statement, isOfType } from '@sealroom/contract';
import { type Configuration } from '../contracts/store.ts';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import type { Book, Taking } from '../record/book.ts';
import { issuedAt } from '../record/rules.ts';
import { type Note, wordsOf } from './notes.ts';
import type { Queue } from './queue.ts';
import {
  checkRequest,
  completesApproval,
  expectRunStatement,
  kindsOf,
  type RunStatement,
  runNamed,
  statusAfter,
} from './rules.ts';
import { endRun, explainEnd, initiateRun, insertRun, openRunOf } from './store.ts';

export type Runs = {
  /** How the hub takes a run statement under a configuration. @throws hub/wrong-type · hub/contract-mismatch */
  takingOf(statement: Statement, configuration: Configuration, note: Note | undefined): Promise<Taking>;
  /** Tells nodes that wait that there may be work. */
  wake(): void;
};

export type RunsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly queue: Queue;
  readonly now: () => number;
  readonly wake: () => void;
};

function requestTaking(
  { db, book }: RunsParts,
  statement: Extract<RunStatement, { type: 'run.requested' }>,
  configuration: Configuration,
): Taking {
  const state = book.record.contracts.get(configuration.contract);
  if (!state) throw refuse('hub/contract-mismatch', 'Nobody has signed the contract of this configuration.');
  checkRequest(statement.payload, state.contract, configuration);
  const { run_configuration, project, contract } = configuration;
  return {
    accept: async () => {
      if ((await openRunOf(db, run_configuration)) === undefined) return;
      throw refuse(
        'hub/run-in-progress',
        'A run of this configuration is open; wait for its end, or withdraw the request.',
      );
    },
    write: (tx) =>
      insertRun(tx, { run: statement.digest, run_configuration, project, contract }, issuedAt(statement)),
  };
}

function approvalTaking(
  { book, queue, now }: RunsParts,
  { payload }: Extract<RunStatement, { type: 'run.approved' }>,
): Taking {
  const state = book.record.contracts.get(payload.contract);
  const kinds = state ? kindsOf(state.contract) : [];
  return {
    accept: () => queue.prepare(kinds),
    write: async (tx) => {
      if (!completesApproval(book.record, payload.run, payload.org)) return;
      await initiateRun(tx, payload.run, new Date(now()));
      await queue.send(tx, payload.run, kinds);
    },
  };
}

export function runsOf(parts: RunsParts): Runs {
  const { book, now, wake } = parts;
  return {
    wake,
    async takingOf(given, configuration, note) {
      const statement = expectRunStatement(given);
      if (isOfType(statement, 'run.requested')) return requestTaking(parts, statement, configuration);
      const request = book.record.runs.get(runNamed(statement))?.request;
      if (request?.runConfiguration !== configuration.run_configuration)
        throw refuse('hub/contract-mismatch', 'The statement is about a run of another configuration.');
      if (isOfType(statement, 'run.approved')) return approvalTaking(parts, statement);
      const status = statusAfter(statement.type);
      const detail = note === undefined ? null : wordsOf(note.content);
      return {
        write: async (tx) => {
          await endRun(tx, statement.payload.run, { status, detail, at: new Date(now()) });
        },
        again: (tx) => explainEnd(tx, statement.payload.run, { status, detail }),
      };
    },
  };
}
