// Expectations are what Python 3.11's re module says.
import { describe, expect, test } from 'vitest';
import { CriteriaError } from '../error.ts';
import { compileRegex, runRegex } from './match.ts';

function matches(pattern: string, text: string, whole = false): boolean | undefined {
  return runRegex(compileRegex(pattern), text, { whole })?.matched;
}

function codeOf(pattern: string): string {
  try {
    compileRegex(pattern);
    return 'compiled';
  } catch (cause) {
    if (cause instanceof CriteriaError) return cause.code;
    throw cause;
  }
}

describe('a match', () => {
  test.each([
    ['a|b$', 'ax', true],
    ['a|b$', 'bx', false],
    ['a$', 'a\n', true],
    ['a$', 'a\n\n', false],
    ['a\\Z', 'a\n', false],
    ['(?m)a$', 'a\nb', true],
    ['(?m)a\\n^b', 'a\nb', true],
    ['.', '\n', false],
    ['(?s).', '\n', true],
    ['.$', '\u{1f600}', true],
    ['\\d+$', '1\u0661\u0967', true],
    ['(?a)\\d+$', '\u0661', false],
    ['\\w+$', 'aé日_9', true],
    ['\\s+$', ' \t\x1c\x85\u2003', true],
    ['(?a)\\s$', '\x1c', false],
    ['(?i)é$', 'É', true],
    ['(?i)k$', '\u212a', true],
    ['(?i)\u212a$', 'k', true],
    ['(?i)[a-z]$', '\u017f', true],
    ['(?ai)k$', '\u212a', false],
    ['(?i)i$', '\u0130', true],
    ['(?i:a)b$', 'Ab', true],
    ['(?i:a)b$', 'AB', false],
    ['(?i)a(?-i:b)$', 'AB', false],
    ['(?x) a b # comment$', 'abc', true],
    ['x{,2}$', 'xx', true],
    ['x{2}{$', 'xx{', true],
    ['x{}$', 'x{}', true],
    ['[]a]+$', ']a', true],
    ['[^\\W\\d_]+$', 'abc', true],
    ['[^\\W\\d_]+$', 'ab1', false],
    ['[\\b]$', '\b', true],
    ['\\bab\\b', 'ab c', true],
    ['\\B', '', false],
    ['\\b', '', false],
    ['\\101$', 'A', true],
    ['(?P<year>\\d{4})-(?:0[1-9]|1[0-2])$', '2026-11', true],
    ['(?=.*\\d).+$', 'ab1', true],
    ['(?=.*\\d).+$', 'abc', false],
    ['(?!ab)a.$', 'ab', false],
    ['(?!ab)a.$', 'ac', true],
    ['a(?<=a)b(?<!a)$', 'ab', true],
    ['(?:a(?=b(?=c))|.)+$', 'abc', true],
    ['(?:(?!ab).)*$', 'aab', false],
    ['(?:)*a$', 'a', true],
    ['(a*)*$', 'aaa', true],
    ['a*?$', 'aaa', true],
  ])('of %j with %j gives %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('as a whole takes neither a part nor a last newline', () => {
    expect(matches('a|b', 'ax', true)).toBe(false);
    expect(matches('a$', 'a\n', true)).toBe(false);
    expect(matches('a|ab', 'ab', true)).toBe(true);
  });

  test.each([
    '(a+)+$',
    '(a|aa)+$',
    '(a*)*b',
    '(.*)*x',
    '([a-z]+)*\\d',
    '(?=(a+)+$)a*b',
    '(?:a?){50}a{50}',
    '((a{1,10}){1,10}){1,10}b',
    '(a|a|aa|a?)*$',
    '(?i)(a|A|[a-z]|\\w)*\\W\\W',
    `(${'a'.repeat(20)}|${Array.from({ length: 500 }, (_, i) => `a${i}`).join('|')})*b`,
    '(?<!ab)(?<!aa)((?=a)a(?!b))*$b',
  ])('of %j takes steps in proportion to the text', (pattern) => {
    const regex = compileRegex(pattern);
    const steps = (length: number) => runRegex(regex, `${'a'.repeat(length)}!`)?.steps ?? 0;
    expect(steps(2000)).toBeLessThanOrEqual(regex.size * 2002);
    expect(steps(2000)).toBeLessThan(3 * steps(1000));
  });

  test('reserves nothing for what it would look for after the limit of steps', () => {
    const regex = compileRegex('(?=a)'.repeat(3000));
    const before = process.memoryUsage().arrayBuffers;
    expect(runRegex(regex, 'a'.repeat(200_000), { limit: 1_000_000 })).toBeUndefined();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6);
  });

  test('gives up at the limit of steps', () => {
    expect(runRegex(compileRegex('(a|b)*c'), 'a'.repeat(1000), { limit: 1000 })).toBeUndefined();
  });
});

describe('a pattern', () => {
  test.each(['(a)\\1', '(?P<x>a)(?P=x)', '(a)?(?(1)b|c)', '(?>a)', 'a++', 'a*+', 'a{2}+', '\\N{DIGIT ONE}'])(
    'that needs more than linear time is unsupported: %j',
    (pattern) => {
      expect(codeOf(pattern)).toBe('regex/unsupported');
    },
  );

  test.each([
    '*a',
    'a**',
    '(',
    ')',
    '(a',
    'a)',
    '[a',
    '[z-a]',
    '[\\d-z]',
    'a{2,1}',
    '\\',
    '\\q',
    '\\1',
    '(?P<1>a)',
    '^*',
    '(?P<a>.)(?P<a>.)',
    '(?<=a*)b',
    'a(?i)',
    '(?L)a',
    '(?au)a',
    '(?-i)a',
    '(?y)',
    '\\x4',
    '\\u12',
    '(?i-i:a)',
  ])('that Python refuses is malformed: %j', (pattern) => {
    expect(codeOf(pattern)).toBe('regex/malformed');
  });

  test('is refused when its repeats make it too large', () => {
    expect(codeOf('(a{100}){101}')).toBe('regex/too-large');
    expect(codeOf('a{999999999}')).toBe('regex/too-large');
    expect(codeOf('((((a{30}){30}){30}){30}){30}')).toBe('regex/too-large');
    expect(codeOf('(?:){999999999}')).toBe('compiled');
  });

  test('is refused, not run out of stack on, when it has very many branches', () => {
    const branches = 'a|'.repeat(200_000);
    expect(codeOf(`(?<=${branches}a)`)).toBe('regex/too-large');
    expect(codeOf(`(${branches}a)*`)).toBe('regex/too-large');
  });

  test.each(['(?i)[a\u{10400}]', '(?i)\u{10400}', '(?i)x|\u{10400}'])(
    'that Python reads in two ways is unsupported: %j',
    (pattern) => {
      expect(codeOf(pattern)).toBe('regex/unsupported');
      expect(codeOf(pattern.replace('(?i)', ''))).toBe('compiled');
    },
  );

  test('is refused when its groups are nested without end', () => {
    expect(codeOf('('.repeat(100_000))).toBe('regex/unsupported');
  });
});
