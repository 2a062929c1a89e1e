// Release and clearance by two vaults over a fake ledger (docs/protocol.md sections 7 and 8).
import { base64urlDecode, base64urlEncode, sha256, sha256Digest } from '@sealroom/bytes';
import { commitmentBytes, type Contract, isOfType, readStatement, releaseInfo } from '@sealroom/contract';
import { verifySign1 } from '@sealroom/cose';
import { hpkeOpen } from '@sealroom/seal';
import {
  approveRun,
  draftContract,
  manifestOf,
  openRoom,
  requestRun,
  type Room,
  type Run,
  signContract,
} from '@sealroom/testkit/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  approvedRun,
  codesAt,
  finishAt,
  opaque,
  prove,
  releaseAt,
  releaseBoth,
  setStage,
  type Stage,
  type TestVault,
} from '../fixtures.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.close());

async function readAnswer(vault: TestVault, cose: string) {
  const statement = await readStatement((await verifySign1(base64urlDecode(cose), vault.signer.key)).bytes);
  if (!isOfType(statement, 'key.released')) throw new Error('not a key.released');
  return statement.payload;
}

async function openKeys(vault: TestVault, run: Run, room: Room, cose: string) {
  const { keys } = await readAnswer(vault, cose);
  const info = releaseInfo(await sha256(await manifestOf(run)), vault.signer.key);
  return Promise.all(
    keys.map(async ({ asset, enc, ciphertext, keyCommitment }) => {
      const message = { enc: base64urlDecode(enc), ciphertext: base64urlDecode(ciphertext) };
      const key = await hpkeOpen(room.receiveSecret, {
        ...message,
        info,
        aad: commitmentBytes(keyCommitment),
      });
      return { asset, key };
    }),
  );
}

