// Targets for what other ledgers and witnesses send: receipts of both structures, requests to a witness and its answers.
import { type Bytes, bytesEqual, concat, sha256, utf8Encode } from '@sealroom/bytes';
import { type Cbor, cborEncode, CborTag } from '@sealroom/cose';
import {
  consistencyProof,
  cosign,
  decideAddCheckpoint,
  formatAddCheckpoint,
  inclusionProof,
  parseAddCheckpoint,
  readCosignature,
  rootAt,
  type TlogErrorCode,
  verifyCcfInclusion,
  verifyForeignConsistency,
  verifyForeignInclusion,
} from '@sealroom/tlog';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { tlog } from './codes.ts';
import { signedPart } from './cose-foreign.ts';
import { sharedBytes, texts } from './genuine.ts';
import { NOTE, NOTE_WORDS, ORIGIN, PROOF, SIZE, textOf, WITNESS, type World } from './tlog-world.ts';

const FOREIGN: readonly TlogErrorCode[] = [
  ...PROOF,
  'tlog/malformed-receipt',
  'tlog/unsupported-tree',
  'tlog/unknown-signer',
  'tlog/bad-signature',
];
const INDEX = 6;
const FROM = 6;

/** A receipt as another ledger would write it. */
async function receiptOver(
  { signer }: World,
  root: Bytes,
  structure: number,
  [kind, proof]: readonly [number, Cbor],
): Promise<Bytes> {
  const header = cborEncode(
    new Map<Cbor, Cbor>([
      [1, signer.alg],
      [395, structure],
    ]),
  );
  const signature = await signer.sign(cborEncode(['Signature1', header, new Uint8Array(), root]));
  const proofs = new Map<Cbor, Cbor>([[kind, [cborEncode(proof)]]]);
  return cborEncode(new CborTag(18, [header, new Map<Cbor, Cbor>([[396, proofs]]), null, signature]));
}

const seedsOf = (genuine: readonly Bytes[]): Bytes[] => [
  ...genuine,
  ...['valid-eddsa', 'valid-es256', 'valid-ccf-vds2'].flatMap((name) =>
    sharedBytes(`cose/scitt-cose/test-vectors/v1/${name}/receipt.cose`),
  ),
];

function checkSigned(input: Uint8Array, genuine: readonly Bytes[], root: Bytes, found: Bytes): void {
  expect(bytesEqual(root, found), 'false-accept', 'A root passes that nobody signed.');
  expect(
    genuine.map(signedPart).includes(signedPart(input)),
    'false-accept',
    'A header or signature passes that nobody made.',
  );
}

/** Runs a check for something else than what the receipt proves; it must not pass. */
async function never(check: () => Promise<unknown>, message: string): Promise<void> {
  const { accepted } = await judgeAsync(tlog(...FOREIGN), check, () => undefined);
  expect(!accepted, 'false-accept', message);
}

async function inclusionOf(world: World): Promise<Target> {
  const { signer, entries, read, root } = world;
  const path = await inclusionProof(read, INDEX, SIZE);
  const growth = await consistencyProof(read, FROM, SIZE);
  const genuine = [
    await receiptOver(world, root, 1, [-1, [SIZE, INDEX, path]]),
    await receiptOver(world, root, 1, [-2, [FROM, SIZE, growth]]),
  ];
  const entry = entries[INDEX] ?? new Uint8Array();
  const findKey = () => signer.key;
  return {
    name: 'tlog.verifyForeignInclusion',
    covers: ['tlog/verifyForeignInclusion'],
    form: 'cbor',
    seeds: seedsOf(genuine),
    run: async (input) => {
      const outcome = await judgeAsync(
        tlog(...FOREIGN),
        () => verifyForeignInclusion(input, { entry, findKey }),
        (found) => {
          checkSigned(input, genuine, root, found.root);
          // Nobody signs the size. The sides of this entry's path belong to its index alone.
          expect(
            found.index === INDEX && found.size > INDEX,
            'false-accept',
            'The entry is proved at another place.',
          );
        },
      );
      const other = utf8Encode('an entry that is not there');
      await never(() => verifyForeignInclusion(input, { entry: other, findKey }), 'Another entry is proved.');
      return outcome;
    },
  };
}

async function consistencyOf(world: World): Promise<Target> {
  const { signer, read, root } = world;
  const fromRoot = await rootAt(read, FROM);
  const growth = await consistencyProof(read, FROM, SIZE);
  const genuine = [
    await receiptOver(world, root, 1, [-2, [FROM, SIZE, growth]]),
    await receiptOver(world, root, 1, [-1, [SIZE, INDEX, await inclusionProof(read, INDEX, SIZE)]]),
  ];
  const findKey = () => signer.key;
  const rewritten = await sha256(fromRoot);
  return {
    name: 'tlog.verifyForeignConsistency',
    covers: ['tlog/verifyForeignConsistency'],
    form: 'cbor',
    seeds: seedsOf(genuine),
    run: async (input) => {
      const outcome = await judgeAsync(
        tlog(...FOREIGN),
        () => verifyForeignConsistency(input, { from: FROM, fromRoot, findKey }),
        (found) => {
          checkSigned(input, genuine, root, found.root);
          expect(found.size > FROM, 'false-accept', 'The log grew to a size that it had.');
        },
      );
      await never(
        () => verifyForeignConsistency(input, { from: FROM, fromRoot: rewritten, findKey }),
        'A log grew from a root that it never had.',
      );
      return outcome;
    },
  };
}

