// What a hub says was signed, checked by the client itself (docs/protocol.md sections 4 and 5): each statement is in the
// pinned ledger, is signed by who may say it, and may stand where it does. Not provable from here: that the hub shows
// everything; what it leaves out can only make a check fail or a right missing, never add one. Vaults read the ledger's
// every entry before they release a key.
import { base64urlDecode, type Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import { CoseError } from '@sealroom/cose';
import {
  type Admitted,
  admitStatement,
  applyStatement,
  ContractError,
  createRecord,
  isOfType,
  type LedgerRecord,
  type Statement,
  type StatementType,
} from '@sealroom/contract';
import { ledgerEntry, PUBLIC_SUBJECT_KEY, subjectKey, TlogError, verifyTlogProof } from '@sealroom/tlog';
import { ClientError } from './error.ts';

/** The ledger as it was pinned, never as the hub names it. */
export type PinnedLedger = { readonly origin: string; readonly key: KeyText };
/** A statement with its place, as services give it: COSE bytes as base64url, leaf, tlog-proof text. */
export type Recorded = { readonly cose: string; readonly index: number; readonly proof: string };

export type VerifiedRecord = {
  readonly ledger: PinnedLedger;
  readonly record: LedgerRecord;
  /** In leaf order. */
  readonly statements: readonly { readonly statement: Statement; readonly index: number }[];
};

function notProved(what: string, cause: unknown): ClientError {
  const why = cause instanceof Error ? ` ${cause.message}` : '';
  return new ClientError('client/not-proved', `${what}${why} Do not rely on it; ask the other party.`, {
    cause,
  });
}

async function checkPlace(
  ledger: PinnedLedger,
  { statement, subject }: Admitted,
  { index, proof }: Pick<Recorded, 'index' | 'proof'>,
): Promise<void> {
  const key = subject === 'public' ? PUBLIC_SUBJECT_KEY : await subjectKey(subject);
  const entry = await ledgerEntry(key, statement.bytes);
  const { origin, key: ledgerKey } = ledger;
  const proved = await verifyTlogProof(proof, { entry, origin, key: ledgerKey });
  if (proved.index !== index) throw new TlogError('tlog/malformed-proof', 'The proof is of another leaf.');
}

/**
 * Folds statements in leaf order; the same statement twice counts once.
 * @throws client/not-proved naming the first statement that does not hold
 */
export async function verifyRecorded(
  ledger: PinnedLedger,
  recorded: readonly Recorded[],
): Promise<VerifiedRecord> {
  const record = createRecord(ledger.origin);
  const statements: { statement: Statement; index: number }[] = [];
  const unique = new Map(recorded.map((item) => [item.cose, item]));
  for (const item of [...unique.values()].toSorted((a, b) => a.index - b.index)) {
    let what = `The statement at leaf ${item.index}`;
    try {
      const admitted = await admitStatement(record, base64urlDecode(item.cose));
      what = `The ${admitted.statement.type} statement at leaf ${item.index}`;
      await checkPlace(ledger, admitted, item);
      await applyStatement(record, admitted, item.index);
      statements.push({ statement: admitted.statement, index: item.index });
    } catch (cause) {
      const known =
        cause instanceof ContractError || cause instanceof TlogError || cause instanceof CoseError;
      if (!known) throw cause;
      throw notProved(`${what} does not hold.`, cause);
    }
  }
  return { ledger, record, statements };
}

/**
 * Checks that a statement of one's own was really appended: its place is proved by the pinned ledger.
 * @param subject `public`, or the 16-byte salt of the contract's first version
 * @throws client/not-proved
 */
export async function verifyAppended(
  ledger: PinnedLedger,
  cose: Uint8Array,
  place: Pick<Recorded, 'index' | 'proof'>,
  subject: 'public' | Uint8Array = 'public',
): Promise<void> {
  const key = subject === 'public' ? PUBLIC_SUBJECT_KEY : await subjectKey(subject);
  try {
    const entry = await ledgerEntry(key, cose);
    const proved = await verifyTlogProof(place.proof, { entry, origin: ledger.origin, key: ledger.key });
    if (proved.index !== place.index)
      throw new TlogError('tlog/malformed-proof', 'The proof is of another leaf.');
  } catch (cause) {
    if (!(cause instanceof TlogError || cause instanceof CoseError)) throw cause;
    throw notProved('The hub took the statement but does not prove that the ledger holds it.', cause);
  }
}

/** All statements of one type, oldest first. */
export function statementsOf<T extends StatementType>(
  { statements }: VerifiedRecord,
  type: T,
): readonly Extract<Statement, { type: T }>[] {
  return statements.flatMap(({ statement }) => (isOfType(statement, type) ? [statement] : []));
}

export type VaultOfOrganisation = {
  readonly key: KeyText;
  readonly url: string;
  readonly custody: 'own' | 'attested' | 'operator';
};

/** The vaults that an organisation's root names in its newest registration. */
export function vaultsOf(verified: VerifiedRecord, org: Digest): readonly VaultOfOrganisation[] {
  const last = statementsOf(verified, 'participant.registered').findLast(({ claims }) => claims.iss === org);
  return last?.payload.vaults ?? [];
}

/** The identities that an organisation vouches for now. */
export function identitiesOf({ record }: VerifiedRecord, org: Digest) {
  return [...record.keys.values()].filter(
    (entry) => entry.kind === 'identity' && entry.until === undefined && entry.orgs.has(org),
  );
}
