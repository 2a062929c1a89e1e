export { type Cbor, type CborMap, CborTag, cborDecode, cborDecodeForeign, cborEncode } from './cbor.ts';
export { CoseError, type CoseErrorCode } from './error.ts';
export {
  type Curve,
  encodeKey,
  importSecret,
  keyThumbprint,
  type KeyText,
  parseKey,
  type PublicKey,
  publicKeyOf,
} from './key.ts';
export { verifySignature } from './signature.ts';
export {
  type FindKey,
  type ForeignKey,
  type ForeignOptions,
  type Headers,
  type Signed,
  type SignMessage,
  verifyForeignSign1,
  verifySign,
} from './sign.ts';
export { type Claims, contentTypeOf, decodeSign1, type Sign1, sign1, verifySign1 } from './sign1.ts';
export type { Spki } from './spki.ts';
export { ALG, ed25519Signer, generateSecret, type Signer } from './signer.ts';
