// What rivals try on the record with statements that are each well formed: claims on another's asset, suspensions that are
// lifted or slipped past, signatures over another form of the same contract, and times and keys that readers take apart.
import { base64urlEncode, canonicalJson, hexDecode, utf8Encode } from '@sealroom/bytes';
import { encodeKey } from '@sealroom/cose';
import {
  type Agreed,
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  memoryBook,
  openRoom,
  outsider,
  type Party,
  person,
  publishAssets,
  requestRun,
  reserveRun,
  say,
  signContract,
  stopContract,
  type World,
} from '@sealroom/testkit/world';
import { describe, expect, it } from 'vitest';
import {
  type Contract,
  contractStands,
  createStatement,
  encodeContract,
  freshSalt,
  type LedgerRecord,
  parseContract,
  type PayloadOf,
  readStatement,
  signPayload,
} from './index.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');

type Stage = { readonly world: World; readonly record: LedgerRecord; readonly agreed: Agreed };

async function setStage(): Promise<Stage> {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const agreed = await signContract(world, draftContract(world, await publishAssets(world)));
  return { world, record: book.record, agreed };
}

const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'admitted',
    (error: { code?: string }) => error.code ?? 'not a package error',
  );

describe('an asset', () => {
  const publication = ({ world, agreed }: Stage, { org }: Party): PayloadOf<'dataset.published'> => {
    const [term] = agreed.contract.datasets;
    if (!term) throw new Error('The contract has no dataset.');
    const text = base64urlEncode(crypto.getRandomValues(new Uint8Array(32)));
    return {
      salt: freshSalt(),
      org,
      project: world.project,
      digest: term.digest,
      assetSalt: text,
      keyCommitment: text,
      version: 1,
      files: 1,
      bytes: 1,
      sensitivity: 'real',
      specification: term.specification,
      attestation: term.attestation,
      prev: null,
    };
  };
  const withdraw = ({ world }: Stage, party: Party, digest: PayloadOf<'dataset.withdrawn'>['digest']) => {
    const payload = { salt: freshSalt(), org: party.org, project: world.project, digest, note: null };
    return say(world, person(party), 'dataset.withdrawn', { ...payload, prev: digest });
  };

  it('is withdrawn by its owner though somebody published the same digest before', async () => {
    const stage = await setStage();
    const { world, record } = stage;
    const [thief, late] = [await outsider(world), await outsider(world)];
    const first = { ...publication(stage, thief), digest: stage.agreed.digest };
    await say(world, person(thief), 'dataset.published', first);
    const own = { ...publication(stage, world.steward), digest: first.digest };
    await say(world, person(world.steward), 'dataset.published', own);
    expect(await codeOf(withdraw(stage, late, first.digest))).toBe('statement/wrong-signer');
    expect(await codeOf(withdraw(stage, world.steward, first.digest))).toBe('admitted');
    const withdrawn = (org: string) => record.artifacts.get(`dataset/${org}/${first.digest}`)?.withdrawn;
    expect([withdrawn(world.steward.org), withdrawn(thief.org)]).toEqual([true, false]);
    expect(await codeOf(withdraw(stage, world.steward, first.digest))).toBe('statement/wrong-state');
  });

  it('is neither changed nor brought back by an outsider who publishes it again', async () => {
    const stage = await setStage();
    const { world, record } = stage;
    const { digest } = publication(stage, world.steward);
    const named = `dataset/${world.steward.org}/${digest}`;
    const before = record.artifacts.get(named)?.published;
    await withdraw(stage, world.steward, digest);
    const thief = await outsider(world);
    await say(world, person(thief), 'dataset.published', publication(stage, thief));
    expect(record.artifacts.get(named)).toMatchObject({ withdrawn: true, published: before });
    const forged = { ...publication(stage, world.steward), keyCommitment: 'A'.repeat(43) };
    expect(await codeOf(say(world, person(thief), 'dataset.published', forged))).toBe(
      'statement/wrong-signer',
    );
  });
});

