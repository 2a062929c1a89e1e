// Statements that a participant told this vault directly and that the ledger does not show yet: a suspension, revocation
// or cancellation counts from the moment it was told (docs/protocol.md section 6).
import type { Digest } from '@sealroom/bytes';
import {
  admitStatement,
  ContractError,
  type ContractState,
  type LedgerRecord,
  type Statement,
} from '@sealroom/contract';
import type { Reason, VaultDatabase } from '../db.ts';
import { toldAbout } from './store.ts';

function reasonOf({ type, payload }: Statement, run: Digest): Reason | undefined {
  // Another run of the contract is none of this one's business.
  if ('run' in payload && payload.run !== run) return undefined;
  switch (type) {
    case 'contract.suspended':
      return { code: 'release/contract-suspended', detail: 'a participant told this vault to suspend' };
    case 'contract.revoked':
      return { code: 'release/contract-revoked', detail: 'a participant told this vault that it revokes' };
    case 'run.cancelled':
    case 'run.rejected':
    case 'run.withdrawn':
      return { code: 'release/run-ended', detail: 'a participant told this vault that a run is over' };
    default:
      return undefined;
  }
}

/** What was told about a contract or this run of it, is not in the record, and may still stand there. */
export async function toldReasons(
  db: VaultDatabase,
  record: LedgerRecord,
  { digest }: ContractState,
  run: Digest,
): Promise<Reason[]> {
  const found: Reason[] = [];
  for (const { digest: told, cose } of await toldAbout(db, digest)) {
    if (record.seen.has(told)) continue;
    try {
      const { statement } = await admitStatement(record, cose);
      const reason = reasonOf(statement, run);
      if (reason) found.push(reason);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
    }
  }
  return found;
}
