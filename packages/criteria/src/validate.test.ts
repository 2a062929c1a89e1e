import { describe, expect, test } from 'vitest';
import { readOptions } from './check.ts';
import { parseCriteria } from './criteria.ts';
import { MANUAL_CRITERIA, MANUAL_REPORT } from './fixtures/manual.ts';
import { validate } from './validate.ts';
import { readValue, type ValueMap, writeValue } from './value.ts';

function check(mode: 'strict' | 'compat', rules: string, value: string) {
  const criteria = parseCriteria(`{"x":${rules}}`, { mode });
  return validate(criteria, readValue(`{"x":${value}}`));
}

describe('the strict mode', () => {
  test.each([
    // rules, value, Cerberus, strict
    ['{"type":"integer"}', 'true', 'valid', 'invalid'],
    ['{"type":"float"}', 'false', 'valid', 'invalid'],
    ['{"type":"float"}', '1', 'valid', 'valid'],
    ['{"type":"integer"}', '1.0', 'invalid', 'invalid'],
    ['{"allowed":[1]}', 'true', 'valid', 'invalid'],
    ['{"allowed":[1]}', '1.0', 'valid', 'valid'],
    ['{"forbidden":[0]}', 'false', 'invalid', 'valid'],
    ['{"forbidden":[0]}', '[[1]]', 'breakdown', 'valid'],
    ['{"contains":["a"]}', '[["a"]]', 'breakdown', 'invalid'],
    ['{"min":1}', '"text"', 'valid', 'invalid'],
    ['{"max":1}', '[2]', 'valid', 'invalid'],
    ['{"min":0,"max":1}', 'true', 'valid', 'invalid'],
    ['{"regex":"a|b"}', '"ax"', 'valid', 'invalid'],
    ['{"regex":"a$"}', '"a\\n"', 'valid', 'invalid'],
    ['{"regex":"a|b"}', '"b"', 'valid', 'valid'],
    ['{"items":[{}]}', '5', 'breakdown', 'invalid'],
    ['{"schema":{"a":{"type":"integer"}}}', '[{"a":1}]', 'breakdown', 'invalid'],
    [
      '{"type":"list","anyof":[{"schema":{"type":"dict","schema":{"a":{}}}}]}',
      '[{"b":1}]',
      'valid',
      'invalid',
    ],
  ])('and Cerberus, with %s of %s', (rules, value, compat, strict) => {
    expect(check('compat', rules, value).outcome).toBe(compat);
    expect(check('strict', rules, value).outcome).toBe(strict);
  });

  test('gives back the document as it was', () => {
    const report = readValue(MANUAL_REPORT);
    expect(validate(parseCriteria(MANUAL_CRITERIA), report)).toEqual({ outcome: 'valid', document: report });
  });

  test('takes no option but requireAll', () => {
    const criteria = parseCriteria(MANUAL_CRITERIA);
    expect(validate(criteria, readValue('{}')).outcome).toBe('valid');
    expect(validate(criteria, readValue('{}'), { requireAll: true }).outcome).toBe('invalid');
    for (const options of [{ allowUnknown: true }, { normalize: true }, { purgeUnknown: false }]) {
      expect(() => validate(criteria, readValue('{}'), options)).toThrowError(
        expect.objectContaining({ code: 'criteria/options' }),
      );
    }
  });

  test('finds what is no object invalid', () => {
    for (const text of ['[]', 'null', '1', '"x"']) {
      expect(validate(parseCriteria('{}'), readValue(text)).outcome).toBe('invalid');
    }
  });

  test('lists a hundred errors of one level, not a hundred thousand', () => {
    const document: ValueMap = new Map();
    for (let i = 0; i < 100_000; i++) document.set(`k${i}`, null);
    const result = validate(parseCriteria('{}'), document);
    expect(result.outcome === 'invalid' && result.errorList).toHaveLength(100);
  });

  test('gives up, invalid, where a pattern and a text would take too many steps', () => {
    const criteria = parseCriteria(JSON.stringify({ x: { regex: '(?:[a-d]*){500}z' } }));
    const result = validate(criteria, new Map([['x', 'abcd'.repeat(50_000)]]));
    expect(result.outcome === 'invalid' && result.errorList[0]?.name).toBe('NOT_CHECKABLE');
  });
});

