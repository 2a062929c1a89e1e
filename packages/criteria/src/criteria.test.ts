import { describe, expect, test } from 'vitest';
import { parseCriteria } from './criteria.ts';
import { CriteriaError, type Reason } from './error.ts';
import { MANUAL_CRITERIA } from './fixtures/manual.ts';
import { validate } from './validate.ts';
import { readValue, type ValueMap } from './value.ts';

function reasonsOf(text: string, mode: 'strict' | 'compat' = 'strict'): readonly Reason[] {
  try {
    parseCriteria(text, { mode });
    return [];
  } catch (cause) {
    if (cause instanceof CriteriaError && cause.code === 'criteria/unusable') return cause.reasons;
    throw cause;
  }
}

const codes = (text: string, mode: 'strict' | 'compat' = 'strict') =>
  reasonsOf(text, mode).map(({ code }) => code);

describe('criteria', () => {
  test('of the manual are usable in both modes', () => {
    expect(codes(MANUAL_CRITERIA)).toEqual([]);
    expect(codes(MANUAL_CRITERIA, 'compat')).toEqual([]);
  });

  test('with errors without number name a thousand of them', () => {
    const rules = Array.from({ length: 5000 }, () => '{"minn":10}').join();
    const [reason, ...more] = reasonsOf(`{"x":{"type":"integer","noneof":[${rules}]}}`);
    expect([reason?.code, more]).toEqual(['schema-error', []]);
    expect(JSON.stringify(reason?.detail).split('unknown rule')).toHaveLength(1001);
  });

  test('can be given as a value that was read before', () => {
    const value = readValue('{"x":{"type":"integer"}}');
    expect(parseCriteria(value as ValueMap).schema.size).toBe(1);
  });

  test.each([
    ['{"x":{"default":1}}', 'normalising-rule', ['x', 'default']],
    ['{"x":{"schema":{"y":{"rename":"z"}}}}', 'normalising-rule', ['x', 'schema', 'y', 'rename']],
    ['{"x":{"readonly":true}}', 'normalising-rule', ['x', 'readonly']],
    ['{"x":{"items":[{},{"purge_unknown":true}]}}', 'normalising-rule', ['x', 'items', 1, 'purge_unknown']],
    ['{"x":{"type":"dict","allow_unknown":true}}', 'allows-unknown', ['x', 'allow_unknown']],
    [
      '{"x":{"anyof":[{"allow_unknown":{"type":"string"}}]}}',
      'allows-unknown',
      ['x', 'anyof', 0, 'allow_unknown'],
    ],
    ['{"x":{"min":[1]}}', 'constraint', ['x', 'min']],
    ['{"x":{"max":true}}', 'constraint', ['x', 'max']],
    ['{"x":{"maxlength":true}}', 'constraint', ['x', 'maxlength']],
    ['{"x":{"minlength":-1}}', 'constraint', ['x', 'minlength']],
    ['{"x":{"items":[{"required":true},{"required":1}]}}', 'constraint', ['x', 'items', 1, 'required']],
    ['{"x":{"schema":{"schema":{},"allow_unknown":{}}}}', 'constraint', ['x', 'schema']],
    [
      '{"x":{"type":["list"],"schema":{"allow_unknown":{"type":"string"}}}}',
      'allows-unknown',
      ['x', 'schema', 'allow_unknown'],
    ],
    ['{"x":{"regex":"(a)\\\\1"}}', 'regex', ['x', 'regex']],
    ['{"x":{"keysrules":{"regex":"("}}}', 'regex', ['x', 'keysrules', 'regex']],
  ])('are unusable to the strict mode: %s', (text, code, path) => {
    expect(reasonsOf(text)).toEqual([expect.objectContaining({ code, path })]);
  });

  test('name all reasons at once', () => {
    expect(codes('{"x":{"default":1,"rename":"y"},"z":{"allow_unknown":true}}')).toHaveLength(3);
  });

  test('may normalise in the compatible mode, and hold malformed patterns that Python would only notice later', () => {
    expect(codes('{"x":{"default":1,"rename":"y","regex":"*a"}}', 'compat')).toEqual([]);
    expect(codes('{"x":{"regex":"(?P<a>x)(?P=a)"}}', 'compat')).toEqual(['regex']);
  });

  test.each([
    ['{"x":{"typ":"integer"}}', { x: [{ typ: ['unknown rule'] }] }],
    ['{"x":{"type":"intger"}}', { x: [{ type: ['Unsupported types: intger'] }] }],
    ['{"x":"integer"}', { x: ['must be of dict type'] }],
    ['[]x', undefined],
    ['"x"', "schema definition for field 'x' must be a dict"],
    ['5', "schema definition for field '5' must be a dict"],
    ['{"x":{"required":1}}', { x: [{ required: ['must be of boolean type'] }] }],
    ['{"x":{"anyof":null}}', { x: [{ anyof: ['null value not allowed', 'must be of list type'] }] }],
    ['{"__proto__":{"typ":1}}', JSON.parse('{"__proto__":[{"typ":["unknown rule"]}]}') as unknown],
  ])('that are no Cerberus schema are refused with its errors: %s', (text, detail) => {
    for (const mode of ['strict', 'compat'] as const) {
      const [reason] = reasonsOf(text, mode);
      expect(reason?.code).toBe(detail === undefined ? 'not-json' : 'schema-error');
      if (detail !== undefined) expect(reason?.detail).toEqual(detail);
    }
  });

  test('may be missing only for the compatible mode, which asks an option for rules then', () => {
    expect(codes('null')).toEqual(['schema-error']);
    const criteria = parseCriteria('null', { mode: 'compat' });
    expect(() => validate(criteria, new Map())).toThrowError(
      expect.objectContaining({ code: 'criteria/unusable' }),
    );
    const allowUnknown = readValue('{"type":"integer"}');
    expect(validate(criteria, readValue('{"x":1}'), { allowUnknown }).outcome).toBe('valid');
    expect(validate(criteria, readValue('{"x":"a"}'), { allowUnknown }).outcome).toBe('invalid');
  });

  test.each([
    ['{"x":null}', 'TypeError'],
    ['{"x":[]}', 'AttributeError'],
    ['{"x":{"allowed":[[1]]}}', 'TypeError'],
    ['{"x":{"items":[5]}}', 'DocumentError'],
    ['{"x":{"keyschema":{},"keysrules":{}}}', 'RuntimeError'],
  ])('on which Cerberus breaks down are refused with the name of its exception: %s', (text, detail) => {
    expect(reasonsOf(text)).toEqual([expect.objectContaining({ code: 'breakdown', detail })]);
  });

  test('that name a key twice, or are too large, are refused', () => {
    expect(codes('{"x":{"min":0,"min":1}}')).toEqual(['not-json']);
    expect(codes(`{"x":{"meta":"${'x'.repeat(2 ** 20)}"}}`)).toEqual(['not-json']);
    expect(codes(`${'{"x":{"schema":'.repeat(40)}{}${'}}'.repeat(40)}`)).toEqual(['not-json']);
  });

  test('are not changed by being read, and short forms are written out', () => {
    const value = readValue('{"x":{"anyof_type":["integer","string"],"valueschema":{}}}') as ValueMap;
    const { schema } = parseCriteria(value);
    const written = readValue(
      '{"x":{"anyof":[{"type":"integer"},{"type":"string"}],"valuesrules":{}}}',
    ) as ValueMap;
    expect(schema).toEqual(written);
    expect(value).toEqual(readValue('{"x":{"anyof_type":["integer","string"],"valueschema":{}}}'));
  });
});
