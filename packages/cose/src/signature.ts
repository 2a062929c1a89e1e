// One signature of a COSE message under a known key: the key decides which algorithms may stand in the header. ECDSA with
// P-256, P-384 and P-521, each with its own hash only (RFC 9053 section 2.1, RFC 9864 section 2.1), Ed25519 (RFC 9053
// section 2.2, RFC 9864 section 2.2), and RSASSA-PSS (RFC 8230 section 2) for messages of others.
import { type Bytes, digestString } from '@sealroom/bytes';
import { CoseError } from './error.ts';
import { type KeyText, openVerifyKey, type VerifyKind } from './key.ts';
import { openSpki, type Spki } from './spki.ts';
import { ALG } from './signer.ts';

const P256_HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;

type Scheme = { readonly hash: string; readonly length?: number; readonly saltLength?: number };

/** By kind of key and number of the algorithm; `length` is that of the signature in bytes, RSA's is the modulus's. */
const SCHEMES: Record<VerifyKind, Readonly<Record<number, Scheme>>> = {
  Ed25519: { [ALG.Ed25519]: { hash: '', length: 64 }, [ALG.EdDSA]: { hash: '', length: 64 } },
  'P-256': { [ALG.ES256]: { hash: 'SHA-256', length: 64 }, [-9]: { hash: 'SHA-256', length: 64 } },
  'P-384': { [-35]: { hash: 'SHA-384', length: 96 }, [-51]: { hash: 'SHA-384', length: 96 } },
  'P-521': { [-36]: { hash: 'SHA-512', length: 132 }, [-52]: { hash: 'SHA-512', length: 132 } },
  RSA: {
    [-37]: { hash: 'SHA-256', saltLength: 32 },
    [-38]: { hash: 'SHA-384', saltLength: 48 },
    [-39]: { hash: 'SHA-512', saltLength: 64 },
  },
};

function parametersOf(kind: VerifyKind, { hash, saltLength = 0 }: Scheme) {
  if (kind === 'Ed25519') return { name: 'Ed25519' };
  return kind === 'RSA' ? { name: 'RSA-PSS', saltLength } : { name: 'ECDSA', hash };
}

/**
 * @param lowS refuse the other of the two forms that an ECDSA signature has; foreign messages may carry either
 * @throws cose/unsupported-algorithm · cose/bad-signature · cose/bad-key · cose/wrong-key
 */
export async function verifySignature(
  key: KeyText | Spki,
  { alg, message, signature, lowS }: { alg: unknown; message: Bytes; signature: Bytes; lowS: boolean },
): Promise<void> {
  const opened = typeof key === 'string' ? openVerifyKey(key) : openSpki(key);
  const scheme = typeof alg === 'number' ? SCHEMES[opened.kind][alg] : undefined;
  // Sealroom's own statements know the polymorphic number of ECDSA only (docs/protocol.md section 4.1).
  if (!scheme || (lowS && alg === -9)) {
    throw new CoseError('cose/unsupported-algorithm', 'The algorithm does not belong to the key.');
  }
  if (scheme.length !== undefined && signature.length !== scheme.length)
    throw new CoseError('cose/bad-signature', `The signature does not have ${scheme.length} bytes.`);
  const high = () => BigInt(`0x${digestString(signature.slice(32)).slice(7)}`) > P256_HALF_ORDER;
  if (lowS && opened.kind === 'P-256' && high()) {
    throw new CoseError('cose/bad-signature', 'The ECDSA signature is not in its low-s form.');
  }
  const handle = await opened.handle(scheme.hash);
  if (!(await crypto.subtle.verify(parametersOf(opened.kind, scheme), handle, signature, message))) {
    throw new CoseError('cose/bad-signature', 'The signature does not verify.');
  }
}
