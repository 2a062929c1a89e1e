// Verifies a run receipt offline (protocol.md section 9). Two verdicts: *consistent* (the file proves what it says, by the
// keys it names itself) and *by these pinned parties* (those keys are the ones the reader pinned). Not provable from a
// receipt: that no revocation or suspension stands in the ledger between its entries; the ledger refuses statements of
// revoked keys, and vaults read every entry before they release.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  bytesEqual,
  type Digest,
  sha256Digest,
  leafHash,
} from '@sealroom/bytes';
import { CoseError, type KeyText, keyThumbprint, verifySign1 } from '@sealroom/cose';
import {
  ledgerEntry,
  openCheckpoint,
  type OpenedCheckpoint,
  PUBLIC_SUBJECT_KEY,
  subjectKey,
  TlogError,
  verifyInclusion,
} from '@sealroom/tlog';
import { ContractError, type ContractErrorCode } from './error.ts';
import { buildManifest, encodeManifest, type VaultNonce } from './manifest.ts';
import { messageSignerUnverified, verifyMessage } from './message.ts';
import { admitStatement, applyStatement, createRecord } from './record.ts';
import { contractStands, stewardsOf } from './record-state.ts';
import type { ContractState, LedgerRecord, RunState } from './record-types.ts';
import { parseReceipt, placeStatements, type ReceiptFile, selectReceiptStatements } from './receipt-file.ts';
import { type Attestation, checkEvidence, checkNamed, type Judge } from './receipt-evidence.ts';
import { checkTerms } from './receipt-terms.ts';
import { isOfType, readStatement, type Statement } from './statement.ts';
import type { PayloadOf } from './statement-table.ts';
import { type Contract, isolationSuffices } from './terms.ts';
import { checkPins } from './receipt-pins.ts';
import type { Trust } from './trust.ts';

export type VerifiedReceipt = {
  /** `pinned`: signed by parties that the reader pinned; `consistent`: nothing was pinned. */
  readonly verdict: 'pinned' | 'consistent';
  /**
   * Whether hardware's signature leads to pinned roots or to keys of the reader's own. False for simulated rooms, and where it is
   * said by others alone (`attestation.basis`): say so first wherever this is shown.
   */
  readonly hardwareAttested: boolean;
  readonly attestation: Attestation;
  readonly finished: PayloadOf<'run.finished'>;
  readonly contracts: readonly { readonly digest: Digest; readonly contract: Contract }[];
  readonly request: PayloadOf<'run.requested'>;
  readonly ledger: { readonly origin: string; readonly key: KeyText; readonly size: number };
  readonly statements: readonly { readonly type: string; readonly index: number; readonly digest: Digest }[];
};

function refuse(code: ContractErrorCode, message: string, cause?: unknown): ContractError {
  return new ContractError(code, message, cause === undefined ? undefined : { cause });
}

/** Runs a step whose packages throw their own errors, and names the check that failed. */
async function step<T>(code: ContractErrorCode, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ContractError && cause.code.startsWith('receipt/')) throw cause;
    if (
      !(
        cause instanceof ContractError ||
        cause instanceof CoseError ||
        cause instanceof TlogError ||
        cause instanceof BytesError
      )
    )
      throw cause;
    throw refuse(code, `${message}: ${cause.message}`, cause);
  }
}

type Opened = {
  readonly file: ReceiptFile;
  readonly all: readonly { statement: Statement; index: number }[];
  readonly ledger: Contract['ledger'];
};

/** The contract that the receipt's run stands under names the ledger; before anything else, that must be one. */
async function open(bytes: Uint8Array): Promise<Opened> {
  const file = parseReceipt(bytes);
  const all = await step('receipt/statement', 'A statement cannot be read', () =>
    placeStatements(file.statements),
  );
  const main = file.manifest.contracts[0];
  const signed = all.flatMap(({ statement }) =>
    isOfType(statement, 'contract.signed') && statement.digest === main ? [statement] : [],
  )[0];
  if (!signed) throw refuse('receipt/incomplete', 'The receipt lacks the contract that its manifest names.');
  return { file, all, ledger: signed.payload.ledger };
}

