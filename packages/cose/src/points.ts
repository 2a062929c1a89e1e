// Which public keys are refused before anything is checked with them. A key in one of these forms either has no secret (a
// point of small order, under which anybody's signature verifies and every shared secret is known), has two texts (a
// coordinate that is not reduced), or is no point of its curve. Not checked: that an Ed25519 key is on its curve; one that
// is not verifies nothing. Sources: RFC 8032 section 5.1.3, RFC 7748 sections 5 and 6, SP 800-56A section 5.6.2.3.
import type { Bytes } from '@sealroom/bytes';

const P25519 = 2n ** 255n - 19n;
/** y coordinates of the eight points of Ed25519 whose order divides 8. */
const ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ED25519: ReadonlySet<bigint> = new Set([0n, 1n, P25519 - 1n, ORDER_8, P25519 - ORDER_8]);
/** u coordinates of the points of Curve25519 and its twist whose order divides 8. */
const SMALL_X25519: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P25519 - 1n,
  0x00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n,
  0x57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5fn,
]);

const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(bytes.toReversed());
}

const SIGN = 1n << 255n;

/** Whether `x` (32 bytes, and `y` for P-256) is a public key that may be used. */
export function isUsablePoint(
  curve: 'Ed25519' | 'X25519' | 'P-256',
  x: Bytes,
  y: Bytes | undefined,
): boolean {
  if (curve === 'Ed25519') {
    const value = littleEndian(x) & ~SIGN;
    return value < P25519 && !SMALL_ED25519.has(value);
  }
  if (curve === 'X25519') {
    const value = littleEndian(x);
    return value < P25519 && !SMALL_X25519.has(value);
  }
  const [a, b] = [bigEndian(x), bigEndian(y ?? new Uint8Array())];
  if (a >= P256 || b >= P256) return false;
  return (b * b - (a * a * a - 3n * a + P256_B)) % P256 === 0n;
}
