export {
  base64urlDecode,
  base64urlEncode,
  bytesEqual,
  concat,
  digestBytes,
  digestString,
  hexDecode,
  hexEncode,
  isZero,
  sha256,
  sha256Digest,
  utf8Decode,
  utf8Encode,
  type Bytes,
  type Digest,
} from './bytes.ts';
export {
  canonicalBytes,
  canonicalJson,
  parseCanonical,
  parseStrictJson,
  type Json,
  type JsonObject,
} from './json.ts';
export { BytesError, type BytesErrorCode } from './error.ts';
export { Reader } from './reader.ts';
export { leafHash, nodeHash, treeRoot } from './tree.ts';
