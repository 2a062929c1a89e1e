import { utf8Encode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import { contentTypeOf, decodeSign1, ed25519Signer, generateSecret, sign1, verifySign1 } from './index.ts';

const claims = { iss: 'sha256:aa', sub: 'run', aud: 'ledger.test', iat: 1_700_000_000 };

async function example() {
  const signer = await ed25519Signer(generateSecret());
  const contentType = contentTypeOf('run.requested');
  const bytes = await sign1(signer, { contentType, claims, payload: utf8Encode('{}') });
  return { signer, bytes, contentType };
}

test('gives back what was signed', async () => {
  const { signer, bytes, contentType } = await example();
  const verified = await verifySign1(bytes, signer.key);
  expect(verified).toMatchObject({ kid: signer.kid, contentType, claims });
  expect(decodeSign1(bytes).payload).toEqual(utf8Encode('{}'));
});

test('refuses the signature after any one bit has changed', async () => {
  const { signer, bytes } = await example();
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(verifySign1(changed, signer.key), `byte ${at}`).rejects.toThrow();
  }
});

test('refuses a message cut short at any byte', async () => {
  const { bytes } = await example();
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeSign1(bytes.slice(0, length))).toThrow();
});

test('refuses another key than the one named', async () => {
  const { bytes } = await example();
  const other = await ed25519Signer(generateSecret());
  await expect(verifySign1(bytes, other.key)).rejects.toMatchObject({ code: 'cose/wrong-key' });
});
