// What a store of collateral needs beyond verifying. Apart from ../index.ts, since a page keeps no store.
export {
  type AmdKey,
  type Need,
  type NeedKind,
  needName,
  needsOf,
  type There,
  vendorsBeside,
  wholeOf,
} from './need.ts';
export type { Certificate } from '../x509/certificate.ts';
export { ocspRequest } from '../x509/ocsp-request.ts';
export { isImportedOf, keySetPiece, type Piece } from './piece.ts';
export { readPieces } from './read-pieces.ts';
