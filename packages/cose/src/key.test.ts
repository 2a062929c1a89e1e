import { base64urlDecode, base64urlEncode, type Bytes, hexDecode, sha256Digest } from '@sealroom/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Cbor,
  cborEncode,
  encodeKey,
  generateSecret,
  keyThumbprint,
  type KeyText,
  parseKey,
  publicKeyOf,
} from './index.ts';
import { verifySignature } from './signature.ts';

const badKey = expect.objectContaining({ code: 'cose/bad-key' });
const bytes32 = (first: number, rest: number, last: number): Bytes =>
  Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? first : i === 31 ? last : rest));

async function p256Key(): Promise<KeyText> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return encodeKey({ curve: 'P-256', x: point.slice(1, 33), y: point.slice(33) });
}

/** A key of each curve. */
async function keys(): Promise<readonly KeyText[]> {
  return [
    await publicKeyOf('Ed25519', generateSecret()),
    await publicKeyOf('X25519', generateSecret()),
    await p256Key(),
  ];
}

test('a key reads back to its text, whose digest is its thumbprint', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (secret) => {
      for (const curve of ['Ed25519', 'X25519'] as const) {
        const text = await publicKeyOf(curve, new Uint8Array(secret));
        expect(encodeKey(parseKey(text))).toBe(text);
        expect(await keyThumbprint(text)).toBe(await sha256Digest(base64urlDecode(text)));
      }
    }),
    { numRuns: 25 },
  );
});

// RFC 9679 section 6 gives this key and its thumbprint.
test('the thumbprint of RFC 9679’s example is the one given there', async () => {
  const key = encodeKey({
    curve: 'P-256',
    x: hexDecode('65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d'),
    y: hexDecode('1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c'),
  });
  expect(await keyThumbprint(key)).toBe(
    'sha256:496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
  );
});

test('refuses a key cut short at any byte', async () => {
  for (const text of await keys()) {
    const bytes = base64urlDecode(text);
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseKey(base64urlEncode(bytes.slice(0, length)))).toThrow(badKey);
  }
});

test('refuses a key with a member changed, left out, or added', () => {
  const x = bytes32(9, 0, 0);
  const good = new Map<Cbor, Cbor>([
    [1, 1],
    [-1, 4],
    [-2, x],
  ]);
  const text = (map: Cbor) => base64urlEncode(cborEncode(map));
  expect(parseKey(text(good))).toEqual({ curve: 'X25519', x });
  const changes: [number, Cbor | undefined][] = [
    [1, 2],
    [1, undefined],
    [1, 'OKP'],
    [-1, 1],
    [-1, 5],
    [-1, undefined],
    [-2, x.slice(1)],
    [-2, undefined],
    [-2, 'x'],
    [-3, x],
    [2, Uint8Array.of(1)],
    [3, -8],
    [-4, x],
  ];
  for (const [label, value] of changes) {
    const map = new Map(good);
    if (value === undefined) map.delete(label);
    else map.set(label, value);
    expect(() => parseKey(text(map)), `label ${label}`).toThrow(badKey);
  }
  expect(() => parseKey(text([1, 2]))).toThrow(badKey);
});

// Which points are no public keys: point.test.ts.
test('refuses a second coordinate where the curve has none, and none where it has one', () => {
  const x = bytes32(9, 0, 0);
  expect(() => parseKey(encodeKey({ curve: 'P-256', x }))).toThrow(badKey);
  for (const curve of ['Ed25519', 'X25519'] as const)
    expect(() => parseKey(encodeKey({ curve, x, y: x })), curve).toThrow(badKey);
});

test('a foreign Ed25519 key is refused where the same key as text is: small order, or a second form', async () => {
  const signature = new Uint8Array(64).fill(1, 0, 1);
  const parts = { alg: -19, message: Uint8Array.of(1, 2, 3), signature, lowS: false };
  const odd = [bytes32(1, 0, 0), bytes32(1, 0, 0x80), bytes32(0, 0, 0), bytes32(0xec, 0xff, 0x7f)];
  for (const x of [...odd, bytes32(0xee, 0xff, 0x7f), bytes32(0xff, 0xff, 0x7f)]) {
    const spki = Uint8Array.from([...hexDecode('302a300506032b6570032100'), ...x]);
    expect(() => parseKey(encodeKey({ curve: 'Ed25519', x })), String(x)).toThrow(badKey);
    await expect(verifySignature({ spki }, parts), String(x)).rejects.toMatchObject({ code: 'cose/bad-key' });
  }
});

test('refuses foreign keys in another form than the one of certificates', async () => {
  const parts = { alg: -37, message: new Uint8Array(), signature: new Uint8Array(256), lowS: false };
  const small = await crypto.subtle.generateKey(
    { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ['sign'],
  );
  const odd = await crypto.subtle.generateKey(
    { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(3) },
    true,
    ['sign'],
  );
  for (const { publicKey } of [small, odd]) {
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
    await expect(verifySignature({ spki }, parts)).rejects.toMatchObject({ code: 'cose/bad-key' });
  }
  const curve = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign']);
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', curve.publicKey));
  const es384 = { ...parts, alg: -35, signature: new Uint8Array(96) };
  await expect(verifySignature({ spki }, es384)).rejects.toMatchObject({ code: 'cose/bad-signature' });
  await expect(verifySignature({ spki }, parts)).rejects.toMatchObject({
    code: 'cose/unsupported-algorithm',
  });
  for (let at = 0; at < spki.length; at++) {
    const changed = spki.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(verifySignature({ spki: changed }, es384), `byte ${at}`).rejects.toMatchObject({
      code: 'cose/bad-key',
    });
    await expect(verifySignature({ spki: spki.slice(0, at) }, es384)).rejects.toMatchObject({
      code: 'cose/bad-key',
    });
  }
});
