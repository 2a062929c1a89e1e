import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Criteria, parseCriteria } from './criteria.ts';
import { CriteriaError } from './error.ts';
import { MANUAL_CRITERIA, MANUAL_REPORT } from './fixtures/manual.ts';
import { leakBudget, reportBits } from './leak.ts';
import { validate } from './validate.ts';
import { canonicalText, isList, readValue, type Value, type ValueMap } from './value.ts';

/** Criteria tried against all values of a small world; more by hand. */
const RUNS = Number(process.env['SEALROOM_LEAK_RUNS'] ?? 3000);

/** The bound for a required field with these rules. */
function bits(rules: Readonly<Record<string, unknown>>): number {
  return leakBudget(parseCriteria(JSON.stringify({ x: { ...rules, required: true } })));
}

/** Characters in \\w but neither digits nor the underscore, counted one by one. */
const lettersAlone = Array.from({ length: 0x110000 }, (_, code) => code).filter(
  (code) =>
    (code < 0xd800 || code > 0xdfff) &&
    /[\p{L}\p{N}]/u.test(String.fromCodePoint(code)) &&
    !/\p{Nd}/u.test(String.fromCodePoint(code)),
).length;

describe('the leak budget', () => {
  test.each([
    [{ type: 'boolean' }, 1],
    [{ type: 'boolean', nullable: true }, Math.log2(3)],
    [{ type: 'integer', min: 1, max: 1024 }, 10],
    [{ type: 'integer', min: 0.5, max: 2.5 }, 1],
    [{ type: 'integer', min: 5, max: 1 }, 0],
    [{ type: 'integer' }, Math.log2(2 ** 54 - 1)],
    [{ type: 'float', min: 1, max: 2 }, Math.log2(2 ** 52 + 1)],
    [{ type: 'float', min: 0, max: 0 }, 0],
    [{ type: 'string', allowed: ['a', 'b', 'c', 'd'] }, 2],
    [{ type: 'string', allowed: ['a', 'b', 'c'], empty: true }, 2],
    [{ type: ['string', 'list', 'dict'], empty: true, minlength: 2, maxlength: 1 }, Math.log2(3)],
    [{ type: 'container', empty: true, minlength: 2, maxlength: 1 }, 1],
    [{ type: ['boolean', 'boolean'] }, 1],
    [{ type: 'string', regex: '[ab]{3}' }, 3],
    [{ type: 'string', regex: '[^\\W\\d_]', maxlength: 1 }, Math.log2(lettersAlone)],
    [{ type: 'string', regex: '(?i)[ak]' }, Math.log2(5)],
    [{ type: 'string', regex: '[b-da-c]' }, 2],
    [{ type: 'string', regex: '[ab]*', maxlength: 2 }, Math.log2(7)],
    [{ type: 'string', regex: 'site_[0-9]|none' }, Math.log2(11)],
    [{ type: 'string', regex: '(?=a)[ab]{2}' }, 2],
    [{ type: 'string', maxlength: 1 }, Math.log2(1 + 1_112_064)],
    [{ type: 'string' }, Number.POSITIVE_INFINITY],
    [{ type: 'string', regex: '.*' }, Number.POSITIVE_INFINITY],
    [{ type: 'string', regex: 'a*' }, Number.POSITIVE_INFINITY],
    [{ type: 'string', regex: 'a*', maxlength: 3 }, 2],
    [{ type: 'list', schema: { type: 'boolean' }, maxlength: 2 }, Math.log2(7)],
    [{ type: 'list', schema: { type: 'boolean' }, minlength: 2, maxlength: 2 }, 2],
    [{ type: 'list', schema: { type: 'boolean' } }, Number.POSITIVE_INFINITY],
    [{ type: 'list', items: [{ type: 'boolean' }, { type: 'boolean' }] }, 2],
    [{ type: 'list', allowed: ['a', 'b'], maxlength: 1 }, Math.log2(3)],
    [
      { type: 'dict', schema: { a: { type: 'boolean', required: true }, b: { type: 'boolean' } } },
      1 + Math.log2(3),
    ],
    [{ type: 'dict' }, Number.POSITIVE_INFINITY],
    [{ type: 'dict', valuesrules: { type: 'boolean' } }, Number.POSITIVE_INFINITY],
    [{ type: 'dict', valuesrules: { type: 'boolean' }, allowed: ['a', 'b'] }, 2 * Math.log2(3)],
    [
      {
        type: 'dict',
        keysrules: { type: 'string', regex: 'a|b' },
        valuesrules: { type: 'boolean' },
        maxlength: 1,
      },
      Math.log2(5),
    ],
    [{ type: ['boolean', 'integer'], min: 0, max: 1 }, 2],
    [{ anyof: [{ type: 'boolean' }, { type: 'integer', min: 1, max: 2 }] }, 2],
    [{ type: 'integer', anyof_min: [0, 1], max: 3 }, 53],
    [{ type: 'integer', min: 0, max: 100, allof: [{ min: 1, max: 4 }] }, 2],
    [{ min: 0, max: 0 }, 0],
    [{}, Number.POSITIVE_INFINITY],
    [{ allowed: ['a'] }, Number.POSITIVE_INFINITY],
  ])('of a field with %j is %d bits', (rules, expected) => {
    expect(bits(rules)).toBeCloseTo(expected, 6);
  });

  test('of the manual’s criteria is what its nine numbers hold', () => {
    // Six floats from 0 to 1, three integers from 1 up, and each of them may be absent.
    expect(leakBudget(parseCriteria(MANUAL_CRITERIA))).toBeCloseTo(
      6 * Math.log2(0x3ff * 2 ** 52) + 3 * 53,
      6,
    );
  });

  test('is unknown in the compatible mode', () => {
    expect(leakBudget(parseCriteria('{"x":{"type":"boolean"}}', { mode: 'compat' }))).toBe(Infinity);
  });

  // Neither would end if each level were counted once for each type that asks, or each class character by character.
  test('of nested types, and of many classes, is counted in time', () => {
    const nested = (types: readonly string[], levels: number) => {
      let rules: object = { type: 'boolean' };
      for (let level = 0; level < levels; level++) rules = { type: types, maxlength: 1, items: [rules] };
      return bits(rules as Readonly<Record<string, unknown>>);
    };
    expect(nested(['list', 'list', 'list', 'list'], 25)).toBe(1);
    expect(nested(['list', 'container'], 25)).toBe(Infinity);
    const classes = Array.from({ length: 2000 }, (_, i) => `[${String.fromCharCode(0x4e00 + i)}\\d]`);
    expect(bits({ type: 'string', regex: classes.join('') })).toBeGreaterThan(2000 * 9);
  });

  test('does not take a required field for present where another excludes it', () => {
    const field = (other: string) => ({ type: 'boolean', required: true, excludes: other });
    const criteria = parseCriteria(JSON.stringify({ a: field('b'), b: field('a') }));
    expect(leakBudget(criteria)).toBeGreaterThanOrEqual(2);
  });

  const scalars = [null, true, false, 0n, 1n, 2n, 0.5, 1.5, 1, '', 'a', 'b', 'ab', 'aa', 'ba', 'A'];
  const few = [null, true, 0n, 1n, 'a', ''];
  const small: Value[] = [
    ...scalars,
    ...[0, 1, 2].flatMap((length) => listsOf(few, length)),
    ...listsOf([0n, 'a'], 3),
    new Map(),
    ...few.flatMap((x): Value[] => [
      new Map([['a', x]]),
      new Map([['b', x]]),
      ...few.map(
        (y) =>
          new Map([
            ['a', x],
            ['b', y],
          ]),
      ),
    ]),
    [[]],
    [new Map()],
    new Map([['a', []]]),
    new Map([['a', new Map([['b', 1n]])]]),
  ];

  function listsOf(items: readonly Value[], length: number): Value[] {
    if (length === 0) return [[]];
    return listsOf(items, length - 1).flatMap((list) =>
      items.map((item) => [...(isList(list) ? list : []), item]),
    );
  }

  const leaf = {
    type: fc.oneof(
      fc.constantFrom('boolean', 'integer', 'float', 'number', 'string', 'list', 'dict', 'container'),
      fc.subarray(['boolean', 'integer', 'string', 'dict', 'list'], { minLength: 1 }),
    ),
    nullable: fc.boolean(),
    empty: fc.boolean(),
    min: fc.constantFrom(0, 1, 0.5),
    max: fc.constantFrom(0, 1, 2),
    minlength: fc.constantFrom(0, 1, 2),
    maxlength: fc.constantFrom(0, 1, 2),
    allowed: fc.subarray(['a', 'b', '', 0, 1, true, null]),
    forbidden: fc.subarray(['a', 0, true]),
    regex: fc.constantFrom('a', 'a|b', 'a*', '[ab]{1,2}', '(?i)A'),
  };

  /** Few rules at once, or nothing would pass. */
  function rulesOf(depth: number): fc.Arbitrary<Readonly<Record<string, unknown>>> {
    const below = depth > 0 ? rulesOf(depth - 1) : fc.constant({});
    const nested = {
      items: fc.array(below, { maxLength: 2 }),
      schema: fc.oneof(below, fc.dictionary(fc.constantFrom('a', 'b'), below, { maxKeys: 2 })),
      keysrules: below,
      valuesrules: below,
      anyof: fc.array(below, { maxLength: 2 }),
      allof: fc.array(below, { maxLength: 2 }),
      oneof: fc.array(below, { maxLength: 2 }),
      noneof: fc.array(below, { maxLength: 2 }),
    };
    const all: Readonly<Record<string, fc.Arbitrary<unknown>>> = depth > 0 ? { ...leaf, ...nested } : leaf;
    return fc
      .subarray(Object.keys(all), { maxLength: 4 })
      .chain((names) =>
        fc.record(Object.fromEntries(names.map((name) => [name, all[name] ?? fc.constant(null)]))),
      );
  }

  test('is never below the number of reports that pass, for values from a small world', () => {
    let counted = 0;
    let near = 0;
    fc.assert(
      fc.property(rulesOf(2), fc.boolean(), (definition, required) => {
        let criteria: Criteria;
        try {
          criteria = parseCriteria(JSON.stringify({ x: { ...definition, required } }));
        } catch (cause) {
          // `schema` that could name fields or rules.
          if (cause instanceof CriteriaError) return;
          throw cause;
        }
        const budget = leakBudget(criteria);
        if (budget > Math.log2(small.length + 1)) return;
        const passing = [new Map(), ...small.map((value): ValueMap => new Map([['x', value]]))]
          .filter((report) => validate(criteria, report).outcome === 'valid')
          .map(canonicalText);
        const told = Math.log2(new Set(passing).size);
        counted += passing.length;
        if (told > budget - 0.01) near++;
        expect(told).toBeLessThanOrEqual(budget + 1e-9);
      }),
      { numRuns: RUNS, seed: 1 },
    );
    expect(counted).toBeGreaterThan(300);
    // The bound is met, so that a smaller one would be found out.
    expect(near).toBeGreaterThan(100);
  });
});

describe('the debit of a report', () => {
  test('is the budget of its criteria, or the bits of its canonical form if those are fewer', () => {
    const criteria = parseCriteria(MANUAL_CRITERIA);
    expect(reportBits(criteria, readValue(MANUAL_REPORT))).toBe(Math.ceil(leakBudget(criteria)));
    expect(reportBits(criteria, readValue(' { } '))).toBe(16);
  });
});
