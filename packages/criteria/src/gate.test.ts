import { utf8Decode } from '@sealroom/bytes';
import { describe, expect, test } from 'vitest';
import { parseCriteria } from './criteria.ts';
import { MANUAL_CRITERIA, MANUAL_REPORT } from './fixtures/manual.ts';
import { gateReport, type GateResult } from './gate.ts';
import { leakBudget } from './leak.ts';
import { readValue } from './value.ts';

const criteria = parseCriteria(MANUAL_CRITERIA);

function gate(text: string, limits: { maxBytes?: number; maxBits?: number } = {}): GateResult {
  return gateReport({ criteria, text, maxBytes: 65_536, maxBits: 4096, ...limits });
}

function codeOf(result: GateResult): string {
  return result.ok ? 'ok' : result.code;
}

describe('the gate', () => {
  test('lets a report of the manual pass, in canonical form and with its bits', () => {
    const result = gate(`  ${MANUAL_REPORT.replaceAll(':', ' : ')}`);
    if (!result.ok) throw new Error(result.code);
    expect(utf8Decode(result.canonical)).toBe(
      '{"report":{"accuracy":{"CI":0.02,"n":569,"value":0.91},"sensitivity":{"CI":0.04,"n":212,"value":1},' +
        '"specificity":{"CI":0.03,"n":357,"value":0.9}}}',
    );
    expect(result.bits).toBe(Math.ceil(leakBudget(criteria)));
  });

  test('takes a value that was read before like the text', () => {
    const value = readValue(MANUAL_REPORT);
    expect(gateReport({ criteria, value, maxBytes: 65_536, maxBits: 4096 })).toEqual(gate(MANUAL_REPORT));
  });

  test('refuses what is not strict JSON', () => {
    for (const text of [
      '',
      '{',
      '{"report":NaN}',
      '{"report":Infinity}',
      "{'report':1}",
      '\u{feff}{}',
      '{}{}',
      '{"a":1,}',
      '{"report":{},"report":{}}',
      '{"report":1e999}',
      '{"report":"\\ud800"}',
      '{"report":01}',
      '[1 2]',
    ]) {
      expect(codeOf(gate(text)), text).toBe('gate/not-json');
    }
  });

  test('refuses integers that have no canonical form', () => {
    const text = '{"report":{"accuracy":{"n":9007199254740993}}}';
    expect(codeOf(gate(text))).toBe('gate/not-json');
    expect(codeOf(gate(text.replace('993', '991')))).toBe('ok');
  });

  test('refuses a report that is nested too deep, and one that is too large', () => {
    expect(codeOf(gate('['.repeat(65)))).toBe('gate/too-deep');
    expect(codeOf(gate('{"a":'.repeat(10_000)))).toBe('gate/too-deep');
    expect(codeOf(gate(MANUAL_REPORT, { maxBytes: 100 }))).toBe('gate/too-large');
    expect(codeOf(gate(' '.repeat(1_000_000)))).toBe('gate/too-large');
  });

  test('refuses a report for which the bits do not suffice', () => {
    expect(codeOf(gate(MANUAL_REPORT, { maxBits: 511 }))).toBe('gate/bits');
    expect(codeOf(gate('{}', { maxBits: 16 }))).toBe('ok');
    expect(codeOf(gate('{}', { maxBits: 15 }))).toBe('gate/bits');
  });

  test('names paths of the criteria in its errors, and neither values nor foreign keys', () => {
    const result = gate(
      '{"report":{"accuracy":{"value":1.5,"patient 17":"secret","n":true},"secret":{"n":0}},"__proto__":"secret"}',
    );
    if (result.ok) throw new Error('It passed.');
    expect(result.code).toBe('gate/criteria');
    expect(result.errors).toContainEqual({
      path: ['report', 'accuracy', 'value'],
      code: 'MAX_VALUE',
      rule: 'max',
    });
    expect(result.errors).toContainEqual({
      path: ['report', 'accuracy', '*'],
      code: 'UNKNOWN_FIELD',
      rule: null,
    });
    expect(result.errors).toContainEqual({
      path: ['report', 'accuracy', 'n'],
      code: 'BAD_TYPE',
      rule: 'type',
    });
    expect(result.errors).toContainEqual({ path: ['report', '*'], code: 'UNKNOWN_FIELD', rule: null });
    expect(result.errors).toContainEqual({ path: ['*'], code: 'UNKNOWN_FIELD', rule: null });
    expect(JSON.stringify(result)).not.toMatch(/secret|1\.5|17|proto/);
    expect(Object.keys(result.messages)).toContain('report.accuracy.value');
  });

  test('refuses criteria that were not parsed in the strict mode', () => {
    const compat = parseCriteria(MANUAL_CRITERIA, { mode: 'compat' });
    expect(() => gateReport({ criteria: compat, text: '{}', maxBytes: 1000, maxBits: 1000 })).toThrowError(
      expect.objectContaining({ code: 'criteria/options' }),
    );
  });

  test('refuses a report that is no object', () => {
    for (const text of ['[]', '1', 'null', '"x"']) expect(codeOf(gate(text))).toBe('gate/criteria');
  });
});
