// Putting a receipt file together (protocol.md section 9) from what the room handed in, the statements and the ledger's
// paths. Nothing is verified here: whoever reads the file does that, and trusts nobody who put it together. Pure.
import { base64urlDecode, base64urlEncode, type Bytes, type Digest, parseCanonical } from '@sealroom/bytes';
import {
  encodeReceipt,
  type PlacedStatement,
  type ReceiptFile,
  selectReceiptStatements,
} from '@sealroom/contract';
import { partsSchema } from '../runs/room-rules.ts';

/** The paths of some leaves under one checkpoint. */
export type PathsOf = (
  indexes: readonly number[],
) => Promise<{ readonly checkpoint: string; readonly paths: readonly (readonly string[])[] }>;

/** @param parts as the room handed them in @throws receipt/incomplete · receipt/malformed */
export async function assembleReceipt(
  run: Digest,
  parts: Uint8Array,
  { statements, pathsOf }: { readonly statements: readonly PlacedStatement[]; readonly pathsOf: PathsOf },
): Promise<Bytes> {
  const { manifest, challenges, evidence, collateral, answers } = partsSchema.parse(parseCanonical(parts));
  const needed = await selectReceiptStatements(statements, run);
  const { checkpoint, paths } = await pathsOf(needed.map(({ index }) => index));
  return encodeReceipt({
    checkpoint,
    manifest: parseCanonical(base64urlDecode(manifest)) as ReceiptFile['manifest'],
    evidence,
    ...(collateral && { collateral }),
    challenges,
    answers,
    statements: needed.map(({ statement, index }, position) => ({
      cose: base64urlEncode(statement.bytes),
      index,
      path: [...(paths[position] ?? [])],
    })),
  });
}
