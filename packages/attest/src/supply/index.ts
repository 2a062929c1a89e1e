// What a store of collateral needs beyond verifying. Apart from ../index.ts, since a page keeps no store.
export {
  type AmdKey,
  type Need,
  type NeedKind,
  needName,
  needsOf,
} from './need.ts';
export { keySetPiece, type Piece } from './piece.ts';
export { readPieces } from './read-pieces.ts';
