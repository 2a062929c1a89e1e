// One signature of a COSE message under a known key: the key decides which algorithms may stand in the header.
import { type Bytes, digestString } from '@sealroom/bytes';
import { CoseError } from './error.ts';
import { importVerifyKey, parseKey, type KeyText } from './key.ts';
import { ALG } from './signer.ts';

const P256_HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;

/**
 * @param lowS refuse the other of the two forms that an ECDSA signature has; foreign messages may carry either
 * @throws cose/unsupported-algorithm · cose/bad-signature
 */
export async function verifySignature(
  keyText: KeyText,
  { alg, message, signature, lowS }: { alg: unknown; message: Bytes; signature: Bytes; lowS: boolean },
): Promise<void> {
  const key = parseKey(keyText);
  const algorithms: readonly unknown[] =
    key.curve === 'Ed25519' ? [ALG.Ed25519, ALG.EdDSA] : key.curve === 'P-256' ? [ALG.ES256] : [];
  if (!algorithms.includes(alg)) {
    throw new CoseError('cose/unsupported-algorithm', 'The algorithm does not belong to the key.');
  }
  if (signature.length !== 64)
    throw new CoseError('cose/bad-signature', 'The signature does not have 64 bytes.');
  const high = () => BigInt(`0x${digestString(signature.slice(32)).slice(7)}`) > P256_HALF_ORDER;
  if (lowS && key.curve === 'P-256' && high()) {
    throw new CoseError('cose/bad-signature', 'The ECDSA signature is not in its low-s form.');
  }
  const method = key.curve === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', hash: 'SHA-256' };
  if (!(await crypto.subtle.verify(method, await importVerifyKey(key), signature, message))) {
    throw new CoseError('cose/bad-signature', 'The signature does not verify.');
  }
}
