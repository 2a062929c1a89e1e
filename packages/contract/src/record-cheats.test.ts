// What an outsider, a party or another vault tries to get into the record, one attack a test. Each was possible once or is
// the nearest thing to one that was.
import { base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import {
  addIdentity,
  type Agreed,
  announceKeks,
  approveRun,
  createWorld,
  denyRun,
  draftContract,
  madeUpVault,
  memoryBook,
  openRoom,
  outsider,
  type Party,
  person,
  publishAssets,
  registration,
  requestRun,
  reserveRun,
  type Room,
  type Run,
  say,
  signContract,
  stopContract,
  timeText,
  type Which,
  type World,
} from '@sealroom/testkit/world';
import { describe, expect, it } from 'vitest';
import { type Contract, freshSalt, type LedgerRecord, type PayloadOf } from './index.ts';
import { countBefore } from './quota.ts';

const ORIGIN = 'ledger.example';

type Stage = { readonly world: World; readonly record: LedgerRecord; readonly agreed: Agreed };

async function setStage(change: (contract: Contract) => Contract = (it) => it): Promise<Stage> {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: Date.parse('2026-11-22T10:00:00Z') });
  await announceKeks(world);
  const agreed = await signContract(world, draftContract(world, await publishAssets(world), change));
  return { world, record: book.record, agreed };
}

const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'admitted',
    (error: { code?: string }) => error.code ?? 'not a package error',
  );

const newSigner = (): Promise<Signer> => ed25519Signer(generateSecret());

describe('keys of others', () => {
  it('cannot be registered as a vault’s, and so not revoked by who registers them', async () => {
    const { world } = await setStage();
    const { identity, root } = world.steward;
    expect(await codeOf(outsider(world, [identity.key]))).toBe('statement/wrong-state');
    expect(await codeOf(outsider(world, [root.key]))).toBe('statement/wrong-state');
    const thief = await outsider(world);
    const revoked = { salt: freshSalt(), org: thief.org, kid: identity.kid, note: null, prev: identity.kid };
    const by = { signer: thief.root, iss: thief.org };
    expect(await codeOf(say(world, by, 'identity.revoked', revoked))).toBe('statement/wrong-state');
  });

  it('cannot be squatted: a root that somebody called a vault’s key registers all the same', async () => {
    const { world, record } = await setStage();
    const victim = await newSigner();
    await outsider(world, [victim.key]);
    const by = { signer: victim, iss: victim.kid };
    await say(world, by, 'participant.registered', registration(victim, []));
    await addIdentity(
      world,
      { root: victim, org: victim.kid },
      (await newSigner()).key,
      world.steward.receiving.key,
    );
    expect(record.keys.get(victim.kid)).toMatchObject({ kind: 'root', orgs: new Set([victim.kid]) });
  });

  it('cannot be one’s own root and vault at once', async () => {
    const { world } = await setStage();
    const root = await newSigner();
    const by = { signer: root, iss: root.kid };
    expect(await codeOf(say(world, by, 'participant.registered', registration(root, [root.key])))).toBe(
      'statement/wrong-state',
    );
  });

  it('let a vault speak no longer than its organisation lists it', async () => {
    const { world, record, agreed } = await setStage();
    const { steward } = world;
    const run = await requestRun(world, agreed);
    await approveRun(world, run);
    const last = record.organisations.get(steward.org)?.last ?? null;
    const by = { signer: steward.root, iss: steward.org };
    const dropped = registration(steward.root, [(await newSigner()).key], last);
    await say(world, by, 'participant.registered', dropped);
    expect(await codeOf(reserveRun(world, run, await openRoom()))).toBe('statement/wrong-signer');
    await reserveRun(world, run, await openRoom(), 'owner');
  });
});

describe('key-encryption keys', () => {
  const announce = async (
    world: World,
    by: { signer: Signer; iss: Digest },
    spki: Uint8Array,
    kek?: Digest,
  ) =>
    say(world, by, 'kek.created', {
      salt: freshSalt(),
      org: by.iss,
      project: world.project,
      role: 'data-steward',
      kek: kek ?? (await sha256Digest(spki)),
      spki: base64urlEncode(spki),
      version: 2,
      custody: 'own',
    });

  it('are not taken over by who announces another’s under its own name', async () => {
    const { world, record } = await setStage();
    const vault = await newSigner();
    const thief = await outsider(world, [vault.key]);
    const by = { signer: vault, iss: thief.org };
    const kek = world.steward.kek ?? thief.org;
    const spki = crypto.getRandomValues(new Uint8Array(64));
    expect(await codeOf(announce(world, by, spki, kek))).toBe('statement/malformed');
    const own = await sha256Digest(spki);
    await announce(world, madeUpVault(world, 'steward'), spki);
    expect(await codeOf(announce(world, by, spki))).toBe('statement/repeated');
    expect([record.keks.get(kek)?.org, record.keks.get(own)?.org]).toEqual([
      world.steward.org,
      world.steward.org,
    ]);
  });
});