async function ccfOf(world: World): Promise<Target> {
  const { signer } = world;
  const statement = utf8Encode('a statement as the ledger took it');
  const [transaction, left, right] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
    Bytes,
    Bytes,
    Bytes,
  ];
  const evidence = 'ce:2.18:abcdef';
  const data = await sha256(statement);
  const leaf = await sha256(transaction, await sha256(utf8Encode(evidence)), data);
  const root = await sha256(await sha256(left, leaf), right);
  const path: Cbor = [
    [true, left],
    [false, right],
  ];
  const proof = new Map<Cbor, Cbor>([
    [1, [transaction, evidence, data]],
    [2, path],
  ]);
  const genuine = [await receiptOver(world, root, 2, [-1, proof])];
  const findKey = () => signer.key;
  return {
    name: 'tlog.verifyCcfInclusion',
    covers: ['tlog/verifyCcfInclusion'],
    form: 'cbor',
    seeds: seedsOf(genuine),
    words: [evidence],
    run: async (input) => {
      const outcome = await judgeAsync(
        tlog(...FOREIGN),
        () => verifyCcfInclusion(input, { statement, findKey }),
        (found) => checkSigned(input, genuine, root, found.root),
      );
      const other = concat(statement, Uint8Array.of(0));
      await never(
        () => verifyCcfInclusion(input, { statement: other, findKey }),
        'Another statement passes.',
      );
      return outcome;
    },
  };
}

async function requestOf(world: World): Promise<Target> {
  const { signer, read, root, note, cosigned } = world;
  const latest = { size: FROM, root: await rootAt(read, FROM) };
  const proof = await consistencyProof(read, FROM, SIZE);
  const requests = [note, cosigned].map((checkpoint) =>
    formatAddCheckpoint({ oldSize: FROM, proof, checkpoint }),
  );
  const first = formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: note });
  const view = (known: typeof latest | undefined) => ({
    keyOf: (name: string) => (name === ORIGIN ? signer.key : undefined),
    latest: () => known,
  });
  return {
    name: 'tlog.parseAddCheckpoint',
    covers: ['tlog/parseAddCheckpoint'],
    form: 'text',
    seeds: texts(...requests, first),
    words: [...NOTE_WORDS, 'old ', 'old 6\n', '9007199254740992'],
    run: async (input) => {
      const text = textOf(input);
      const parsed = judge(
        tlog('tlog/malformed-request'),
        () => parseAddCheckpoint(text),
        (request) => {
          expect(formatAddCheckpoint(request) === text, 'round-trip', 'It writes another request.');
          expect(
            request.proof.every(({ length }) => length === 32),
            'false-accept',
            'A hash has another length.',
          );
        },
      );
      let outcome: Outcome = parsed;
      for (const known of [latest, undefined]) {
        const decision = await decideAddCheckpoint(text, view(known));
        if (decision.status === 200) {
          expect(parsed.accepted, 'disagreement', 'It cosigns what it cannot read.');
          const { checkpoint } = decision;
          expect(
            checkpoint.size === SIZE && bytesEqual(checkpoint.root, root),
            'false-accept',
            'It cosigns a tree that nobody signed.',
          );
        }
        if (decision.status === 409)
          expect(decision.size === (known?.size ?? 0), 'disagreement', 'It tells another size.');
        const said = 'code' in decision ? decision.code : '';
        outcome = { accepted: parsed.accepted, note: `${outcome.note} ${decision.status} ${said}` };
      }
      return outcome;
    },
  };
}

async function answerOf({ signer, witness, note }: World): Promise<Target> {
  const time = 1_800_000_000_000;
  const own = await cosign(witness, WITNESS, note, time);
  const other = await cosign(signer, 'witness.example/two', note, time);
  const untimed = await cosign(witness, WITNESS, note, 0);
  return {
    name: 'tlog.readCosignature',
    covers: ['tlog/readCosignature'],
    form: 'text',
    seeds: texts(own, other + own, own + other, untimed),
    words: NOTE_WORDS,
    run: (input) =>
      judgeAsync(
        tlog(...NOTE, 'tlog/malformed-cosignature', 'tlog/bad-signature', 'tlog/unknown-signer'),
        () => readCosignature(note, textOf(input), { name: WITNESS, key: witness.key }),
        (found) => {
          expect(found.line === own, 'false-accept', 'A line passes that the witness did not write.');
          expect(found.time === time, 'false-accept', 'The witness signed at another time.');
        },
      ),
  };
}

export async function foreignTargets(world: World): Promise<Target[]> {
  return [
    await inclusionOf(world),
    await consistencyOf(world),
    await ccfOf(world),
    await requestOf(world),
    await answerOf(world),
  ];
}
