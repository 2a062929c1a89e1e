export {
  type Checkpoint,
  type Cosignature,
  checkpointFor,
  formatCheckpoint,
  openCheckpoint,
  type OpenedCheckpoint,
  parseCheckpoint,
  parseDecimal,
  signCheckpoint,
  type Witness,
} from './checkpoint.ts';
export { cosign, cosignatureTime, cosignatureVerifier } from './cosignature.ts';
export {
  ENTRY_LENGTH,
  type EntryHashes,
  entryTag,
  ledgerEntry,
  PUBLIC_SUBJECT_KEY,
  splitEntry,
  subjectKey,
} from './entry.ts';
export { TlogError, type TlogErrorCode } from './error.ts';
export {
  type ForeignReceipt,
  verifyCcfInclusion,
  verifyForeignConsistency,
  verifyForeignInclusion,
} from './foreign-receipt.ts';
export { Frontier } from './frontier.ts';
export {
  ed25519Verifier,
  formatNote,
  NOTE_COSIGNATURE,
  NOTE_ED25519,
  noteKeyId,
  noteKeyText,
  type NoteSignature,
  type NoteVerifier,
  type OpenedNote,
  openNote,
  parseNote,
  parseNoteKeyText,
  type ParsedNote,
} from './note.ts';
export {
  consistencyProof,
  type Growth,
  type HashReader,
  type Inclusion,
  inclusionProof,
  type NodeHash,
  rootAt,
  rootFromConsistency,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from './proof.ts';
export {
  attachReceipts,
  decodeReceipt,
  detachReceipts,
  encodeReceipt,
  type Receipt,
  verifyReceipt,
} from './receipt.ts';
export {
  decodeBundle,
  decodeTile,
  encodeBundle,
  expandTile,
  hashesAtLevel,
  parseTilePath,
  TILE_WIDTH,
  tileHashReader,
  type TileName,
  tilePath,
  tilesBetween,
  tileWidth,
} from './tile.ts';
export {
  type AddCheckpoint,
  type CosignatureLine,
  type Cosigned,
  decideAddCheckpoint,
  formatAddCheckpoint,
  parseAddCheckpoint,
  readCosignature,
  type WitnessDecision,
  type WitnessView,
} from './witness.ts';
export { encodeTlogProof, parseTlogProof, type TlogProof, verifyTlogProof } from './tlogproof.ts';