describe('a suspension', () => {
  const suspend = ({ world, agreed }: Stage, by: Party) =>
    stopContract(world, agreed, by, 'contract.suspended').then(
      async (cose) => (await readStatement(cose)).digest,
    );
  const resume = (
    { world, agreed, record }: Stage,
    by: Party,
    suspension: Agreed['digest'],
    change: Partial<PayloadOf<'contract.resumed'>> = {},
  ) => {
    const contract = change.contract ?? agreed.digest;
    const prev = record.contracts.get(contract)?.last ?? contract;
    const payload = { salt: freshSalt(), contract, org: by.org, suspension, note: null, prev, ...change };
    return say(world, person(by), 'contract.resumed', payload);
  };

  it('is lifted by who made it alone, once, and lifts no other', async () => {
    const stage = await setStage();
    const { world, record, agreed } = stage;
    const { steward, owner } = world;
    const mine = await suspend(stage, steward);
    expect(await codeOf(resume(stage, owner, mine))).toBe('statement/wrong-state');
    const theirs = await suspend(stage, owner);
    expect(await codeOf(resume(stage, owner, mine))).toBe('statement/wrong-state');
    const early = agreed.digest;
    expect(await codeOf(resume(stage, steward, mine, { prev: early }))).toBe('statement/wrong-state');
    const { cose } = await resume(stage, steward, mine);
    const state = record.contracts.get(agreed.digest);
    expect([...(state?.suspensions.keys() ?? [])]).toEqual([theirs]);
    expect(await codeOf(resume(stage, steward, mine))).toBe('statement/wrong-state');
    await resume(stage, owner, theirs);
    // The resumption of the first suspension, shown again after a second one.
    await suspend(stage, steward);
    expect(await codeOf(world.book.append(cose))).toBe('statement/repeated');
    expect(state && contractStands(state)).toBe(false);
  });

  it('is not slipped past by signing an offer of the next version that waits', async () => {
    const stage = await setStage();
    const { world, record, agreed } = stage;
    const second: Contract = { ...agreed.contract, version: 2, first: agreed.digest, salt: freshSalt() };
    await signContract(world, second, [world.steward]);
    const mine = await suspend(stage, world.steward);
    const { digest } = await signContract(world, second, [world.owner]);
    const run = await requestRun(world, { digest, contract: second });
    expect(await codeOf(approveRun(world, run))).toBe('statement/wrong-state');
    expect(await codeOf(resume(stage, world.owner, mine, { contract: digest }))).toBe(
      'statement/wrong-state',
    );
    await resume(stage, world.steward, mine, { contract: digest });
    expect(await codeOf(approveRun(world, run))).toBe('admitted');
    expect(record.contracts.get(digest)?.suspensions.size).toBe(0);
  });

  it('that became a revocation is not undone by the next version', async () => {
    const { world, record, agreed } = await setStage();
    const second: Contract = { ...agreed.contract, version: 2, first: agreed.digest, salt: freshSalt() };
    await signContract(world, second, [world.steward]);
    await stopContract(world, agreed, world.steward, 'contract.revoked');
    expect(await codeOf(signContract(world, second, [world.owner]))).toBe('statement/wrong-state');
    expect([...record.contracts.values()].some(contractStands)).toBe(false);
  });
});

describe('version 1', () => {
  it('opens nothing once version 2 stands, not even a run that was approved before', async () => {
    const stage = await setStage();
    const { world, agreed } = stage;
    const run = await requestRun(world, agreed);
    await approveRun(world, run);
    await signContract(world, { ...agreed.contract, version: 2, first: agreed.digest, salt: freshSalt() });
    expect(await codeOf(reserveRun(world, run, await openRoom()))).toBe('statement/wrong-state');
    expect(await codeOf(requestRun(world, agreed))).toBe('statement/wrong-state');
    expect(await codeOf(signContract(world, agreed.contract, [world.owner]))).toBe('statement/repeated');
  });
});

