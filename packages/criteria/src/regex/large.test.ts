// Criteria of a size that only a cheat would give them: they take no longer than that size explains. Found by fuzzing.
import { describe, expect, test } from 'vitest';
import { parseCriteria } from '../criteria.ts';
import { leakBudget } from '../leak.ts';
import { compileRegex, runRegex } from './match.ts';

describe('large criteria', () => {
  const criteria = (regex: string) =>
    parseCriteria(JSON.stringify({ x: { type: 'string', maxlength: 9, regex } }));
  const distinct = (count: number, write: (letter: string) => string): string =>
    Array.from({ length: count }, (_, i) => write(String.fromCodePoint(0x4e00 + i))).join('');

  test('have a leak budget with thousands of sets in which case does not count', () => {
    expect(leakBudget(criteria(`(?i)${distinct(3000, (letter) => `[a${letter}]`)}`))).toBeGreaterThan(0);
    expect(leakBudget(criteria(`(?i)${distinct(3000, (letter) => `[\\w${letter}]`)}`))).toBeGreaterThan(0);
  });

  test('match with a set of a hundred thousand ranges at every step', () => {
    let ranges = '';
    for (let i = 0; i < 100_000; i++) ranges += String.fromCodePoint(0x10000 + 2 * i);
    const regex = compileRegex(`[${ranges}]*`);
    expect(runRegex(regex, '\u{10000}\u{4ffff}\u{20000}'.repeat(30_000))?.matched).toBe(true);
    expect(runRegex(regex, '\u{10000}'.repeat(90_000), { whole: true })?.matched).toBe(true);
  });

  test('are refused, not stumbled over, when a pattern looks behind for hundreds of thousands of things', () => {
    const pattern = `(?<=${'a|'.repeat(200_000)}a)`;
    expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({ code: 'regex/too-large' }));
  });

  test('stop at the limit of steps before each of many things is looked for', () => {
    const regex = compileRegex('(?=a)'.repeat(2000));
    expect(regex.looks).toHaveLength(2000);
    expect(runRegex(regex, 'a'.repeat(100_000), { limit: 300_000 })).toBeUndefined();
  });
});
