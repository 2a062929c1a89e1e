// Each route of the vault × each caller. Callers have no accounts: who calls is who signed what the call brings. The
// table's types make a route or caller without an entry an error, and a test counts them.
import { vaultRoutes } from '@sealroom/api';
import { base64urlEncode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { createStatement, freshSalt } from '@sealroom/contract';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import {
  manifestOf,
  openRoom,
  outsider,
  type Party,
  type Room,
  type Run,
  stopPayload,
} from '@sealroom/testkit/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { approvedRun, ask, at, prove, releaseBoth, setStage, type Stage } from './fixtures.ts';

const CALLERS = [
  'garbage',
  'nobody',
  'outsider',
  'owner',
  'steward',
  'own root',
  'own vault',
  'other vault',
  'node',
  'other room',
  'room',
] as const;
type Caller = (typeof CALLERS)[number];
type RouteName = keyof typeof vaultRoutes;

const everyone = (outcome: string, others: Partial<Record<Caller, string>> = {}) =>
  ({ ...Object.fromEntries(CALLERS.map((caller) => [caller, outcome])), ...others }) as Record<
    Caller,
    string
  >;

const MALFORMED = '400 statement/malformed';
const UNKNOWN = '403 vault/unknown-identity';
const REFUSED = '403 vault/refused';
const NO_KEY = '403 statement/unknown-key';
const WRONG = '403 statement/wrong-signer';
/** Keys that the record knows for something else, and keys that it does not know. */
const knownElsewhere = { outsider: WRONG, 'own root': WRONG, 'own vault': WRONG, 'other vault': WRONG };

const ROUTES: { readonly [name in RouteName]: Readonly<Record<Caller, string>> } = {
  describe: everyone('200'),
  challenge: everyone('200'),
  // Everybody asks for the steward's; only its own person is heard.
  createKek: everyone(UNKNOWN, { garbage: MALFORMED, steward: '200' }),
  refusals: everyone(UNKNOWN, { garbage: MALFORMED, steward: '200' }),
  wrapKey: everyone(NO_KEY, {
    ...knownElsewhere,
    garbage: MALFORMED,
    owner: WRONG,
    // The right person, with bytes that are no wrapped key.
    steward: '400 vault/unwrap-failed',
  }),
  // Both parties may stop their contract; each speaks for itself.
  submit: everyone(NO_KEY, { ...knownElsewhere, garbage: MALFORMED, owner: '200', steward: '200' }),
  // Without a room of this run's node nobody gets anything, whoever it is.
  release: everyone(REFUSED),
  finish: everyone(REFUSED, { room: '200' }),
};

let stage: Stage;
let foreign: Party;
let run: Run;
let room: Room;
let callers: Readonly<Record<Exclude<Caller, 'garbage'>, Signer>>;
const junk = base64urlEncode(utf8Encode('junk'));

beforeAll(async () => {
  stage = await setStage();
  const { world } = stage;
  foreign = await outsider(world);
  run = await approvedRun(stage);
  ({ room } = await releaseBoth(stage, run));
  callers = {
    nobody: await ed25519Signer(generateSecret()),
    outsider: foreign.identity,
    owner: world.owner.identity,
    steward: world.steward.identity,
    'own root': world.steward.root,
    'own vault': stage.steward.signer,
    'other vault': stage.owner.signer,
    node: world.simulator,
    'other room': (await openRoom()).sign,
    room: room.sign,
  };
});
afterAll(() => stage.close());

async function statementBy(signer: Signer, caller: Caller, type: 'key.wrapped' | 'contract.suspended') {
  const { steward, owner, project } = stage.world;
  const speaksFor = caller === 'owner' && type === 'contract.suspended' ? owner : steward;
  const wcek = await sha256Digest(new Uint8Array(512));
  const kek = steward.kek ?? wcek;
  const wrapped = { salt: freshSalt(), org: steward.org, project, role: steward.role, kek, wcek };
  const head = { iss: speaksFor.org, origin: stage.ledger.origin, now: stage.clock.now };
  const cose =
    type === 'key.wrapped'
      ? await createStatement(signer, { type, payload: wrapped, ...head })
      : await createStatement(signer, { type, payload: stopPayload(stage.agreed, speaksFor), ...head });
  return base64urlEncode(cose);
}

async function attempt(name: RouteName, caller: Caller): Promise<unknown> {
  const vault = at(stage.steward);
  const { steward, project } = stage.world;
  const signer = caller === 'garbage' ? undefined : callers[caller];
  const kid: Digest = stage.steward.signer.kid;
  const wish = { org: steward.org, project, role: steward.role };
  switch (name) {
    case 'describe':
      return call(vault, vaultRoutes.describe, {});
    case 'challenge':
      return call(vault, vaultRoutes.challenge, { body: {} });
    case 'createKek': {
      const request = signer ? await ask(stage, signer, kid, 'kek-request', wish) : junk;
      return call(vault, vaultRoutes.createKek, { body: { request } });
    }
    case 'refusals': {
      const request = signer ? await ask(stage, signer, kid, 'kek-request', wish) : junk;
      return call(vault, vaultRoutes.refusals, { query: { request } });
    }
    case 'wrapKey': {
      const statement = signer ? await statementBy(signer, caller, 'key.wrapped') : junk;
      return call(vault, vaultRoutes.wrapKey, {
        body: { statement, wcek: base64urlEncode(new Uint8Array(512)) },
      });
    }
    case 'submit': {
      const statement = signer ? await statementBy(signer, caller, 'contract.suspended') : junk;
      return call(vault, vaultRoutes.submit, { body: { statement } });
    }
    case 'release': {
      const body = await prove(stage, run, await openRoom());
      const proved = signer
        ? {
            ...body,
            evidence: { ...body.evidence, body: base64urlEncode(await signer.sign(new Uint8Array())) },
          }
        : { ...body, evidence: { ...body.evidence, body: junk } };
      return call(vault, vaultRoutes.release, { body: proved });
    }
    case 'finish': {
      const manifest = await sha256Digest(await manifestOf(run));
      const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 8, bytes: 1024 };
      const request = signer ? await ask(stage, signer, kid, 'finish-request', end) : junk;
      return call(vault, vaultRoutes.finish, { body: { request } });
    }
  }
}

it('has an outcome for every route and caller', () => {
  expect(Object.keys(ROUTES).toSorted()).toEqual(Object.keys(vaultRoutes).toSorted());
  for (const row of Object.values(ROUTES)) expect(Object.keys(row).toSorted()).toEqual(CALLERS.toSorted());
});

// The end is cleared before somebody stops the contract.
const ORDER = (Object.keys(ROUTES) as RouteName[]).toSorted((a, b) =>
  a === 'submit' ? 1 : b === 'submit' ? -1 : 0,
);

describe('the vault’s routes', () => {
  it.each(ORDER)('%s answers each caller as the table says', async (name) => {
    for (const caller of CALLERS) {
      const got = await attempt(name, caller).then(
        () => '200',
        (error: { status?: number; problem?: string }) => `${error.status} ${error.problem}`,
      );
      expect([caller, got]).toEqual([caller, ROUTES[name][caller]]);
    }
  });
});
