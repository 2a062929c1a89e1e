import { describe, expect, test } from 'vitest';
import { parseCriteria } from './criteria.ts';
import { redactedMessages, redactErrors } from './redact.ts';
import { validate } from './validate.ts';
import { readValue } from './value.ts';

function redact(criteriaText: string, report: string) {
  const criteria = parseCriteria(criteriaText);
  const result = validate(criteria, readValue(report));
  const list = result.outcome === 'invalid' ? result.errorList : [];
  return { errors: redactErrors(list, criteria), messages: redactedMessages(list, criteria) };
}

describe('a redacted error', () => {
  test('hides positions in lists of any length, and tells each rule once', () => {
    const { errors } = redact(
      '{"l":{"type":"list","schema":{"type":"dict","schema":{"n":{"max":1}}}}}',
      '{"l":[{"n":0},{"n":2},{"n":3},{"secret":1}]}',
    );
    expect(errors).toEqual([
      { path: ['l', '*', 'n'], code: 'MAX_VALUE', rule: 'max' },
      { path: ['l', '*', '*'], code: 'UNKNOWN_FIELD', rule: null },
    ]);
  });

  test('tells positions that the criteria number', () => {
    const { errors } = redact('{"t":{"items":[{"max":1},{"max":1}]}}', '{"t":[0,2]}');
    expect(errors).toEqual([{ path: ['t', 1], code: 'MAX_VALUE', rule: 'max' }]);
  });

  test('hides free keys', () => {
    const { errors, messages } = redact(
      '{"d":{"type":"dict","keysrules":{"regex":"[a-z]+"},"valuesrules":{"schema":{"n":{"max":1}}}}}',
      '{"d":{"patient":{"n":2},"Other":{"n":0}}}',
    );
    expect(errors).toEqual([
      { path: ['d', '*'], code: 'REGEX_MISMATCH', rule: 'regex' },
      { path: ['d', '*', 'n'], code: 'MAX_VALUE', rule: 'max' },
    ]);
    expect(messages).toEqual({
      'd.*': ['does not match the regex'],
      'd.*.n': ['is above max, or cannot be compared'],
    });
  });

  test('names fields of the definitions of *of rules, but not which definition failed', () => {
    const criteria = '{"x":{"type":"dict","anyof":[{"schema":{"a":{"max":1}}},{"schema":{"b":{"max":1}}}]}}';
    expect(redact(criteria, '{"x":{"a":2}}').errors).toEqual([{ path: ['x'], code: 'ANYOF', rule: 'anyof' }]);
  });

  test('says of a report as a whole that it cannot be checked', () => {
    expect(redact('{"x":{"items":[{}]}}', '{"x":5}').messages).toEqual({
      '*': ['cannot be checked against the criteria'],
    });
    expect(redact('{}', '[]').messages).toEqual({ '*': ['cannot be checked against the criteria'] });
  });

  test('keeps keys that JavaScript treats specially harmless', () => {
    const { messages } = redact('{"__proto__":{"max":1}}', '{"__proto__":2}');
    expect(Object.keys(messages)).toEqual(['__proto__']);
    expect(Reflect.get({}, 'max')).toBeUndefined();
  });

  test('never holds a value or a key of the report, whatever rule fails', () => {
    const rules = [
      '{"type":"boolean"}',
      '{"allowed":["x"]}',
      '{"forbidden":["SECRET"]}',
      '{"regex":"x"}',
      '{"maxlength":1}',
      '{"minlength":99}',
      '{"contains":["?"]}',
      '{"max":1}',
      '{"items":[{}]}',
      '{"noneof":[{"regex":"SECRET"}]}',
      '{"oneof":[{"type":"boolean"}]}',
      '{"dependencies":{"y":"SECRET"}}',
      '{"type":"dict","schema":{"a":{}}}',
      '{"type":"dict","keysrules":{"regex":"a"}}',
    ];
    for (const rule of rules) {
      for (const value of ['"SECRET"', '["SECRET"]', '{"SECRET":"SECRET"}']) {
        const told = redact(`{"x":${rule}}`, `{"x":${value},"y":"SECRET2","SECRET":1}`);
        expect(told.errors.length).toBeGreaterThan(0);
        expect(JSON.stringify(told)).not.toContain('SECRET');
      }
    }
  });
});
