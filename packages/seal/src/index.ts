export { BKENC_HEADER, BKENC_TAG, bkencFailure, bkencKey, bkencSalt, openBkenc } from './bkenc.ts';
export { SealError, type SealErrorCode } from './error.ts';
export { hpkeOpen, hpkeSeal, type HpkeMessage } from './hpke.ts';
export {
  checkSalts,
  encodeInventory,
  type ExpectedVersion,
  type Inventory,
  type InventoryFile,
  newInventory,
  openInventory,
  parseInventory,
  sealInventory,
  versionDigest,
} from './inventory.ts';
export {
  type AssetKind,
  assetKey,
  fileKey,
  generateAssetSalt,
  generateCek,
  keyCommitment,
} from './keys.ts';
export {
  headerLength,
  plainSize,
  sealedSize,
  segmentCapacity,
  segmentCount,
  segmentOf,
  segmentStart,
  type StreamParameters,
  TAG_LENGTH,
  TINK_1MB,
} from './layout.ts';
export {
  checkLeaves,
  checkSegment,
  encodeLeaves,
  leafMismatch,
  leavesOf,
  parseLeaves,
  treeDigest,
} from './leaves.ts';
export {
  encodeEnvelope,
  openOutput,
  type OutputEnvelope,
  type OutputRecipient,
  padOutput,
  parseEnvelope,
  sealOutput,
  unpadOutput,
} from './output.ts';
export { associatedDataFor, checkPath, checkPaths, foldPath, INVENTORY_NAME, TREE_SUFFIX } from './path.ts';
export {
  type ListedSegment,
  openRange,
  sealedFile,
  type SealedFile,
  type SegmentOpener,
  type SegmentRun,
  type SegmentSource,
  streamRange,
} from './range.ts';
export {
  deriveSegmentKey,
  newHeader,
  parseHeader,
  type SegmentAead,
  type SegmentCipher,
  segmentFailure,
  segmentNonce,
  type StreamHeader,
  type StreamSecret,
  webSegmentCipher,
} from './segment.ts';
export { type Chunks, openBytes, openSegments, sealBytes, sealSegments } from './stream.ts';
export {
  generateKekPair,
  importKek,
  importKekSecret,
  type Kek,
  unwrapKey,
  wrapKey,
} from './wrap.ts';
