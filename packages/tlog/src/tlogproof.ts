// C2SP tlog-proof v1: one text file that proves, offline, that an entry is in the log:
//   c2sp.org/tlog-proof@v1 · index N · inclusion hashes · empty line · checkpoint
// One form only: the optional `extra` line is refused, since nothing signs it. Not checked: how old the checkpoint is, and
// whether the log showed others the same tree; that is what witnesses are for.
import { leafHash } from '@sealroom/bytes';
import type { Bytes } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import { base64Decode, base64Encode } from './base64.ts';
import { type OpenedCheckpoint, openCheckpoint, parseDecimal, type Witness } from './checkpoint.ts';
import { TlogError } from './error.ts';
import { verifyInclusion } from './proof.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';

export type TlogProof = {
  readonly index: number;
  readonly proof: readonly Bytes[];
  /** The signed checkpoint note, as it stands in the file. */
  readonly checkpoint: string;
};

export function encodeTlogProof({ index, proof, checkpoint }: TlogProof): string {
  return [HEADER, `index ${index}`, ...proof.map(base64Encode), '', checkpoint].join('\n');
}

/** Takes a proof file apart; nothing is verified yet. @throws tlog/malformed-proof */
export function parseTlogProof(text: string): TlogProof {
  const malformed = () =>
    new TlogError(
      'tlog/malformed-proof',
      'Expected a c2sp.org/tlog-proof@v1 file with index, hashes and checkpoint.',
    );
  const gap = text.indexOf('\n\n');
  const [header, indexLine, ...hashes] = text.slice(0, Math.max(gap, 0)).split('\n');
  const index = parseDecimal(/^index (.*)$/.exec(indexLine ?? '')?.[1] ?? '');
  if (gap < 0 || header !== HEADER || index === undefined || hashes.length > 64) throw malformed();
  const proof = hashes.map((line) => {
    const hash = base64Decode(line);
    if (hash?.length !== 32) throw malformed();
    return hash;
  });
  return { index, proof, checkpoint: text.slice(gap + 2) };
}

/**
 * Verifies that `entry` is in the log of the given origin and key, and gives back where and under which checkpoint.
 * @param options.witnesses the witnesses that must have cosigned
 * @throws tlog/malformed-proof · tlog/missing-witness · tlog/root-mismatch, and what opening the checkpoint throws
 *   (unknown signature lines are refused)
 */
export async function verifyTlogProof(
  text: string,
  options: {
    readonly entry: Uint8Array;
    readonly origin: string;
    readonly key: KeyText;
    readonly witnesses?: readonly Witness[];
  },
): Promise<{ readonly index: number; readonly checkpoint: OpenedCheckpoint }> {
  const { index, proof, checkpoint: note } = parseTlogProof(text);
  const { origin, key, witnesses = [], entry } = options;
  const checkpoint = await openCheckpoint(note, { origin, key, witnesses, unknownLines: 'refuse' });
  for (const { name } of witnesses) {
    if (!checkpoint.cosignatures.some((line) => line.name === name)) {
      throw new TlogError(
        'tlog/missing-witness',
        'A witness that must have cosigned the checkpoint has not.',
      );
    }
  }
  await verifyInclusion({
    index,
    size: checkpoint.size,
    leaf: await leafHash(entry),
    proof,
    root: checkpoint.root,
  });
  return { index, checkpoint };
}
