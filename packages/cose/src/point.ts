// Which 32 bytes are a public key. Every key has one form, and a key under which anything verifies, or with which everybody
// agrees on the same secret, is none: coordinates below the field's prime, no point of small order on Curve25519
// (RFC 8032 section 5.1.3, RFC 7748 sections 5 and 6.1), and points of P-256 on the curve (SEC 1 section 3.2.2.1).
// Not checked: that an Ed25519 key decodes to a point (a key that does not verifies nothing), nor its subgroup.
import { type Bytes, hexEncode } from '@sealroom/bytes';

const P25519 = 2n ** 255n - 19n;
const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** y of the points of order 1, 2, 4 and 8 on edwards25519. */
const SMALL_Y = new Set([
  0n,
  1n,
  P25519 - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

/** u of the points of small order on curve25519 and its twist. */
const SMALL_U = new Set([
  0n,
  1n,
  P25519 - 1n,
  0x00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n,
  0x57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5fn,
]);

const bigEndian = (bytes: Uint8Array): bigint => BigInt(`0x${hexEncode(bytes)}`);
const littleEndian = (bytes: Uint8Array): bigint => bigEndian(bytes.toReversed());

function isEd25519(bytes: Uint8Array): boolean {
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  return y < P25519 && !SMALL_Y.has(y);
}

function isX25519(bytes: Uint8Array): boolean {
  const u = littleEndian(bytes);
  return u < P25519 && !SMALL_U.has(u);
}

function isP256(xBytes: Uint8Array, yBytes: Uint8Array): boolean {
  const [x, y] = [bigEndian(xBytes), bigEndian(yBytes)];
  return x < P256 && y < P256 && (y * y - (x * x * x - 3n * x + P256_B)) % P256 === 0n;
}

/** Whether 32 bytes (and for P-256 32 more) are a public key of the curve. */
export function isPoint(curve: 'Ed25519' | 'X25519' | 'P-256', x: Bytes, y: Bytes | undefined): boolean {
  if (x.length !== 32 || (curve === 'P-256') !== (y?.length === 32)) return false;
  if (curve === 'Ed25519') return y === undefined && isEd25519(x);
  if (curve === 'X25519') return y === undefined && isX25519(x);
  return y !== undefined && isP256(x, y);
}
