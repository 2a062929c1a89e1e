// Statements of this vault on their way to the ledger: kept with the decision that made them, appended in order, as often
// as it takes. An append is idempotent, so a crash between the two costs nothing and forgets nothing.
import type { Digest } from '@sealroom/bytes';
import { ContractError } from '@sealroom/contract';
import { codeOf, Refusal } from '@sealroom/host';
import { subjectKey } from '@sealroom/tlog';
import type { Vault } from '../context.ts';
import { appendStatement } from '../follower/ledger.ts';
import { markSent, waitingStatements } from './store.ts';

function isJudgement(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return (
    (error instanceof Refusal || error instanceof ContractError) && /^(?:statement|contract)\//.test(code)
  );
}

/** Appends what waits, of one run or of all. A statement that the ledger refuses is not tried again. @throws record/unreachable */
export async function flushOutbox(vault: Pick<Vault, 'db' | 'ledger'>, run?: Digest): Promise<void> {
  for (const { id, cose, salt } of await waitingStatements(vault.db, run)) {
    try {
      const { index } = await appendStatement(vault.ledger, cose, await subjectKey(salt));
      await markSent(vault.db, id, { leaf: index });
    } catch (error) {
      if (!isJudgement(error)) throw error;
      await markSent(vault.db, id, { refused: codeOf(error) ?? '' });
    }
  }
}
