import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { createStatement, freshSalt, isOfType, type MessageOf, readStatement } from '@sealroom/contract';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { importKek, wrapKey } from '@sealroom/seal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  approvedRun,
  ask,
  at,
  codesAt,
  giveKey,
  opaque,
  releaseBoth,
  setStage,
  type Stage,
} from '../fixtures.ts';
import { openSecret, sealSecret } from './sealing.ts';
import { kekByDigest } from './store.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

type Request = MessageOf<'kek-request'>;

function wanted(change: Partial<Request> = {}): Request {
  const { steward, project } = stage.world;
  return { org: steward.org, project, role: 'data-steward', ...change };
}

async function createKek(request: string) {
  return call(at(stage.steward), vaultRoutes.createKek, { body: { request } });
}

describe('a key-encryption key', () => {
  const asked = (payload: Request) =>
    ask(stage, stage.world.steward.identity, stage.steward.signer.kid, 'kek-request', payload);

  it('is made once for a project, organisation and role, and announced in the ledger', async () => {
    const first = await createKek(await asked(wanted()));
    const again = await createKek(await asked(wanted()));
    expect([again.statement, again.index]).toEqual([first.statement, first.index]);
    const statement = await readStatement(base64urlDecode(first.statement));
    if (!isOfType(statement, 'kek.created')) throw new Error('not a kek.created');
    expect(statement.payload.kek).toBe(await sha256Digest(base64urlDecode(statement.payload.spki)));
    expect(stage.ledger.record.keks.get(statement.payload.kek)?.org).toBe(stage.world.steward.org);
    expect((await importKek(base64urlDecode(statement.payload.spki))).bits).toBe(4096);
  });

  it('is refused to whom the vault does not serve, does not know, or heard long ago', async () => {
    const { owner, steward } = stage.world;
    const kid = stage.steward.signer.kid;
    const stranger = await ed25519Signer(generateSecret());
    const cases = [
      ['vault/not-served', await ask(stage, owner.identity, kid, 'kek-request', wanted({ org: owner.org }))],
      ['vault/unknown-identity', await ask(stage, stranger, kid, 'kek-request', wanted())],
      ['vault/unknown-identity', await ask(stage, owner.identity, kid, 'kek-request', wanted())],
      ['vault/unknown-identity', await ask(stage, steward.root, kid, 'kek-request', wanted())],
      [
        'statement/wrong-signer',
        await ask(stage, steward.identity, stage.owner.signer.kid, 'kek-request', wanted()),
      ],
    ] as const;
    for (const [problem, request] of cases)
      await expect(createKek(request)).rejects.toMatchObject({ problem });
    const old = await asked(wanted());
    stage.clock.now += 301_000;
    await expect(createKek(old)).rejects.toMatchObject({ problem: 'vault/stale-message' });
  });

  it('is sealed for its place: another root key, owner or project does not open it', async () => {
    const party = stage.world.steward;
    const kept = await kekByDigest(stage.steward.database.db, party.kek ?? (await sha256Digest()));
    if (!kept) throw new Error('the key is not kept');
    expect(openSecret(stage.steward.rootKey, kept, kept.sealed).length).toBeGreaterThan(2000);
    const code = { code: 'vault/root-key' };
    const other = generateSecret();
    expect(() => openSecret(other, kept, kept.sealed)).toThrow(expect.objectContaining(code));
    for (const change of [
      { org: stage.world.owner.org },
      { project: 'another' },
      { role: 'algorithm-owner' },
    ] as const) {
      const moved = { ...kept, ...change };
      expect(() => openSecret(stage.steward.rootKey, moved, kept.sealed)).toThrow(
        expect.objectContaining(code),
      );
    }
    const torn = kept.sealed.slice(0, 20);
    expect(() => openSecret(stage.steward.rootKey, kept, torn)).toThrow(expect.objectContaining(code));
    expect(sealSecret(other, kept, other)).not.toEqual(sealSecret(other, kept, other));
  });
});