describe('versions of a contract', () => {
  const next = ({ contract, digest }: Agreed, version = 2): Contract => ({
    ...contract,
    version,
    first: digest,
    salt: freshSalt(),
  });

  it('are not made by others, who would end a contract that is not theirs and spend its quota', async () => {
    const { world, record, agreed } = await setStage();
    const [one, two] = [await outsider(world), await outsider(world)];
    const part = (party: Party, role: Party['role']) => ({
      org: party.org,
      root: party.root.key,
      role,
      keys: [{ kid: party.identity.kid, uses: ['contract' as const] }],
    });
    const draft = next(agreed);
    const theirs: Contract = {
      ...draft,
      participants: [part(one, 'data-steward'), part(two, 'algorithm-owner')],
      datasets: draft.datasets.map((item) => ({ ...item, steward: one.org })),
      algorithms: draft.algorithms.map((item) => ({ ...item, owner: two.org })),
      output: { ...draft.output, recipients: [{ org: two.org, key: two.receiving.key }] },
      vaults: draft.vaults.map((item, at) => ({ ...item, org: at === 0 ? one.org : two.org })),
    };
    expect(await codeOf(signContract(world, theirs, [one, two]))).toBe('statement/wrong-signer');
    expect(record.contracts.get(agreed.digest)?.supersededBy).toBeUndefined();
  });

  it('do not leave out one who signed the version that they replace', async () => {
    const { world, agreed } = await setStage();
    const third = await outsider(world);
    const joined = next(agreed);
    const uses = ['contract' as const];
    const part = { org: third.org, root: third.root.key, role: 'data-steward' as const };
    const participants = [...joined.participants, { ...part, keys: [{ kid: third.identity.kid, uses }] }];
    await signContract(world, { ...joined, participants }, [world.owner, world.steward, third]);
    expect(await codeOf(signContract(world, next(agreed, 3)))).toBe('statement/wrong-signer');
  });

  it('begin with a first version of the same project, so that counters are not escaped', async () => {
    const { world, agreed } = await setStage();
    const second = await signContract(world, next(agreed));
    const third = { ...next(agreed, 3), first: second.digest };
    expect(await codeOf(signContract(world, third))).toBe('statement/wrong-state');
    expect(await codeOf(signContract(world, { ...next(agreed, 3), project: 'project-2' }))).toBe(
      'statement/wrong-state',
    );
  });

  it('do not go back behind one that stands', async () => {
    const { world, record, agreed } = await setStage();
    const late = next(agreed);
    await signContract(world, late, [world.owner]);
    const third = await signContract(world, next(agreed, 3));
    expect(await codeOf(signContract(world, late, [world.steward]))).toBe('statement/wrong-state');
    expect(await codeOf(signContract(world, next(agreed, 3), [world.owner]))).toBe('statement/wrong-state');
    expect(record.contracts.get(third.digest)?.supersededBy).toBeUndefined();
  });
});

