import { type Bytes, leafHash, sha256, treeRoot, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkpointFor,
  consistencyProof,
  cosign,
  type Cosigned,
  cosignatureVerifier,
  decideAddCheckpoint,
  formatAddCheckpoint,
  openCheckpoint,
  parseAddCheckpoint,
  parseNote,
  readCosignature,
  signCheckpoint,
  type TlogError,
} from './index.ts';

const origin = 'ledger.example/witnessed';
const log = await ed25519Signer(generateSecret());
const witnessSigner = await ed25519Signer(generateSecret());
const witness = { name: 'witness.example/w1', key: witnessSigner.key };
const NOW = 1_700_000_000_000;

/** Leaves of a log; `fork` gives another history from a leaf on. */
async function leavesOf(count: number, fork = Number.POSITIVE_INFINITY): Promise<Bytes[]> {
  const name = (i: number) => utf8Encode(i < fork ? `leaf ${i}` : `other ${i}`);
  return Promise.all(Array.from({ length: count }, (_, i) => leafHash(name(i))));
}

const treeOf = async (leaves: readonly Bytes[]): Promise<Cosigned> => ({
  size: leaves.length,
  root: await treeRoot(leaves),
});

const signed = async (tree: Cosigned, by: Signer = log, as = origin) =>
  signCheckpoint(by, { origin: as, size: tree.size, root: tree.root });

const growth = (leaves: readonly Bytes[], from: number) =>
  from === 0 || from === leaves.length
    ? Promise.resolve([])
    : consistencyProof(
        (level, at) => treeRoot(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level)),
        from,
        leaves.length,
      );

/** What a witness that cosigned `latest` decides; 200, or the status and the code or size. */
async function decide(body: string, latest?: Cosigned): Promise<string> {
  const decision = await decideAddCheckpoint(body, {
    keyOf: (name) => (name === origin ? log.key : undefined),
    latest: () => latest,
  });
  if (decision.status === 200) return '200';
  return decision.status === 409 ? `409 ${decision.size}` : `${decision.status} ${decision.code}`;
}

const request = async (leaves: readonly Bytes[], oldSize: number, checkpoint?: string) =>
  formatAddCheckpoint({
    oldSize,
    proof: await growth(leaves, oldSize),
    checkpoint: checkpoint ?? (await signed(await treeOf(leaves))),
  });

describe('a request', () => {
  test('is written as the specification shows it, and reads back', async () => {
    const leaves = await leavesOf(9);
    const body = await request(leaves, 5);
    expect(body).toMatch(/^old 5\n(?:[A-Za-z0-9+/]{43}=\n)+\nledger\.example\/witnessed\n9\n/);
    expect(formatAddCheckpoint(parseAddCheckpoint(body))).toBe(body);
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
        fc.string().map((text) => `${text.trim()}x\n`),
        (oldSize, hashes, checkpoint) => {
          const given = { oldSize, proof: hashes.map((hash) => new Uint8Array(hash)), checkpoint };
          expect(parseAddCheckpoint(formatAddCheckpoint(given))).toEqual(given);
        },
      ),
    );
  });

  test('is refused in any other form, and cut anywhere', async () => {
    const leaves = await leavesOf(9);
    const body = await request(leaves, 5);
    const hash = body.split('\n')[1] ?? '';
    const bad = [
      body.replace('old 5', 'old 05'),
      body.replace('old 5', 'old -5'),
      body.replace('old 5', 'old  5'),
      body.replace('old 5', 'new 5'),
      body.replace('old 5', 'old 9007199254740993'),
      body.replace(hash, hash.slice(1)),
      body.replace(hash, `${hash} `),
      body.replaceAll('\n', '\r\n'),
      body.replace(`${hash}\n`, `${hash}\n`.repeat(64)),
      ` ${body}`,
    ];
    for (const text of bad) expect(await decide(text), text).toBe('400 tlog/malformed-request');
    for (let at = 0; at < body.length; at++) {
      const cut = await decide(body.slice(0, at), await treeOf(leaves.slice(0, 5)));
      expect(cut, `cut at ${at}`).toMatch(/^400 /);
    }
  });
});

