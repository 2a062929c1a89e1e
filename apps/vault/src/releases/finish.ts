// Clearance (docs/protocol.md section 8): before a room's output key is sealed, each vault reads the log again and says in
// the ledger that the end may leave. The same room asking the same again gets the same place.
import { type Bytes, type Digest } from '@sealroom/bytes';
import {
  contractStands,
  freshSalt,
  type LedgerRecord,
  type MessageOf,
  messageUnverified,
  type PayloadOf,
  type RoomKeys,
  subjectSalt,
  readStatement,
  isOfType,
  verifyMessage,
  messageSignerUnverified,
  type ContractState,
} from '@sealroom/contract';
import { keyThumbprint } from '@sealroom/cose';
import { codeOf } from '@sealroom/host';
import { subjectKey } from '@sealroom/tlog';
import { timeText, type Vault } from '../context.ts';
import type { Reason } from '../db.ts';
import { refusedRoom } from '../error.ts';
import { appendStatement, type Place } from '../follower/ledger.ts';
import { saveRefusal } from '../refusals/store.ts';
import { toldReasons } from '../told/rules.ts';
import { speak } from './answer.ts';
import { untilGrid } from './grid.ts';
import { contractsOf } from './decide.ts';
import { flushOutbox } from './outbox.ts';
import { clockReasons, finishProblem, witnessReasons } from './rules.ts';
import { findClearance, type Release, releasesOf, saveClearance } from './store.ts';

export type Cleared = Place & { readonly statement: Bytes };

class NotCleared extends Error {
  readonly reasons: readonly Reason[];
  constructor(reasons: readonly Reason[]) {
    super('The end of the run is not cleared.');
    this.reasons = reasons;
  }
}

type Ask = MessageOf<'finish-request'>;
type Held = {
  readonly release: Release & { releaseNotAfter: number };
  readonly room: RoomKeys;
  readonly asked: Ask;
};

/** The release whose room key signed the request. */
async function heldBy(vault: Vault, request: Bytes): Promise<Held> {
  const { run } = messageUnverified('finish-request', request);
  const kid = messageSignerUnverified(request);
  for (const release of await releasesOf(vault.db, run)) {
    if ((await keyThumbprint(release.room)) !== kid || release.releaseNotAfter === undefined) continue;
    const audience = vault.identity.signer.kid;
    const message = await verifyMessage('finish-request', request, { key: release.room, audience });
    const reservation = await readStatement(release.reservation);
    if (!isOfType(reservation, 'key.reserved') || message.payload.manifest !== release.manifest) break;
    const held = { ...release, releaseNotAfter: release.releaseNotAfter };
    return { release: held, room: reservation.payload.room, asked: message.payload };
  }
  throw new NotCleared([{ code: 'release/run-unknown', detail: 'this vault released no keys to that room' }]);
}

function stateReasons(record: LedgerRecord, run: Digest, contracts: readonly ContractState[]): Reason[] {
  const found: Reason[] = [];
  const ended = record.runs.get(run)?.ended;
  if (ended) found.push({ code: 'release/run-ended', detail: `the run has ended (${ended})` });
  for (const state of contracts) {
    if (state.suspensions.size > 0)
      found.push({ code: 'release/contract-suspended', detail: 'a participant has suspended the contract' });
    else if (!contractStands(state))
      found.push({ code: 'release/contract-revoked', detail: 'the contract was revoked or replaced' });
  }
  return found;
}

async function checkState(
  vault: Vault,
  record: LedgerRecord,
  payload: PayloadOf<'output.cleared'>,
  notAfter: number,
): Promise<void> {
  const contracts = contractsOf(record, record.runs.get(payload.run));
  const reasons = stateReasons(record, payload.run, contracts);
  for (const state of contracts) reasons.push(...(await toldReasons(vault.db, record, state, payload.run)));
  const now = vault.timing.clock();
  const checkpoint = vault.log.held();
  for (const { contract } of contracts)
    if (checkpoint) reasons.push(...(await witnessReasons(contract, checkpoint, now)));
  const problem = finishProblem(contracts, payload, { now, notAfter });
  if (problem) reasons.push(problem);
  reasons.push(...clockReasons(now, vault.log.held()?.latest ?? now));
  if (reasons.length > 0) throw new NotCleared(reasons);
}

function payloadOf(vault: Vault, { room, asked }: Held, contract: Digest): PayloadOf<'output.cleared'> {
  const { run, manifest, outcome, bits, bytes } = asked;
  const at = timeText(vault.timing.clock());
  return { salt: freshSalt(), contract, run, manifest, room, outcome, bits, bytes, at };
}

function saltsFor(vault: Vault, contracts: readonly Digest[]): Bytes[] {
  return contracts.flatMap((contract) => vault.records.knownSalt(contract) ?? []);
}

/** The statement for this request: the one made before, or a new one after the log was read again. */
async function clearanceOf(vault: Vault, held: Held): Promise<{ cose: Bytes; salt: Bytes }> {
  const { db, records, log } = vault;
  const { release, asked } = held;
  await log.follow();
  return records.lend(saltsFor(vault, release.contracts), new Map(), async (record) => {
    const contract = record.runs.get(asked.run)?.request.contract;
    if (!contract) throw new NotCleared([{ code: 'release/run-unknown', detail: 'the record lost the run' }]);
    const salt = subjectSalt(record, contract);
    const known = await findClearance(db, release);
    if (known) {
      const same =
        known.outcome === asked.outcome && known.bits === asked.bits && known.bytes === asked.bytes;
      if (same) return { cose: known.statement, salt };
      const detail = 'this room asked before with another outcome';
      throw new NotCleared([{ code: 'release/attempts', detail }]);
    }
    const payload = payloadOf(vault, held, contract);
    await checkState(vault, record, payload, release.releaseNotAfter);
    const cose = await speak(vault, release.org, 'output.cleared', payload);
    await saveClearance(db, release, asked, { run: asked.run, cose, salt });
    return { cose, salt };
  });
}

async function clear(vault: Vault, request: Bytes): Promise<Cleared> {
  const held = await heldBy(vault, request);
  return vault.turns(`room ${held.asked.run} ${held.release.room}`, async () => {
    const { cose, salt } = await clearanceOf(vault, held);
    const place = await appendStatement(vault.ledger, cose, await subjectKey(salt));
    // Marks the queued copy as sent; the append itself was the same one.
    await flushOutbox(vault, held.asked.run);
    return { statement: cose, ...place };
  });
}

function asNotCleared(error: unknown): NotCleared | undefined {
  if (error instanceof NotCleared) return error;
  const code = codeOf(error) ?? '';
  const counts = error instanceof Error && /^(?:statement|contract|record)\//.test(code);
  if (!counts || code === 'record/unreachable') return undefined;
  return new NotCleared([{ code, detail: error.message }]);
}

/** Clears the end of a run. @throws vault/refused for every reason alike · record/unreachable */
export async function finish(vault: Vault, request: Bytes): Promise<Cleared> {
  const started = performance.now();
  try {
    return await clear(vault, request);
  } catch (error) {
    const refused = asNotCleared(error);
    if (!refused) throw error;
    const run = runOf(request);
    const at = vault.timing.clock();
    if (run && vault.allowance(at)) {
      const about = { orgs: vault.identity.orgs, verified: false };
      await saveRefusal(vault.db, { run, at, reasons: refused.reasons }, about);
    }
    await untilGrid(vault, started);
    throw refusedRoom();
  }
}

function runOf(request: Bytes): Digest | undefined {
  try {
    return messageUnverified('finish-request', request).run;
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'statement/malformed') return undefined;
    throw error;
  }
}