async function openedCheckpoint({ file, ledger }: Opened): Promise<OpenedCheckpoint> {
  const witnesses = ledger.witnesses.map(({ name, key }) => ({ name, key }));
  const options = { origin: ledger.origin, key: ledger.key, witnesses, unknownLines: 'refuse' as const };
  const opened = await step('receipt/checkpoint', 'The checkpoint does not hold', () =>
    openCheckpoint(file.checkpoint, options),
  );
  for (const { name } of witnesses) {
    if (!opened.cosignatures.some((line) => line.name === name)) {
      throw refuse(
        'receipt/checkpoint',
        'A witness that the contract names has not cosigned the checkpoint.',
      );
    }
  }
  return opened;
}

/** Folds the statements in leaf order, each signed by who may say it and each in the ledger. */
async function fold({ file, all, ledger }: Opened, checkpoint: OpenedCheckpoint): Promise<LedgerRecord> {
  const record = createRecord(ledger.origin);
  let previous = -1;
  for (const [position, { statement, index }] of all.entries()) {
    if (index <= previous)
      throw refuse('receipt/malformed', 'The statements do not stand in the order of the ledger.');
    previous = index;
    const admitted = await step(
      'receipt/statement',
      `Statement ${position} (${statement.type}) may not stand where it does`,
      () => admitStatement(record, statement.bytes),
    );
    const key = admitted.subject === 'public' ? PUBLIC_SUBJECT_KEY : await subjectKey(admitted.subject);
    const leaf = await leafHash(await ledgerEntry(key, statement.bytes));
    const proof = (file.statements[position]?.path ?? []).map((hash) => base64urlDecode(hash));
    await step('receipt/inclusion', `Statement ${position} (${statement.type}) is not in the ledger`, () =>
      verifyInclusion({ index, size: checkpoint.size, leaf, proof, root: checkpoint.root }),
    );
    await applyStatement(record, admitted, index);
  }
  return record;
}

/** Nothing may stand in a receipt that it does not need, and nothing it needs may be missing. */
async function checkSelection({ file, all }: Opened): Promise<void> {
  const needed = await selectReceiptStatements(all, file.manifest.run);
  if (needed.length !== all.length)
    throw refuse('receipt/unused', 'The receipt holds a statement that its run does not need.');
}

async function vaultKeys(contracts: readonly ContractState[]): Promise<Map<Digest, KeyText>> {
  const keys = new Map<Digest, KeyText>();
  for (const { contract } of contracts)
    for (const vault of contract.vaults) keys.set(await keyThumbprint(vault.key), vault.key);
  return keys;
}

async function readNonces(file: ReceiptFile, keys: ReadonlyMap<Digest, KeyText>): Promise<VaultNonce[]> {
  const nonces: VaultNonce[] = [];
  for (const text of file.challenges) {
    const bytes = base64urlDecode(text);
    const nonce = await step('receipt/challenge', 'A challenge does not hold', async () => {
      const vault = messageSignerUnverified(bytes);
      const key = keys.get(vault);
      if (!key) throw refuse('receipt/challenge', 'A challenge is signed by no vault of the contract.');
      const { payload } = await verifyMessage('challenge', bytes, { key, audience: 'room' });
      return { vault, nonce: payload.nonce };
    });
    nonces.push(nonce);
  }
  if (nonces.map((item) => item.vault).join() !== [...keys.keys()].join()) {
    throw refuse(
      'receipt/challenge',
      'The receipt must hold one challenge of each vault, in the contracts’ order.',
    );
  }
  return nonces;
}

type Finished = PayloadOf<'run.finished'>;
type Answer = PayloadOf<'key.released'>;

