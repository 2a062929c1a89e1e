// A contract that names witnesses: what the ledger shows counts only with their lines, fresh ones, on the history that they
// saw. The ledger's operator is the cheat in most of these.
import { sha256Digest } from '@sealroom/bytes';
import type { Contract } from '@sealroom/contract';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { createWitness, type TestWitness } from '@sealroom/testkit/witness';
import { manifestOf, openRoom, type Room, type Run } from '@sealroom/testkit/world';
import { cosign } from '@sealroom/tlog';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  approvedRun,
  codesAt,
  finishAt,
  opaque,
  ORIGIN,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
} from '../fixtures.ts';

let stage: Stage;
let witnesses: TestWitness[];
/** What the witnesses' clocks show beyond the vaults'. */
let ahead = 0;

beforeAll(async () => {
  const logs: { origin: string; key: string }[] = [];
  const clock = () => (stage?.clock.now ?? 0) + ahead;
  witnesses = await Promise.all(
    ['one.example', 'two.example'].map((name) => createWitness({ name, logs, clock })),
  );
  stage = await setStage({
    contract: (contract: Contract) => {
      const [org = contract.vaults[0]?.org] = contract.participants.map((participant) => participant.org);
      if (org === undefined) throw new Error('expected a participant');
      const named = witnesses.map(({ name, key }) => ({ org, name, key }));
      return { ...contract, ledger: { ...contract.ledger, witnesses: named } };
    },
  });
  logs.push({ origin: ORIGIN, key: stage.ledger.key });
});
afterAll(() => stage.close());
beforeEach(() => {
  stage.ledger.witnesses.splice(0, 2, ...witnesses);
  for (const witness of witnesses) witness.down = false;
  stage.ledgerFetch = (url, init) => stage.ledger.fetch(url, init);
  ahead = 0;
});

/** Why a release is refused before anything was reserved for it. */
async function refusedRelease(): Promise<string[] | undefined> {
  const run = await approvedRun(stage);
  const body = await prove(stage, run, await openRoom());
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
  // With a reservation the same code would say that the other vault, which nobody asked, has not reserved.
  expect(stage.ledger.record.runs.get(run.digest)?.reservations).toEqual([]);
  return (await codesAt(stage, stage.steward))[0];
}

const stale = ['release/record-stale'];

/** The ledger as it is, but with another checkpoint. */
function showing(change: (note: string) => Promise<string>): Stage['ledgerFetch'] {
  return async (url, init) => {
    const answer = await stage.ledger.fetch(url, init);
    if (!new URL(url).pathname.endsWith('/checkpoint')) return answer;
    return new Response(await change(await answer.text()));
  };
}

async function end(run: Run, room: Room) {
  const manifest = await sha256Digest(await manifestOf(run));
  return finishAt(stage, stage.steward, room, {
    run: run.digest,
    manifest,
    outcome: 'completed',
    bits: 1,
    bytes: 1,
  });
}

describe('under a contract that names witnesses', () => {
  it('keys are released and the end is cleared when both have cosigned', async () => {
    const run = await approvedRun(stage);
    const { room } = await releaseBoth(stage, run);
    expect((await end(run, room)).index).toBeGreaterThan(0);
    for (const witness of witnesses) expect(witness.latest(ORIGIN)?.size).toBeGreaterThan(0);
  });

  it('nothing is released while one of them does not cosign, or the ledger does not ask it', async () => {
    for (const witness of witnesses) {
      witness.down = true;
      expect(await refusedRelease()).toEqual(stale);
      witness.down = false;
    }
    stage.ledger.witnesses.pop();
    expect(await refusedRelease()).toEqual(stale);
    stage.ledger.witnesses.splice(0);
    expect(await refusedRelease()).toEqual(stale);
  });

  it('a checkpoint without lines does not do, nor one with lines that were given for another', async () => {
    stage.ledgerFetch = showing(async (note) => note.slice(0, note.indexOf('\n— one.example') + 1));
    expect(await refusedRelease()).toEqual(stale);
    const old = witnesses.map((witness) => witness.latest(ORIGIN)?.note.split('\n').at(-2) ?? '');
    stage.ledgerFetch = showing(async () => `${await stage.ledger.checkpoint()}${old.join('\n')}\n`);
    expect(await refusedRelease()).toEqual(stale);
  });

  it('a line under a witness’s name by another key does not do', async () => {
    stage.ledgerFetch = showing(async (note) => {
      const bare = note.slice(0, note.indexOf('\n— one.example') + 1);
      const lines = ['one.example', 'two.example'].map((name) =>
        cosign(stage.ledger.signer, name, bare, stage.clock.now),
      );
      return bare + (await Promise.all(lines)).join('');
    });
    expect(await refusedRelease()).toEqual(stale);
  });

  it('lines that are old, or dated ahead so as to stay young, do not do', async () => {
    ahead = 59_000;
    const run = await approvedRun(stage);
    await releaseBoth(stage, run);
    for (const shift of [-62_000, 62_000, 365 * 86_400_000]) {
      ahead = shift;
      expect(await refusedRelease(), String(shift)).toEqual(stale);
    }
  });

  it('the end of a run is not cleared on a checkpoint that they have not cosigned', async () => {
    const run = await approvedRun(stage);
    const { room } = await releaseBoth(stage, run);
    const [one] = witnesses;
    if (!one) throw new Error('expected a witness');
    one.down = true;
    await expect(end(run, room)).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, stage.steward))[0]).toEqual(stale);
    one.down = false;
    await end(run, room);
  });

  // The last: this vault has followed the other history then, and stays with it.
  it('a history that the witnesses have not seen releases nothing, though the log’s own key signed it', async () => {
    const before = witnesses.map((witness) => witness.latest(ORIGIN)?.size ?? 0);
    // The operator keeps a second log under the same key, with all that was said, and shows it to this vault alone.
    const second = await createFakeLedger({ origin: ORIGIN, signer: stage.ledger.signer });
    for (const cose of stage.ledger.statements) await second.append(cose);
    const run = await approvedRun(stage);
    for (const cose of stage.ledger.statements) await second.append(cose);
    second.witnesses.push(...witnesses);
    // Up to here both histories are one. Now each grows by itself, and the witnesses see the first.
    await approvedRun(stage);
    await stage.ledger.fetch('https://ledger.test/v1/checkpoint?maxAge=0', {});
    stage.ledgerFetch = (url, init) => second.fetch(url, init);
    const body = await prove(stage, run, await openRoom());
    await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, stage.steward))[0]).toEqual(stale);
    expect(second.record.runs.get(run.digest)?.reservations).toEqual([]);
    for (const [at, witness] of witnesses.entries()) {
      expect(witness.latest(ORIGIN)?.size).toBe(stage.ledger.statements.length);
      expect(witness.latest(ORIGIN)?.size).toBeGreaterThan(before[at] ?? 0);
      expect(witness.asked.at(-1)?.status).toBe(400);
    }
  });
});
