// What a ledger leaf says (docs/protocol.md section 5): entry = tag ‖ SHA-256(COSE bytes), 64 bytes, with
// tag = HMAC-SHA-256(K, SHA-256(COSE bytes)). K belongs to a subject: whoever has it finds all entries about the subject,
// everyone else sees random bytes. Not hidden: how many entries there are, and when they came.
import { type Bytes, concat, sha256, utf8Encode } from '@sealroom/bytes';
import { TlogError } from './error.ts';

export const ENTRY_LENGTH = 64;
const INFO = utf8Encode('sealroom/subject/v1');
const PUBLIC_SUBJECT = utf8Encode('sealroom/public-subject/v1');

/**
 * K of a contract and its runs: HKDF-SHA256 without salt, the salt bytes of the contract's first version as input key,
 * info `sealroom/subject/v1`, 32 bytes.
 */
export async function subjectKey(firstContractSalt: Uint8Array): Promise<Bytes> {
  const material = await crypto.subtle.importKey('raw', new Uint8Array(firstContractSalt), 'HKDF', false, [
    'deriveBits',
  ]);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: INFO };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, 256));
}

/** K of public subjects (organisations, vaults, platforms): the same derivation from a published constant. */
export const PUBLIC_SUBJECT_KEY: Bytes = await subjectKey(PUBLIC_SUBJECT);

/** The two functions behind an entry; a server may pass faster ones than WebCrypto's. */
export type EntryHashes = {
  sha256(bytes: Uint8Array): Bytes | Promise<Bytes>;
  hmac(key: Uint8Array, message: Uint8Array): Bytes | Promise<Bytes>;
};

export const WEB_HASHES: EntryHashes = {
  sha256: (bytes) => sha256(bytes),
  async hmac(key, message) {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const handle = await crypto.subtle.importKey('raw', new Uint8Array(key), algorithm, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', handle, new Uint8Array(message)));
  },
};

/** HMAC-SHA-256(K, SHA-256 of the COSE bytes). @throws tlog/malformed-entry */
export async function entryTag(
  key: Uint8Array,
  coseDigest: Uint8Array,
  hashes: EntryHashes = WEB_HASHES,
): Promise<Bytes> {
  if (key.length !== 32 || coseDigest.length !== 32) {
    throw new TlogError('tlog/malformed-entry', 'A subject key and a digest have 32 bytes each.');
  }
  return hashes.hmac(key, coseDigest);
}

/** The 64 bytes that stand in the log for a statement. */
export async function ledgerEntry(
  key: Uint8Array,
  coseBytes: Uint8Array,
  hashes: EntryHashes = WEB_HASHES,
): Promise<Bytes> {
  const digest = await hashes.sha256(coseBytes);
  return concat(await entryTag(key, digest, hashes), digest);
}

/** Tag and digest of an entry. @throws tlog/malformed-entry unless it has 64 bytes */
export function splitEntry(entry: Uint8Array): { readonly tag: Bytes; readonly coseDigest: Bytes } {
  if (entry.length !== ENTRY_LENGTH) {
    throw new TlogError('tlog/malformed-entry', `A ledger entry has ${ENTRY_LENGTH} bytes.`);
  }
  return { tag: new Uint8Array(entry.slice(0, 32)), coseDigest: new Uint8Array(entry.slice(32)) };
}
