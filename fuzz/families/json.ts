// Family json: text of bytes, canonical JSON, and the documents that are made of it.
import { isDeepStrictEqual } from 'node:util';
import {
  base64urlDecode,
  base64urlEncode,
  bytesEqual,
  BytesError,
  canonicalBytes,
  canonicalJson,
  digestBytes,
  hexDecode,
  hexEncode,
  type Json,
  parseCanonical,
  parseStrictJson,
  Reader,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import {
  checkParameters,
  encodeContract,
  encodeTrust,
  isStatementType,
  parameterName,
  parameterType,
  parameterValue,
  parseContract,
  parseTrust,
  STATEMENTS,
} from '@sealroom/contract';
import { z } from 'zod';
import { expect, type Family, judge, type Outcome, refused, type Target } from '../engine/target.ts';
import { bytes, contract, STRICT_JSON } from './codes.ts';
import {
  DOCUMENT_WORDS,
  messageVectors,
  receiptVectors,
  statementVectors,
  texts,
  vector,
} from './genuine.ts';

/** What JSON.parse makes of UTF-8 text; undefined where it refuses. */
function platformJson(input: Uint8Array): { readonly value: unknown } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
  } catch {
    return undefined;
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function strictTarget(fractions: boolean, seeds: readonly Uint8Array[]): Target {
  const refusals = bytes(...STRICT_JSON);
  const run = (input: Uint8Array): Outcome => {
    const platform = platformJson(input);
    let value: Json;
    try {
      value = parseStrictJson(input, { fractions });
    } catch (error) {
      const outcome = refused(error, refusals);
      const malformed = error instanceof BytesError && error.code === 'json/malformed';
      expect(
        !malformed || !platform,
        'disagreement',
        'It is no JSON to this reader, but JSON.parse reads it.',
      );
      return outcome;
    }
    expect(platform !== undefined, 'disagreement', 'This reader accepts what JSON.parse refuses.');
    expect(isDeepStrictEqual(value, platform?.value), 'disagreement', 'JSON.parse reads another value.');
    const again = parseStrictJson(canonicalJson(value, { fractions }), { fractions });
    const sameText = canonicalJson(again, { fractions }) === canonicalJson(value, { fractions });
    expect(sameText, 'round-trip', 'The value changes when it is written and read again.');
    return { accepted: true, note: 'accepted' };
  };
  const name = fractions ? 'bytes.parseStrictJson(fractions)' : 'bytes.parseStrictJson';
  return { name, covers: ['bytes/parseStrictJson'], form: 'json', seeds, words: DOCUMENT_WORDS, run };
}

const canonical: Omit<Target, 'seeds'> = {
  name: 'bytes.parseCanonical',
  covers: ['bytes/parseCanonical'],
  form: 'json',
  words: DOCUMENT_WORDS,
  run: (input) =>
    judge(
      bytes(...STRICT_JSON, 'json/not-canonical'),
      () => parseCanonical(input),
      (value) => expect(bytesEqual(canonicalBytes(value), input), 'round-trip', 'It writes other bytes.'),
    ),
};

function textTarget(
  name: string,
  seeds: readonly string[],
  {
    decode,
    encode,
    also,
  }: {
    decode: (text: string) => Uint8Array;
    encode: (bytes: Uint8Array) => string;
    also: (text: string) => boolean;
  },
): Target {
  const code =
    name === 'hexDecode'
      ? 'bytes/bad-hex'
      : name === 'digestBytes'
        ? 'bytes/bad-digest'
        : 'bytes/bad-base64url';
  return {
    name: `bytes.${name}`,
    covers: [`bytes/${name}`],
    form: 'text',
    seeds: texts(...seeds),
    run: (input) => {
      const text = Buffer.from(input).toString('latin1');
      const outcome = judge(
        bytes(code),
        () => decode(text),
        (value) => expect(encode(value) === text, 'round-trip', 'It writes another text.'),
      );
      expect(outcome.accepted === also(text), 'disagreement', 'Buffer decides otherwise.');
      return outcome;
    },
  };
}

const utf8: Target = {
  name: 'bytes.utf8Decode',
  covers: ['bytes/utf8Decode'],
  form: 'bytes',
  seeds: texts('plain', 'é ü 漢字 😀', '\ufeffx', 'a\u0000b'),
  words: ['\ufeff', '\u0000', '😀'],
  run: (input) =>
    judge(
      bytes('bytes/bad-utf8'),
      () => utf8Decode(input),
      (text) => expect(bytesEqual(utf8Encode(text), input), 'round-trip', 'It writes other bytes.'),
    ),
};

/** The first byte of each pair says what is read, the second how much, until the rest ends. */
const reader: Target = {
  name: 'bytes.Reader',
  covers: ['bytes/Reader'],
  form: 'bytes',
  seeds: [Uint8Array.of(3, 0, 1, 2, 2, 1, 2, 3, 4), new Uint8Array(64)],
  run: (input) =>
    judge(
      bytes('bytes/truncated', 'bytes/trailing'),
      () => {
        const [steps = 0] = input;
        const rest = input.subarray(1 + (steps & 15));
        const read = new Reader(rest);
        for (let i = 0; i < (steps & 15); i++) {
          const step = input[1 + i] ?? 0;
          if (step & 128) read.take(step & 63);
          else if (step & 64) read.uintBE(1 + (step % 6));
          else if (step & 32) read.uintLE(1 + (step % 6));
          else read.uint8();
          expect(read.offset + read.remaining === rest.length, 'round-trip', 'Bytes got lost.');
        }
        if (steps & 16) read.end();
      },
      () => undefined,
    ),
};

const contractTarget: Omit<Target, 'seeds'> = {
  name: 'contract.parseContract',
  covers: ['contract/parseContract'],
  form: 'json',
  words: DOCUMENT_WORDS,
  run: (input) =>
    judge(
      contract('contract/malformed'),
      () => parseContract(input),
      (value) => expect(bytesEqual(encodeContract(value), input), 'round-trip', 'It writes other bytes.'),
    ),
};

const trustTarget: Omit<Target, 'seeds'> = {
  name: 'contract.parseTrust',
  covers: ['contract/parseTrust'],
  form: 'json',
  words: DOCUMENT_WORDS,
  run: (input) =>
    judge(
      contract('trust/malformed'),
      () => parseTrust(input),
      (value) =>
        expect(
          bytesEqual(encodeTrust(value), canonicalBytes(parseStrictJson(input))),
          'round-trip',
          'It is not what the text says.',
        ),
    ),
};

const payloadShape = z.strictObject({ type: z.string(), payload: z.unknown() });

/** Payloads of all statement types against their schemas: what a schema accepts it must not change. */
const payloads: Omit<Target, 'seeds'> = {
  name: 'contract.STATEMENTS',
  covers: ['contract/isStatementType'],
  form: 'json',
  words: [...DOCUMENT_WORDS, ...Object.keys(STATEMENTS)],
  run: (input) => {
    const outcome = judge(
      bytes(...STRICT_JSON),
      () => payloadShape.safeParse(parseStrictJson(input)),
      () => undefined,
    );
    if (!outcome.accepted) return outcome;
    const found = payloadShape.safeParse(parseStrictJson(input));
    if (!found.success || !isStatementType(found.data.type)) return { accepted: false, note: 'no type' };
    const { type, payload } = found.data;
    const read = STATEMENTS[type].payload.safeParse(payload);
    if (!read.success) {
      const [issue] = read.error.issues;
      return { accepted: false, note: `${type} ${issue?.code} ${issue?.path.map(String).join('.')}` };
    }
    expect(
      canonicalJson(read.data) === canonicalJson(payload),
      'round-trip',
      'The schema changes what it accepts.',
    );
    return { accepted: true, note: type };
  },
};

const parametersShape = z.strictObject({
  declared: z.record(parameterName, parameterType),
  given: z.record(z.string(), parameterValue),
});

const parameters: Target = {
  name: 'contract.checkParameters',
  covers: ['contract/checkParameters'],
  form: 'json',
  words: [
    '"LD_PRELOAD"',
    '"PATH"',
    '"__proto__"',
    '"toString"',
    '"integer"',
    '"enum"',
    '"https_proxy"',
    '\\u0000',
  ],
  seeds: texts(
    '{"declared":{"A.b":{"maxLength":3,"type":"string"},"ITERATIONS":{"maximum":9,"minimum":1,"type":"integer"},"flag":{"type":"boolean"},"kind":{"type":"enum","values":["x","y"]}},"given":{"A.b":"aé","ITERATIONS":3,"flag":true,"kind":"y"}}',
    '{"declared":{},"given":{}}',
  ),
  run: (input) => {
    const platform = platformJson(input);
    const found = parametersShape.safeParse(platform?.value);
    if (!found.success) return { accepted: false, note: `shape ${found.error.issues[0]?.code}` };
    return judge(
      contract('contract/parameters'),
      () => checkParameters(found.data.declared, found.data.given),
      () => {
        for (const name of Object.keys(found.data.given)) {
          const good = Object.hasOwn(found.data.declared, name) && /^[A-Za-z0-9_.-]+$/.test(name);
          const loaded = /^(?:LD_|DYLD_|PYTHON|NODE_|BASH|PATH$)/i.test(name);
          expect(good && !loaded, 'false-accept', 'A name passed that a loader reads or nobody declared.');
        }
      },
    );
  },
};

export async function jsonFamily(): Promise<Family> {
  const statements = Object.entries(statementVectors().made.statements);
  const documents = [
    ...statements.map(([, { payload }]) => payload),
    ...messageVectors().made.messages.map(({ payload }) => payload),
    receiptVectors().trust,
    vector<{ made: { manifest: string } }>('contract/manifest.json').made.manifest,
    vector<{ inventory: string }>('seal/folder.json').inventory,
    '{"a":[1,2,{"b":null}],"c":"\\u00e9\\n","d":true}',
    '{"auc":0.8125,"n":1e3,"s":"x","z":-0.0}',
    '[]',
    '"\\ud83d\\ude00"',
    '-9007199254740991',
  ];
  const json = texts(...documents);
  const signed = statements.find(([type]) => type === 'contract.signed')?.[1].payload ?? '{}';
  const typed = statements.map(
    ([type, { payload }]) => `{"payload":${payload},"type":${JSON.stringify(type)}}`,
  );
  const buffer = (encoding: BufferEncoding) => (text: string) =>
    Buffer.from(text, encoding).toString(encoding) === text;
  return {
    name: 'json',
    targets: [
      strictTarget(false, json),
      strictTarget(true, json),
      { ...canonical, seeds: json },
      textTarget('base64urlDecode', ['', 'AA', 'AAA', '_-8', 'owEBIAYhWCBDpy5xRAF2LfZraMJt-9'], {
        decode: base64urlDecode,
        encode: base64urlEncode,
        also: buffer('base64url'),
      }),
      textTarget('hexDecode', ['', '00', 'ff01ab', '0123456789abcdef'], {
        decode: hexDecode,
        encode: hexEncode,
        also: buffer('hex'),
      }),
      textTarget('digestBytes', [`sha256:${'0'.repeat(64)}`, `sha256:${'ab'.repeat(32)}`], {
        decode: digestBytes,
        encode: (value) => `sha256:${hexEncode(value)}`,
        also: (text) => /^sha256:[0-9a-f]{64}$/.test(text) && !text.endsWith('\n'),
      }),
      utf8,
      reader,
      { ...contractTarget, seeds: texts(signed) },
      { ...trustTarget, seeds: texts(receiptVectors().trust) },
      { ...payloads, seeds: texts(...typed) },
      parameters,
    ],
  };
}
