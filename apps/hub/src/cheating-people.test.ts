// What dishonest people try, and the code with which the hub refuses.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createMessage, freshSalt } from '@sealroom/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hub, NOON, startHub } from './testing/hub-for-tests.ts';
import {
  as,
  bearer,
  identity,
  joinHub,
  newKeys,
  registration,
  say,
  signIn,
  tell,
} from './testing/parties-for-tests.ts';
import { base, publish, storeUrl, versionOf } from './testing/shelf-for-tests.ts';
import {
  contractFor,
  newWorld,
  requestRun,
  signContract,
  submit,
  type World,
} from './testing/world-for-tests.ts';

let hub: Hub;
let world: World;
beforeAll(async () => {
  hub = await startHub();
  world = await newWorld(hub);
});
afterAll(() => hub.close());

const refusedWith = (problem: string) => ({ code: 'client/refused', problem });
const statements = () => hub.db.selectFrom('statements').select('leaf').execute();

async function endRun(run: `sha256:${string}`) {
  const payload = { salt: freshSalt(), contract: world.digest, run, org: world.owner.org, note: null };
  const { person, org } = world.owner;
  await submit(world, world.owner, await say(hub, person, { type: 'run.cancelled', payload, iss: org }));
}

describe('sessions', () => {
  const open = (proof: string) => call(hub.service, hubRoutes.openSession, { body: { proof } });
  const challenge = async () => (await call(hub.service, hubRoutes.challenge, { body: {} })).challenge;
  const proofOf = async (given: string, signer = world.owner.person) =>
    tell(hub, signer, { name: 'session-proof', payload: { challenge: given } });

  it('takes a challenge once', async () => {
    const proof = await proofOf(await challenge());
    await open(proof);
    await expect(open(proof)).rejects.toMatchObject(refusedWith('hub/challenge'));
  });

  it('takes no challenge that it did not make, nor one after its minute', async () => {
    const made = base64urlEncode(generateSecret());
    await expect(open(await proofOf(made))).rejects.toMatchObject(refusedWith('hub/challenge'));
    const proof = await proofOf(await challenge());
    hub.clock.now = NOON + 60_001;
    await expect(open(proof)).rejects.toMatchObject(refusedWith('hub/challenge'));
    hub.clock.now = NOON;
  });

  it('takes no proof that was signed for another hub, or by nobody it knows', async () => {
    const payload = { challenge: await challenge() };
    const message = {
      name: 'session-proof',
      payload,
      audience: 'https://elsewhere.example',
      now: NOON,
    } as const;
    const foreign = base64urlEncode(await createMessage(world.owner.person, message));
    await expect(open(foreign)).rejects.toMatchObject(refusedWith('statement/wrong-signer'));
    const unknown = await proofOf(payload.challenge, await ed25519Signer(generateSecret()));
    await expect(open(unknown)).rejects.toMatchObject(refusedWith('hub/unknown-identity'));
    // A vault's or root's key is no person's.
    const vault = await proofOf(payload.challenge, world.owner.vault);
    await expect(open(vault)).rejects.toMatchObject(refusedWith('hub/unknown-identity'));
  });

  it('ends sessions after twelve hours, and at once when the identity is revoked', async () => {
    const keys = await newKeys();
    const body = { name: 'N', statement: await registration(hub, keys, 'n.example') };
    const { org } = await call(hub.service, hubRoutes.registerOrganisation, { body });
    const added = { name: 'person', statement: await identity(hub, keys) };
    await call(hub.service, hubRoutes.addIdentity, { body: added });
    const look = async (token: string) =>
      (await hub.request('/v1/projects', { headers: bearer(token) })).status;
    const token = await signIn(hub, keys.person);
    expect(await look(token)).toBe(200);
    hub.clock.now = NOON + 12 * 3_600_000 + 1;
    expect(await look(token)).toBe(401);
    hub.clock.now = NOON;
    const { statements: vouching } = await as(hub, world.owner, hubRoutes.organisation, { params: { org } });
    const prev = await sha256Digest(utf8Encode(String(vouching.length)));
    const payload = { salt: freshSalt(), org, kid: keys.person.kid, note: null, prev };
    const revoked = await say(hub, keys.root, { type: 'identity.revoked', payload, iss: org });
    await call(hub.service, hubRoutes.revokeIdentity, { body: { statement: revoked } });
    expect(await look(token)).toBe(401);
    await expect(signIn(hub, keys.person)).rejects.toMatchObject(refusedWith('hub/unknown-identity'));
  });

  it('stores no token and no challenge as they are', async () => {
    const token = await signIn(hub, world.owner.person);
    const rows = await hub.db.selectFrom('sessions').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

describe('statements', () => {
  it('takes no statement whose signature, signer or organisation is another', async () => {
    const { owner, steward, project, shelf } = world;
    const params = { project };
    const payload = { ...base(owner, project), document: shelf.attestation, note: null };
    const genuine = await say(hub, owner.person, { type: 'attestation.accepted', payload, iss: owner.org });
    const send = (party: typeof owner, statement: string) =>
      as(hub, party, hubRoutes.publish, { params, body: { statement } });
    const bytes = base64urlDecode(genuine);
    bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
    const before = await statements();
    await expect(send(owner, base64urlEncode(bytes))).rejects.toMatchObject(
      refusedWith('statement/bad-signature'),
    );
    const stranger = await ed25519Signer(generateSecret());
    const unvouched = await say(hub, stranger, { type: 'attestation.accepted', payload, iss: owner.org });
    await expect(send(owner, unvouched)).rejects.toMatchObject(refusedWith('statement/unknown-key'));
    const forged = await say(hub, steward.person, { type: 'attestation.accepted', payload, iss: owner.org });
    await expect(send(owner, forged)).rejects.toMatchObject(refusedWith('statement/wrong-signer'));
    await expect(send(steward, genuine)).rejects.toMatchObject(refusedWith('hub/foreign-statement'));
    const elsewhere = {
      type: 'attestation.accepted',
      payload,
      iss: owner.org,
      origin: 'other.example',
    } as const;
    await expect(send(owner, await say(hub, owner.person, elsewhere))).rejects.toMatchObject(
      refusedWith('statement/wrong-ledger'),
    );
    expect(await statements()).toEqual(before);
  });

  it('takes no statement that was signed for another project', async () => {
    const { owner, steward } = world;
    const other = await newWorld(hub);
    const payload = { ...base(owner, other.project), document: world.shelf.attestation, note: null };
    const statement = await say(hub, owner.person, { type: 'attestation.accepted', payload, iss: owner.org });
    const params = { project: world.project };
    await expect(as(hub, owner, hubRoutes.publish, { params, body: { statement } })).rejects.toMatchObject(
      refusedWith('hub/foreign-statement'),
    );
    const foreign = { project: other.project };
    await expect(
      as(hub, steward, hubRoutes.publish, { params: foreign, body: { statement } }),
    ).rejects.toMatchObject(refusedWith('hub/not-found'));
  });

  it('takes a document only if it is the one that was signed', async () => {
    const { steward, project } = world;
    const document = await sha256Digest(utf8Encode('what was signed'));
    const payload = { ...base(steward, project), document, version: 2, prev: null };
    const extra = { document: base64urlEncode(utf8Encode('something else')) };
    await expect(
      publish(hub, steward, { type: 'specification.published', payload, extra }),
    ).rejects.toMatchObject(refusedWith('hub/digest-mismatch'));
    await expect(publish(hub, steward, { type: 'specification.published', payload })).rejects.toMatchObject(
      refusedWith('hub/missing-part'),
    );
  });

  it('takes versions one after another only', async () => {
    const { steward, project, shelf } = world;
    const { specification, attestation } = shelf;
    const document = utf8Encode('a later one');
    const digest = await sha256Digest(document);
    const payload = {
      ...base(steward, project),
      document: digest,
      version: 3,
      specification,
      prev: attestation,
    };
    const extra = { document: base64urlEncode(document) };
    await expect(
      publish(hub, steward, { type: 'attestation.published', payload, extra }),
    ).rejects.toMatchObject(refusedWith('hub/version'));
  });

  it('lets each role publish what is its own', async () => {
    const { owner, project, shelf } = world;
    const { specification, attestation } = shelf;
    const digest = await sha256Digest(generateSecret());
    const payload = { ...base(owner, project), ...(await versionOf(digest)), specification, attestation };
    const extra = { url: storeUrl('x') };
    await expect(
      publish(hub, owner, { type: 'dataset.published', payload: { ...payload, sensitivity: 'test' }, extra }),
    ).rejects.toMatchObject(refusedWith('hub/wrong-role'));
  });

  it.each([
    ['http://store.example/c?se=1900000000&sp=r', 'store/bad-url'],
    ['https://169.254.169.254/latest?se=1900000000&sp=r', 'store/not-allowed'],
    ['https://store.example.evil.example/c?se=1900000000&sp=r', 'store/not-allowed'],
    ['https://user@store.example/c?se=1900000000&sp=r', 'store/bad-url'],
    ['https://localhost:5432/c?se=1900000000&sp=r', 'store/not-allowed'],
    ['https://store.example/c?sp=r', 'store/no-expiry'],
    ['https://store.example/c?se=1700000000&sp=r', 'store/expired'],
    ['https://store.example/c?se=1900000000&sp=rw', 'store/writable'],
  ])('refuses %s as a store', async (url, code) => {
    const { steward, project, shelf } = world;
    const { specification, attestation } = shelf;
    const digest = await sha256Digest(generateSecret());
    const version = await versionOf(digest, 2);
    const payload = { ...base(steward, project), ...version, specification, attestation };
    await expect(
      publish(hub, steward, {
        type: 'dataset.published',
        payload: { ...payload, sensitivity: 'test' },
        extra: { url },
      }),
    ).rejects.toMatchObject(refusedWith(code));
  });

  it('shows store URLs to nobody and keeps them sealed', async () => {
    const { owner, steward, project, runConfiguration } = world;
    const shown = [];
    for (const party of [owner, steward]) {
      shown.push(await as(hub, party, hubRoutes.artifacts, { params: { project } }));
      shown.push(await as(hub, party, hubRoutes.runConfiguration, { params: { runConfiguration } }));
    }
    expect(JSON.stringify(shown)).not.toContain('store.example');
    const rows = await hub.db.selectFrom('asset_urls').select('sealed').execute();
    expect(rows.length).toBeGreaterThan(0);
    for (const { sealed } of rows) expect(sealed.toString('latin1')).not.toContain('secret-');
  });

  it('refuses to change or forget a statement, whoever asks the database', async () => {
    await expect(hub.db.updateTable('statements').set({ leaf: 1000 }).execute()).rejects.toThrow(
      /append-only/,
    );
    await expect(hub.db.deleteFrom('statements').execute()).rejects.toThrow(/append-only/);
  });
});

describe('contracts and requests', () => {
  it('takes no contract with other participants, another project, or another ledger', async () => {
    const { owner, project, shelf, node, steward } = world;
    const params = { project };
    const offer = async (changes: object) => {
      const contract = { ...contractFor(hub, { steward, owner, project, shelf, node }), ...changes };
      const statement = await signContract(hub, owner, contract);
      return as(hub, owner, hubRoutes.createRunConfiguration, { params, body: { name: 'x', statement } });
    };
    const third = await joinHub(hub, 'third');
    const [first, second] = world.contract.participants;
    const extra = {
      org: third.org,
      root: third.root.key,
      role: 'algorithm-owner',
      keys: [{ kid: third.person.kid, uses: ['contract'] }],
    };
    await expect(offer({ participants: [first, second, extra] })).rejects.toMatchObject(
      refusedWith('hub/not-a-participant'),
    );
    await expect(offer({ project: 'another' })).rejects.toMatchObject(refusedWith('hub/contract-mismatch'));
    const key = (await ed25519Signer(generateSecret())).key;
    await expect(offer({ ledger: { ...world.contract.ledger, key } })).rejects.toMatchObject(
      refusedWith('hub/contract-mismatch'),
    );
    const unknown = await sha256Digest(generateSecret());
    const datasets = world.contract.datasets.map((item) => ({ ...item, digest: unknown }));
    await expect(offer({ datasets })).rejects.toMatchObject(refusedWith('hub/unknown-asset'));
    await expect(offer({})).rejects.toMatchObject(refusedWith('hub/not-unique'));
  });

  it('lets only the algorithm owner offer', async () => {
    const { steward, project } = world;
    const statement = await signContract(hub, steward, { ...world.contract, salt: freshSalt() });
    const body = { name: 'x', statement };
    await expect(
      as(hub, steward, hubRoutes.createRunConfiguration, { params: { project }, body }),
    ).rejects.toMatchObject(refusedWith('hub/wrong-role'));
  });

  it('opens one run of a configuration at a time, and only what the contract allows', async () => {
    const run = await requestRun(world);
    await expect(requestRun(world)).rejects.toMatchObject(refusedWith('hub/run-in-progress'));
    await endRun(run);
    await expect(requestRun(world, { vcpu: 64 })).rejects.toMatchObject(refusedWith('hub/contract-mismatch'));
    await expect(requestRun(world, { parameters: { LOUD: true } })).rejects.toMatchObject(
      refusedWith('contract/parameters'),
    );
    await expect(requestRun(world, { runConfiguration: 'rc-other' })).rejects.toMatchObject(
      refusedWith('hub/contract-mismatch'),
    );
  });

  it('keeps a reason apart, and only the reason that was signed', async () => {
    const { steward, digest: contract } = world;
    const run = await requestRun(world);
    const note = '{"salt":"AAAA","text":"the criteria say too much"}';
    const payload = { salt: freshSalt(), contract, run, org: steward.org };
    const named = { ...payload, note: await sha256Digest(utf8Encode(note)) };
    const statement = await say(hub, steward.person, {
      type: 'run.rejected',
      payload: named,
      iss: steward.org,
    });
    await expect(submit(world, steward, statement, 'other words')).rejects.toMatchObject(
      refusedWith('hub/digest-mismatch'),
    );
    await submit(world, steward, statement, note);
    expect(await as(hub, world.owner, hubRoutes.run, { params: { run } })).toMatchObject({
      status: 'Run Rejected',
      detail: 'the criteria say too much',
    });
  });

  it('lets no algorithm owner approve its own run', async () => {
    const { owner, digest: contract } = world;
    const run = await requestRun(world);
    const payload = { salt: freshSalt(), contract, run, org: owner.org };
    const statement = await say(hub, owner.person, { type: 'run.approved', payload, iss: owner.org });
    await expect(submit(world, owner, statement)).rejects.toMatchObject(
      refusedWith('statement/wrong-signer'),
    );
    await endRun(run);
  });
});
