// What a vault was told of one run, while the ledger keeps it back, and another run of the same contract.
import { vaultRoutes } from '@sealroom/api';
import { base64urlEncode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { createStatement, freshSalt } from '@sealroom/contract';
import { openRoom } from '@sealroom/testkit/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  approvedRun,
  at,
  codesAt,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
} from '../fixtures.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

describe('a run that a participant cancelled at the vault', () => {
  it('gets no keys though the ledger keeps the statement back, and stops no other run', async () => {
    const { world, ledger, clock, steward } = stage;
    await releaseBoth(stage, await approvedRun(stage));
    const [cancelled, other] = [await approvedRun(stage), await approvedRun(stage)];
    stage.ledgerFetch = async (url, init) => {
      const body = init?.body instanceof Uint8Array ? Buffer.from(init.body).toString('latin1') : '';
      return body.includes('sealroom.run.cancelled')
        ? new Response(null, { status: 503 })
        : ledger.fetch(url, init);
    };
    const { org, identity } = world.owner;
    const about = { salt: freshSalt(), contract: cancelled.agreed.digest, run: cancelled.digest };
    const cose = await createStatement(identity, {
      type: 'run.cancelled',
      payload: { ...about, org, note: null },
      iss: org,
      origin: ledger.origin,
      now: clock.now,
    });
    const body = { statement: base64urlEncode(cose) };
    await expect(call(at(steward), vaultRoutes.submit, { body })).rejects.toMatchObject({
      problem: 'record/unreachable',
    });
    const asked = await prove(stage, cancelled, await openRoom());
    await expect(releaseAt(steward, asked)).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, steward))[0]).toEqual(['release/run-ended']);
    const released = await releaseBoth(stage, other);
    expect(released.steward.answer).not.toBe('');
  });
});
