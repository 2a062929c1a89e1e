// Family cose: CBOR, keys, COSE messages, and the statements and messages in them.
import {
  type Bytes,
  bytesEqual,
  concat,
  digestBytes,
  hexDecode,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import type { MessageName } from '@sealroom/contract';
import {
  ALG,
  type Cbor,
  cborDecode,
  cborEncode,
  CborTag,
  decodeSign1,
  ed25519Signer,
  encodeKey,
  importSecret,
  type KeyText,
  keyThumbprint,
  parseKey,
  publicKeyOf,
  sign1,
  type Signer,
  verifyForeignSign1,
  verifySign,
  verifySign1,
} from '@sealroom/cose';
import { canonicalCbor } from '../engine/cbor.ts';
import { openVerifyKey } from '../../packages/cose/src/key.ts';
import { expect, type Family, judge, judgeAsync, type Target } from '../engine/target.ts';
import { cose } from './codes.ts';
import { apartTarget, FOREIGN_SIGN1, signedPart, spkiTarget } from './cose-foreign.ts';
import {
  CBOR_WORDS,
  isGenuine,
  messageTarget,
  statementTarget,
  verifyMessageTarget,
} from './cose-statements.ts';
import { messageVectors, sharedFolder, statementBytes, texts } from './genuine.ts';

const cborTarget: Omit<Target, 'seeds'> = {
  name: 'cose.cborDecode',
  covers: ['cose/cborDecode'],
  form: 'cbor',
  words: CBOR_WORDS,
  run: (input) => {
    const second = canonicalCbor(input);
    const outcome = judge(
      cose('cose/malformed', 'cose/not-deterministic'),
      () => cborDecode(input),
      (value) => expect(bytesEqual(cborEncode(value), input), 'round-trip', 'It writes other bytes.'),
    );
    if (outcome.accepted)
      expect(second !== 'not-canonical', 'disagreement', 'A second reader finds it not deterministic.');
    else expect(second !== 'plain', 'disagreement', 'It refuses plain deterministic CBOR.');
    return outcome;
  },
};

const keyTarget = (seeds: readonly Uint8Array[]): Target => ({
  name: 'cose.parseKey',
  covers: ['cose/parseKey', 'cose/importSecret', 'cose/openVerifyKey'],
  form: 'text',
  seeds,
  run: async (input) => {
    const text = Buffer.from(input).toString('latin1');
    await judgeAsync(
      cose('cose/bad-key'),
      () => importSecret('X25519', input.subarray(0, 32)),
      () => undefined,
    );
    const outcome = judge(
      cose('cose/bad-key'),
      () => parseKey(text),
      (key) => {
        expect(encodeKey(key) === text, 'round-trip', 'It writes another text.');
        return key.curve;
      },
    );
    if (!outcome.accepted) return outcome;
    expect((await keyThumbprint(text)).length === 71, 'round-trip', 'It has no thumbprint.');
    return judgeAsync(
      cose('cose/wrong-key'),
      () => openVerifyKey(text).handle(),
      () => 'imports',
    );
  },
});

/** A COSE_Sign1 put together again from what was read. */
function again(bytes: Bytes): Bytes {
  const { alg, kid, contentType, claims, payload } = decodeSign1(bytes);
  const cwt = new Map<Cbor, Cbor>([
    [1, claims.iss],
    [2, claims.sub],
    [3, claims.aud],
    [6, claims.iat],
  ]);
  const header = new Map<Cbor, Cbor>([
    [1, alg],
    [3, contentType],
    [4, digestBytes(kid)],
    [15, cwt],
  ]);
  const tag = cborDecode(bytes);
  const parts = tag instanceof CborTag ? (tag.value as readonly Cbor[]) : [];
  return cborEncode(new CborTag(18, [cborEncode(header), new Map(), payload, parts[3] ?? null]));
}

const DECODE_SIGN1 = cose('cose/malformed', 'cose/not-deterministic', 'cose/bad-header');

const VERIFY_SIGN1 = cose(
  'cose/malformed',
  'cose/not-deterministic',
  'cose/bad-header',
  'cose/wrong-key',
  'cose/unsupported-algorithm',
  'cose/bad-signature',
);

const decodeTarget: Omit<Target, 'seeds'> = {
  name: 'cose.decodeSign1',
  covers: ['cose/decodeSign1'],
  form: 'cbor',
  words: CBOR_WORDS,
  run: (input) =>
    judge(
      DECODE_SIGN1,
      () => decodeSign1(input),
      ({ bytes }) => expect(bytesEqual(again(bytes), input), 'round-trip', 'It is more than was read of it.'),
    ),
};

type Genuine = { readonly bytes: Bytes; readonly key: KeyText };

const verifyTarget = (genuine: readonly Genuine[]): Target => ({
  name: 'cose.verifySign1',
  covers: ['cose/verifySign1', 'cose/verifySignature'],
  form: 'cbor',
  words: CBOR_WORDS,
  seeds: genuine.map(({ bytes }) => bytes),
  run: async (input) => {
    let outcome = { accepted: false, note: '' };
    for (const key of new Set(genuine.map((item) => item.key))) {
      outcome = await judgeAsync(
        VERIFY_SIGN1,
        () => verifySign1(input, key),
        () => undefined,
      );
      if (outcome.accepted) break;
    }
    if (outcome.accepted)
      expect(isGenuine(input, genuine), 'false-accept', 'It verifies, and nobody signed it.');
    return outcome;
  },
});

/** The message stays, the key changes. */
const otherKeyTarget = ({ bytes, key }: Genuine, keys: readonly Uint8Array[]): Target => ({
  name: 'cose.verifySign1(key)',
  covers: ['cose/verifySign1'],
  form: 'text',
  seeds: [utf8Encode(key), ...keys],
  run: async (input) => {
    const text = Buffer.from(input).toString('latin1');
    const refusals = [...VERIFY_SIGN1, ...cose('cose/bad-key')];
    const outcome = await judgeAsync(
      refusals,
      () => verifySign1(bytes, text),
      () => undefined,
    );
    if (outcome.accepted) expect(text === key, 'false-accept', 'It verifies under another key.');
    return outcome;
  },
});

/** What is under the signatures of a foreign message: body header, payload, and each signer's header and key. */
type Foreign = { readonly bytes: Bytes; readonly external: Bytes };

const P256_SECRET = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
} as const;