describe('runs', () => {
  async function approvedRun({ world, agreed }: Stage): Promise<Run> {
    const run = await requestRun(world, agreed);
    await approveRun(world, run);
    return run;
  }

  const clear = (world: World, run: Run, { keys }: Room, which: Which, manifest = run.agreed.digest) =>
    say(world, madeUpVault(world, which), 'output.cleared', {
      salt: freshSalt(),
      contract: run.agreed.digest,
      run: run.digest,
      manifest,
      room: keys,
      outcome: 'completed',
      bits: 64,
      bytes: 1024,
      at: timeText(world.now),
    });

  const finish = (
    world: World,
    run: Run,
    by: Room,
    change: Partial<PayloadOf<'run.finished'>> = {},
  ): Promise<unknown> => {
    const { digest } = run.agreed;
    return say(world, { signer: by.sign, iss: run.digest }, 'run.finished', {
      salt: freshSalt(),
      contract: digest,
      run: run.digest,
      manifest: digest,
      room: by.keys,
      outcome: 'completed',
      datasets: [],
      algorithms: [],
      criteria: digest,
      evidence: digest,
      output: null,
      envelope: null,
      bits: 64,
      bytes: 1024,
      isolation: 'process',
      technology: 'simulated',
      platform: digest,
      custody: [],
      answers: [],
      startedAt: timeText(world.now),
      finishedAt: timeText(world.now),
      ...change,
    });
  };

  it('are not finished by a room that one party’s vault alone made up', async () => {
    const stage = await setStage();
    const { world, record } = stage;
    const run = await approvedRun(stage);
    const room = await openRoom();
    await reserveRun(world, run, room, 'owner');
    await clear(world, run, room, 'owner');
    expect(await codeOf(finish(world, run, room))).toBe('statement/wrong-state');
    expect(record.runs.get(run.digest)?.ended).toBeUndefined();
  });

  it('are not finished by a second room with the clearance of the first', async () => {
    const stage = await setStage((contract) => ({ ...contract, quota: { runs: 10, attemptsPerRun: 2 } }));
    const { world } = stage;
    const run = await approvedRun(stage);
    const [one, two] = [await openRoom(), await openRoom()];
    for (const which of ['steward', 'owner'] as const) {
      await reserveRun(world, run, one, which);
      await reserveRun(world, run, two, which);
      await clear(world, run, one, which);
    }
    expect(await codeOf(finish(world, run, two))).toBe('statement/wrong-state');
    expect(await codeOf(finish(world, run, two, { room: one.keys }))).toBe('statement/unknown-key');
    expect(await codeOf(finish(world, run, one, { bits: 65 }))).toBe('statement/wrong-state');
    expect(await codeOf(finish(world, run, one, { bytes: 2048 }))).toBe('statement/wrong-state');
    expect(await codeOf(finish(world, run, one, { outcome: 'failed' }))).toBe('statement/wrong-state');
    expect(await codeOf(finish(world, run, one))).toBe('admitted');
  });

  it('are not reserved for room keys of another kind, of which the evidence binds half', async () => {
    const stage = await setStage();
    const run = await approvedRun(stage);
    const { keys } = await openRoom();
    const { world } = stage;
    for (const wrong of [
      { sign: keys.receive, receive: keys.receive },
      { sign: keys.sign, receive: keys.sign },
    ])
      expect(await codeOf(reserveRun(world, run, { keys: wrong }))).toBe('statement/malformed');
  });

  it('are not withdrawn by another than who requested them', async () => {
    const stage = await setStage();
    const run = await approvedRun(stage);
    const { world } = stage;
    const payload = { salt: freshSalt(), contract: run.agreed.digest, run: run.digest, note: null };
    const by = person(world.steward);
    expect(await codeOf(say(world, by, 'run.withdrawn', { ...payload, org: by.iss }))).toBe(
      'statement/wrong-signer',
    );
  });

  it('do not name a dataset twice', async () => {
    const { world, agreed } = await setStage();
    const twice = requestRun(world, agreed, (it) => ({ ...it, datasets: [...it.datasets, ...it.datasets] }));
    expect(await codeOf(twice)).toBe('statement/wrong-state');
  });

  it('are not approved with an approval of another run, nor under another contract', async () => {
    const stage = await setStage();
    const { world, agreed } = stage;
    const run = await approvedRun(stage);
    const other = await requestRun(world, agreed);
    expect(await codeOf(reserveRun(world, other, await openRoom()))).toBe('statement/wrong-state');
    const second = await signContract(world, { ...agreed.contract, salt: freshSalt() });
    const moved = { ...other, agreed: second };
    expect(await codeOf(approveRun(world, moved))).toBe('statement/wrong-state');
    expect(await codeOf(approveRun(world, other, world.owner))).toBe('statement/wrong-signer');
    expect(await codeOf(reserveRun(world, { ...run, agreed: second }, await openRoom()))).toBe(
      'statement/wrong-state',
    );
  });

  it('are not suspended by one who is no participant', async () => {
    const { world, record, agreed } = await setStage();
    const stranger = await outsider(world);
    expect(await codeOf(stopContract(world, agreed, stranger, 'contract.suspended'))).toBe(
      'statement/wrong-signer',
    );
    expect(record.contracts.get(agreed.digest)?.suspensions.size).toBe(0);
  });

  it('are not brought forward in the quota by a vault that denies what it reserved early', async () => {
    const stage = await setStage((contract) => ({ ...contract, quota: { runs: 1, attemptsPerRun: 1 } }));
    const { world, record, agreed } = stage;
    const [first, second] = [await approvedRun(stage), await approvedRun(stage)];
    const [one, two] = [await openRoom(), await openRoom()];
    await reserveRun(world, first, one, 'owner');
    await reserveRun(world, second, two, 'owner');
    await reserveRun(world, first, one, 'steward');
    const count = (run: Run, room: Room) => {
      const [state, found] = [record.contracts.get(agreed.digest), record.runs.get(run.digest)];
      return state && found && countBefore(record, state, found, room.keys.sign);
    };
    expect(count(first, one)?.spent).toBe(0);
    // The steward's vault has released the first run; the owner's now takes its own early reservation back.
    await denyRun(world, first, 'owner');
    await reserveRun(world, second, two, 'steward');
    expect(count(second, two)?.spent).toBe(1);
  });
});
