// What a store of collateral needs beyond verifying. Apart from ../index.ts, since a page keeps no store.
export {
  type AmdKey,
  type Need,
  type NeedKind,
  needName,
  needsOf,
  vendorsBeside,
} from './need.ts';
export { isImportedOf, keySetPiece, type Piece } from './piece.ts';
export { readPieces } from './read-pieces.ts';
