// Family criteria: the lossless reader, criteria in both modes, validation, the gate, and regular expressions.
import { bytesEqual, canonicalBytes, parseStrictJson, utf8Decode } from '@sealroom/bytes';
import {
  canonicalValueBytes,
  checkCriteriaFile,
  type Criteria,
  CriteriaError,
  type CriteriaErrorCode,
  fromPlain,
  gateReport,
  isList,
  leakBudget,
  lintCriteria,
  parseCriteria,
  readOptions,
  readValue,
  redactedMessages,
  redactErrors,
  sameValue,
  unboxReport,
  validate,
  type Validation,
  type Value,
  writeValue,
} from '@sealroom/criteria';
import { expect, type Family, judge, type Outcome, refused, type Target } from '../engine/target.ts';
import { criteria } from './codes.ts';
import { sharedVector, texts } from './genuine.ts';
import { anyRegex, commonRegex } from './regex.ts';

const READ: readonly CriteriaErrorCode[] = [
  'value/malformed',
  'value/duplicate-key',
  'value/number-range',
  'value/lone-surrogate',
  'value/too-deep',
  'value/too-large',
];
const WORDS = [
  '"type"',
  '"string"',
  '"integer"',
  '"float"',
  '"list"',
  '"dict"',
  '"schema"',
  '"regex"',
  '"min"',
  '"max"',
  '"minlength"',
  '"maxlength"',
  '"allowed"',
  '"required":true',
  '"nullable"',
  '"anyof"',
  '"oneof"',
  '"allof"',
  '"noneof"',
  '"items"',
  '"keysrules"',
  '"valuesrules"',
  '"dependencies"',
  '"excludes"',
  '"contains"',
  '"forbidden"',
  '"empty"',
  '"anyof_type"',
  '"allow_unknown"',
  '"coerce"',
  '"default"',
  '"rename"',
  '"readonly"',
  '"purge_unknown"',
  '"require_all"',
  '"check_with"',
  '"meta"',
  '"__proto__"',
  '1.0',
  '1e400',
  '"number"',
  '"boolean"',
  '"date"',
  '"set"',
  '"^.*$"',
  '"a\\u0000"',
];

const readTarget = (seeds: readonly Uint8Array[]): Target => ({
  name: 'criteria.readValue',
  covers: ['criteria/readValue', 'criteria/fromPlain', 'criteria/readOptions'],
  form: 'json',
  seeds,
  words: WORDS,
  run: (input) => {
    let platform: { readonly value: unknown } | undefined;
    try {
      platform = { value: JSON.parse(utf8Decode(input)) as unknown };
    } catch {
      platform = undefined;
    }
    let value: Value;
    try {
      value = readValue(input);
    } catch (error) {
      const outcome = refused(error, criteria(...READ));
      const malformed = error instanceof CriteriaError && error.code === 'value/malformed';
      expect(
        !malformed || !platform,
        'disagreement',
        'It is no JSON to this reader, but JSON.parse reads it.',
      );
      return outcome;
    }
    expect(platform !== undefined, 'disagreement', 'This reader accepts what JSON.parse refuses.');
    const again = writeValue(value);
    expect(
      sameValue(readValue(again), value),
      'round-trip',
      'The value changes when it is written and read again.',
    );
    expect(
      JSON.stringify(JSON.parse(again)) === JSON.stringify(platform?.value),
      'disagreement',
      'JSON.parse reads another value.',
    );
    const plain = judge(
      criteria(...READ),
      () => fromPlain(platform?.value),
      () => undefined,
    );
    const options = judge(
      criteria('criteria/options', ...READ),
      () => readOptions(again),
      () => undefined,
    );
    return { accepted: true, note: `${plain.note} ${options.note}` };
  },
});

function readCriteria(text: string | Uint8Array, mode: 'strict' | 'compat'): Criteria | Outcome {
  try {
    return parseCriteria(text, { mode });
  } catch (error) {
    const outcome = refused(error, criteria('criteria/unusable'));
    const reasons = error instanceof CriteriaError ? error.reasons : [];
    expect(reasons.length > 0, 'foreign-error', 'Unusable criteria give no reason.');
    const first = reasons[0];
    return {
      ...outcome,
      note: `${outcome.note} ${first?.code} ${String(first?.message)
        .replaceAll(/[0-9]+/g, '#')
        .slice(0, 80)}`,
    };
  }
}

