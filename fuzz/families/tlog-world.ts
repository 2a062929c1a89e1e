// A small log with its keys, and what the targets of the family tlog share.
import { type Bytes, leafHash, treeRoot, utf8Decode } from '@sealroom/bytes';
import { ed25519Signer } from '@sealroom/cose';
import { cosign, type HashReader, rootAt, signCheckpoint, type TlogErrorCode } from '@sealroom/tlog';

export const ORIGIN = 'ledger.example/fuzz';

export const WITNESS = 'witness.example/one';

export const SIZE = 11;

export const NOTE: readonly TlogErrorCode[] = ['tlog/malformed-note'];

export const OPEN_CHECKPOINT: readonly TlogErrorCode[] = [
  ...NOTE,
  'tlog/wrong-origin',
  'tlog/unknown-signer',
  'tlog/bad-signature',
  'tlog/unknown-signature-line',
  'tlog/malformed-checkpoint',
  'tlog/malformed-cosignature',
];

export const PROOF: readonly TlogErrorCode[] = [
  'tlog/bad-size',
  'tlog/bad-index',
  'tlog/bad-hash',
  'tlog/bad-proof-length',
  'tlog/root-mismatch',
];

export const NOTE_WORDS = ['— ', '\n\n', ORIGIN, WITNESS, '+', 'cosignature/v1', '\u0085', '\u2014'];

/** Text of the input as it is; what is no UTF-8 stands as Latin-1. */
export function textOf(input: Uint8Array): string {
  try {
    return utf8Decode(input);
  } catch {
    return Buffer.from(input).toString('latin1');
  }
}

export type World = {
  readonly signer: Awaited<ReturnType<typeof ed25519Signer>>;
  readonly witness: Awaited<ReturnType<typeof ed25519Signer>>;
  readonly entries: readonly Bytes[];
  readonly leaves: readonly Bytes[];
  readonly read: HashReader;
  readonly root: Bytes;
  readonly note: string;
  readonly cosigned: string;
};

export async function makeWorld(): Promise<World> {
  const [signer, witness] = [
    await ed25519Signer(new Uint8Array(32).fill(1)),
    await ed25519Signer(new Uint8Array(32).fill(2)),
  ];
  const entries = Array.from({ length: SIZE }, (_, i) => new Uint8Array(64).fill(i));
  const leaves = await Promise.all(entries.map(leafHash));
  const read: HashReader = async (level, index) =>
    treeRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));
  const root = await rootAt(read, SIZE);
  const note = await signCheckpoint(signer, { origin: ORIGIN, size: SIZE, root });
  const cosigned = note + (await cosign(witness, WITNESS, note, 1_800_000_000_000));
  return { signer, witness, entries, leaves, read, root, note, cosigned };
}

export const sortedLines = (note: string): string => note.split('\n').toSorted().join('\n');
