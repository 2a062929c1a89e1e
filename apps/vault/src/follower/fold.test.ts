// What counts of the entries that a log holds: those under their own tag whose bytes may stand, in leaf order.
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { contractSalt } from '@sealroom/contract';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { testDatabase } from '@sealroom/testkit/postgres';
import {
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  publishAssets,
  requestRun,
  signContract,
} from '@sealroom/testkit/world';
import { ledgerEntry, PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';
import { describe, expect, it } from 'vitest';
import { MIGRATIONS, type Tables } from '../db.ts';
import { openRecords } from './fold.ts';

const ORIGIN = 'ledger.example/fold';

async function setStage() {
  const ledger = await createFakeLedger({ origin: ORIGIN });
  const now = Date.parse('2026-11-22T10:00:00Z');
  const world = await createWorld({ book: ledger, origin: ORIGIN, now, ledgerKey: ledger.key });
  await announceKeks(world);
  const agreed = await signContract(world, draftContract(world, await publishAssets(world)));
  const run = await requestRun(world, agreed);
  await approveRun(world, run);
  const salt = contractSalt(agreed.contract);
  const key = await subjectKey(salt);
  const entries = await Promise.all(
    ledger.statements.map(async (cose, leaf) => {
      const scoped = leaf >= ledger.statements.length - 4;
      return ledgerEntry(scoped ? key : PUBLIC_SUBJECT_KEY, cose);
    }),
  );
  const brought = new Map<Digest, Bytes>();
  for (const cose of ledger.statements) brought.set(await sha256Digest(cose), cose);
  const database = await testDatabase<Tables>(MIGRATIONS);
  const { db } = database;
  const gone = { url: 'https://ledger.test', origin: ORIGIN, key: ledger.key };
  const sources = { db, ledger: { ...gone, fetch: async () => new Response(null, { status: 404 }) } };
  return { ledger, run, salt, key, entries, brought, sources, close: () => database.close() };
}

describe('the record that a vault folds', () => {
  it('holds the public entries and those of the contracts it knows, and remembers the contracts', async () => {
    const { entries, brought, sources, run, salt, close } = await setStage();
    const records = await openRecords(sources, entries);
    const open = await records.lend([], brought, async (record) => record.runs.size);
    const known = await records.lend([salt], brought, async (record) => record.runs.get(run.digest));
    expect([open, known?.approvals.size]).toEqual([0, 1]);
    const again = await openRecords(sources, entries);
    expect(again.knownSalt(run.agreed.digest)).toEqual(salt);
    await close();
  });

  it('folds nothing anew for salts that a stranger made up', async () => {
    const { entries, brought, sources, salt, close } = await setStage();
    const records = await openRecords(sources, entries);
    const lent = (salts: Bytes[]) => records.lend(salts, brought, async (record) => record);
    const [open, own] = [await lent([]), await lent([salt])];
    const strange = crypto.getRandomValues(new Uint8Array(16));
    expect(await lent([strange])).toBe(open);
    expect(await lent([strange, salt])).toBe(own);
    expect(own).not.toBe(open);
    await close();
  });

  it('takes a statement under a tag that is not its own for void', async () => {
    const { ledger, entries, brought, sources, run, salt, close } = await setStage();
    const approval = ledger.statements.at(-1) ?? new Uint8Array();
    const moved = [...entries.slice(0, -1), await ledgerEntry(PUBLIC_SUBJECT_KEY, approval)];
    const records = await openRecords(sources, moved);
    const found = await records.lend([salt], brought, async (record) => record.runs.get(run.digest));
    expect(found?.approvals.size).toBe(0);
    await close();
  });

  it('takes a repeated statement, and bytes that are none, for void', async () => {
    const { ledger, entries, brought, sources, run, salt, key, close } = await setStage();
    const junk = new Uint8Array([1, 2, 3]);
    brought.set(await sha256Digest(junk), junk);
    const request = ledger.statements.at(-2) ?? junk;
    const more = [...entries, await ledgerEntry(key, junk), await ledgerEntry(key, request)];
    const records = await openRecords(sources, more);
    const found = await records.lend([salt], brought, async (record) => record.runs.get(run.digest));
    expect([found?.approvals.size, found?.requested.index]).toEqual([1, entries.length - 2]);
    await close();
  });

  it('stops at an entry whose bytes nobody shows, and goes on from there when they appear', async () => {
    const { ledger, entries, brought, sources, run, salt, close } = await setStage();
    const approval = await sha256Digest(ledger.statements.at(-1) ?? new Uint8Array());
    const some = new Map([...brought].filter(([digest]) => digest !== approval));
    const records = await openRecords(sources, entries);
    const size = () => records.lend([salt], some, async (record) => record.runs.size);
    await expect(size()).rejects.toMatchObject({ code: 'record/withheld' });
    await expect(size()).rejects.toMatchObject({ code: 'record/withheld' });
    const found = await records.lend([salt], brought, async (record) => record.runs.get(run.digest));
    expect(found?.approvals.size).toBe(1);
    // What one contract's entries withhold does not stop another subject.
    expect(await records.lend([], new Map(), async (record) => record.organisations.size)).toBe(2);
    await close();
  });
});
