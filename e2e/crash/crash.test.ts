// The short form of the crash run: every process killed at named points, once each. Its history is then doctored, so that
// each invariant is seen to fail: a checker that cannot find anything proves nothing.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlDecode, type Bytes, type Digest, digestString, sha256Digest } from '@sealroom/bytes';
import { createStatement, freshSalt, isOfType, readStatement, type StatementType } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { openCheckpoint, signCheckpoint, splitEntry } from '@sealroom/tlog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crash, type CrashResult } from './crash.ts';
import type { History } from './history.ts';
import { VAULTS } from './house.ts';
import { violationsIn } from './invariants.ts';
import { type Point, POINTS, pointText, VICTIMS } from './steps.ts';

const CHOSEN = [
  'hub after "hub appends run.approved"',
  'hub and room after "hub appends run.finished"',
  'hub before "room uploads"',
  'ledger before "vault appends key.reserved"',
  'ledger after "hub appends run.finished"',
  'vault after "vault appends key.reserved"',
  'vault after "room asks for clearance"',
  'node after "node takes work"',
  'node before "room asks for clearance"',
  'room after "room asks for its keys"',
  'room before "room uploads"',
];
const points: Point[] = POINTS.filter((point) => CHOSEN.includes(pointText(point)));

let result: CrashResult;
let history: History;
beforeAll(async () => {
  const limits = { kills: points.length, withinMs: 600_000, lanes: 2, rooms: 2 };
  result = await crash({ seed: 'short', points, namedOnly: true, keep: true, ...limits });
  ({ history } = result);
}, 900_000);
afterAll(async () => {
  if (result?.violations.length === 0) await rm(result.folder, { recursive: true, force: true });
});

test('every process is killed at each of its points, and nothing is lost, spent twice or left hanging', () => {
  expect(result.violations).toEqual([]);
  expect(result.kills.map(({ point }) => point).toSorted()).toEqual(CHOSEN.toSorted());
  expect(new Set(result.kills.map(({ victim }) => victim))).toEqual(new Set(VICTIMS));
  expect(result.driven.ends['Run Completed']).toBeGreaterThan(0);
  expect(history.releases.length).toBeGreaterThan(2);
});

async function brokenIn(change: Partial<History>): Promise<Set<string>> {
  return new Set((await violationsIn({ ...history, ...change })).map(({ invariant }) => invariant));
}

/** Leaves of the entries of a type. */
async function leavesOf(type: StatementType): Promise<number[]> {
  const leaves: number[] = [];
  for (const [index, entry] of history.entries.entries()) {
    const bytes = history.sent.get(digestString(splitEntry(entry).coseDigest));
    if (bytes && (await readStatement(bytes)).type === type) leaves.push(index);
  }
  return leaves;
}

async function leafOf(type: StatementType): Promise<number> {
  const [first] = await leavesOf(type);
  if (first === undefined) throw new Error(`The history has no ${type}.`);
  return first;
}

function without<Item>(items: readonly Item[], at: number): Item[] {
  return items.filter((_, index) => index !== at);
}

