import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlDecode, type Bytes, concat, hexDecode, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import {
  type Cbor,
  cborEncode,
  CborTag,
  CoseError,
  ed25519Signer,
  encodeKey,
  generateSecret,
  type KeyText,
  type Signer,
  verifyForeignSign1,
  verifySign,
  verifySign1,
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
  await expect(verifyForeignSign1(both, ada.key)).rejects.toMatchObject({ code: 'cose/bad-header' });
  const critical = foreign(
    new Map<Cbor, Cbor>([
      [1, -8],
      [2, ['x']],
    ]),
    new Map(),
  );
  await expect(verifyForeignSign1(critical, ada.key)).rejects.toMatchObject({ code: 'cose/bad-header' });
});

type Key = { readonly crv: string; readonly x?: string; readonly y?: string; readonly x_hex?: string };
type Vector = {
  readonly fail?: boolean;
  readonly input: {
    readonly sign0?: { readonly key: Key; readonly external?: string };
    readonly sign?: { readonly signers: readonly { readonly key: Key; readonly external?: string }[] };
  };
  readonly output: { readonly cbor: string };
};

const folder = sharedVectors('cose');

function keyText({ crv, x, y, x_hex }: Key): KeyText {
  const point = x === undefined ? hexDecode((x_hex ?? '').toLowerCase()) : base64urlDecode(x);
  if (crv === 'Ed25519') return encodeKey({ curve: crv, x: point });
  if (crv !== 'P-256') throw new Error(`no ${crv} here`);
  return encodeKey({ curve: crv, x: point, y: base64urlDecode(y ?? '') });
}

/** The bytes, under their tag: the vectors named "Remove CBOR Tag" are for readers who know the kind beforehand. */
function tagged(cbor: string, tag: readonly number[]): Bytes {
  const bytes = hexDecode(cbor.toLowerCase());
  return (bytes[0] ?? 0) >> 5 === 4 ? concat(Uint8Array.from(tag), bytes) : bytes;
}

function verifyVector({ input, output }: Vector): Promise<unknown> {
  if (input.sign0) {
    const { key, external = '' } = input.sign0;
    const bytes = tagged(output.cbor, [0xd2]);
    return verifyForeignSign1(bytes, keyText(key), { external: hexDecode(external.toLowerCase()) });
  }
  const signers = input.sign?.signers ?? [];
  const external = hexDecode((signers[0]?.external ?? '').toLowerCase());
  const find = (_: unknown, at: number) => {
    const signer = signers[at];
    return signer && keyText(signer.key);
  };
  return verifySign(tagged(output.cbor, [0xd8, 98]), find, { external });
}

const numbered = (prefix: string, numbers: readonly string[]) =>
  numbers.map((number) => `${prefix}-${number}.json`);

describe.skipIf(!folder)('the COSE working group’s messages', () => {
  const failing = ['01', '02', '03', '04', '06', '07'];
  const sets = {
    'sign1-tests': [...numbered('sign-pass', ['01', '02', '03']), ...numbered('sign-fail', failing)],
    'sign-tests': [
      ...numbered('sign-pass', ['01', '02', '03']),
      ...numbered('sign-fail', failing),
      'ecdsa-01.json',
    ],
    'eddsa-examples': ['eddsa-01.json', 'eddsa-sig-01.json'],
    'ecdsa-examples': ['ecdsa-01.json', 'ecdsa-sig-01.json'],
    RFC8152: ['Appendix_C_1_1.json', 'Appendix_C_1_3.json', 'Appendix_C_2_1.json'],
  };
  const files = Object.entries(sets).flatMap(([set, names]) => names.map((name) => `${set}/${name}`));

  test.each(files)('%s gets its verdict', async (file) => {
    const vector = JSON.parse(readFileSync(join(folder ?? '', 'cose-wg', file), 'utf8')) as Vector;
    if (vector.fail) await expect(verifyVector(vector)).rejects.toBeInstanceOf(CoseError);
    else expect(await verifyVector(vector)).toMatchObject({ payload: utf8Encode('This is the content.') });
  });

  test('none of them passes for a statement', async () => {
    for (const file of files) {
      const vector = JSON.parse(readFileSync(join(folder ?? '', 'cose-wg', file), 'utf8')) as Vector;
      await expect(verifySign1(hexDecode(vector.output.cbor.toLowerCase()), ada.key)).rejects.toBeInstanceOf(
        CoseError,
      );
    }
  });

  test('algorithms and critical headers that are not ours are refused, not guessed', async () => {
    const read = (file: string) =>
      JSON.parse(readFileSync(join(folder ?? '', 'cose-wg', file), 'utf8')) as Vector;
    const critical = read('RFC8152/Appendix_C_1_4.json');
    await expect(verifyVector(critical)).rejects.toBeInstanceOf(CoseError);
    const es512 = read('ecdsa-examples/ecdsa-sig-04.json');
    await expect(verifyVector(es512)).rejects.toMatchObject({ code: 'cose/unsupported-algorithm' });
  });
});
