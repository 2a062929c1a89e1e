import { describe, expect, test } from 'vitest';
import { checkCriteriaFile, readOptions } from './check.ts';
import { MANUAL_CRITERIA, MANUAL_REPORT } from './fixtures/manual.ts';

const compat = { compat: true };

describe('a check of files', () => {
  test('ends with 0 for a valid report', () => {
    expect(checkCriteriaFile(MANUAL_CRITERIA, MANUAL_REPORT).exit).toBe(0);
    expect(checkCriteriaFile(MANUAL_CRITERIA, MANUAL_REPORT, compat).exit).toBe(0);
  });

  test('ends with 1 for an invalid one, and says why', () => {
    const result = checkCriteriaFile(MANUAL_CRITERIA, '{"report":{"accuracy":{"n":0}}}');
    expect(result).toMatchObject({
      exit: 1,
      validation: { outcome: 'invalid', errors: { report: [{ accuracy: [{ n: ['min value is 1'] }] }] } },
    });
  });

  test('ends with 2 for unusable criteria and options', () => {
    expect(checkCriteriaFile('{"x":{"typ":1}}', '{}')).toMatchObject({ exit: 2, code: 'criteria/unusable' });
    expect(checkCriteriaFile('{', '{}')).toMatchObject({ exit: 2, code: 'criteria/unusable' });
    expect(checkCriteriaFile('{}', '{}', { options: '{"nope":true}' })).toMatchObject({
      code: 'criteria/options',
    });
    expect(checkCriteriaFile('{}', '{}', { options: '{"update":1}' }).exit).toBe(2);
    expect(checkCriteriaFile('{}', '{}', { options: '[]' }).exit).toBe(2);
    expect(checkCriteriaFile('{}', '{}', { options: { allow_unknown: true } }).exit).toBe(2);
    const options = { allow_unknown: { typ: 'x' } };
    expect(checkCriteriaFile('{}', '{}', { ...compat, options })).toMatchObject({
      code: 'criteria/unusable',
    });
  });

  test('ends with 2 where Cerberus breaks down, and with 1 where the gate meets such input', () => {
    const criteria = '{"x":{"contains":["a"]}}';
    expect(checkCriteriaFile(criteria, '{"x":[[1]]}', compat)).toMatchObject({
      exit: 2,
      validation: { outcome: 'breakdown', exception: 'TypeError' },
    });
    expect(checkCriteriaFile(criteria, '{"x":[[1]]}').exit).toBe(1);
    expect(checkCriteriaFile('{}', '[]', compat).exit).toBe(2);
    expect(checkCriteriaFile('{}', '{"a":NaN}', compat)).toMatchObject({ exit: 2, code: 'value/malformed' });
    expect(checkCriteriaFile('{}', '{"a":NaN}')).toMatchObject({ exit: 1, code: 'value/malformed' });
  });

  test('passes the options of Cerberus on', () => {
    const options = '{"allow_unknown":{"type":"string"},"require_all":true}';
    expect(checkCriteriaFile('{"a":{}}', '{"b":"x"}', { ...compat, options }).exit).toBe(1);
    expect(checkCriteriaFile('{"a":{}}', '{"a":1,"b":"x"}', { ...compat, options }).exit).toBe(0);
    expect(readOptions({ ignore_none_values: true, purge_unknown: false, purge_readonly: true })).toEqual({
      ignoreNoneValues: true,
      purgeUnknown: false,
      purgeReadonly: true,
    });
  });
});