describe('a release', () => {
  it('asks the ledger for no bytes that the room brought or that the vault itself made', async () => {
    const here = await setStage({
      shared: true,
      contract: (contract) => ({ ...contract, quota: { runs: 5, attemptsPerRun: 1 } }),
    });
    const asked: string[] = [];
    here.ledgerFetch = (url, init) => {
      asked.push(new URL(url).pathname.split('/')[1] ?? '');
      return here.ledger.fetch(url, init);
    };
    const release = async (brought: (statements: string[]) => string[]) => {
      const body = await prove(here, await approvedRun(here), await openRoom());
      asked.length = 0;
      await releaseAt(here.steward, { ...body, statements: brought(body.statements) });
      return asked.filter((part) => part === 'statements' || part === 'entries');
    };
    await release((statements) => statements);
    expect(await release((statements) => statements)).toEqual(['entries']);
    // The approval, which came last; the bytes brought in its place stand for no entry.
    const changed = await release((statements) => [...statements.slice(0, -1), `${statements.at(-1)}AAAA`]);
    expect(changed).toEqual(['statements', 'entries']);
    await here.close();
  });

  it('gives each vault’s keys, sealed to the room, and clears the end of the run', async () => {
    const run = await approvedRun(stage);
    const { room, steward, owner } = await releaseBoth(stage, run);
    const { dataset, algorithm } = stage.assets;
    expect(await openKeys(stage.steward, run, room, steward.answer)).toEqual([
      { asset: dataset.digest, key: dataset.key },
    ]);
    expect(await openKeys(stage.owner, run, room, owner.answer)).toEqual([
      { asset: algorithm.digest, key: algorithm.key },
    ]);
    const reservation = await readStatement(base64urlDecode(steward.reservation));
    const payload = await readAnswer(stage.steward, steward.answer);
    expect(payload.reservation).toBe(reservation.digest);
    expect(Date.parse(payload.releaseNotAfter)).toBe(stage.clock.now + 65 * 60_000);
    const manifest = await sha256Digest(await manifestOf(run));
    const end = { run: run.digest, manifest, outcome: 'completed' as const, bits: 100, bytes: 1000 };
    for (const vault of [stage.steward, stage.owner]) {
      const cleared = await finishAt(stage, vault, room, end);
      const again = await finishAt(stage, vault, room, end);
      expect([again.statement, again.index]).toEqual([cleared.statement, cleared.index]);
      expect((await readStatement(base64urlDecode(cleared.statement))).payload).toMatchObject(end);
    }
    expect(stage.ledger.record.runs.get(run.digest)?.cleared.size).toBe(2);
  });

  it('has its reservation in the ledger before its answer', async () => {
    const run = await approvedRun(stage);
    const { room } = await releaseBoth(stage, run);
    const reservations = stage.ledger.record.runs.get(run.digest)?.reservations ?? [];
    expect(reservations.map(({ payload }) => payload.room)).toEqual([room.keys, room.keys]);
  });

  it('gives the same room the same answer again, also with a fresh challenge', async () => {
    const run = await approvedRun(stage);
    const { room, body, steward } = await releaseBoth(stage, run);
    expect(await releaseAt(stage.steward, body)).toEqual(steward);
    expect(await releaseAt(stage.steward, await prove(stage, run, room))).toEqual(steward);
  });

  it('refuses another room that brings a nonce which was used', async () => {
    const run = await approvedRun(stage);
    const { body } = await releaseBoth(stage, run);
    const other = await approvedRun(stage);
    const fresh = await prove(stage, other, await openRoom());
    await expect(releaseAt(stage.steward, { ...fresh, challenges: body.challenges })).rejects.toMatchObject(
      opaque,
    );
    expect((await codesAt(stage, stage.steward))[0]).toContain('release/nonce');
  });

  it('keeps nothing of a challenge that no room brings back, and one row of one that was', async () => {
    const rows = async () =>
      (await stage.steward.database.db.selectFrom('challenges').selectAll().execute()).length;
    const before = await rows();
    const run = await approvedRun(stage);
    for (let asked = 0; asked < 20; asked++) await prove(stage, run, await openRoom());
    expect(await rows()).toBe(before);
    await releaseBoth(stage, run);
    expect(await rows()).toBe(before + 1);
  });

  it('refuses a nonce after a minute', async () => {
    const body = await prove(stage, await approvedRun(stage), await openRoom());
    stage.clock.now += 61_000;
    await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, stage.steward))[0]).toEqual(['release/nonce']);
  });

  it('refuses another room of a run that had its one attempt, and says so in the ledger only once', async () => {
    const run = await approvedRun(stage);
    await releaseBoth(stage, run);
    for (let attempt = 0; attempt < 2; attempt++) {
      const body = await prove(stage, run, await openRoom());
      await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
      expect((await codesAt(stage, stage.steward))[0]).toEqual(['release/attempts']);
    }
    // This vault has answered a room of the run: a denial would take that reservation back.
    expect(stage.ledger.record.runs.get(run.digest)?.denials).toEqual([]);
  });

  it('tells the ledger once per run and code what it denied', async () => {
    const run = await approvedRun(stage);
    for (let attempt = 0; attempt < 2; attempt++) {
      const body = await prove(stage, run, await openRoom(), (report) => ({ ...report, debug: true }));
      await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
    }
    const denials = stage.ledger.record.runs.get(run.digest)?.denials ?? [];
    expect(denials.map(({ payload }) => payload.code)).toEqual(['release/debug']);
  });

  it('refuses a run that nobody asked for', async () => {
    const body = await prove(stage, await approvedRun(stage), await openRoom());
    await expect(releaseAt(stage.steward, { ...body, statements: [] })).rejects.toMatchObject(opaque);
    expect((await codesAt(stage, stage.steward))[0]).toEqual(['release/run-unknown']);
  });

  it('refuses garbage with the same words', async () => {
    const body = await prove(stage, await approvedRun(stage), await openRoom());
    const junk = base64urlEncode(new Uint8Array([1, 2, 3]));
    const bodies = [
      { ...body, manifest: junk },
      { ...body, challenges: [junk] },
      { ...body, evidence: { technology: 'simulated' as const, body: junk } },
      { ...body, statements: [junk] },
    ];
    for (const bad of bodies) await expect(releaseAt(stage.steward, bad)).rejects.toMatchObject(opaque);
  });

  it('by one vault that serves both parties gives both keys in one answer', async () => {
    const shared = await setStage({ shared: true });
    const run = await approvedRun(shared);
    const room = await openRoom();
    const { answer } = await releaseAt(shared.steward, await prove(shared, run, room));
    const { dataset, algorithm } = shared.assets;
    expect(await openKeys(shared.steward, run, room, answer)).toEqual([
      { asset: dataset.digest, key: dataset.key },
      { asset: algorithm.digest, key: algorithm.key },
    ]);
    await shared.close();
  });

  it('cannot be opened as another vault’s', async () => {
    const run = await approvedRun(stage);
    const { room, steward } = await releaseBoth(stage, run);
    const [sealed] = (await readAnswer(stage.steward, steward.answer)).keys;
    if (!sealed) throw new Error('no key was released');
    const message = { enc: base64urlDecode(sealed.enc), ciphertext: base64urlDecode(sealed.ciphertext) };
    const info = releaseInfo(await sha256(await manifestOf(run)), stage.owner.signer.key);
    const aad = commitmentBytes(sealed.keyCommitment);
    await expect(hpkeOpen(room.receiveSecret, { ...message, info, aad })).rejects.toMatchObject({
      code: 'seal/hpke-failed',
    });
  });

  it('is refused by a vault whose owner allows no simulated rooms', async () => {
    const strict = await setStage({ allowSimulated: false });
    const body = await prove(strict, await approvedRun(strict), await openRoom());
    await expect(releaseAt(strict.steward, body)).rejects.toMatchObject(opaque);
    expect((await codesAt(strict, strict.steward))[0]).toEqual(['release/policy']);
    await strict.close();
  });

  it('is refused when the contract states another custody, ledger key or witness than there is', async () => {
    const changes = [
      [
        'release/policy',
        (contract: Contract) => ({
          ...contract,
          vaults: contract.vaults.map((vault) => ({ ...vault, custody: 'attested' as const })),
        }),
      ],
      [
        'release/policy',
        (contract: Contract) => ({
          ...contract,
          ledger: { ...contract.ledger, key: stage.steward.signer.key },
        }),
      ],
      [
        'release/record-stale',
        (contract: Contract) => {
          const witness = {
            org: stage.world.steward.org,
            name: 'witness.example',
            key: stage.steward.signer.key,
          };
          return { ...contract, ledger: { ...contract.ledger, witnesses: [witness] } };
        },
      ],
    ] as const;
    for (const [code, change] of changes) {
      const agreed = await signContract(stage.world, draftContract(stage.world, stage.assets, change));
      const run = await requestRun(stage.world, agreed);
      await approveRun(stage.world, run);
      const body = await prove(stage, run, await openRoom());
      await expect(releaseAt(stage.steward, body)).rejects.toMatchObject(opaque);
      expect((await codesAt(stage, stage.steward))[0]).toEqual([code]);
    }
  });
});