function flipped(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

const nobody: Digest = `sha256:${'0'.repeat(64)}`;

describe('the checker finds', () => {
  test('a receipt whose statement stands elsewhere, or nowhere', async () => {
    const receipts = history.receipts.map((item) => ({ ...item, index: item.index + 1 }));
    expect(await brokenIn({ receipts })).toContain('ledger/receipt');
    const short = await brokenIn({ entries: history.entries.slice(0, -1) });
    expect(short).toContain('ledger/checkpoint');
  });

  test('a checkpoint of another history, or of another key', async () => {
    const [first = new Uint8Array(64), second = new Uint8Array(64), ...rest] = history.entries;
    expect(await brokenIn({ entries: [second, first, ...rest] })).toContain('ledger/checkpoint');
    const { origin, key } = history.ledger;
    const { size, root } = await openCheckpoint(history.note, { origin, key });
    const forged = await signCheckpoint(await ed25519Signer(generateSecret()), { origin, size, root });
    const notes = new Map([...history.notes, [nobody, forged] as const]);
    expect(await brokenIn({ notes })).toContain('ledger/checkpoint');
  });

  test('an entry that nobody sent, one that may not stand there, and one that stands twice', async () => {
    const sent = new Map([...history.sent].slice(1));
    expect(await brokenIn({ sent })).toContain('ledger/unknown-entry');
    const gone = await leafOf('run.requested');
    expect(await brokenIn({ entries: without(history.entries, gone) })).toContain('ledger/fold');
    const last = history.entries.at(-1) ?? new Uint8Array(64);
    expect(await brokenIn({ entries: [...history.entries, last] })).toContain('ledger/twice');
  });

  test('a statement that a person was told of and that is not there', async () => {
    expect(await brokenIn({ told: [...history.told, nobody] })).toContain('told/lost');
  });

  test('keys released without a reservation below the checkpoint that the answer names', async () => {
    const [first] = history.releases;
    const answer = await readStatement(first?.answer ?? new Uint8Array());
    if (!isOfType(answer, 'key.released')) throw new Error('no answer');
    const notes = new Map(history.notes);
    notes.delete(answer.payload.checkpoint);
    expect(await brokenIn({ notes })).toContain('release/without-reservation');
    const early = [...history.notes.values()].toSorted(
      (a, b) => Number(a.split('\n')[1]) - Number(b.split('\n')[1]),
    )[0];
    notes.set(answer.payload.checkpoint, early ?? '');
    expect(await brokenIn({ notes })).toContain('release/without-reservation');
  });

  test('an answer that no vault signed, and a second answer to one room', async () => {
    const [first, ...rest] = history.releases;
    if (!first) throw new Error('no answer');
    const bad = { ...first, answer: flipped(first.answer) };
    expect(await brokenIn({ releases: [bad, ...rest] })).toContain('release/answer');
    const statement = await readStatement(first.answer);
    if (!isOfType(statement, 'key.released')) throw new Error('no answer');
    for (const name of VAULTS) {
      const secret = await readFile(join(result.folder, 'house', `vault-${name}`, 'vault.key'), 'utf8');
      const signer = await ed25519Signer(base64urlDecode(secret.trim()));
      if (signer.kid !== statement.kid) continue;
      const payload = { ...statement.payload, salt: freshSalt() };
      const head = { type: 'key.released' as const, iss: payload.contract, origin: history.ledger.origin };
      const answer = await createStatement(signer, { ...head, payload, now: Date.now() });
      const releases = [...history.releases, { ...first, answer }];
      const broken = await brokenIn({ releases });
      expect(broken).toContain('release/two-answers');
      expect(broken).toContain('vault/forgot');
    }
    expect.assertions(3);
  });

  test('more rooms with keys than the parties allow', async () => {
    expect(await brokenIn({ quota: { runs: 0, attemptsPerRun: 1 } })).toContain('release/quota');
    expect(await brokenIn({ quota: { runs: 5, attemptsPerRun: 0 } })).toContain('release/attempts');
  });

  test('a vault that forgot what it said, has not said what it decided, or believes in another leaf', async () => {
    const change = (more: (vault: History['vaults'][number]) => Partial<History['vaults'][number]>) =>
      brokenIn({ vaults: history.vaults.map((vault) => ({ ...vault, ...more(vault) })) });
    expect(await change(() => ({ releases: [] }))).toContain('vault/forgot');
    expect(await change(() => ({ clearances: [] }))).toContain('vault/forgot');
    const reserved = await leafOf('key.reserved');
    expect(await brokenIn({ entries: without(history.entries, reserved) })).toContain('vault/unsaid');
    const moved = await change(({ outbox }) => ({
      outbox: outbox.map((item) => ({ ...item, leaf: item.leaf === null ? null : item.leaf + 1 })),
    }));
    expect(moved).toContain('vault/leaf');
    const waiting = await change(({ outbox }) => ({
      outbox: outbox.map((item) => ({ ...item, leaf: null })),
    }));
    expect(waiting).toContain('vault/unsaid');
  });

  test('a run that hangs, is lost, ends unclearly or twice, or was charged otherwise than cleared', async () => {
    const change = (more: Partial<History['runs'][number]>) =>
      brokenIn({ runs: history.runs.map((run) => ({ ...run, ...more })) });
    expect(await change({ ended: false })).toContain('run/hangs');
    expect(await brokenIn({ overdue: [nobody] })).toContain('run/hangs');
    expect(await brokenIn({ runs: history.runs.slice(1) })).toContain('run/lost');
    expect(await change({ run: nobody })).toContain('run/lost');
    expect(await change({ status: 'Run Cancelled' })).toContain('run/unclear');
    expect(await change({ detail: null })).toContain('run/unclear');
    expect(await change({ stages: ['Run Completed', 'Run Completed'] })).toContain('run/twice');
    // Some runs were killed after their clearance, so one entry alone may be of a run that has no end.
    const cleared = new Set(await leavesOf('output.cleared'));
    const entries = history.entries.filter((_, index) => !cleared.has(index));
    expect(await brokenIn({ entries })).toContain('run/charge');
  });

  test('a completed run without its receipt, with another’s, or with another output', async () => {
    const change = (more: (run: History['runs'][number]) => Partial<History['runs'][number]>) =>
      brokenIn({ runs: history.runs.map((run) => ({ ...run, ...more(run) })) });
    expect(await change(() => ({ receipt: null }))).toContain('run/receipt');
    expect(
      await change(({ receipt }) => ({ receipt: receipt && flipped(new Uint8Array(receipt)) })),
    ).toContain('run/receipt');
    expect(await change(() => ({ status: 'Run Completed' }))).toContain('run/receipt');
    const other = await sha256Digest(new Uint8Array(1));
    expect(await change(() => ({ output: other }))).toContain('run/output');
  });

  test('an end that the ledger has and the hub does not show, with another outcome, or without its output', async () => {
    const change = (more: Partial<History['runs'][number]>) =>
      brokenIn({
        runs: history.runs.map((run) => (run.status === 'Run Completed' ? { ...run, ...more } : run)),
      });
    expect(await change({ status: 'Run Failed', detail: 'node/lost' })).toContain('run/end-lost');
    expect(await change({ receipt: null })).toContain('run/end-lost');
    expect(await change({ output: null })).toContain('run/end-lost');
  });

  test('what is left of a room', async () => {
    expect(await brokenIn({ leftovers: ['a process'] })).toEqual(new Set(['left-over']));
  });
});
