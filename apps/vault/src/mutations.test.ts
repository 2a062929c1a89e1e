// Every call of the vault with one wrong value at a time: refused, and never a fault of the server.
import { type Route, vaultRoutes } from '@sealroom/api';
import { base64urlEncode, canonicalBytes, type Json, sha256Digest } from '@sealroom/bytes';
import { createStatement, freshSalt } from '@sealroom/contract';
import { mutations } from '@sealroom/testkit/mutations';
import { manifestOf, openRoom, type Room, type Run, stopPayload } from '@sealroom/testkit/world';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { approvedRun, ask, opaque, prove, releaseAt, setStage, type Stage } from './fixtures.ts';

let stage: Stage;
let run: Run;
let room: Room;
beforeAll(async () => {
  stage = await setStage({ timing: { waitMs: 50 } });
  run = await approvedRun(stage);
  room = await openRoom();
  const body = await prove(stage, run, room);
  // One after the other, since nobody waits long here.
  await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
  await releaseAt(stage.owner, body);
  await releaseAt(stage.steward, body);
});
afterAll(() => stage.close());

type Name = 'createKek' | 'wrapKey' | 'submit' | 'challenge' | 'release' | 'finish';

async function bodyOf(name: Name): Promise<Json> {
  const { steward, project } = stage.world;
  const kid = stage.steward.signer.kid;
  const head = { iss: steward.org, origin: stage.ledger.origin, now: stage.clock.now };
  switch (name) {
    case 'challenge':
      return {};
    case 'createKek': {
      const wish = { org: steward.org, project, role: steward.role };
      return { request: await ask(stage, steward.identity, kid, 'kek-request', wish) };
    }
    case 'wrapKey': {
      const wcek = await sha256Digest(new Uint8Array(512));
      const kek = steward.kek ?? wcek;
      const payload = { salt: freshSalt(), org: steward.org, project, role: steward.role, kek, wcek };
      const cose = await createStatement(steward.identity, { type: 'key.wrapped', payload, ...head });
      return { statement: base64urlEncode(cose), wcek: base64urlEncode(new Uint8Array(512)) };
    }
    case 'submit': {
      const payload = stopPayload(stage.agreed, steward);
      const cose = await createStatement(steward.identity, { type: 'contract.suspended', payload, ...head });
      return { statement: base64urlEncode(cose) };
    }
    case 'release':
      return prove(stage, await approvedRun(stage), await openRoom());
    case 'finish': {
      const manifest = await sha256Digest(await manifestOf(run));
      const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 8, bytes: 1024 };
      return { request: await ask(stage, room.sign, kid, 'finish-request', end) };
    }
  }
}

const NAMES: readonly Name[] = ['challenge', 'createKek', 'wrapKey', 'release', 'finish', 'submit'];

it.each(NAMES)(
  '%s refuses each wrong value and does not fail over it',
  async (name) => {
    const { method, path }: Route = vaultRoutes[name];
    let tried = 0;
    for (const { where, value } of mutations(await bodyOf(name))) {
      const body = canonicalBytes(value, { fractions: true });
      const headers = { 'content-type': 'application/json' };
      const answer = await stage.steward.fetch(`https://vault.test${path}`, { method, headers, body });
      expect([where, answer.status >= 400 && answer.status < 500]).toEqual([where, true]);
      tried++;
    }
    expect(tried).toBeGreaterThan(name === 'challenge' ? 0 : 15);
  },
  120_000,
);