describe('a witness', () => {
  test('cosigns what continues what it cosigned, from nothing to any size, and the same again', async () => {
    const leaves = await leavesOf(20);
    for (let to = 0; to <= 20; to++) {
      for (let from = 0; from <= to; from++) {
        const latest = from === 0 ? undefined : await treeOf(leaves.slice(0, from));
        expect(await decide(await request(leaves.slice(0, to), from), latest), `${from} to ${to}`).toBe(
          '200',
        );
      }
    }
  });

  test('tells the size it knows to a log that believes another, be it smaller or larger', async () => {
    const leaves = await leavesOf(12);
    const latest = await treeOf(leaves.slice(0, 8));
    expect(await decide(await request(leaves, 0), latest)).toBe('409 8');
    expect(await decide(await request(leaves, 5), latest)).toBe('409 8');
    expect(await decide(await request(leaves, 11), latest)).toBe('409 8');
    expect(await decide(await request(leaves, 5))).toBe('409 0');
    // A log that was set back shows a tree smaller than the one cosigned.
    expect(await decide(await request(leaves.slice(0, 6), 6), latest)).toBe('409 8');
  });

  test('cosigns no fork, no older tree, and nothing that is not proved', async () => {
    const [leaves, other] = [await leavesOf(12), await leavesOf(12, 3)];
    const latest = await treeOf(leaves.slice(0, 8));
    expect(await decide(await request(other, 8), latest)).toBe('422 tlog/root-mismatch');
    expect(await decide(await request(other.slice(0, 8), 8), latest)).toBe('422 tlog/root-mismatch');
    const backwards = formatAddCheckpoint({
      oldSize: 8,
      proof: [],
      checkpoint: await signed(await treeOf(leaves.slice(0, 6))),
    });
    expect(await decide(backwards, latest)).toBe('400 tlog/bad-size');
    const { proof, checkpoint } = parseAddCheckpoint(await request(leaves, 8));
    for (const wrong of [
      [],
      proof.slice(1),
      [...proof, latest.root],
      proof.map((hash) => hash.toReversed()),
    ]) {
      const body = formatAddCheckpoint({ oldSize: 8, proof: wrong, checkpoint });
      expect(await decide(body, latest)).toMatch(/^422 tlog\/(root-mismatch|bad-proof-length)$/);
    }
    const fromNothing = formatAddCheckpoint({ oldSize: 0, proof, checkpoint });
    expect(await decide(fromNothing)).toBe('422 tlog/bad-proof-length');
    const again = await request(leaves.slice(0, 8), 8);
    const same = formatAddCheckpoint({ ...parseAddCheckpoint(again), proof });
    expect(await decide(same, latest)).toBe('422 tlog/bad-proof-length');
    const empty = await signed({ size: 0, root: await sha256(utf8Encode('no tree')) });
    expect(await decide(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: empty }))).toBe(
      '422 tlog/root-mismatch',
    );
  });

  test('cosigns for the logs it watches, under their own keys', async () => {
    const leaves = await leavesOf(4);
    const tree = await treeOf(leaves);
    const elsewhere = await signed(tree, log, 'ledger.example/other');
    expect(await decide(await request(leaves, 0, elsewhere))).toBe('404 tlog/wrong-origin');
    const stranger = await ed25519Signer(generateSecret());
    expect(await decide(await request(leaves, 0, await signed(tree, stranger)))).toBe(
      '403 tlog/unknown-signer',
    );
    const note = await signed(tree);
    const changed = note.replace('\n4\n', '\n5\n');
    expect(await decide(await request(leaves, 0, changed))).toBe('403 tlog/bad-signature');
    expect(await decide(await request(leaves, 0, note.replace('\n4\n', '\n04\n')))).toBe(
      '400 tlog/malformed-checkpoint',
    );
    // Lines of keys that it does not know are nothing to it.
    const cosigned = note + (await cosign(stranger, 'other.example', note, NOW));
    expect(await decide(await request(leaves, 0, cosigned))).toBe('200');
  });
});

describe('a witness’s answer', () => {
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'read',
      (error: TlogError) => error.code,
    );

  test('gives the line, which opens with the checkpoint', async () => {
    const note = await signed(await treeOf(await leavesOf(3)));
    const answer = await cosign(witnessSigner, witness.name, note, NOW);
    const { line, time } = await readCosignature(note, answer, witness);
    expect([line, time]).toEqual([answer, NOW]);
    const opened = await openCheckpoint(note + line, { origin, key: log.key, witnesses: [witness] });
    expect(opened.cosignatures).toEqual([{ ...witness, time: NOW }]);
  });

  test('may hold lines of other keys, which are left out', async () => {
    const note = await signed(await treeOf(await leavesOf(3)));
    const other = await cosign(log, 'witness.example/w2', note, NOW);
    const own = await cosign(witnessSigner, witness.name, note, NOW);
    expect((await readCosignature(note, other + own, witness)).line).toBe(own);
    expect(await code(readCosignature(note, other, witness))).toBe('tlog/unknown-signer');
  });

  test('is refused when it is about another checkpoint, without a time, altered, or no signature line', async () => {
    const tree = await treeOf(await leavesOf(3));
    const note = await signed(tree);
    const elsewhere = await signed({ ...tree, size: 4 });
    const read = (answer: string) => code(readCosignature(note, answer, witness));
    expect(await read(await cosign(witnessSigner, witness.name, elsewhere, NOW))).toBe('tlog/bad-signature');
    expect(await read(await cosign(witnessSigner, witness.name, note, 0))).toBe('tlog/malformed-cosignature');
    const own = await cosign(witnessSigner, witness.name, note, NOW);
    for (let at = 0; at < own.length; at++) {
      const changed = own.slice(0, at) + (own[at] === 'B' ? 'C' : 'B') + own.slice(at + 1);
      expect(await read(changed), `character ${at}`).not.toBe('read');
      expect(await read(own.slice(0, at))).not.toBe('read');
    }
    for (const answer of ['', '\n', `${note}${own}`, `text\n\n${own}`, ` ${own}`, own + own])
      expect(await read(answer)).toMatch(/^tlog\/malformed-(cosignature|note)$/);
  });

  test('is cut down to the lines that a reader knows, before a reader who refuses all others', async () => {
    const note = await signed(await treeOf(await leavesOf(3)));
    const own = await cosign(witnessSigner, witness.name, note, NOW);
    const other = await cosign(log, 'witness.example/w2', note, NOW);
    const options = { origin, key: log.key, witnesses: [witness] };
    const cut = await checkpointFor(note + other + own, options);
    expect(cut).toBe(note + own);
    await openCheckpoint(cut, { ...options, unknownLines: 'refuse' });
    expect(await checkpointFor(note + other + own, { ...options, witnesses: [] })).toBe(note);
    const verifier = await cosignatureVerifier(witness.name, witness.key);
    expect(parseNote(cut).signatures.map(({ id }) => id)).toContain(verifier.id);
  });
});
