// Family tlog: notes, checkpoints, cosignatures, proofs, tiles, bundles, receipts, and what witnesses are sent.
import { type Bytes, bytesEqual, concat, hexDecode } from '@sealroom/bytes';
import { cborDecode, CborTag } from '@sealroom/cose';
import {
  attachReceipts,
  consistencyProof,
  decodeReceipt,
  detachReceipts,
  encodeReceipt,
  encodeTlogProof,
  inclusionProof,
  noteKeyText,
  parseTlogProof,
  rootAt,
  type TlogErrorCode,
  verifyReceipt,
  verifyTlogProof,
} from '@sealroom/tlog';
import { expect, type Family, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { tlog } from './codes.ts';
import { statementBytes, texts, vector } from './genuine.ts';
import { foreignTargets } from './tlog-foreign.ts';
import {
  checkpointTarget,
  cosignatureTarget,
  keyTextTarget,
  noteTarget,
  openCheckpointTarget,
  openNoteTarget,
} from './tlog-notes.ts';
import {
  bundleTarget,
  consistencyTarget,
  entryTarget,
  inclusionTarget,
  tilePathTarget,
  tileReaderTarget,
  tileTarget,
} from './tlog-trees.ts';
import {
  makeWorld,
  NOTE_WORDS,
  OPEN_CHECKPOINT,
  ORIGIN,
  PROOF,
  SIZE,
  sortedLines,
  textOf,
  WITNESS,
  type World,
} from './tlog-world.ts';

const proofFileTarget = (seeds: readonly string[]): Target => ({
  name: 'tlog.parseTlogProof',
  covers: ['tlog/parseTlogProof'],
  form: 'text',
  seeds: texts(...seeds),
  words: [...NOTE_WORDS, 'c2sp.org/tlog-proof@v1', 'index ', 'extra '],
  run: (input) => {
    const text = textOf(input);
    return judge(
      tlog('tlog/malformed-proof'),
      () => parseTlogProof(text),
      (proof) => expect(encodeTlogProof(proof) === text, 'round-trip', 'It writes another text.'),
    );
  },
});

function verifyProofTarget(world: World, genuine: readonly string[], index: number): Target {
  const { signer, witness, entries } = world;
  const entry = entries[index] ?? new Uint8Array();
  return {
    name: 'tlog.verifyTlogProof',
    covers: ['tlog/verifyTlogProof'],
    form: 'text',
    seeds: texts(...genuine),
    words: [...NOTE_WORDS, 'index '],
    run: async (input) => {
      const text = textOf(input);
      let outcome: Outcome = { accepted: false, note: '' };
      for (const witnesses of [[], [{ name: WITNESS, key: witness.key }]]) {
        outcome = await judgeAsync(
          tlog(...OPEN_CHECKPOINT, ...PROOF, 'tlog/malformed-proof', 'tlog/missing-witness'),
          () => verifyTlogProof(text, { entry, origin: ORIGIN, key: signer.key, witnesses }),
          (found) => {
            expect(found.index === index, 'false-accept', 'The entry is proved at another place.');
            const lines = genuine.map(sortedLines);
            expect(lines.includes(sortedLines(text)), 'false-accept', 'A proof passes that nobody made.');
          },
        );
        if (outcome.accepted) break;
      }
      return outcome;
    },
  };
}

const RECEIPT: readonly TlogErrorCode[] = ['tlog/malformed-receipt', 'tlog/unsupported-tree'];

const receiptTarget = (seeds: readonly Bytes[]): Target => ({
  name: 'tlog.decodeReceipt',
  covers: ['tlog/decodeReceipt'],
  form: 'cbor',
  seeds,
  words: ['size', 'sealroom/entry/v1', ORIGIN],
  run: (input) =>
    judge(
      tlog(...RECEIPT),
      () => decodeReceipt(input),
      ({ header, signature }) => {
        const tag = cborDecode(input);
        const parts =
          tag instanceof CborTag && Array.isArray(tag.value) ? (tag.value as readonly unknown[]) : [];
        expect(
          parts[0] instanceof Uint8Array && bytesEqual(parts[0], header),
          'round-trip',
          'Its header is another.',
        );
        expect(
          parts[3] instanceof Uint8Array && bytesEqual(parts[3], signature),
          'round-trip',
          'Its signature is another.',
        );
      },
    ),
});

function verifyReceiptTarget({ signer, entries }: World, genuine: readonly Bytes[], index: number): Target {
  return {
    name: 'tlog.verifyReceipt',
    covers: ['tlog/verifyReceipt'],
    form: 'cbor',
    seeds: genuine,
    words: ['size', 'sealroom/entry/v1', ORIGIN],
    run: (input) =>
      judgeAsync(
        tlog(...RECEIPT, ...PROOF, 'tlog/wrong-origin', 'tlog/unknown-signer', 'tlog/bad-signature'),
        () =>
          verifyReceipt(input, {
            entry: entries[index] ?? new Uint8Array(),
            origin: ORIGIN,
            key: signer.key,
          }),
        (found) => {
          expect(
            found.index === index && found.size === SIZE,
            'false-accept',
            'The entry is proved at another place.',
          );
          expect(
            genuine.some((bytes) => bytesEqual(bytes, input)),
            'false-accept',
            'A receipt passes that nobody signed.',
          );
        },
      ),
  };
}

const detachTarget = (seeds: readonly Bytes[]): Target => ({
  name: 'tlog.detachReceipts',
  covers: ['tlog/detachReceipts'],
  form: 'cbor',
  seeds,
  run: (input) =>
    judge(
      tlog('tlog/malformed-receipt'),
      () => detachReceipts(input),
      ({ statement, receipts }) =>
        expect(
          bytesEqual(attachReceipts(statement, receipts), input),
          'round-trip',
          'It writes other bytes.',
        ),
    ),
});

export async function tlogFamily(): Promise<Family> {
  const world = await makeWorld();
  const { signer, witness, leaves, read, root, note, cosigned } = world;
  const index = 6;
  const inclusions: Bytes[] = [];
  for (const at of [0, 6, 10]) {
    inclusions.push(
      concat(Uint8Array.of(at), leaves[at] ?? new Uint8Array(), ...(await inclusionProof(read, at, SIZE))),
    );
  }
  const consistencies: Bytes[] = [];
  for (const from of [1, 6, 8, 11]) {
    consistencies.push(
      concat(Uint8Array.of(from), await rootAt(read, from), ...(await consistencyProof(read, from, SIZE))),
    );
  }
  const proof = await inclusionProof(read, index, SIZE);
  const files = [note, cosigned].map((checkpoint) => encodeTlogProof({ index, proof, checkpoint }));
  const receipt = await encodeReceipt(signer, { origin: ORIGIN, index, size: SIZE, proof, root });
  const old = vector<{ made: { proof: string; receipt: string; noteKey: string } }>(
    'ledger/receipts.json',
  ).made;
  const keys = [
    await noteKeyText(ORIGIN, signer.key),
    await noteKeyText(WITNESS, witness.key, 4),
    old.noteKey,
  ];
  const statements = statementBytes().slice(0, 3);
  return {
    name: 'tlog',
    targets: [
      noteTarget(world),
      openNoteTarget(world),
      checkpointTarget(world),
      openCheckpointTarget(world, 'keep'),
      openCheckpointTarget(world, 'refuse'),
      cosignatureTarget,
      keyTextTarget(keys),
      inclusionTarget(world, inclusions),
      consistencyTarget(world, consistencies),
      tilePathTarget,
      tileTarget,
      bundleTarget,
      entryTarget,
      tileReaderTarget(world),
      proofFileTarget([...files, old.proof]),
      verifyProofTarget(world, files, index),
      receiptTarget([receipt, hexDecode(old.receipt)]),
      verifyReceiptTarget(world, [receipt], index),
      detachTarget(statements.map((statement) => attachReceipts(statement, [receipt, receipt]))),
      ...(await foreignTargets(world)),
    ],
  };
}