async function readAnswers(
  file: ReceiptFile,
  run: RunState,
  keys: ReadonlyMap<Digest, KeyText>,
  finished: Finished,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const digests: Digest[] = [];
  const kids: Digest[] = [];
  for (const text of file.answers) {
    const bytes = base64urlDecode(text);
    await step('receipt/answer', 'A vault’s answer does not hold', async () => {
      const statement = await readStatement(bytes);
      const key = keys.get(statement.kid);
      if (!isOfType(statement, 'key.released') || !key)
        throw refuse('receipt/answer', 'An answer is not a release by a vault of the contract.');
      await verifySign1(bytes, key);
      const { payload } = statement;
      const reservation = run.reservations.find(
        (item) => item.kid === statement.kid && item.statement === payload.reservation,
      );
      const same =
        payload.manifest === finished.manifest &&
        payload.run === finished.run &&
        payload.room.sign === finished.room.sign &&
        payload.room.receive === finished.room.receive;
      if (
        !reservation ||
        !same ||
        reservation.payload.manifest !== payload.manifest ||
        reservation.payload.evidence !== finished.evidence
      ) {
        throw refuse('receipt/answer', 'An answer belongs to another room, run or reservation.');
      }
      answers.push(payload);
      digests.push(statement.digest);
      kids.push(statement.kid);
    });
  }
  const complete =
    new Set(run.reservations.map((item) => item.kid)).size === keys.size &&
    kids.join() === [...keys.keys()].join();
  if (!complete || digests.toSorted().join() !== finished.answers.toSorted().join()) {
    throw refuse(
      'receipt/answer',
      'The receipt does not hold exactly the answers that the room named, one of each vault in the contracts’ order.',
    );
  }
  return answers;
}

function checkOutcome(
  run: RunState,
  contracts: readonly ContractState[],
  answers: readonly Answer[],
  finished: Finished,
): void {
  const bad = (message: string) => refuse('receipt/outcome', message);
  const cleared = [...run.cleared.values()];
  if (
    cleared.some(
      (item) =>
        item.bits !== finished.bits ||
        item.bytes !== finished.bytes ||
        item.outcome !== finished.outcome ||
        item.manifest !== finished.manifest,
    )
  ) {
    throw bad('The room states another outcome than the vaults cleared.');
  }
  if (
    !answers.some((item) => item.at === finished.startedAt) ||
    !cleared.some((item) => item.at === finished.finishedAt)
  ) {
    throw bad('The times are not the vaults’.');
  }
  if (
    (finished.outcome === 'completed') !== (finished.output !== null) ||
    (finished.output === null) !== (finished.envelope === null)
  ) {
    throw bad('A completed run has an output and a failed one has none.');
  }
  for (const { contract } of contracts) {
    if (!isolationSuffices(finished.isolation, contract.room.isolation))
      throw bad('The room reached less isolation than the contract asks for.');
    if (finished.bits > contract.output.maxBits || finished.bytes > contract.output.maxBytes)
      throw bad('More left the room than the contract allows.');
    const custody = contract.vaults.map(({ org, custody: kind }) => `${org} ${kind}`);
    if (
      custody.toSorted().join() !==
      finished.custody
        .map((item) => `${item.org} ${item.custody}`)
        .toSorted()
        .join()
    ) {
      throw bad('The receipt states another custody of keys than the contract.');
    }
  }
}

function checkRoom(file: ReceiptFile, run: RunState, finished: Finished): void {
  const { manifest } = file;
  const same = (a: readonly Digest[], b: readonly Digest[]) => a.toSorted().join() === b.toSorted().join();
  if (
    !same(finished.datasets, manifest.datasets) ||
    !same(finished.algorithms, manifest.algorithms) ||
    finished.criteria !== manifest.criteria
  ) {
    throw refuse('receipt/room', 'The room names other assets than the manifest.');
  }
  if (
    run.reservations.some(
      (item) =>
        item.payload.room.receive !== finished.room.receive || item.payload.room.sign !== finished.room.sign,
    )
  ) {
    throw refuse('receipt/room', 'The room’s keys are not those the vaults reserved for.');
  }
}