describe('a signature on a contract', () => {
  const signAs = async ({ world }: Stage, party: Party, bytes: Uint8Array<ArrayBuffer>) => {
    const head = { type: 'contract.signed' as const, bytes, iss: party.org };
    return world.book.append(await signPayload(party.identity, { ...head, origin: ORIGIN, now: NOW }));
  };

  it('counts for one form of its text: not for the same JSON written in another way', async () => {
    const stage = await setStage();
    const text = canonicalJson({ ...stage.agreed.contract, salt: freshSalt() });
    for (const other of [
      ` ${text}`,
      text.replace('{"algorithms"', '{"v":1,"algorithms"'),
      text.replace('"maxVcpu":4', '"maxVcpu":4.0'),
      text.replace('"maxVcpu":4', '"maxVcpu":4e0'),
      text.replace('"maxVcpu":4', '"maxVcpu":-0'),
      text.replace('"EU"', '"\\u0045U"'),
      text.replace('"version":1}', '"version":1,"w":1}'),
      text.replace('{"algorithms"', '{"__proto__":{"v":1},"algorithms"'),
    ]) {
      expect(other).not.toBe(text);
      expect(() => parseContract(utf8Encode(other))).toThrow(
        expect.objectContaining({ code: 'contract/malformed' }),
      );
      expect(await codeOf(signAs(stage, stage.world.owner, utf8Encode(other)))).not.toBe('admitted');
    }
    expect(await codeOf(signAs(stage, stage.world.owner, utf8Encode(text)))).toBe('admitted');
  });

  it('on letters that look alike is one on another contract', async () => {
    const { world, record, agreed } = await setStage();
    const [composed, decomposed, cyrillic] = ['Café', 'Cafe\u0301', 'C\u0430fé'];
    const digests: Agreed['digest'][] = [];
    for (const purpose of [composed, decomposed, cyrillic].filter((it) => it !== undefined)) {
      const contract = { ...agreed.contract, salt: agreed.contract.salt, purpose };
      digests.push((await signContract(world, contract, [world.owner])).digest);
    }
    expect(new Set(digests).size).toBe(3);
    for (const digest of digests) expect(record.contracts.get(digest)?.completeAt).toBeUndefined();
  });

  it('is given once, by a participant, with a key that the contract lists for it', async () => {
    const stage = await setStage();
    const { world, agreed } = stage;
    const sign = (contract: Contract, by: Party) => codeOf(signContract(world, contract, [by]));
    expect(await sign(agreed.contract, world.owner)).toBe('statement/repeated');
    const stranger = await outsider(world);
    expect(await sign(agreed.contract, stranger)).toBe('statement/wrong-signer');
    const fresh = { ...agreed.contract, salt: freshSalt() };
    const participants = fresh.participants.map((item) => ({
      ...item,
      keys: item.keys.map((key) => ({ ...key, uses: ['request' as const] })),
    }));
    expect(await sign({ ...fresh, participants }, world.owner)).toBe('statement/wrong-signer');
  });

  it('counts in the ledger that the contract names and in no other', async () => {
    const stage = await setStage();
    const { world, agreed } = stage;
    const elsewhere = { ...agreed.contract, ledger: { ...agreed.contract.ledger, origin: 'other.example' } };
    expect(await codeOf(signContract(world, elsewhere, [world.owner]))).toBe('statement/wrong-ledger');
    const second = memoryBook('other.example');
    for (const cose of world.said) expect(await codeOf(second.append(cose))).toBe('statement/wrong-ledger');
    expect(world.said.length).toBeGreaterThan(10);
  });

  it('is not asked for over keys to which nobody could send, times that do not exist, or numbers beyond reason', async () => {
    const { agreed } = await setStage();
    const { contract } = agreed;
    const low = encodeKey({ curve: 'X25519', x: hexDecode(`01${'00'.repeat(31)}`) });
    const recipients = contract.output.recipients.map((item) => ({ ...item, key: low }));
    const output = { ...contract.output, recipients };
    for (const change of [
      { output },
      { notAfter: '2027-02-30T00:00:00Z' },
      { notAfter: '2027-02-28T24:00:00Z' },
      { notBefore: '2026-06-31T00:00:00Z' },
      { notAfter: '2027-01-01T00:00:00+01:00' },
      { quota: { runs: Number.MAX_SAFE_INTEGER, attemptsPerRun: 1 } },
      { room: { ...contract.room, maxMinutes: Number.MAX_SAFE_INTEGER } },
      { output: { ...contract.output, maxBytes: 2 ** 53 } },
      { output: { ...contract.output, maxBits: 0 } },
      { output: { ...contract.output, maxBits: Number.NaN } },
    ])
      expect(() => encodeContract({ ...contract, ...change }), JSON.stringify(change)).toThrow();
    expect(encodeContract(contract).length).toBeGreaterThan(1000);
  });
});

it('a statement that says it was signed after the year 9999 is refused, so that nobody has to store its time', async () => {
  const { world, agreed } = await setStage();
  const payload = { salt: freshSalt(), contract: agreed.digest, org: world.owner.org, note: null };
  const stop = { ...payload, prev: agreed.digest };
  const head = { type: 'contract.suspended' as const, payload: stop, iss: world.owner.org, origin: ORIGIN };
  const last = Date.parse('9999-12-31T23:59:59Z');
  for (const now of [last + 1000, 8.64e15, Number.MAX_SAFE_INTEGER]) {
    const cose = await createStatement(world.owner.identity, { ...head, now });
    expect(await codeOf(world.book.append(cose))).toBe('statement/malformed');
  }
  const cose = await createStatement(world.owner.identity, { ...head, now: last });
  expect(await codeOf(world.book.append(cose))).toBe('admitted');
});
