// Run configurations and all statements that people sign about them: the contract, and its runs.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, type Digest } from '@sealroom/bytes';
import { readStatement, type Statement } from '@sealroom/contract';
import { type App, mount } from '@sealroom/host';
import type { Db, Tx } from '../db.ts';
import { refuse } from '../error.ts';
import { expectType } from '../organisations/rules.ts';
import { freshId } from '../projects/routes.ts';
import { participantsFor } from '../projects/store.ts';
import type { Book, Taking } from '../record/book.ts';
import { noteOf } from '../runs/notes.ts';
import type { Runs } from '../runs/submit.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { checkAssets, checkOffer, contractNamed, isContractStatement, pairOf } from './rules.ts';
import {
  type Configuration,
  configurationFor,
  findByContract,
  insertConfiguration,
  loadConfiguration,
  loadConfigurations,
  markRevoked,
  pairIsTaken,
  saveNote,
} from './store.ts';

export type ContractsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly actorOf: ActorOf;
  readonly runs: Runs;
  readonly now: () => number;
};

function mountCreate(app: App, { db, book, actorOf, now }: ContractsParts): void {
  mount(
    app,
    hubRoutes.createRunConfiguration,
  )(async ({ params, body, request }) => {
    const actor = await actorOf(request);
    const participants = await participantsFor(db, actor, params.project);
    const bytes = base64urlDecode(body.statement);
    const statement = expectType(await readStatement(bytes), 'contract.signed');
    if (statement.claims.iss !== actor.org)
      throw refuse('hub/foreign-statement', 'The contract was signed for another organisation than yours.');
    const contract = statement.payload;
    const { project } = params;
    checkOffer(contract, { actor, project, participants, ledger: book.ledger });
    const pair = await pairOf(contract);
    const given = {
      run_configuration: freshId('rc'),
      project,
      name: body.name,
      description: body.description,
      contract: statement.digest,
      created_at: new Date(now()),
    };
    await book.take(bytes, {
      accept: async () => {
        checkAssets(contract, book.record);
        if (!(await pairIsTaken(db, project, pair))) return;
        throw refuse(
          'hub/not-unique',
          'There is a run configuration for this algorithm version and these dataset versions; use that one.',
        );
      },
      write: (tx) => insertConfiguration(tx, actor, { ...given, pair }),
    });
    // The same bytes again find the configuration that they made the first time.
    const id = (await findByContract(db, statement.digest)) ?? given.run_configuration;
    return loadConfiguration(db, book.record, actor, id);
  });
}

function checkNames(statement: Statement, org: Digest, { contract }: Configuration): void {
  if (statement.claims.iss !== org)
    throw refuse('hub/foreign-statement', 'The statement speaks for another organisation than yours.');
  const named = isContractStatement(statement)
    ? contractNamed(statement)
    : 'contract' in statement.payload
      ? statement.payload.contract
      : undefined;
  if (named !== contract)
    throw refuse('hub/contract-mismatch', 'The statement names another contract than this configuration’s.');
}

function mountSubmit(app: App, { db, book, actorOf, runs }: ContractsParts): void {
  mount(
    app,
    hubRoutes.submitStatement,
  )(async ({ params, body, request }) => {
    const actor = await actorOf(request);
    const configuration = await configurationFor(db, actor, params.runConfiguration);
    const bytes = base64urlDecode(body.statement);
    const statement = await readStatement(bytes);
    checkNames(statement, actor.org, configuration);
    const note = await noteOf(statement, body.note);
    const taking: Taking = isContractStatement(statement)
      ? {
          write: async (tx) => {
            if (statement.type === 'contract.revoked') await markRevoked(tx, configuration.contract);
          },
        }
      : await runs.takingOf(statement, configuration, note);
    const keepNote = async (tx: Tx) => {
      if (note) await saveNote(tx, configuration.run_configuration, note);
    };
    const place = await book.take(bytes, {
      ...taking,
      write: async (tx, placed) => {
        await keepNote(tx);
        await taking.write?.(tx, placed);
      },
      again: async (tx) => {
        await keepNote(tx);
        await taking.again?.(tx);
      },
    });
    runs.wake();
    return { digest: statement.digest, ...place };
  });
}

export function mountContracts(app: App, parts: ContractsParts): void {
  const { db, book, actorOf } = parts;
  mountCreate(app, parts);
  mountSubmit(app, parts);

  mount(
    app,
    hubRoutes.runConfigurations,
  )(async ({ params, request }) => {
    await participantsFor(db, await actorOf(request), params.project);
    return { runConfigurations: await loadConfigurations(db, book.record, params.project) };
  });

  mount(
    app,
    hubRoutes.runConfiguration,
  )(async ({ params, request }) => {
    return loadConfiguration(db, book.record, await actorOf(request), params.runConfiguration);
  });
}
