// Store URLs at rest: AES-256-GCM under the key file of the data directory, bound to the asset they belong to. A copy of the
// database alone does not open a container.
import { type Bytes, concat, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { refuse } from '../error.ts';

export type Vaulting = {
  /** @param about what the secret belongs to; opening needs the same. */
  seal(secret: string, about: string): Promise<Buffer>;
  /** @throws hub/record-broken */
  open(sealed: Uint8Array, about: string): Promise<string>;
};

const NONCE = 12;

/** @param secret 32 bytes */
export async function urlVaulting(secret: Uint8Array): Promise<Vaulting> {
  const key = await crypto.subtle.importKey('raw', new Uint8Array(secret), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ]);
  const parameters = (nonce: Bytes, about: string) => ({
    name: 'AES-GCM',
    iv: nonce,
    additionalData: utf8Encode(`sealroom/hub-url/v1\n${about}`),
  });
  return {
    async seal(text, about) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
      const sealed = await crypto.subtle.encrypt(parameters(nonce, about), key, utf8Encode(text));
      return Buffer.from(concat(nonce, new Uint8Array(sealed)));
    },
    async open(sealed, about) {
      const nonce = new Uint8Array(sealed.subarray(0, NONCE));
      const body = new Uint8Array(sealed.subarray(NONCE));
      try {
        return utf8Decode(new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, about), key, body)));
      } catch (cause) {
        const message = 'The store URL of an asset was altered in the database, or is another’s.';
        throw refuse('hub/record-broken', message, { cause });
      }
    },
  };
}
