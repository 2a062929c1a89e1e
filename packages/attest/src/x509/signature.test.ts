// Keys that are not well-formed: a certificate can hold them, and whoever sends it must get a refusal and not a fault.
import { spkiOf, vendorKeys } from '@sealroom/testkit/vendors/issue-certificates';
import { expect, it } from 'vitest';
import { hasSigned, isSignedBy } from './signature.ts';

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