async function checkManifest(file: ReceiptFile, run: RunState, finished: Finished): Promise<Bytes> {
  const approvals = [...run.approvals.values()].map((item) => item.statement);
  const built = encodeManifest(
    await buildManifest(run.run, run.request, approvals, file.evidence.technology),
  );
  if (
    !bytesEqual(built, encodeManifest(file.manifest)) ||
    finished.manifest !== (await sha256Digest(built))
  ) {
    throw refuse('receipt/manifest', 'The manifest is not the one that the statements make.');
  }
  return built;
}

function contractsOf(record: LedgerRecord, run: RunState): ContractState[] {
  return run.request.contracts.map((name) => {
    const state = record.contracts.get(name);
    if (!state || !contractStands(state))
      throw refuse('receipt/contract', 'A contract of the run is not signed by all its participants.');
    for (const steward of stewardsOf(state.contract, run.request.datasets)) {
      if (!run.approvals.has(steward))
        throw refuse('receipt/incomplete', 'The receipt lacks a steward’s approval.');
    }
    checkTerms(state.contract, run.request);
    return state;
  });
}

/**
 * Verifies a receipt without network or clock. Hardware evidence is judged at the time of the release, by the roots pinned
 * in the program and the collateral that the receipt carries.
 * @param trust what the reader pinned; without it the verdict is at best `consistent`.
 * @param judge more collateral for a receipt that carries too little, key sets of token services, and other roots for tests
 * @throws ContractError whose code (`receipt/…`) names the check that failed
 */
export async function verifyReceipt(
  bytes: Uint8Array,
  trust?: Trust,
  judge: Judge = {},
): Promise<VerifiedReceipt> {
  const opened = await open(bytes);
  const { file } = opened;
  const checkpoint = await openedCheckpoint(opened);
  const record = await fold(opened, checkpoint);
  await checkSelection(opened);
  const run = record.runs.get(file.manifest.run);
  const last = opened.all.at(-1)?.statement;
  if (!run || run.ended !== 'run.finished' || !last || !isOfType(last, 'run.finished')) {
    throw refuse('receipt/incomplete', 'The receipt does not end with the room’s own statement.');
  }
  const finished = last.payload;
  const contracts = contractsOf(record, run);
  const keys = await vaultKeys(contracts);
  await checkManifest(file, run, finished);
  checkRoom(file, run, finished);
  const nonces = await readNonces(file, keys);
  await checkNamed(file, finished);
  const answers = await readAnswers(file, run, keys, finished);
  const vaults = [...keys.keys()];
  const answered = answers.flatMap((answer, at) => {
    const vault = vaults[at];
    return vault === undefined ? [] : [{ vault, answer }];
  });
  const question = { file, contracts, nonces, finished, answered, judge, trust };
  const attestation = await checkEvidence(question);
  checkOutcome(run, contracts, answers, finished);
  if (trust) await checkPins(trust, contracts, finished);
  const { ledger } = opened;
  return {
    verdict: trust ? 'pinned' : 'consistent',
    hardwareAttested: attestation.basis === 'roots' || attestation.basis === 'reader',
    attestation,
    finished,
    contracts: contracts.map(({ digest, contract }) => ({ digest, contract })),
    request: run.request,
    ledger: { origin: ledger.origin, key: ledger.key, size: checkpoint.size },
    statements: opened.all.map(({ statement, index }) => ({
      type: statement.type,
      index,
      digest: statement.digest,
    })),
  };
}

/** base64url for the receipt's `path` members. */
export function pathText(path: readonly Uint8Array[]): string[] {
  return path.map(base64urlEncode);
}