describe('keys that JavaScript treats specially', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '0'])(
    'are like any other: %s',
    (key) => {
      const document = readValue(`{${JSON.stringify(key)}:{"polluted":1}}`);
      for (const mode of ['strict', 'compat'] as const) {
        const without = validate(parseCriteria('{}', { mode }), document);
        expect(without.outcome === 'invalid' && without.errorList[0]?.documentPath).toEqual([key]);
        expect(without.outcome === 'invalid' && Object.keys(without.errors)).toEqual([key]);
        const criteria = parseCriteria(`{${JSON.stringify(key)}:{"schema":{"polluted":{"max":1}}}}`, {
          mode,
        });
        expect(validate(criteria, document).outcome).toBe('valid');
      }
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
    },
  );
});

/** Made with Cerberus 1.3.8 on CPython 3.11. */
describe('the compatible mode', () => {
  function run(schema: string, document: string, options = '{}'): unknown {
    const result = validate(
      parseCriteria(schema, { mode: 'compat' }),
      readValue(document),
      readOptions(options),
    );
    return result.outcome === 'invalid' ? result.errors : result.outcome;
  }

  test.each<[string, string, string, unknown]>([
    [
      '{"x":{"min":9007199254740993}}',
      '{"x":9007199254740992}',
      '{}',
      { x: ['min value is 9007199254740993'] },
    ],
    ['{"x":{"maxlength":1}}', '{"x":"\u{1f600}"}', '{}', 'valid'],
    ['{"x":{"max":"\ufb33"}}', '{"x":"\u{1f600}"}', '{}', { x: ['max value is \ufb33'] }],
    [
      '{"x":{"allowed":[]}}',
      '{"x":[null,true,1e16,1e-5,"it\'s\\n"]}',
      '{}',
      { x: ['unallowed values (None, True, 1e+16, 1e-05, "it\'s\\n")'] },
    ],
    ['{"x":{"allowed":[]}}', '{"x":["a"]}', '{}', { x: ["unallowed values ('a',)"] }],
    ['{"x":{"forbidden":[100,5,1]}}', '{"x":[100,5,1]}', '{}', { x: ['unallowed values [1, 100, 5]'] }],
    ['{"x":{"contains":[100,5,1,0.5]}}', '{"x":[]}', '{}', { x: ['missing members {0.5, 1, 100, 5}'] }],
    ['{"a":{"rename":"b"},"b":{"type":"integer"}}', '{"a":"x"}', '{}', { b: ['must be of integer type'] }],
    ['{"x":{"default":{"a":1},"schema":{"a":{"max":0}}}}', '{}', '{}', { x: [{ a: ['max value is 0'] }] }],
    ['{"x":{"readonly":true}}', '{"x":1}', '{"normalize":false}', { x: ['field is read-only'] }],
    ['{"x":{"required":true}}', '{}', '{"update":true}', 'valid'],
    ['{"x":{}}', '{"y":5}', '{"allow_unknown":{"type":"string"}}', { y: ['must be of string type'] }],
    [
      '{"x":{"dependencies":["y","z"]}}',
      '{"x":1}',
      '{}',
      { x: ["field 'z' is required", "field 'y' is required"] },
    ],
    [
      '{"a":{"required":true,"excludes":"b"},"b":{"required":true,"excludes":"a"}}',
      '{}',
      '{}',
      { a: ['required field'], b: ['required field'] },
    ],
    ['{"x":{"regex":"*a"}}', '{"x":1}', '{}', 'valid'],
    ['{"x":{"regex":"*a"}}', '{"x":"a"}', '{}', 'breakdown'],
  ])('says of %s and %s with %s what Cerberus says', (schema, document, options, expected) => {
    expect(run(schema, document, options)).toEqual(expected);
  });

  test('normalises in the order of Cerberus, and leaves the given document alone', () => {
    const criteria = parseCriteria(
      '{"a":{"rename":"b"},"c":{"default":1.0},"d":{"type":"list","schema":{"default":0}},"e":{"schema":{}}}',
      { mode: 'compat' },
    );
    const document = readValue('{"z":1,"a":2,"d":[null,3],"e":{"y":1}}');
    const result = validate(criteria, document, readOptions('{"purge_unknown":true}'));
    expect(result.outcome === 'valid' && writeValue(result.document)).toBe('{"d":[0,3],"e":{},"c":1.0}');
    expect(writeValue(document)).toBe('{"z":1,"a":2,"d":[null,3],"e":{"y":1}}');
  });
});
