// Targets for what other systems make: public keys as certificates carry them, COSE Receipts of other ledgers, and what a
// ledger and its witnesses say to each other.
import { generateKeyPairSync } from 'node:crypto';
import { type Bytes, bytesEqual, nodeHash, sha256, utf8Encode } from '@sealroom/bytes';
import { type Cbor, cborEncode, CborTag, type FindKey, type Signer } from '@sealroom/cose';
import {
  consistencyProof,
  cosign,
  encodeReceipt,
  formatAddCheckpoint,
  parseAddCheckpoint,
  readCosignature,
  rootAt,
  type TlogErrorCode,
  verifyCcfInclusion,
  verifyForeignConsistency,
  verifyForeignInclusion,
} from '@sealroom/tlog';
import { openSpki } from '../../packages/cose/src/spki.ts';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { cose, tlog } from './codes.ts';
import { texts } from './genuine.ts';
import { NOTE_WORDS, ORIGIN, PROOF, SIZE, textOf, WITNESS, type World } from './tlog-world.ts';

function spkiOf(kind: 'ed25519' | 'P-256' | 'P-384' | 'P-521' | 'rsa' | 'small'): Bytes {
  const pair =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : kind === 'rsa' || kind === 'small'
        ? generateKeyPairSync('rsa', { modulusLength: kind === 'rsa' ? 2048 : 1024 })
        : generateKeyPairSync('ec', { namedCurve: kind });
  return new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
}

export function spkiTarget(): Target {
  const kinds = ['ed25519', 'P-256', 'P-384', 'P-521', 'rsa', 'small'] as const;
  return {
    name: 'cose.openSpki',
    covers: ['cose/openSpki'],
    form: 'bytes',
    seeds: kinds.map(spkiOf),
    turn: 8,
    slowMs: 3000,
    run: (input) =>
      judgeAsync(
        cose('cose/bad-key'),
        () => openSpki({ spki: new Uint8Array(input) }).handle('SHA-256'),
        async (key) => {
          const again = new Uint8Array(await crypto.subtle.exportKey('spki', key));
          expect(bytesEqual(again, input), 'round-trip', 'It writes other bytes.');
          return JSON.stringify(key.algorithm).slice(0, 60);
        },
      ),
  };
}

const RECEIPT: readonly TlogErrorCode[] = [
  'tlog/malformed-receipt',
  'tlog/unsupported-tree',
  'tlog/unknown-signer',
  'tlog/bad-signature',
  ...PROOF,
];

/** A receipt over a detached root, of the structure and with the proof that are given. */
async function receiptOf(
  signer: Signer,
  root: Uint8Array,
  [structure, kind, proof]: readonly [number, number, Cbor],
): Promise<Bytes> {
  const header = cborEncode(
    new Map<Cbor, Cbor>([
      [1, signer.alg],
      [395, structure],
    ]),
  );
  const signature = await signer.sign(cborEncode(['Signature1', header, new Uint8Array(), root]));
  const proofs = new Map<Cbor, Cbor>([[396, new Map<Cbor, Cbor>([[kind, [cborEncode(proof)]]])]]);
  return cborEncode(new CborTag(18, [header, proofs, null, signature]));
}

const CCF_STATEMENT = utf8Encode('a statement');

async function ccfReceipt(signer: Signer): Promise<{ receipt: Bytes; root: Bytes }> {
  const [transaction, sibling] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const data = await sha256(CCF_STATEMENT);
  const leaf = await sha256(transaction, await sha256(utf8Encode('ce:2.3:ab')), data);
  const root = await sha256(sibling, leaf);
  const proof = new Map<Cbor, Cbor>([
    [1, [transaction, 'ce:2.3:ab', data]],
    [2, [[true, sibling]]],
  ]);
  return { receipt: await receiptOf(signer, root, [2, -1, proof]), root };
}