const isOutcome = (found: Criteria | Outcome): found is Outcome =>
  'accepted' in found && typeof found.accepted === 'boolean';

const criteriaTarget = (mode: 'strict' | 'compat', seeds: readonly Uint8Array[]): Target => ({
  name: `criteria.parseCriteria(${mode})`,
  // Linear, but with a Map and a path for each definition: four microseconds a byte at worst.
  slowMs: 4000,
  covers: ['criteria/parseCriteria', 'criteria/expand', 'criteria/leakBudget', 'criteria/lintCriteria'],
  form: 'json',
  seeds,
  words: WORDS,
  run: (input) => {
    const found = readCriteria(input, mode);
    if (isOutcome(found)) return found;
    if (mode === 'strict') {
      const lenient = readCriteria(input, 'compat');
      expect(
        !isOutcome(lenient),
        'disagreement',
        'The strict mode takes criteria that the compatible one refuses.',
      );
    }
    const bits = leakBudget(found);
    expect(!Number.isNaN(bits) && bits >= 0, 'round-trip', `The leak budget is ${bits}.`);
    return {
      accepted: true,
      note: `${bits === Infinity ? 'free' : 'bound'} ${lintCriteria(found)
        .map(({ code }) => code)
        .join(' ')}`,
    };
  },
});

function checkGate(found: Criteria, report: Value): string {
  const text = writeValue(report);
  const result = gateReport({ criteria: found, text, maxBytes: 100_000, maxBits: Infinity });
  if (!result.ok) {
    const told = JSON.stringify([result.errors, result.messages]);
    return `${result.code} ${told.replaceAll(/[0-9]+/g, '#').slice(0, 100)}`;
  }
  const again = gateReport({ criteria: found, text: result.canonical, maxBytes: 100_000, maxBits: Infinity });
  // The float 1.0 leaves as 1, which is then an integer: criteria may tell them apart, but never the other way round.
  const same = again.ok && bytesEqual(again.canonical, result.canonical);
  const floats =
    /"float"|"number"|[0-9]\.0|anyof|allof|oneof|noneof|allowed|forbidden|type/.test(
      writeValue(found.schema),
    ) && text !== utf8Decode(result.canonical);
  expect(same || floats, 'round-trip', 'What passed the gate does not pass it again.');
  const inner = canonicalBytes(parseStrictJson(result.canonical, { fractions: true }), { fractions: true });
  expect(bytesEqual(inner, result.canonical), 'disagreement', 'What leaves is not canonical JSON.');
  expect(
    result.bits <= leakBudget(found) + 1,
    'false-accept',
    'The report takes more bits than the criteria let out.',
  );
  return 'passes';
}