describe('a wrapped key', () => {
  async function handIn(wcek: Bytes, change: { kek?: Digest; digest?: Digest; forged?: boolean } = {}) {
    const { steward, project } = stage.world;
    const kek = change.kek ?? steward.kek ?? (await sha256Digest());
    const digest = change.digest ?? (await sha256Digest(wcek));
    const named = { salt: freshSalt(), org: steward.org, project, role: steward.role, kek, wcek: digest };
    const signer = change.forged ? await ed25519Signer(generateSecret()) : steward.identity;
    const head = { type: 'key.wrapped' as const, payload: named, iss: steward.org };
    const cose = await createStatement(signer, {
      ...head,
      origin: stage.ledger.origin,
      now: stage.clock.now,
    });
    const body = { statement: base64urlEncode(cose), wcek: base64urlEncode(wcek) };
    return call(at(stage.steward), vaultRoutes.wrapKey, { body });
  }

  async function wrapped(cek: Bytes): Promise<Bytes> {
    const row = stage.ledger.record.keks.get(stage.world.steward.kek ?? (await sha256Digest()));
    return wrapKey(await importKek(base64urlDecode(row?.spki ?? '')), cek);
  }

  it('is taken when it opens, and the vault appends its statement where the hub has not', async () => {
    const before = stage.ledger.statements.length;
    const wcek = await wrapped(stage.world.steward.cek);
    expect(await handIn(wcek)).toEqual({ ok: true, wcek: await sha256Digest(wcek) });
    expect(stage.ledger.statements.length).toBe(before + 1);
  });

  it('is refused with one answer whatever is wrong inside', async () => {
    const good = await wrapped(generateSecret());
    const flipped = good.map((byte, index) => (index === 100 ? byte ^ 1 : byte));
    const bad = [flipped, good.slice(1), new Uint8Array(512), new Uint8Array(512).fill(255)];
    // Wrapped in ways that other tools have used, or that would be easier to attack.
    const row = stage.ledger.record.keks.get(stage.world.steward.kek ?? (await sha256Digest()));
    const spki = Buffer.from(base64urlDecode(row?.spki ?? ''));
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const cek = generateSecret();
    for (const options of [
      { padding: constants.RSA_PKCS1_PADDING },
      { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
      { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from('contract') },
    ])
      bad.push(new Uint8Array(publicEncrypt({ key, ...options }, cek)));
    bad.push(new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.alloc(512, 1))));
    // Content keys of another length, wrapped as they should be.
    const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    for (const length of [0, 16, 31, 33, 64])
      bad.push(new Uint8Array(publicEncrypt(oaep, Buffer.alloc(length, 1))));
    const answers = new Set<string>();
    for (const wcek of bad) {
      const answer = await handIn(wcek).catch((error: unknown) => error as Error & { problem: string });
      if (!(answer instanceof Error)) throw new Error('taken');
      expect(answer).toMatchObject({ problem: 'vault/unwrap-failed', status: 400 });
      answers.add(answer.message);
    }
    expect(bad).toHaveLength(14);
    expect(answers.size).toBe(1);
  });

  it('is refused when the bytes are others than the statement says, or the statement is forged', async () => {
    const good = await wrapped(generateSecret());
    const digest = await sha256Digest();
    await expect(handIn(good, { digest })).rejects.toMatchObject({ problem: 'vault/digest-mismatch' });
    await expect(handIn(good, { forged: true })).rejects.toMatchObject({ problem: 'statement/unknown-key' });
    await expect(handIn(good, { kek: digest })).rejects.toMatchObject({ problem: 'statement/wrong-state' });
  });

  it('counts alone when it is the last: what was sealed under the one before is no longer released', async () => {
    const run = await approvedRun(stage);
    await giveKey(stage, stage.steward);
    await releaseBoth(stage, run);
    await handIn(await wrapped(generateSecret()));
    await expect(releaseBoth(stage, await approvedRun(stage))).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, stage.steward))[0]).toEqual(['release/commitment']);
  });
});

describe('the refusals', () => {
  it('are shown to the organisation that the vault serves only', async () => {
    const { owner, project } = stage.world;
    const payload = { org: owner.org, project, role: owner.role };
    const request = await ask(stage, owner.identity, stage.steward.signer.kid, 'kek-request', payload);
    await expect(call(at(stage.steward), vaultRoutes.refusals, { query: { request } })).rejects.toMatchObject(
      {
        problem: 'vault/not-served',
      },
    );
  });
});
