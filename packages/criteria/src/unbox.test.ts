import { utf8Decode } from '@sealroom/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCriteria } from './criteria.ts';
import { gateReport } from './gate.ts';
import { unboxReport, unboxRules } from './unbox.ts';
import { canonicalText, readValue, type Value } from './value.ts';

const criteria = parseCriteria(
  '{"r":{"type":"dict","schema":{"v":{"type":"float","nullable":true},"l":{"type":"list","schema":{"type":"integer"}},' +
    '"d":{"type":"dict","valuesrules":{"type":["string","boolean"]}},"u":{},"m":{"type":["list","integer"]},' +
    '"CI":{"type":"list","items":[{"type":"float"},{"type":"float"}]},' +
    '"rows":{"type":"list","schema":{"type":"dict","schema":{"n":{"type":"integer"}}}},' +
    '"na":{"anyof":[{"type":"float","min":0},{"type":"string","allowed":["NA"]}]},' +
    '"nl":{"anyof":[{"type":"float"},{"type":"list"}]}}}}',
);
const unboxed = (text: string) => canonicalText(unboxReport(criteria, readValue(text)));

/** What may leave for a report as it came; undefined for a refusal. */
function leaves(value: Value): string | undefined {
  const limits = { maxBytes: 65_536, maxBits: Number.POSITIVE_INFINITY };
  const result = gateReport({ criteria, value, ...limits });
  return result.ok ? utf8Decode(result.canonical) : undefined;
}

describe('a report from R', () => {
  test.each([
    ['a scalar', '{"r":{"v":[0.5]}}', '{"r":{"v":0.5}}'],
    ['NA, which is null', '{"r":{"v":[null]}}', '{"r":{"v":null}}'],
    ['one row of a data frame', '{"r":[{"v":0.5}]}', '{"r":{"v":0.5}}'],
    ['one row, whose scalars are boxed too', '[{"r":[{"v":[0.5]}]}]', '{"r":{"v":0.5}}'],
    ['rows of a data frame', '{"r":{"rows":[{"n":1},{"n":[2]}]}}', '{"r":{"rows":[{"n":1},{"n":2}]}}'],
    ['items of a list of fixed length', '{"r":{"CI":[[0.5],[0.75]]}}', '{"r":{"CI":[0.5,0.75]}}'],
    ['members by name', '{"r":{"d":{"a":["x"],"b":[true]}}}', '{"r":{"d":{"a":"x","b":true}}}'],
    ['alternatives that are all scalars', '{"r":{"na":["NA"]}}', '{"r":{"na":"NA"}}'],
  ])('has %s taken out of its list of length 1', (_, text, plain) => {
    expect(unboxed(text)).toBe(plain);
    expect(leaves(unboxReport(criteria, readValue(text)))).toBe(plain);
  });

  test.each([
    ['a list where a list is asked for', '{"r":{"l":[1]}}'],
    ['a list where one may stand', '{"r":{"m":[1]}}'],
    ['a list where one of the alternatives is one', '{"r":{"nl":[1]}}'],
    ['a value of no type', '{"r":{"u":[1]}}'],
    ['a field that the criteria do not know', '{"foreign":[1],"r":{"foreign":[1]}}'],
    ['no value, which is NULL', '{"r":{"v":[]}}'],
    ['two values', '{"r":{"v":[1,2]}}'],
    ['two rows', '{"r":[{"v":1},{"v":2}]}'],
    ['a report that is a list of scalars', '[1]'],
    ['a report that is two rows', '[{"r":{}},{"r":{}}]'],
    ['a report that is null', 'null'],
  ])('keeps %s', (_, text) => {
    expect(unboxed(text)).toBe(text);
  });

  test.each([
    '[[0.5]]',
    '[[[0.5]]]',
    '[{"x":1}]',
    '[[]]',
    '[]',
    '{}',
    '[1,2]',
    '["0.5"]',
    '["NA"]',
    '["Inf"]',
  ])('does not pass with %s for a number', (value) => {
    expect(leaves(unboxReport(criteria, readValue(`{"r":{"v":${value}}}`)))).toBeUndefined();
  });
});

// Within what JSON.stringify writes as a float: larger ones look like integers that a double cannot hold for certain.
const number = fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map((value) => (value === 0 ? 0 : value));
const plainReport = fc.record({
  r: fc.record(
    {
      v: fc.option(number),
      l: fc.array(fc.integer(), { maxLength: 3 }),
      d: fc.dictionary(
        fc.string({ unit: 'grapheme-ascii', minLength: 1 }),
        fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.boolean()),
      ),
      CI: fc.tuple(number, number),
      rows: fc.array(fc.record({ n: fc.integer() }), { maxLength: 3 }),
      na: fc.oneof(number.map(Math.abs), fc.constant('NA')),
    },
    { requiredKeys: [] },
  ),
});

/** As jsonlite writes a list without auto_unbox: vectors stay, every other scalar becomes one of length 1. */
function boxed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'object' ? boxed(item) : item));
  if (typeof value !== 'object' || value === null) return [value];
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, boxed(member)]));
}

/** Any JSON over the names of the criteria, lists in lists included. */
const anyReport = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 0, 0.5, 1, -1, 'NA', ''),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('r', 'v', 'l', 'd', 'u', 'm', 'CI', 'rows', 'n', 'na', 'nl'), tie('value')),
  ),
})).value;

describe('what leaves', () => {
  test('is the same whether scalars were boxed or not', () => {
    fc.assert(
      fc.property(plainReport, (report) => {
        const plain = leaves(readValue(JSON.stringify(report)));
        expect(plain).toBeDefined();
        const fromR = readValue(JSON.stringify(boxed(report)));
        expect(leaves(unboxReport(criteria, fromR))).toBe(plain);
      }),
    );
  });

  test('is nothing that the criteria would not let pass by itself, so that the leak budget holds', () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.oneof(anyReport, plainReport.map(boxed), fc.record({ r: anyReport })), (report) => {
        const left = leaves(unboxReport(criteria, readValue(JSON.stringify(report))));
        if (left === undefined) return;
        passed++;
        expect(leaves(readValue(left))).toBe(left);
      }),
      { numRuns: 500 },
    );
    expect(passed).toBeGreaterThan(50);
  });
});

test('criteria as R writes them have their scalar arguments taken out, and nothing else', () => {
  const fromR =
    '{"min":{"type":["float"],"min":[0],"required":[true],"nullable":[false]},"l":{"type":["list"],"minlength":[1],"items":[{"regex":["a"]}]},' +
    '"s":{"allowed":["a"],"dependencies":["min"],"anyof":[{"maxlength":[3]}],"min":[1,2],"max":[[3]],"empty":[]}}';
  expect(canonicalText(unboxRules(readValue(fromR)))).toBe(
    canonicalText(
      readValue(
        '{"min":{"type":["float"],"min":0,"required":true,"nullable":false},"l":{"type":["list"],"minlength":1,"items":[{"regex":"a"}]},' +
          '"s":{"allowed":["a"],"dependencies":["min"],"anyof":[{"maxlength":3}],"min":[1,2],"max":[[3]],"empty":[]}}',
      ),
    ),
  );
  expect(unboxRules(readValue('7'))).toBe(7n);
});
