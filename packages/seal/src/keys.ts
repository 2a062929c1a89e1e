// Keys of protocol.md section 2: CEK → asset key → key commitment and file key.
//   asset key       HKDF-SHA256(CEK, salt = assetSalt, info "sealroom/asset-key/v1" ‖ 0x00 ‖ kind)
//   key commitment  HKDF-SHA256(asset key, info "sealroom/key-commitment/v1")
//   file key        HKDF-SHA256(asset key, info "sealroom/stream/v1")
import { type Bytes, concat, utf8Encode } from '@sealroom/bytes';
import { SealError } from './error.ts';
import { hkdf } from './hkdf.ts';

export type AssetKind = 'dataset' | 'algorithm';

const KEY_LENGTH = 32;

function check32(bytes: Uint8Array, what: string): void {
  if (bytes.length !== KEY_LENGTH) {
    throw new SealError('seal/bad-key', `${what} has 32 bytes; this one has ${bytes.length}.`);
  }
}

/** A fresh content-encryption key: 32 random bytes. */
export function generateCek(): Bytes {
  return crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
}

/** The salt of a new version of an asset: 32 random bytes, public. */
export function generateAssetSalt(): Bytes {
  return crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
}

/** The key of one version of a dataset or algorithm; what a room receives. @throws seal/bad-key */
export async function assetKey(cek: Bytes, assetSalt: Bytes, kind: AssetKind): Promise<Bytes> {
  check32(cek, 'A content-encryption key');
  check32(assetSalt, 'An asset salt');
  const info = concat(utf8Encode('sealroom/asset-key/v1'), Uint8Array.of(0), utf8Encode(kind));
  return hkdf({ key: cek, salt: assetSalt, info }, KEY_LENGTH);
}

/** What an inventory and its statement say about the asset key; tells nothing about the key. @throws seal/bad-key */
export async function keyCommitment(key: Bytes): Promise<Bytes> {
  check32(key, 'An asset key');
  return hkdf({ key, info: utf8Encode('sealroom/key-commitment/v1') }, KEY_LENGTH);
}

/** The key under which the files and the inventory of a version are sealed. @throws seal/bad-key */
export async function fileKey(key: Bytes): Promise<Bytes> {
  check32(key, 'An asset key');
  return hkdf({ key, info: utf8Encode('sealroom/stream/v1') }, KEY_LENGTH);
}
