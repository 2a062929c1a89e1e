// Public keys that nobody has a secret for, or that have two texts: whoever may choose a key may try one of these.
import { type Bytes, hexDecode } from '@sealroom/bytes';
import { describe, expect, it } from 'vitest';
import { type Curve, encodeKey, generateSecret, parseKey, publicKeyOf, sign1, verifySign1 } from './index.ts';

const bad = expect.objectContaining({ code: 'cose/bad-key' });
const refused = (curve: Curve, x: Bytes, y?: Bytes): void => {
  const text = encodeKey(y ? { curve, x, y } : { curve, x });
  expect(() => parseKey(text), Buffer.from(x).toString('hex')).toThrow(bad);
};
const flipSign = (bytes: Bytes): Bytes => bytes.map((byte, at) => (at === 31 ? byte ^ 0x80 : byte));

const ZERO = '00'.repeat(32);
const ONE = `01${'00'.repeat(31)}`;
const MINUS_ONE = `ec${'ff'.repeat(30)}7f`;
const P = `ed${'ff'.repeat(30)}7f`;
const P_PLUS_ONE = `ee${'ff'.repeat(30)}7f`;

describe('a public key', () => {
  it('of Ed25519 is refused when its order is small, whatever its sign bit', () => {
    const order8 = [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ];
    for (const hex of [ZERO, ONE, MINUS_ONE, ...order8]) {
      refused('Ed25519', hexDecode(hex));
      refused('Ed25519', flipSign(hexDecode(hex)));
    }
  });

  it('of X25519 is refused when its order is small', () => {
    const order8 = [
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    ];
    for (const hex of [ZERO, ONE, MINUS_ONE, ...order8]) refused('X25519', hexDecode(hex));
  });

  it('has one text: coordinates beyond the field are refused', async () => {
    for (const hex of [P, P_PLUS_ONE, 'ff'.repeat(32)]) {
      refused('Ed25519', hexDecode(hex));
      refused('Ed25519', flipSign(hexDecode(hex)));
      refused('X25519', hexDecode(hex));
    }
    refused('X25519', flipSign(parseKey(await publicKeyOf('X25519', generateSecret())).x));
  });

  it('of P-256 is refused off the curve and beyond the field', async () => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    const [x, y] = [raw.slice(1, 33), raw.slice(33)];
    expect(parseKey(encodeKey({ curve: 'P-256', x, y })).curve).toBe('P-256');
    refused('P-256', x, new Uint8Array(32));
    refused('P-256', x.with(0, (x[0] ?? 0) ^ 1), y);
    refused('P-256', new Uint8Array(32).fill(255), y);
  });

  it('that was made as usual is taken', async () => {
    for (const curve of ['Ed25519', 'X25519'] as const)
      for (let count = 0; count < 20; count++)
        expect(parseKey(await publicKeyOf(curve, generateSecret())).curve).toBe(curve);
  });
});

it('a signature that nobody made verifies under no key', async () => {
  // Under the neutral element R = the neutral element, S = 0 satisfies the equation of RFC 8032 for every message.
  const key = encodeKey({ curve: 'Ed25519', x: hexDecode(ONE) });
  const signature = hexDecode(ONE + ZERO);
  const claims = { iss: 'a', sub: 'b', aud: 'c', iat: 1 };
  const forger = { key, kid: `sha256:${'0'.repeat(64)}`, alg: -19, sign: async () => signature } as const;
  const forged = await sign1(forger, { contentType: 'x', claims, payload: new Uint8Array() });
  await expect(verifySign1(forged, key)).rejects.toMatchObject({ code: 'cose/bad-key' });
});
