import { type Bytes, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import {
  type Cbor,
  cborDecode,
  cborEncode,
  CborTag,
  type CoseError,
  ed25519Signer,
  type ForeignOptions,
  generateSecret,
  type Signer,
  verifyForeignSign1,
  verifySign,
} from './index.ts';

const payload = utf8Encode('the contract');
const ada = await ed25519Signer(generateSecret());
const ben = await ed25519Signer(generateSecret());
const findKey = ({ unprotected }: { unprotected: ReadonlyMap<Cbor, Cbor> }) => {
  const kid = utf8Decode(unprotected.get(4) as Uint8Array);
  return { ada: ada.key, ben: ben.key }[kid];
};

async function signatureOf(signer: Signer, kid: string, content = payload): Promise<Cbor> {
  const header = cborEncode(new Map([[1, signer.alg]]));
  const signature = await signer.sign(
    cborEncode(['Signature', new Uint8Array(), header, new Uint8Array(), content]),
  );
  return [header, new Map([[4, utf8Encode(kid)]]), signature];
}

const message = (...signatures: Cbor[]) =>
  cborEncode(new CborTag(98, [new Uint8Array(), new Map(), payload, signatures]));

test('a message of two signers verifies when both are known and signed the same payload', async () => {
  const bytes = message(await signatureOf(ada, 'ada'), await signatureOf(ben, 'ben'));
  const verified = await verifySign(bytes, findKey);
  expect(verified.payload).toEqual(payload);
  expect(verified.signers.map(({ key }) => key)).toEqual([ada.key, ben.key]);
});

test('one signer who is unknown, counted twice, or signed something else refuses the whole message', async () => {
  const good = await signatureOf(ada, 'ada');
  const code = (bytes: Bytes) =>
    verifySign(bytes, findKey).then(
      () => 'verified',
      (error: CoseError) => error.code,
    );
  expect(await code(message(good, await signatureOf(ben, 'carl')))).toBe('cose/wrong-key');
  expect(await code(message(good, good))).toBe('cose/wrong-key');
  expect(await code(message(good, await signatureOf(ben, 'ben', utf8Encode('other'))))).toBe(
    'cose/bad-signature',
  );
  expect(await code(message(good, await signatureOf(ada, 'ben')))).toBe('cose/bad-signature');
  expect(await code(message())).toBe('cose/malformed');
});

test('refuses a message cut short or changed at any byte', async () => {
  const bytes = message(await signatureOf(ada, 'ada'), await signatureOf(ben, 'ben'));
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(verifySign(changed, findKey), `byte ${at}`).rejects.toThrow();
    await expect(verifySign(bytes.slice(0, at), findKey)).rejects.toThrow();
  }
});

test('refuses critical headers and a header in both maps', async () => {
  const foreign = (inside: Map<Cbor, Cbor>, outside: Map<Cbor, Cbor>) =>
    cborEncode(new CborTag(18, [cborEncode(inside), outside, payload, new Uint8Array(64)]));
  const both = foreign(new Map([[1, -8]]), new Map([[1, -8]]));
  await expect(verifyForeignSign1(both, () => ada.key)).rejects.toMatchObject({ code: 'cose/bad-header' });
  const critical = foreign(
    new Map<Cbor, Cbor>([
      [1, -8],
      [2, ['x']],
    ]),
    new Map(),
  );
  await expect(verifyForeignSign1(critical, () => ada.key)).rejects.toMatchObject({
    code: 'cose/bad-header',
  });
});

/** A COSE_Sign1 of another system, by Ada, with any headers. */
async function foreignMessage(
  inside: Map<Cbor, Cbor>,
  { outside = new Map<Cbor, Cbor>(), content = payload, attach = true, tag = true } = {},
): Promise<Bytes> {
  const header = inside.size === 0 ? new Uint8Array() : cborEncode(inside);
  const signature = await ada.sign(cborEncode(['Signature1', header, new Uint8Array(), content]));
  const body = [header, outside, attach ? content : null, signature];
  return cborEncode(tag ? new CborTag(18, body) : body);
}

const verdict = (bytes: Bytes, options: ForeignOptions = {}) =>
  verifyForeignSign1(bytes, () => ada.key, options).then(
    () => 'verified',
    (error: CoseError) => error.code,
  );

