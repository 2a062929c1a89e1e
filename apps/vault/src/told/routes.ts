// `POST /v1/statements`: what a participant tells the vault itself, because the hub might withhold it. The vault checks it
// against its own fold where it knows the subject, remembers it, and appends it to the ledger, which judges it again.
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, type Bytes, type Digest } from '@sealroom/bytes';
import { admitStatement, isOfType, readStatement, type Statement, STATEMENTS } from '@sealroom/contract';
import { type App, codeOf, mount } from '@sealroom/host';
import { PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';
import type { Vault } from '../context.ts';
import { appendStatement, type Place } from '../follower/ledger.ts';
import { saveStatements } from '../follower/store.ts';
import { saltsOf } from '../follower/subjects.ts';
import { saveTold } from './store.ts';

/** The contract a statement is about; undefined for a public one. */
function contractOf(statement: Statement): Digest | undefined {
  if (STATEMENTS[statement.type].scope === 'public') return undefined;
  if (isOfType(statement, 'contract.signed')) return statement.digest;
  return 'contract' in statement.payload ? statement.payload.contract : undefined;
}

async function take(vault: Vault, cose: Bytes): Promise<Place> {
  const { db, records, log, ledger, timing } = vault;
  const statement = await readStatement(cose);
  const contract = contractOf(statement);
  const salts = contract === undefined ? [] : saltsOf([contract], [statement], records);
  // Without the contract nobody here can judge the statement; the ledger, which knows all of them, does.
  if (!salts) {
    const place = await appendStatement(ledger, cose, undefined);
    await saveStatements(db, new Map([[statement.coseDigest, cose]]));
    return place;
  }
  // A ledger that is not there must not keep a suspension from counting here.
  await log.follow().catch((error: unknown) => {
    if (codeOf(error) !== 'record/unreachable') throw error;
  });
  const [salt] = salts;
  const brought = new Map([[statement.coseDigest, cose]]);
  await records.lend(salts, brought, async (record) => {
    if (record.seen.has(statement.digest)) return;
    await admitStatement(record, cose);
    if (contract && salt && record.contracts.has(contract)) {
      const at = new Date(timing.clock());
      await saveTold(db, { digest: statement.digest, contract, cose }, { salt, at });
    }
  });
  const place = await appendStatement(ledger, cose, salt ? await subjectKey(salt) : PUBLIC_SUBJECT_KEY);
  await saveStatements(db, new Map([[statement.coseDigest, cose]]));
  return place;
}

export function mountTold(app: App, vault: Vault): void {
  mount(app, vaultRoutes.submit, async ({ body }) => take(vault, base64urlDecode(body.statement)));
}
