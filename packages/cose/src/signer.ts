import type { Bytes, Digest } from '@sealroom/bytes';
import { importSecret, type KeyText, keyThumbprint, publicKeyOf } from './key.ts';

/** COSE algorithm ids: EdDSA (RFC 9053), ESP256/ES256, Ed25519 (RFC 9864). */
export const ALG = { EdDSA: -8, ES256: -7, Ed25519: -19 } as const;

/** Something that signs: a person's identity, an organisation's root, a vault, a ledger, a room. */
export type Signer = {
  readonly key: KeyText;
  readonly kid: Digest;
  readonly alg: number;
  /** Signature over the bytes as COSE wants it (64 bytes). */
  sign(message: Bytes): Promise<Bytes>;
};

/** An Ed25519 signer from its 32-byte secret (RFC 8032 seed). */
export async function ed25519Signer(secret: Uint8Array): Promise<Signer> {
  const handle = await importSecret('Ed25519', secret);
  const key = await publicKeyOf('Ed25519', secret);
  return {
    key,
    kid: await keyThumbprint(key),
    alg: ALG.Ed25519,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', handle, message)),
  };
}

/** 32 fresh secret bytes for an Ed25519 or X25519 key. */
export function generateSecret(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32));
}
