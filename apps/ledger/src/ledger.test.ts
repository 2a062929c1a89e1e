import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, hexEncode, sha256 } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import {
  consistencyProof,
  ledgerEntry,
  openCheckpoint,
  PUBLIC_SUBJECT_KEY,
  tilePath,
  verifyConsistency,
  verifyTlogProof,
} from '@sealroom/tlog';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tlogProof } from './answers.ts';
import { type Disk, openDisk } from './disk.ts';
import { fakeAdmission, type Fixture, fixture, ORIGIN, statement } from './fixtures.ts';
import { type Ledger, openLedger } from './ledger.ts';

let place: Fixture;
beforeEach(async () => {
  place = await fixture();
});
afterEach(() => place.remove());

async function expectProof(ledger: Ledger, index: number, bytes: Bytes): Promise<void> {
  const text = await tlogProof(ledger.head(), index);
  const entry = await ledgerEntry(PUBLIC_SUBJECT_KEY, bytes);
  expect(await verifyTlogProof(text, { entry, origin: ORIGIN, key: place.signer.key })).toMatchObject({
    index,
  });
}

/** Appends statements `from` up to `to`, all at once. */
async function fill(ledger: Ledger, from: number, to: number): Promise<readonly number[]> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  const appended = await Promise.all(numbers.map((i) => ledger.append(statement(i))));
  return appended.map(({ index }) => index);
}

describe('appending', () => {
  test('64 concurrent appends get distinct leaves, each with a proof that verifies', async () => {
    const ledger = await place.open();
    const indexes = await fill(ledger, 0, 64);
    expect(new Set(indexes)).toEqual(new Set(Array.from({ length: 64 }, (_, i) => i)));
    for (const [i, index] of indexes.entries()) await expectProof(ledger, index, statement(i));
  });

  test('a statement has one leaf, however often and however concurrently it is sent', async () => {
    const ledger = await place.open();
    const answers = await Promise.all([1, 2, 3].map(() => ledger.append(statement(7))));
    expect(answers.map(({ index }) => index)).toEqual([0, 0, 0]);
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(await ledger.append(statement(7))).toEqual({ index: 0, repeated: true });
    expect(ledger.head().size).toBe(1);
  });

  test('a refused statement takes no leaf and does not stop the others', async () => {
    const ledger = await place.open();
    const answers = await Promise.allSettled(
      [statement(0), statement(1, 'bad'), statement(2)].map((b) => ledger.append(b)),
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { code: 'statement/unknown-type' } });
    expect(ledger.head().size).toBe(2);
  });

  test('a log over several tiles serves tiles and proofs, also of earlier sizes, after a restart', async () => {
    let ledger = await place.open();
    await fill(ledger, 0, 300);
    const before = ledger.head();
    await fill(ledger, 300, 700);
    for (let again = 0; again < 2; again++) {
      const head = ledger.head();
      expect(head.size).toBe(700);
      for (const name of [
        { level: 0, index: 0, width: 256 },
        { level: 0, index: 1, width: 44 },
        { level: 0, index: 2, width: 188 },
        { level: 1, index: 0, width: 2 },
        { level: 'entries' as const, index: 2, width: 188 },
      ]) {
        const bytes = await head.tile(name);
        const width = name.level === 'entries' ? 66 : 32;
        expect(bytes.length, tilePath(name)).toBe(name.width * width);
      }
      await expect(head.tile({ level: 0, index: 2, width: 189 })).rejects.toMatchObject({
        code: 'ledger/unknown-tile',
      });
      const proof = await consistencyProof(head.read, 300, 700);
      await verifyConsistency({ from: 300, to: 700, fromRoot: before.root, toRoot: head.root, proof });
      for (const index of [0, 255, 256, 511, 699]) {
        const entry = await head.entry(index);
        await verifyTlogProof(await tlogProof(head, index), { entry, origin: ORIGIN, key: place.signer.key });
      }
      await ledger.close();
      ledger = await place.open();
    }
  });

  test('a ledger that stops finishes what it took and takes no more', async () => {
    const ledger = await place.open();
    const first = ledger.append(statement(0));
    const closed = ledger.close();
    await expect(ledger.append(statement(1))).rejects.toMatchObject({ code: 'ledger/stopping' });
    await closed;
    expect(await first).toMatchObject({ index: 0 });
  });
});

describe('when the disk fails', () => {
  /** A disk that fails while `broken` says so. */
  function faulty(broken: (path: string) => boolean): Disk {
    return {
      ...place.disk,
      async write(files, last) {
        const bad = files.find(({ path }) => broken(path));
        const fails = bad ?? (last && broken(last.path));
        await place.disk.write(
          files.filter((file) => file !== bad),
          fails ? undefined : last,
        );
        if (fails) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      },
    };
  }

  test.each(['statements/', 'tile/0/', 'tile/entries/', 'checkpoint'])(
    'at %s, nobody gets a receipt, and the log goes on when there is room again',
    async (prefix) => {
      let full = false;
      const ledger = await place.open(faulty((path) => full && path.startsWith(prefix)));
      await fill(ledger, 0, 3);
      full = true;
      const answers = await Promise.allSettled([3, 4, 5].map((i) => ledger.append(statement(i))));
      for (const answer of answers)
        expect(answer).toMatchObject({ reason: { code: 'ledger/storage-failed' } });
      expect(ledger.head().size).toBe(3);
      full = false;
      expect(new Set(await fill(ledger, 3, 8))).toEqual(new Set([3, 4, 5, 6, 7]));
      for (let i = 0; i < 8; i++) {
        const index = ledger.find(hexEncode(await sha256(statement(i)))) ?? -1;
        await expectProof(ledger, index, statement(i));
      }
      expect((await place.open()).head().note).toBe(ledger.head().note);
    },
  );

  test('a record that fails half way is folded anew from the disk', async () => {
    let failing = false;
    let records = 0;
    const ledger = await openLedger({
      disk: place.disk,
      signer: place.signer,
      origin: ORIGIN,
      createAdmission: () => {
        records += 1;
        const admission = fakeAdmission();
        return {
          admit: async (bytes) => {
            const admitted = await admission.admit(bytes);
            const commit = (index: number) => {
              if (failing) throw new Error('half way');
              return admitted.commit(index);
            };
            return { ...admitted, commit };
          },
        };
      },
    });
    await fill(ledger, 0, 2);
    failing = true;
    await expect(ledger.append(statement(2))).rejects.toThrow('half way');
    failing = false;
    expect(await ledger.append(statement(3))).toMatchObject({ index: 2 });
    expect(records).toBe(2);
  });
});

