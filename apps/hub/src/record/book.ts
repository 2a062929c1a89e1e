// The hub's record: every statement it knows, folded as ledger and vaults fold them. A statement is admitted, appended to
// the ledger, stored with its projection in one transaction, and folded, one after another, so that the order of the fold
// is the order of the leaves for everything that comes through this hub. What vaults and parties appended by themselves
// arrives later, at earlier leaves (follow.ts); at the next start the fold is in leaf order again.
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import {
  type Admitted,
  admitStatement,
  applyStatement,
  ContractError,
  createRecord,
  type LedgerRecord,
  readStatement,
  type Statement,
  STATEMENTS,
  subjectSalt,
} from '@sealroom/contract';
import { CoseError, verifySign1 } from '@sealroom/cose';
import { inTransaction } from '@sealroom/host';
import type { Db, Tx } from '../db.ts';
import { refuse } from '../error.ts';
import type { LedgerLink, Place } from './ledger.ts';
import { findPlace, inLeafOrder, insertStatement } from './store.ts';

export type Placed = Place & { readonly statement: Statement };

export type Taking = {
  /** The feature's own rules, asked before anything leaves the hub; throws to refuse. */
  readonly accept?: (statement: Statement) => Promise<void> | void;
  /** Writes what the statement means; the same transaction stores the statement. Repeated on a collision. */
  readonly write?: (tx: Tx, placed: Placed) => Promise<void>;
  /** Instead of both for a statement that is here already: adds what came with it and is not, where it was found in the ledger. */
  readonly again?: (tx: Tx) => Promise<void>;
};

export type Book = {
  /** Read it, never write to it. */
  readonly record: LedgerRecord;
  readonly ledger: LedgerLink;
  /** Takes a statement; the same bytes again give the same answer. @throws statement/… · hub/ledger-… · what `accept` throws */
  take(bytes: Uint8Array, taking?: Taking): Promise<Place>;
  /** Takes what others have appended by themselves, whatever has happened since. @throws as `take` does */
  learn(bytes: Uint8Array, taking?: Taking): Promise<Place>;
};

const LATE: ReadonlySet<string> = new Set(['statement/wrong-state', 'statement/key-not-valid']);

// The ledger judged the statement when it was its turn; the hub may hear of it too late to agree. Signer and signature
// are checked here, the state is the ledger's to judge.
async function admitLate(record: LedgerRecord, bytes: Uint8Array): Promise<Admitted> {
  try {
    return await admitStatement(record, bytes);
  } catch (error) {
    if (!(error instanceof ContractError) || !LATE.has(error.code)) throw error;
    const statement = await readStatement(bytes);
    const signer = record.keys.get(statement.kid);
    const right =
      signer?.kind === STATEMENTS[statement.type].signer && signer.orgs.has(statement.claims.iss as Digest);
    if (!right || !('contract' in statement.payload)) throw error;
    try {
      await verifySign1(bytes, signer.key);
    } catch (cause) {
      if (!(cause instanceof CoseError)) throw cause;
      throw new ContractError('statement/bad-signature', 'The signature does not verify.', { cause });
    }
    return { statement, signer, subject: subjectSalt(record, statement.payload.contract) };
  }
}

// A row that no longer verifies was changed behind the hub's back: better no hub than one that lies.
async function fold(db: Db, ledger: LedgerLink): Promise<{ record: LedgerRecord; highest: number }> {
  const record = createRecord(ledger.origin);
  let highest = -1;
  for await (const row of inLeafOrder(db)) {
    try {
      const admitted = await admitLate(record, new Uint8Array(row.cose));
      const same = admitted.statement.coseDigest === row.cose_digest;
      if (!same) throw new Error('The bytes are another statement’s.');
      const place = { index: row.leaf, proof: row.proof };
      await ledger.checkPlace(admitted.statement.bytes, admitted.subject, place);
      await applyStatement(record, admitted, row.leaf);
      highest = row.leaf;
    } catch (cause) {
      const message = `The statement at leaf ${row.leaf} in the database is not what the ledger holds; restore the database from a backup.`;
      throw refuse('hub/record-broken', message, { cause });
    }
  }
  return { record, highest };
}

/** @throws hub/record-broken when a stored statement does not verify */
export async function openBook({ db, ledger }: { db: Db; ledger: LedgerLink }): Promise<Book> {
  let { record, highest } = await fold(db, ledger);
  let turn: Promise<unknown> = Promise.resolve();

  async function place(
    bytes: Bytes,
    { accept, write, again }: Taking,
    admit: (record: LedgerRecord, bytes: Bytes) => Promise<Admitted>,
  ): Promise<Place> {
    const known = await findPlace(db, (await sha256Digest(bytes)) as Digest);
    if (known) {
      if (again) await inTransaction(db, again);
      return known;
    }
    const admitted = await admit(record, bytes);
    const { statement } = admitted;
    await accept?.(statement);
    const placed = { ...(await ledger.append(bytes, admitted.subject)), statement };
    await inTransaction(db, async (tx) => {
      await insertStatement(tx, statement, placed);
      await write?.(tx, placed);
    });
    // Suspensions and resumptions mean something in their order only; the rest adds up in any.
    if (placed.index < highest && statement.type.startsWith('contract.'))
      ({ record, highest } = await fold(db, ledger));
    else await applyStatement(record, admitted, placed.index);
    highest = Math.max(highest, placed.index);
    return { index: placed.index, proof: placed.proof };
  }

  const inTurn = (work: () => Promise<Place>): Promise<Place> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  return {
    get record() {
      return record;
    },
    ledger,
    take: (bytes, taking = {}) => inTurn(() => place(new Uint8Array(bytes), taking, admitStatement)),
    learn: (bytes, taking = {}) => inTurn(() => place(new Uint8Array(bytes), taking, admitLate)),
  };
}
