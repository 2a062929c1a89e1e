// RFC 9162 hashes for rebuilding the log's tree from its entries.
import { createHash } from 'node:crypto';
import type { Bytes } from '@sealroom/bytes';

function sha256(...parts: readonly Uint8Array[]): Bytes {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function leafHashOf(entry: Uint8Array): Bytes {
  return sha256(Uint8Array.of(0), entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Bytes {
  return sha256(Uint8Array.of(1), left, right);
}