async function p256Signer(): Promise<Signer> {
  const handle = await crypto.subtle.importKey(
    'jwk',
    P256_SECRET,
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign'],
  );
  const [x, y] = [P256_SECRET.x, P256_SECRET.y].map((text) => new Uint8Array(Buffer.from(text, 'base64url')));
  const key = encodeKey({ curve: 'P-256', x: x ?? new Uint8Array(), y: y ?? new Uint8Array() });
  const half = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  return {
    key,
    kid: await keyThumbprint(key),
    alg: ALG.ES256,
    sign: async (message) => {
      const made = new Uint8Array(
        await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, handle, message),
      );
      const s = BigInt(`0x${Buffer.from(made.slice(32)).toString('hex')}`);
      if (s <= half) return made;
      return concat(made.slice(0, 32), hexDecode((order - s).toString(16).padStart(64, '0')));
    },
  };
}

async function foreignSign1(signer: Signer, external: Bytes): Promise<Bytes> {
  const header = cborEncode(new Map<Cbor, Cbor>([[1, signer.alg]]));
  const payload = utf8Encode('a foreign payload');
  const signature = await signer.sign(cborEncode(['Signature1', header, external, payload]));
  const outside = new Map<Cbor, Cbor>([[4, utf8Encode('11')]]);
  return cborEncode(new CborTag(18, [header, outside, payload, signature]));
}

async function foreignSign(signers: readonly Signer[]): Promise<Bytes> {
  const body = cborEncode(new Map<Cbor, Cbor>([[3, 'text/plain']]));
  const payload = utf8Encode('a contract of several');
  const parts: Cbor[] = [];
  for (const signer of signers) {
    const own = cborEncode(new Map<Cbor, Cbor>([[1, signer.alg]]));
    const signature = await signer.sign(cborEncode(['Signature', body, own, new Uint8Array(), payload]));
    parts.push([own, new Map<Cbor, Cbor>([[4, digestBytes(signer.kid)]]), signature]);
  }
  return cborEncode(new CborTag(98, [body, new Map(), payload, parts]));
}

const foreignTarget = (
  genuine: readonly Foreign[],
  others: readonly Uint8Array[],
  keys: readonly KeyText[],
): Target => {
  const signed = new Set(genuine.map(({ bytes }) => signedPart(bytes)));
  return {
    name: 'cose.verifyForeignSign1',
    covers: ['cose/verifyForeignSign1'],
    form: 'cbor',
    words: CBOR_WORDS,
    seeds: [...genuine.map(({ bytes }) => bytes), ...others],
    run: async (input) => {
      let outcome = { accepted: false, note: '' };
      for (const key of keys) {
        outcome = await judgeAsync(
          FOREIGN_SIGN1,
          () => verifyForeignSign1(input, () => key),
          () => undefined,
        );
        if (outcome.accepted) break;
      }
      if (outcome.accepted)
        expect(signed.has(signedPart(input)), 'false-accept', 'What it signs, nobody signed.');
      return outcome;
    },
  };
};

