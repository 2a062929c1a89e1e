// The record: what a sequence of ledger entries says, folded in leaf order. The ledger folds all entries to decide what
// it admits; a vault folds the public entries and those of a contract to decide a release; a receipt carries just enough
// entries to fold again. One fold, so that all of them agree.
import { type Bytes, base64urlDecode, type Digest } from '@sealroom/bytes';
import { CoseError, keyThumbprint, verifySign1 } from '@sealroom/cose';
import { ContractError } from './error.ts';
import { applyToState } from './record-apply.ts';
import { checkState } from './record-state.ts';
import type { Admitted, KeyEntry, LedgerRecord } from './record-types.ts';
import { isOfType, readStatement, type Statement } from './statement.ts';
import { STATEMENTS } from './statement-table.ts';
import type { Use } from './terms.ts';

/** @param origin the ledger's origin; statements for another ledger are refused. */
export function createRecord(origin: string): LedgerRecord {
  return {
    origin,
    seen: new Set(),
    organisations: new Map(),
    keys: new Map(),
    contracts: new Map(),
    runs: new Map(),
    artifacts: new Map(),
    keks: new Map(),
    wrapped: new Map(),
  };
}

async function rootEntry(statement: Statement<'participant.registered'>): Promise<KeyEntry> {
  const kid = await keyThumbprint(statement.payload.root);
  const base = {
    key: statement.payload.root,
    kid,
    kind: 'root' as const,
    uses: new Set<Use>(),
    receiving: undefined,
  };
  return { ...base, orgs: new Set([kid]), from: 0, until: undefined, statement: statement.digest };
}

async function roomEntry(
  record: LedgerRecord,
  statement: Statement<'run.finished'>,
): Promise<KeyEntry | undefined> {
  const run = record.runs.get(statement.payload.run);
  for (const reservation of run?.reservations ?? []) {
    const key = reservation.payload.room.sign;
    if (key !== statement.payload.room.sign || (await keyThumbprint(key)) !== statement.kid) continue;
    const base = {
      key,
      kid: statement.kid,
      kind: 'room' as const,
      uses: new Set<Use>(),
      receiving: reservation.payload.room.receive,
    };
    return {
      ...base,
      orgs: new Set([statement.payload.run]),
      from: reservation.index,
      until: undefined,
      statement: reservation.statement,
    };
  }
  return undefined;
}

async function signerOf(record: LedgerRecord, statement: Statement): Promise<KeyEntry> {
  const entry = isOfType(statement, 'participant.registered')
    ? await rootEntry(statement)
    : isOfType(statement, 'run.finished')
      ? await roomEntry(record, statement)
      : record.keys.get(statement.kid);
  if (!entry)
    throw new ContractError(
      'statement/unknown-key',
      `Nobody has vouched for the key that signed this ${statement.type}.`,
    );
  const row = STATEMENTS[statement.type];
  if (
    entry.kind !== row.signer ||
    entry.kid !== statement.kid ||
    !entry.orgs.has(statement.claims.iss as Digest)
  ) {
    throw new ContractError('statement/wrong-signer', `A ${statement.type} is not this key's to sign.`);
  }
  if (entry.until !== undefined) {
    throw new ContractError(
      'statement/key-not-valid',
      `The key that signed this ${statement.type} was revoked.`,
    );
  }
  if (row.use && !entry.uses.has(row.use)) {
    throw new ContractError(
      'statement/wrong-signer',
      `The key that signed this ${statement.type} may not be used to ${row.use}.`,
    );
  }
  return entry;
}

/** The salt that keys the ledger tags of a contract's statements: that of its first version. */
export function subjectSalt(record: LedgerRecord, contract: Digest): Bytes {
  const state = record.contracts.get(contract);
  const first = state?.contract.first ? record.contracts.get(state.contract.first) : state;
  if (!first)
    throw new ContractError(
      'statement/wrong-state',
      'Nobody has signed the contract that this statement names.',
    );
  return base64urlDecode(first.contract.salt);
}

function subject(record: LedgerRecord, statement: Statement): 'public' | Bytes {
  if (STATEMENTS[statement.type].scope === 'public') return 'public';
  if (!isOfType(statement, 'contract.signed'))
    return subjectSalt(record, (statement.payload as { contract: Digest }).contract);
  return statement.payload.first
    ? subjectSalt(record, statement.payload.first)
    : base64urlDecode(statement.payload.salt);
}

/**
 * Decides whether a statement may stand next in the record: form, signer, use, signature, state. Changes nothing.
 * @throws ContractError with a `statement/…` or `contract/…` code
 */
export async function admitStatement(record: LedgerRecord, bytes: Uint8Array): Promise<Admitted> {
  const statement = await readStatement(bytes);
  if (statement.claims.aud !== record.origin) {
    throw new ContractError('statement/wrong-ledger', 'The statement was signed for another ledger.');
  }
  if (record.seen.has(statement.digest) && statement.type !== 'contract.signed') {
    throw new ContractError(
      'statement/repeated',
      'The record holds this statement already; a digest counts once.',
    );
  }
  const signer = await signerOf(record, statement);
  try {
    await verifySign1(bytes, signer.key);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ContractError(
      'statement/bad-signature',
      `The signature of this ${statement.type} does not verify.`,
      { cause },
    );
  }
  await checkState(record, statement, signer);
  return { statement, signer, subject: subject(record, statement) };
}

/** Folds an admitted statement in. @param index its leaf in the ledger. */
export async function applyStatement(record: LedgerRecord, admitted: Admitted, index: number): Promise<void> {
  record.seen.add(admitted.statement.digest);
  await applyToState(record, admitted.statement, index);
}