describe('taking up a directory', () => {
  test('what lies beyond the checkpoint was never acknowledged and is gone', async () => {
    const ledger = await place.open();
    await fill(ledger, 0, 5);
    const note = await readFile(join(place.data, 'checkpoint'));
    await fill(ledger, 5, 9);
    await ledger.close();
    await writeFile(join(place.data, 'checkpoint'), note);
    const again = await place.open();
    expect(again.head().size).toBe(5);
    expect((await place.disk.list('tile')).filter((path) => /\/[6-9]$/.test(path))).toEqual([]);
    const groups = (await place.disk.list('statements')).map((path) => Number(path.split('/').at(-1)));
    expect(Math.max(...groups)).toBeLessThan(5);
    expect(await again.append(statement(100))).toMatchObject({ index: 5 });
  });

  test('a hash tile that is torn or missing is made anew', async () => {
    await fill(await place.open(), 0, 300);
    const [torn, missing] = ['tile/0/000', 'tile/1/000.p/1'];
    const good = await readFile(join(place.data, torn));
    await truncate(join(place.data, torn), 100);
    await rm(join(place.data, missing));
    expect((await place.open()).head().size).toBe(300);
    expect(await readFile(join(place.data, torn))).toEqual(good);
    expect((await readFile(join(place.data, missing))).length).toBe(32);
  });

  test.each(['tile/0/000', 'tile/0/001.p/44', 'tile/entries/000', 'tile/entries/001.p/44', 'tile/1/000.p/1'])(
    'refuses to start when %s was tampered with',
    async (path) => {
      await fill(await place.open(), 0, 300);
      const bytes = await readFile(join(place.data, path));
      bytes[40 % bytes.length] = (bytes[40 % bytes.length] ?? 0) ^ 1;
      await writeFile(join(place.data, path), bytes);
      await expect(place.open()).rejects.toMatchObject({ code: 'ledger/tiles-do-not-match' });
    },
  );

  test('refuses a log without its checkpoint, under another key or origin, or with a changed or lost statement', async () => {
    const ledger = await place.open();
    await fill(ledger, 0, 3);
    const checkpoint = join(place.data, 'checkpoint');
    const note = await readFile(checkpoint);
    const options = {
      disk: place.disk,
      signer: place.signer,
      origin: ORIGIN,
      createAdmission: () => fakeAdmission(),
    };
    const stranger = await ed25519Signer(generateSecret());
    await expect(openLedger({ ...options, signer: stranger })).rejects.toMatchObject({
      code: 'tlog/unknown-signer',
    });
    await expect(openLedger({ ...options, origin: 'other.test' })).rejects.toMatchObject({
      code: 'tlog/unknown-signer',
    });
    await rm(checkpoint);
    await expect(place.open()).rejects.toMatchObject({ code: 'ledger/no-checkpoint' });
    await writeFile(checkpoint, note);
    const path = join(place.data, (await place.disk.list('statements'))[0] ?? '');
    const good = await readFile(path);
    const changed = Buffer.from(good);
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    await writeFile(path, changed);
    await expect(place.open()).rejects.toMatchObject({ code: 'ledger/replay-refused' });
    await writeFile(path, good.subarray(0, -1));
    await expect(place.open()).rejects.toMatchObject({ code: 'ledger/statement-missing' });
    await rm(path);
    await expect(place.open()).rejects.toMatchObject({ code: 'ledger/statement-missing' });
  });

  test('yesterday’s copy starts, but a client that saw today’s checkpoint finds out', async () => {
    const ledger = await place.open();
    await fill(ledger, 0, 4);
    const yesterday = await readFile(join(place.data, 'checkpoint'));
    await fill(ledger, 4, 6);
    const seen = ledger.head();
    await ledger.close();
    await writeFile(join(place.data, 'checkpoint'), yesterday);

    const restored = await openLedger({
      disk: openDisk(place.data),
      signer: place.signer,
      origin: ORIGIN,
      createAdmission: () => fakeAdmission(),
    });
    await fill(restored, 50, 53);
    const now = await openCheckpoint(restored.head().note, { origin: ORIGIN, key: place.signer.key });
    const proof = await consistencyProof(restored.head().read, seen.size, now.size);
    await expect(
      verifyConsistency({ from: seen.size, to: now.size, fromRoot: seen.root, toRoot: now.root, proof }),
    ).rejects.toMatchObject({ code: 'tlog/root-mismatch' });
  });
});