test('critical headers must be protected, present, and known to the caller', async () => {
  const with2 = (labels: Cbor, more: [Cbor, Cbor][] = []) =>
    new Map<Cbor, Cbor>([[1, -8], [2, labels], ...more]);
  const ok = await foreignMessage(
    with2(
      ['x', 99],
      [
        ['x', 1],
        [99, 2],
      ],
    ),
  );
  expect(await verdict(ok, { understood: ['x', 99] })).toBe('verified');
  expect(await verdict(ok, { understood: ['x'] })).toBe('cose/bad-header');
  expect(await verdict(ok)).toBe('cose/bad-header');
  const understood = ['x'];
  for (const bad of [with2([], [['x', 1]]), with2('x', [['x', 1]]), with2(['x']), with2([['x']], [['x', 1]])])
    expect(await verdict(await foreignMessage(bad), { understood })).toBe('cose/bad-header');
  const outside = new Map<Cbor, Cbor>([['x', 1]]);
  expect(await verdict(await foreignMessage(with2(['x']), { outside }), { understood })).toBe(
    'cose/bad-header',
  );
  const open = new Map<Cbor, Cbor>([[2, ['x']]]);
  const unprotected = await foreignMessage(
    new Map<Cbor, Cbor>([
      [1, -8],
      ['x', 1],
    ]),
    { outside: open },
  );
  expect(await verdict(unprotected, { understood })).toBe('cose/bad-header');
});

test('no protected headers are signed as no bytes, sent as an empty map or as nothing', async () => {
  const outside = new Map<Cbor, Cbor>([[1, -8]]);
  const bytes = await foreignMessage(new Map(), { outside });
  expect(await verdict(bytes)).toBe('verified');
  const { value } = cborDecode(bytes) as CborTag;
  const [, ...rest] = value as readonly Cbor[];
  expect(await verdict(cborEncode(new CborTag(18, [Uint8Array.of(0xa0), ...rest])))).toBe('verified');
  expect(await verdict(cborEncode(new CborTag(18, [Uint8Array.of(0x80), ...rest])))).toBe('cose/malformed');
});

test('a payload that travels apart is asked for, and only then', async () => {
  const headers = new Map<Cbor, Cbor>([[1, -8]]);
  const apart = await foreignMessage(headers, { attach: false });
  expect(await verdict(apart, { detached: payload })).toBe('verified');
  expect(await verdict(apart, { detached: () => payload })).toBe('verified');
  expect(await verdict(apart, { detached: utf8Encode('other') })).toBe('cose/bad-signature');
  expect(await verdict(apart)).toBe('cose/malformed');
  expect(await verdict(await foreignMessage(headers), { detached: payload })).toBe('cose/malformed');
});

test('the tag may be left out, and no other may stand in its place', async () => {
  const headers = new Map<Cbor, Cbor>([[1, -8]]);
  const bare = await foreignMessage(headers, { tag: false });
  expect(await verdict(bare)).toBe('verified');
  const body = cborDecode(bare);
  for (const tag of [16, 17, 61, 96, 97, 98, 0, 1])
    expect(await verdict(cborEncode(new CborTag(tag, body)))).toBe('cose/malformed');
  expect(await verdict(cborEncode(new CborTag(18, new CborTag(18, body))))).toBe('cose/malformed');
  await expect(verifySign(bare, () => ada.key)).rejects.toMatchObject({ code: 'cose/malformed' });
});

test('refuses labels that are neither numbers nor text, and members of another type', async () => {
  const odd = new Map<Cbor, Cbor>([
    [1, -8],
    [Uint8Array.of(1), 1],
  ]);
  expect(await verdict(await foreignMessage(odd))).toBe('cose/bad-header');
  const [header, outside, content, signature] = cborDecode(
    await foreignMessage(new Map([[1, -8]]), { tag: false }),
  ) as readonly Cbor[];
  const parts = [header ?? null, outside ?? null, content ?? null, signature ?? null];
  for (let at = 0; at < parts.length; at++) {
    for (const other of ['text', 7, [], null]) {
      const changed = cborEncode(new CborTag(18, parts.with(at, other)));
      expect(await verdict(changed), `part ${at}`).toBe('cose/malformed');
    }
  }
  expect(await verdict(cborEncode(new CborTag(18, [...parts, 1])))).toBe('cose/malformed');
});

test('the algorithm must be one of the key’s, wherever it stands', async () => {
  for (const alg of [-7, -35, -37, 5, 'EdDSA', null])
    expect(await verdict(await foreignMessage(new Map<Cbor, Cbor>([[1, alg]])))).toBe(
      'cose/unsupported-algorithm',
    );
  expect(await verdict(await foreignMessage(new Map<Cbor, Cbor>([[4, 'ada']])))).toBe(
    'cose/unsupported-algorithm',
  );
});

test('a message of others survives no change of any byte, and no cut', async () => {
  const bytes = await foreignMessage(
    new Map<Cbor, Cbor>([
      [1, -8],
      [4, utf8Encode('ada')],
    ]),
  );
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(await verdict(changed), `byte ${at}`).not.toBe('verified');
    expect(await verdict(bytes.slice(0, at))).not.toBe('verified');
  }
});
