// HPKE (RFC 9180), base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Base mode says nothing
// about who sealed; what binds a message to its place is `info` and `aad`, and a signature around it.
import type { Bytes } from '@sealroom/bytes';
import { type KeyText, parseKey } from '@sealroom/cose';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { SealError } from './error.ts';

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** `enc`: 32 bytes; `ciphertext`: the plaintext's length and 16. */
export type HpkeMessage = { readonly enc: Bytes; readonly ciphertext: Bytes };

function recipientBytes(recipient: KeyText): Bytes {
  let key;
  try {
    key = parseKey(recipient);
  } catch (cause) {
    throw new SealError('seal/bad-recipient', 'The recipient is not a public key (COSE_Key, base64url).', {
      cause,
    });
  }
  if (key.curve !== 'X25519') {
    throw new SealError('seal/bad-recipient', `A receiving key is an X25519 key; this one is ${key.curve}.`);
  }
  return key.x;
}

/** @throws seal/bad-recipient for another curve and for points of small order */
export async function hpkeSeal(
  recipient: KeyText,
  { info, aad, plaintext }: { info: Bytes; aad: Bytes; plaintext: Bytes },
): Promise<HpkeMessage> {
  const raw = recipientBytes(recipient);
  try {
    const recipientPublicKey = await suite.kem.deserializePublicKey(raw);
    const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plaintext, aad);
    return { enc: new Uint8Array(enc), ciphertext: new Uint8Array(ct) };
  } catch (cause) {
    throw new SealError('seal/bad-recipient', 'Nothing can be sealed to this key; ask for another one.', {
      cause,
    });
  }
}

/**
 * @param secret the recipient's 32-byte X25519 secret
 * @throws seal/bad-key · seal/hpke-failed (one error for every reason)
 */
export async function hpkeOpen(
  secret: Bytes,
  { enc, ciphertext, info, aad }: HpkeMessage & { info: Bytes; aad: Bytes },
): Promise<Bytes> {
  if (secret.length !== 32) throw new SealError('seal/bad-key', 'An X25519 secret has 32 bytes.');
  try {
    const recipientKey = await suite.kem.importKey('raw', secret.slice().buffer, false);
    return new Uint8Array(await suite.open({ recipientKey, enc, info }, ciphertext, aad));
  } catch (cause) {
    throw new SealError(
      'seal/hpke-failed',
      'The message does not open: it was sealed to another key, for another use, or altered.',
      { cause },
    );
  }
}