/** Receipts of inclusion, of consistency and of a CCF ledger: whichever is asked for, the root must be one that was signed. */
export async function foreignReceiptTarget({ signer, entries, read, root }: World): Promise<Target> {
  const [index, from] = [6, 4];
  const proof = await consistencyProof(read, from, SIZE);
  const included = await encodeReceipt(signer, {
    origin: ORIGIN,
    index,
    size: SIZE,
    root,
    proof: [],
  });
  const fromRoot = await rootAt(read, from);
  const grown = await receiptOf(signer, root, [1, -2, [from, SIZE, [...proof]]]);
  const ccf = await ccfReceipt(signer);
  // A tree of two leaves, whose proof is its other leaf.
  const small = await receiptOf(signer, await nodeHash(await leafOf(entries[0]), await leafOf(entries[1])), [
    1,
    -1,
    [2, 0, [await leafOf(entries[1])]],
  ]);
  const roots = [root, ccf.root, await nodeHash(await leafOf(entries[0]), await leafOf(entries[1]))];
  const findKey: FindKey = () => signer.key;
  const isSigned = (found: Uint8Array): boolean => roots.some((known) => bytesEqual(known, found));
  const accept = ({ root: found }: { readonly root: Uint8Array }): void =>
    expect(isSigned(found), 'false-accept', 'A root passes that nobody signed.');
  const entry = entries[0] ?? new Uint8Array();
  return {
    name: 'tlog.verifyForeignReceipt',
    covers: ['tlog/verifyForeignInclusion', 'tlog/verifyForeignConsistency', 'tlog/verifyCcfInclusion'],
    form: 'cbor',
    seeds: [small, grown, ccf.receipt, included],
    run: async (input) => {
      const tries: readonly (() => Promise<{ readonly root: Uint8Array }>)[] = [
        () => verifyForeignInclusion(input, { entry, findKey }),
        () => verifyForeignConsistency(input, { from, fromRoot, findKey }),
        () => verifyCcfInclusion(input, { statement: CCF_STATEMENT, findKey }),
      ];
      const notes: Outcome[] = [];
      for (const verify of tries) notes.push(await judgeAsync(tlog(...RECEIPT), verify, accept));
      return {
        accepted: notes.some(({ accepted }) => accepted),
        note: notes.map(({ note }) => note).join('|'),
      };
    },
  };
}

async function leafOf(entry: Uint8Array | undefined): Promise<Bytes> {
  return sha256(Uint8Array.of(0), entry ?? new Uint8Array());
}

export async function addCheckpointTarget({ read, note, cosigned }: World): Promise<Target> {
  const proof = await consistencyProof(read, 4, SIZE);
  const seeds = [
    formatAddCheckpoint({ oldSize: 4, proof, checkpoint: note }),
    formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint: cosigned }),
  ];
  return {
    name: 'tlog.parseAddCheckpoint',
    covers: ['tlog/parseAddCheckpoint'],
    form: 'text',
    seeds: texts(...seeds),
    words: [...NOTE_WORDS, 'old ', '9007199254740992'],
    run: (input) => {
      const text = textOf(input);
      return judge(
        tlog('tlog/malformed-request'),
        () => parseAddCheckpoint(text),
        (request) => expect(formatAddCheckpoint(request) === text, 'round-trip', 'It writes another text.'),
      );
    },
  };
}

export async function cosignatureAnswerTarget({ witness, note }: World): Promise<Target> {
  const line = await cosign(witness, WITNESS, note, 1_800_000_000_000);
  return {
    name: 'tlog.readCosignature',
    covers: ['tlog/readCosignature'],
    form: 'text',
    seeds: texts(line, `— other.example AAAAAAAA\n${line}`),
    words: NOTE_WORDS,
    run: (input) =>
      judgeAsync(
        tlog(
          'tlog/malformed-cosignature',
          'tlog/malformed-note',
          'tlog/bad-signature',
          'tlog/unknown-signer',
        ),
        () => readCosignature(note, textOf(input), { name: WITNESS, key: witness.key }),
        (found) =>
          expect(found.line === line, 'false-accept', 'A line passes that the witness did not write.'),
      ),
  };
}
