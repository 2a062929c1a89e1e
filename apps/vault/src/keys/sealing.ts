// Private halves of KEKs at rest: AES-256-GCM under the root key, nonce ‖ tag ‖ ciphertext, with what the key is for as
// associated data, so that a row moved to another owner does not open.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type Bytes, canonicalBytes, type Digest } from '@sealroom/bytes';
import type { Role } from '@sealroom/contract';
import { refuse } from '../error.ts';

const NONCE = 12;
const TAG = 16;

export type KekName = {
  readonly project: string;
  readonly org: Digest;
  readonly role: Role;
  /** SHA-256 of the SPKI. */
  readonly kek: Digest;
};

function associatedData({ project, org, role, kek }: KekName): Bytes {
  return canonicalBytes({ v: 'sealroom/vault-kek/v1', project, org, role, kek });
}

export function sealSecret(rootKey: Uint8Array, name: KekName, secret: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', rootKey, nonce, { authTagLength: TAG });
  cipher.setAAD(associatedData(name));
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** @throws vault/root-key when the row was altered or belongs to another root key */
export function openSecret(rootKey: Uint8Array, name: KekName, sealed: Uint8Array): Bytes {
  try {
    const decipher = createDecipheriv('aes-256-gcm', rootKey, sealed.subarray(0, NONCE), {
      // Without it a shorter tag, which is quickly guessed, would do.
      authTagLength: TAG,
    });
    decipher.setAAD(associatedData(name));
    decipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG));
    const opened = Buffer.concat([decipher.update(sealed.subarray(NONCE + TAG)), decipher.final()]);
    const secret = new Uint8Array(opened);
    opened.fill(0);
    return secret;
  } catch (cause) {
    throw refuse('vault/root-key', 'A sealed key does not open under this root key.', { cause });
  }
}
