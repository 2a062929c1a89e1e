// Releases that meet trouble: a vault killed between two steps, a silent vault, many rooms at once, a contract stopped in
// the middle. Each ends in a clear state and the ledger's count is right.
import { base64urlEncode } from '@sealroom/bytes';
import { vaultRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import { createMessage, createStatement } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import {
  draftContract,
  openRoom,
  requestRun,
  type Run,
  signContract,
  stopContract,
  stopPayload,
} from '@sealroom/testkit/world';
import { afterEach, describe, expect, it } from 'vitest';
import type { Step } from '../context.ts';
import {
  approvedRun,
  at,
  codesAt,
  killAt,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
  type StageOptions,
} from '../fixtures.ts';
import { flushOutbox } from './outbox.ts';

let stage: Stage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

async function open(options: StageOptions = {}): Promise<Stage> {
  stage = await setStage(options);
  return stage;
}

function reservations({ ledger }: Stage, run: Run) {
  return ledger.record.runs.get(run.digest)?.reservations ?? [];
}

function denials({ ledger }: Stage, run: Run): string[] {
  return (ledger.record.runs.get(run.digest)?.denials ?? []).map(({ payload }) => payload.code);
}

const killed = { problem: 'test/killed' };
const oneRun = {
  contract: (contract: Parameters<NonNullable<StageOptions['contract']>>[0]) => ({
    ...contract,
    quota: { runs: 1, attemptsPerRun: 1 },
  }),
};

describe('a vault that is killed', () => {
  const steps: readonly Step[] = ['decided', 'reserved', 'appended', 'checked', 'released'];
  it.each(steps)('after "%s" goes on where it was when the room asks again', async (step) => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    const owner = releaseAt(here.owner, body);
    killAt(here.steward, step);
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(killed);
    await here.steward.restart();
    const first = await releaseAt(here.steward, body);
    expect(await releaseAt(here.steward, body)).toEqual(first);
    await owner;
    expect(
      reservations(here, run)
        .map(({ kid }) => kid)
        .toSorted(),
    ).toEqual([here.steward.signer.kid, here.owner.signer.kid].toSorted());
  });

  it('before its append completes it after the start, and the run stays debited', async () => {
    const here = await open(oneRun);
    const run = await approvedRun(here);
    killAt(here.steward, 'reserved');
    const body = await prove(here, run, await openRoom());
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(killed);
    expect(reservations(here, run)).toEqual([]);
    await here.steward.restart();
    await flushOutbox(here.steward.vault);
    await flushOutbox(here.steward.vault);
    expect(reservations(here, run)).toHaveLength(1);
    const other = await prove(here, await approvedRun(here), await openRoom());
    await expect(releaseAt(here.steward, other)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/quota']);
  });

  it('for longer than two minutes gives up what it never answered, and the place is free again', async () => {
    const here = await open(oneRun);
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    killAt(here.steward, 'appended');
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(killed);
    await here.steward.restart();
    here.clock.now += 121_000;
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect(denials(here, run)).toContain('release/record-stale');
    await releaseBoth(here, await approvedRun(here));
  });
});

describe('several vaults', () => {
  it('release only when all have reserved; the room may ask again', async () => {
    const here = await open({ timing: { waitMs: 200 } });
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/record-stale']);
    expect(denials(here, run)).toEqual([]);
    // One after the other: the steward's reservation stands, so neither has to wait for the other's clock.
    await releaseAt(here.owner, body);
    await releaseAt(here.steward, body);
  });

  it('keep a room’s reservation when a stranger brings bad evidence in its name', async () => {
    const here = await open({ timing: { waitMs: 200 } });
    const run = await approvedRun(here);
    const room = await openRoom();
    const body = await prove(here, run, room);
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    const stranger = await prove(here, run, room, (report) => ({ ...report, debug: true }));
    await expect(releaseAt(here.steward, stranger)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/debug']);
    expect(denials(here, run)).toEqual([]);
    // One after the other: the steward's reservation stands, so neither has to wait for the other's clock.
    await releaseAt(here.owner, body);
    await releaseAt(here.steward, body);
  });

  it('stop waiting when another vault denies', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    killAt(here.owner, 'appended');
    await expect(releaseAt(here.owner, body)).rejects.toMatchObject(killed);
    const payload = { contract: here.agreed.digest, run: run.digest, code: 'release/policy' };
    const denial = { ...payload, salt: 'AAAAAAAAAAAAAAAAAAAAAA', at: '2026-11-22T10:00:00Z' };
    const head = { type: 'key.denied' as const, payload: denial, iss: here.world.owner.org };
    const more = { origin: here.ledger.origin, now: here.clock.now };
    await here.ledger.append(await createStatement(here.owner.signer, { ...head, ...more }));
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect(denials(here, run)).toEqual(['release/policy', 'release/record-stale']);
  });

  it('take no challenge of a vault that the contract does not name', async () => {
    const here = await open();
    const body = await prove(here, await approvedRun(here), await openRoom());
    const stranger = await ed25519Signer(generateSecret());
    const payload = { nonce: base64urlEncode(generateSecret()), expiresAt: '2026-11-22T11:00:00Z' };
    const head = { name: 'challenge' as const, payload, audience: 'room', now: here.clock.now };
    const forged = base64urlEncode(await createMessage(stranger, head));
    const challenges = [body.challenges[0] ?? '', forged];
    await expect(releaseAt(here.steward, { ...body, challenges })).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toContain('release/nonce');
  });
});

describe('the quota', () => {
  it('gives one of 64 runs that ask at once the last place, the same one at both vaults', async () => {
    const here = await open({ ...oneRun, timing: { waitMs: 20_000 } });
    const runs: Run[] = [];
    for (let count = 0; count < 64; count++) runs.push(await approvedRun(here));
    const bodies = await Promise.all(runs.map(async (run) => prove(here, run, await openRoom())));
    const [steward, owner] = await Promise.all(
      [here.steward, here.owner].map((vault) =>
        Promise.allSettled(bodies.map((body) => releaseAt(vault, body))),
      ),
    );
    const winners = (settled: typeof steward) =>
      runs.filter((_, index) => settled?.[index]?.status === 'fulfilled').map(({ digest }) => digest);
    expect(winners(steward)).toHaveLength(1);
    expect(winners(owner)).toEqual(winners(steward));
    const again = await prove(here, await approvedRun(here), await openRoom());
    await expect(releaseAt(here.steward, again)).rejects.toMatchObject(opaque);
  });

  it('gives a run to as many rooms as the contract allows, and no more', async () => {
    const quota = { runs: 10, attemptsPerRun: 2 };
    const here = await open({ contract: (contract) => ({ ...contract, quota }) });
    const run = await approvedRun(here);
    const first = await releaseBoth(here, run);
    const second = await releaseBoth(here, run);
    expect(second.steward.answer).not.toBe(first.steward.answer);
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/attempts']);
  });

  it('gives a run that two rooms ask for at once to one of them, the same at both vaults', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const settled = await Promise.allSettled([releaseBoth(here, run), releaseBoth(here, run)]);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a contract that is stopped', () => {
  it('before the release is refused', async () => {
    const here = await open();
    const run = await approvedRun(here);
    await stopContract(here.world, here.agreed, here.world.owner, 'contract.suspended');
    await expect(releaseBoth(here, run)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/contract-suspended']);
  });

  it('between reservation and answer gets no answer, and the reservation is taken back', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const body = await prove(here, run, await openRoom());
    here.steward.barrier = async (step) => {
      if (step === 'appended')
        await stopContract(here.world, here.agreed, here.world.steward, 'contract.revoked');
    };
    await expect(releaseAt(here.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/contract-revoked']);
    expect(denials(here, run)).toEqual(['release/contract-revoked']);
  });

  it('is refused from the moment the vault was told, though hub and ledger keep it back', async () => {
    const here = await open();
    const { world, agreed, ledger } = here;
    const run = await approvedRun(here);
    await releaseBoth(here, await approvedRun(here));
    here.ledgerFetch = async (url, init) =>
      init?.method === 'POST' && url.endsWith('/entries')
        ? new Response(null, { status: 503 })
        : ledger.fetch(url, init);
    const payload = stopPayload(agreed, world.owner);
    const head = { type: 'contract.suspended' as const, payload, iss: world.owner.org };
    const more = { origin: ledger.origin, now: here.clock.now };
    const cose = await createStatement(world.owner.identity, { ...head, ...more });
    const body = { statement: base64urlEncode(cose) };
    await expect(call(at(here.steward), vaultRoutes.submit, { body })).rejects.toMatchObject({
      problem: 'record/unreachable',
    });
    const asked = await prove(here, run, await openRoom());
    await expect(releaseAt(here.steward, asked)).rejects.toMatchObject(opaque);
    expect((await codesAt(here, here.steward))[0]).toEqual(['release/contract-suspended']);
    here.ledgerFetch = (url, init) => ledger.fetch(url, init);
    await flushOutbox(here.steward.vault);
    expect(ledger.record.contracts.get(agreed.digest)?.suspensions.size).toBe(1);
  });

  it('can be stopped through the vault, which appends what it was told', async () => {
    const here = await open();
    const { world, agreed, ledger } = here;
    const payload = stopPayload(agreed, world.steward);
    const head = { type: 'contract.suspended' as const, payload, iss: world.steward.org };
    const more = { origin: ledger.origin, now: here.clock.now };
    const cose = await createStatement(world.steward.identity, { ...head, ...more });
    const body = { statement: base64urlEncode(cose) };
    const first = await call(at(here.steward), vaultRoutes.submit, { body });
    const again = await call(at(here.steward), vaultRoutes.submit, { body });
    expect(again.index).toBe(first.index);
    expect(ledger.record.contracts.get(agreed.digest)?.suspensions.size).toBe(1);
  });
});

describe('what was never agreed', () => {
  async function codesOf(here: Stage, run: Run, statements?: string[]): Promise<string[]> {
    const body = await prove(here, run, await openRoom());
    const asked = statements ? { ...body, statements } : body;
    await expect(releaseAt(here.steward, asked)).rejects.toMatchObject(opaque);
    return (await codesAt(here, here.steward))[0] ?? [];
  }

  it('is refused: a contract that one participant has not signed', async () => {
    const here = await open();
    const agreed = await signContract(here.world, draftContract(here.world, here.assets), [here.world.owner]);
    const run = await requestRun(here.world, agreed);
    expect(await codesOf(here, run)).toEqual(['release/approval-missing', 'release/contract-signature']);
  });

  it('is refused: a run that shows the approval of another', async () => {
    const here = await open();
    const approved = await approvedRun(here);
    const run = await requestRun(here.world, here.agreed);
    run.approvals.push(...approved.approvals);
    expect(await codesOf(here, run)).toEqual(
      expect.arrayContaining(['release/approval-missing', 'release/manifest']),
    );
  });

  it('is refused: statements that the ledger does not hold', async () => {
    const here = await open();
    const run = await approvedRun(here);
    const { said } = here.world;
    const forged: Run = { ...run, digest: run.approvals[0] ?? run.digest };
    const statements = said.map(base64urlEncode);
    expect(await codesOf(here, forged, statements)).toEqual(['release/run-unknown']);
  });
});
