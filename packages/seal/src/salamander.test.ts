// AES-GCM commits to no key: one ciphertext can be made that opens under two, so that whoever sealed it shows one content to
// a reviewer and another to the room. Here such a file is made, and the version's key commitment stops it.
import { createCipheriv } from 'node:crypto';
import { base64urlEncode, bytesEqual, concat, utf8Encode } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import {
  assetKey,
  deriveSegmentKey,
  fileKey,
  generateAssetSalt,
  generateCek,
  INVENTORY_NAME,
  keyCommitment,
  newHeader,
  openBytes,
  openInventory,
  segmentNonce,
  versionDigest,
} from './index.ts';

const R = 0xe1n << 120n;
const toBig = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (value: bigint): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'));

/** In GF(2^128) as SP 800-38D has it: the first bit is the coefficient of x^0. */
function multiply(a: bigint, b: bigint): bigint {
  let [product, shifted] = [0n, b];
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ R : shifted >> 1n;
  }
  return product;
}

const ONE = 1n << 127n;
function inverse(value: bigint): bigint {
  // value^(2^128 − 2)
  let [result, power] = [ONE, value];
  for (let count = 0; count < 127; count++) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}

function block(key: Uint8Array, input: Uint8Array): bigint {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  cipher.setAutoPadding(false);
  return toBig(cipher.update(input));
}

/** A ciphertext of two blocks, with its tag, that is authentic under both keys and the same nonce. */
function underBoth(keys: readonly [Uint8Array, Uint8Array], nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = toBig(crypto.getRandomValues(new Uint8Array(16)));
  const length = toBig(
    concat(new Uint8Array(8), new Uint8Array(new BigUint64Array([256n]).buffer).reverse()),
  );
  const parts = keys.map((key) => {
    const h = block(key, new Uint8Array(16));
    const mask = block(key, concat(nonce, Uint8Array.of(0, 0, 0, 1)));
    const square = multiply(h, h);
    const known = multiply(first, multiply(square, h)) ^ multiply(length, h) ^ mask;
    return { known, square };
  });
  const [one, two] = parts;
  if (!one || !two) throw new Error('two keys');
  const second = multiply(one.known ^ two.known, inverse(one.square ^ two.square));
  const tag = one.known ^ multiply(second, one.square);
  return concat(toBytes(first), toBytes(second), toBytes(tag));
}

it('a file made to open under two keys opens under one: that which the version commits to', async () => {
  const assetSalt = generateAssetSalt();
  const keys = await Promise.all([0, 1].map(() => assetKey(generateCek(), assetSalt, 'dataset')));
  const [shown, used] = keys;
  if (!shown || !used) throw new Error('two keys');
  const header = newHeader();
  const associatedData = utf8Encode(INVENTORY_NAME);
  const secretOf = async (key: Uint8Array<ArrayBuffer>) => ({ key: await fileKey(key), associatedData });
  const segmentKeys = await Promise.all(
    [shown, used].map(async (key) => deriveSegmentKey(await secretOf(key), header.salt)),
  );
  const [a, b] = segmentKeys;
  if (!a || !b) throw new Error('two keys');
  const sealed = concat(header.bytes, underBoth([a, b], segmentNonce(header.noncePrefix, 0, true)));
  // The cheat works on the format alone: both open it, and read different things.
  const contents = await Promise.all(
    [shown, used].map(async (key) => openBytes({ ...(await secretOf(key)), sealed })),
  );
  expect(contents.map((content) => content.length)).toEqual([32, 32]);
  expect(bytesEqual(contents[0] ?? new Uint8Array(), contents[1] ?? new Uint8Array())).toBe(false);
  // The statement that everybody has names one commitment: under the other key nothing is opened.
  const expected = {
    digest: await versionDigest(sealed),
    kind: 'dataset' as const,
    assetSalt: base64urlEncode(assetSalt),
    keyCommitment: base64urlEncode(await keyCommitment(shown)),
  };
  await expect(openInventory(used, sealed, expected)).rejects.toMatchObject({ code: 'seal/wrong-key' });
  await expect(openInventory(shown, sealed, expected)).rejects.toMatchObject({ code: 'seal/bad-inventory' });
});
