// Keys that are not well-formed: a certificate can hold them, and whoever sends it must get a refusal and not a fault.
import { spkiOf, vendorKeys } from '@sealroom/testkit/vendors/issue-certificates';
import { concat, hexDecode } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import { hasSigned, isSignedBy, rawSignature } from './signature.ts';

const SCHEME = { kind: 'ECDSA', hash: 'SHA-384' } as const;
const message = new Uint8Array([1, 2, 3]);

it('a key whose point is not on its curve has signed nothing', async () => {
  const pair = await vendorKeys('ECDSA-SHA384');
  const spki = await spkiOf(pair);
  const algorithm = { name: 'ECDSA', hash: 'SHA-384' };
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, message));
  expect(await hasSigned(spki, SCHEME, { message, signature })).toBe(true);
  const off = spki.map((byte, at) => (at === spki.length - 1 ? byte ^ 1 : byte));
  expect(await hasSigned(off, SCHEME, { message, signature })).toBe(false);
  await expect(isSignedBy(off, SCHEME, { message, signature })).rejects.toMatchObject({
    code: 'attest/bad-certificate',
  });
});

it('a key of another kind than the scheme’s has signed nothing', async () => {
  const spki = await spkiOf(await vendorKeys('RSA-SHA256'));
  expect(await hasSigned(spki, SCHEME, { message, signature: new Uint8Array(96) })).toBe(false);
});

const ORDERS = {
  'P-256': 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'P-384': 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
} as const;

it.each([
  ['P-256', 'SHA-256', 'ECDSA-SHA256'],
  ['P-384', 'SHA-384', 'ECDSA-SHA384'],
] as const)(
  'r and s of %s that are zero, or the order of the curve or more, sign nothing',
  async (curve, hash, keys) => {
    const pair = await vendorKeys(keys);
    const spki = await spkiOf(pair);
    const scheme = { kind: 'ECDSA', hash } as const;
    const signature = new Uint8Array(
      await crypto.subtle.sign({ name: 'ECDSA', hash }, pair.privateKey, message),
    );
    expect(await hasSigned(spki, scheme, { message, signature })).toBe(true);
    const half = signature.length / 2;
    const order = hexDecode(ORDERS[curve]);
    const bad = [
      new Uint8Array(half),
      order,
      order.with(half - 1, (order.at(-1) ?? 0) + 1),
      order.map(() => 0xff),
    ];
    for (const number of bad)
      for (const forged of [
        concat(number, signature.slice(half)),
        concat(signature.slice(0, half), number),
        concat(number, number),
      ])
        expect(await hasSigned(spki, scheme, { message, signature: forged })).toBe(false);
    for (const length of [0, half, 2 * half - 1, 2 * half + 1])
      expect(await hasSigned(spki, scheme, { message, signature: new Uint8Array(length).fill(1) })).toBe(
        false,
      );
  },
);

it('r and s in DER are two integers in their one form, and nothing else', () => {
  const raw = (hex: string) => rawSignature(hexDecode(hex), 32);
  expect(raw('3006020101020102').filter((byte) => byte > 0)).toEqual(new Uint8Array([1, 2]));
  expect(raw('300702020080020102')[31]).toBe(0x80);
  for (const hex of [
    '',
    '3000',
    '3003020101',
    '3009020101020102020103',
    '300602010102010200',
    '30060201ff020102',
    '300702020001020102',
    '30050200020102',
    '3006040101020102',
    '3106020101020102',
    '308106020101020102',
    `3026022101${'00'.repeat(32)}020101`,
  ])
    expect(() => raw(hex), hex).toThrow(expect.objectContaining({ code: 'attest/malformed' }));
});