const signTarget = (genuine: Bytes, others: readonly Uint8Array[], signers: readonly Signer[]): Target => {
  const byKid = new Map(
    signers.map((signer) => [Buffer.from(digestBytes(signer.kid)).toString('hex'), signer.key]),
  );
  return {
    name: 'cose.verifySign',
    covers: ['cose/verifySign'],
    form: 'cbor',
    words: CBOR_WORDS,
    seeds: [genuine, ...others],
    run: (input) =>
      judgeAsync(
        cose(
          'cose/malformed',
          'cose/not-deterministic',
          'cose/bad-header',
          'cose/wrong-key',
          'cose/unsupported-algorithm',
          'cose/bad-signature',
        ),
        () =>
          verifySign(input, ({ protected: inside, unprotected }) => {
            const kid = unprotected.get(4) ?? inside.get(4);
            return kid instanceof Uint8Array ? byKid.get(Buffer.from(kid).toString('hex')) : undefined;
          }),
        ({ payload, headers, signers: found }) => {
          expect(
            utf8Decode(payload) === 'a contract of several',
            'false-accept',
            'Another payload verifies.',
          );
          expect(
            headers.protected.get(3) === 'text/plain' && headers.protected.size === 1,
            'false-accept',
            'Another body header verifies.',
          );
          const keys = found.map(({ key }) => key);
          const known = keys.every((key) => signers.some((signer) => signer.key === key));
          expect(
            known && new Set(keys).size === keys.length && keys.length > 0,
            'false-accept',
            'Signers that nobody knows, or none.',
          );
        },
      ),
  };
};

export async function coseFamily(): Promise<Family> {
  const [first, second, third] = [
    await ed25519Signer(new Uint8Array(32).fill(1)),
    await ed25519Signer(new Uint8Array(32).fill(2)),
    await p256Signer(),
  ];
  const made: Genuine[] = [];
  for (const signer of [first, second, third]) {
    const claims = { iss: signer.kid, sub: 'fuzz', aud: 'ledger.example', iat: 1_800_000_000 };
    const bytes = await sign1(signer, {
      contentType: 'application/sealroom.test+json',
      claims,
      payload: utf8Encode('{"a":1}'),
    });
    made.push({ bytes, key: signer.key });
  }
  const statements = statementBytes();
  const { key, audience, messages } = messageVectors().made;
  const genuine = messages.map(({ name, cose: hex }) => ({
    name: name as MessageName,
    bytes: hexDecode(hex),
  }));
  const receiver = await publicKeyOf('X25519', new Uint8Array(32).fill(3));
  const keys = texts(first.key, third.key, receiver);
  const foreign: Foreign[] = [];
  for (const signer of [first, third])
    foreign.push({ bytes: await foreignSign1(signer, new Uint8Array()), external: new Uint8Array() });
  const shared = sharedFolder<{ output?: { cbor?: string } }>('cose/cose-wg', 200)
    .flatMap(({ output }) =>
      output?.cbor === undefined ? [] : [new Uint8Array(Buffer.from(output.cbor, 'hex'))],
    )
    .filter((bytes) => bytes.length < 4000);
  const several = await foreignSign([first, third]);
  const small = [
    '80',
    'a0',
    'f6',
    '1bffffffffffffffff',
    '3bffffffffffffffff',
    'a2016161026162',
    '826161f5',
    'd28440a04040',
    'fb3ff199999999999a',
    'f93c00',
  ];
  return {
    name: 'cose',
    targets: [
      {
        ...cborTarget,
        seeds: [
          ...statements,
          ...made.map(({ bytes }) => bytes),
          ...shared,
          ...small.map(hexDecode),
          several,
        ],
      },
      keyTarget(keys),
      spkiTarget(),
      { ...decodeTarget, seeds: [...statements, ...made.map(({ bytes }) => bytes), ...shared] },
      verifyTarget(made),
      otherKeyTarget(made[2] ?? { bytes: new Uint8Array(), key: '' }, keys),
      foreignTarget(foreign, shared, [first.key, third.key]),
      await apartTarget([first, third]),
      signTarget(several, shared, [first, third]),
      { ...statementTarget, seeds: statements },
      messageTarget(genuine),
      verifyMessageTarget(genuine, key, audience),
    ],
  };
}