/** Input: a list of criteria and report, read losslessly. */
const validateTarget = (seeds: readonly Uint8Array[]): Target => ({
  name: 'criteria.validate',
  covers: [
    'criteria/validate',
    'criteria/gateReport',
    'criteria/unboxReport',
    'criteria/checkCriteriaFile',
    'criteria/redactErrors',
  ],
  form: 'json',
  seeds,
  words: WORDS,
  run: (input) => {
    let pair: Value;
    try {
      pair = readValue(input);
    } catch (error) {
      return refused(error, criteria(...READ));
    }
    if (!isList(pair) || pair.length !== 2) return { accepted: false, note: 'no pair' };
    const [schema = null, report = null] = pair;
    const text = writeValue(schema);
    const compat = readCriteria(text, 'compat');
    if (isOutcome(compat)) return compat;
    let said: Validation;
    try {
      said = validate(compat, report);
    } catch (error) {
      // Criteria that are null will do for the compatible mode only where an option gives rules.
      return refused(error, criteria('criteria/unusable'));
    }
    const strict = readCriteria(text, 'strict');
    if (isOutcome(strict))
      return { accepted: said.outcome === 'valid', note: `${said.outcome} ${strict.note}` };
    const own = validate(strict, report);
    expect(own.outcome !== 'breakdown', 'disagreement', 'The strict mode breaks down.');
    // Of definitions of which one must fail, a stricter type can make one fail; what is forbidden is told apart more finely. Cerberus breaks down where it cannot compare.
    if (own.outcome === 'valid' && !/"(?:oneof|noneof|forbidden)/.test(text))
      expect(
        said.outcome !== 'invalid',
        'false-accept',
        `The strict mode passes what Cerberus calls ${said.outcome}.`,
      );
    if (own.outcome === 'invalid') {
      redactErrors(own.errorList, strict);
      redactedMessages(own.errorList, strict);
    }
    const exit = checkCriteriaFile(text, writeValue(report)).exit;
    expect((exit === 0) === (own.outcome === 'valid'), 'disagreement', 'The check of files says otherwise.');
    const boxed = unboxReport(strict, report);
    if (own.outcome === 'valid')
      expect(sameValue(boxed, report), 'disagreement', 'A valid report has lists to open.');
    return { accepted: own.outcome === 'valid', note: `${said.outcome} ${checkGate(strict, report)}` };
  },
});

const gateText = (found: Criteria, seeds: readonly Uint8Array[]): Target => ({
  name: 'criteria.gateReport',
  covers: ['criteria/gateReport'],
  form: 'json',
  seeds,
  words: WORDS,
  run: (input) => {
    const result = gateReport({ criteria: found, text: input, maxBytes: 200, maxBits: 400 });
    if (!result.ok)
      return {
        accepted: false,
        note: `${result.code} ${result.errors.map(({ code, path }) => `${code}${path.join('.')}`).join()}`,
      };
    expect(
      result.canonical.length <= 200 && result.bits <= 400,
      'false-accept',
      'More leaves than was agreed.',
    );
    expect(
      sameValue(readValue(result.canonical), readValue(canonicalValueBytes(readValue(input)))),
      'round-trip',
      'Another report leaves.',
    );
    return { accepted: true, note: 'passes' };
  },
});

type CerberusCase = { readonly schema: unknown; readonly document: unknown };

const OWN_CASES: readonly (readonly [unknown, unknown])[] = [
  [
    { auc: { type: 'float', min: 0, max: 1, required: true }, n: { type: 'integer', min: 1 } },
    { auc: 0.5, n: 3 },
  ],
  [
    {
      name: { type: 'string', maxlength: 5, regex: '[a-z]+' },
      tags: { type: 'list', maxlength: 3, schema: { type: 'string', allowed: ['a', 'b'] } },
    },
    { name: 'ab', tags: ['a'] },
  ],
  [
    { m: { type: 'dict', keysrules: { type: 'string', regex: '[a-c]' }, valuesrules: { type: 'integer' } } },
    { m: { a: 1 } },
  ],
  [
    {
      x: {
        anyof: [
          { type: 'integer', min: 0 },
          { type: 'string', allowed: ['none'] },
        ],
      },
      y: { dependencies: 'x', nullable: true },
    },
    { x: 1, y: null },
  ],
  [
    {
      l: { type: 'list', items: [{ type: 'integer' }, { type: 'string' }] },
      o: { oneof_type: ['integer', 'boolean'] },
    },
    { l: [1, 'a'], o: true },
  ],
  [
    { a: { type: 'dict', schema: { b: { type: 'boolean' } } }, c: { excludes: 'a', type: 'integer' } },
    { a: { b: true } },
  ],
];

export async function criteriaFamily(): Promise<Family> {
  const shared = ['suite', 'edge', 'random'].flatMap(
    (name) =>
      sharedVector<{ cases: readonly CerberusCase[] }>(`cerberus/${name}.json`)?.cases.slice(0, 400) ?? [],
  );
  const cases = [...OWN_CASES, ...shared.map(({ schema, document }) => [schema, document] as const)].filter(
    ([schema, report]) =>
      JSON.stringify([schema, report]).length < 4000 && schema !== undefined && report !== undefined,
  );
  const pairs = texts(...cases.map((pair) => JSON.stringify(pair)));
  const schemas = texts(...cases.map(([schema]) => JSON.stringify(schema)));
  const gate = parseCriteria(JSON.stringify(OWN_CASES[0]?.[0]));
  const reports = texts(
    '{"auc":0.5,"n":3}',
    '{"auc":1.0,"n":9007199254740993}',
    '{"n":1,"auc":1e-3}',
    '{"auc":[0.5]}',
  );
  return {
    name: 'criteria',
    targets: [
      readTarget([...pairs.slice(0, 60), ...reports, ...texts('{"allow_unknown":true,"update":false}')]),
      criteriaTarget('strict', schemas),
      criteriaTarget('compat', schemas),
      validateTarget(pairs),
      gateText(gate, reports),
      anyRegex,
      commonRegex,
    ],
  };
}
