import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomCase } from '@sealroom/testkit/cerberus';
import { describe, expect, test } from 'vitest';
import { type Criteria, parseCriteria } from './criteria.ts';
import { CriteriaError } from './error.ts';
import { MANUAL_CRITERIA } from './fixtures/manual.ts';
import { leakBudget } from './leak.ts';
import { type Finding, lintCriteria } from './lint.ts';
import { type Value, writeValue } from './value.ts';

function lint(rules: string, mode: 'strict' | 'compat' = 'strict'): readonly Finding[] {
  return lintCriteria(parseCriteria(`{"x":${rules},"y":{"type":"boolean","required":true}}`, { mode }));
}

function readable(schema: Value): Criteria | undefined {
  try {
    return parseCriteria(writeValue(schema));
  } catch (cause) {
    if (cause instanceof CriteriaError) return undefined;
    throw cause;
  }
}

describe('lint', () => {
  test.each([
    ['{}', ['error lint/untyped']],
    ['{"allowed":["a","b"]}', ['error lint/untyped']],
    ['{"noneof":[{"type":"boolean"}]}', ['error lint/no-bound']],
    ['{"allof":[]}', ['error lint/no-bound']],
    ['{"anyof":[{"type":"boolean"},{"allof":[]}]}', ['error lint/no-bound']],
    ['{"anyof":[{"type":"boolean"},{"type":"integer","min":0,"max":1}]}', []],
    ['{"type":"string"}', ['error lint/unbounded-string']],
    ['{"type":"string","regex":".+"}', ['error lint/unbounded-string']],
    ['{"type":"string","maxlength":9}', []],
    ['{"type":"string","allowed":["a"]}', []],
    ['{"type":"string","regex":"[a-z]{1,3}"}', []],
    ['{"type":"string","regex":"a|b","maxlength":9}', ['warning lint/half-anchored-regex']],
    ['{"type":"string","regex":"(a|b)","maxlength":9}', []],
    ['{"type":"integer"}', ['warning lint/unbounded-number']],
    ['{"type":"integer","min":0,"max":9}', []],
    ['{"type":"float","min":0,"max":1}', ['info lint/precise-number']],
    ['{"type":"list"}', ['error lint/unbounded-list', 'error lint/free-list-items']],
    ['{"type":"list","maxlength":3,"schema":{"type":"boolean"}}', []],
    ['{"type":"list","items":[{"type":"boolean"}]}', []],
    ['{"type":"dict"}', ['error lint/free-dict']],
    ['{"type":"dict","valuesrules":{"type":"boolean"}}', ['error lint/free-keys']],
    ['{"type":"dict","keysrules":{"type":"string","maxlength":1}}', ['error lint/free-dict']],
    ['{"type":"dict","allowed":["a"]}', ['error lint/free-dict']],
    ['{"type":"dict","maxlength":1,"keysrules":{"type":"string","maxlength":1}}', ['error lint/free-dict']],
    [
      '{"type":"dict","maxlength":1,"keysrules":{"type":"string","maxlength":1},"valuesrules":{"type":"boolean"}}',
      [],
    ],
    ['{"type":"dict","schema":{"a":{"type":"boolean"}}}', []],
    [
      '{"type":"boolean","min":1,"regex":"a"}',
      ['min', 'regex'].map(() => 'warning lint/constraint-never-applies'),
    ],
    ['{"type":"integer","anyof":[{"min":0,"max":1}]}', ['warning lint/unbounded-number']],
  ])('of %s finds %j', (rules, expected) => {
    expect(lint(rules).map(({ severity, code }) => `${severity} ${code}`)).toEqual(expected);
  });

  test('finds an error wherever no bound on the leak is known', () => {
    // Criteria of the differential test, without what the strict mode refuses.
    let unbounded = 0;
    for (let seed = 1; seed < 4000; seed++) {
      const criteria = readable(randomCase(seed, 0).schema);
      if (criteria === undefined || leakBudget(criteria) !== Infinity) continue;
      unbounded++;
      const errors = lintCriteria(criteria).filter(({ severity }) => severity === 'error');
      expect(errors.length, `seed ${seed}`).toBeGreaterThan(0);
    }
    expect(unbounded).toBeGreaterThan(500);
  });

  test('finds in criteria for the compatible mode what the strict mode refuses', () => {
    const found = lint(
      '{"type":"dict","schema":{"a":{"type":"boolean","default":true}},"allow_unknown":true}',
      'compat',
    );
    expect(found.map(({ code, path }) => [code, ...path])).toEqual([
      ['lint/allow-unknown', 'x'],
      ['lint/normalising-rule', 'x', 'schema', 'a'],
    ]);
  });

  test('looks at criteria with a malformed pattern, too', () => {
    expect(lint('{"type":"string","regex":"*a"}', 'compat').map(({ code }) => code)).toEqual([
      'lint/unbounded-string',
    ]);
  });

  test('finds nothing to forbid in the criteria that the steward’s guide shows', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide-data-steward.md'), 'utf8');
    const shown = /```json\n([^`]*"folds"[^`]*)```/u.exec(guide)?.[1] ?? '';
    const criteria = parseCriteria(shown);
    expect(lintCriteria(criteria)).toEqual([]);
    // Two required fields, and a list that may be left out.
    expect(leakBudget(criteria)).toBeCloseTo(Math.log2(1001) + 1 + Math.log2(1001 ** 5 + 1), 6);
  });

  test('of the manual’s criteria says that nothing is required, and where numbers are free or precise', () => {
    const found = lintCriteria(parseCriteria(MANUAL_CRITERIA));
    const count = (code: string) => found.filter((finding) => finding.code === code).length;
    expect(count('lint/nothing-required')).toBe(1);
    expect(count('lint/precise-number')).toBe(6);
    expect(count('lint/unbounded-number')).toBe(3);
    expect(found).toHaveLength(10);
  });
});
