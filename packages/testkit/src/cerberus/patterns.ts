// Regular expressions and texts at random, for a comparison with Python's re. Most patterns are well formed; the texts are
// made from the letters of the pattern, so that many match in part.
import type { Random } from './random.ts';

const LETTERS = [
  ...Array.from('aabbc019_ -.xyzAÉéßſKkıİiIσςΣµμǅǆ'),
  '\u{1f600}',
  '\u212a',
  '\u0661',
  '\u0967',
  '\n',
  '\t',
  '\x1c',
  '\x85',
  '\u2028',
];
const CLASSES = ['\\d', '\\D', '\\w', '\\W', '\\s', '\\S', '.'];
const PLACES = ['^', '$', '\\A', '\\Z', '\\b', '\\B'];
const ESCAPES = [
  '\\n',
  '\\t',
  '\\x41',
  '\\u00e9',
  '\\U0001F600',
  '\\.',
  '\\-',
  '\\101',
  '\\0',
  '\\/',
  '\\ ',
  '\\_',
  '\\]',
];
const REPEATS = [
  '*',
  '+',
  '?',
  '{2}',
  '{1,2}',
  '{,2}',
  '{2,}',
  '{0}',
  '*?',
  '+?',
  '??',
  '{1,3}?',
  '{}',
  '{a}',
  '{,}',
  '{1,x}',
];
const FLAGS = ['i', 'a', 's', 'm', 'x', 'u', 'ia', 'im', 'is', 'ix', 'ai', 'au', 'L'];
const ODD = [
  '(?P<n>',
  '(?>',
  '*+',
  '\\1',
  '(?P=n)',
  '(',
  ')',
  '[',
  '\\',
  '(?(1)a|b)',
  '\\q',
  '[z-a]',
  '{2}{3}',
  '\\N{DIGIT ONE}',
  '(?',
  '[[a]',
  '[a--b]',
  '(?#x)',
  '#',
];

function classOf(random: Random): string {
  let out = random.chance(0.3) ? '[^' : '[';
  if (random.chance(0.1)) out += ']';
  for (let i = random.below(3) + 1; i > 0; i--) {
    const kind = random.below(6);
    if (kind === 0) out += random.pick(CLASSES.slice(0, 6));
    else if (kind === 1)
      out += random.pick([
        'a-z',
        'A-Z',
        '0-9',
        'à-ÿ',
        '\\x00-\\x1f',
        'K-k',
        'α-ω',
        '\\u0100-\\uffff',
        'y-\\u0130',
      ]);
    else if (kind === 2) out += random.pick(ESCAPES);
    else out += random.pick(LETTERS.filter((letter) => letter !== '-'));
  }
  if (random.chance(0.08)) out += '-';
  return `${out}]`;
}

function atom(random: Random, depth: number): string {
  const kind = random.below(20);
  if (kind < 8) return random.pick(LETTERS).replace(/[.\n]/, '\\$&');
  if (kind < 11) return random.pick(CLASSES);
  if (kind < 13) return classOf(random);
  if (kind < 14) return random.pick(PLACES);
  if (kind < 15) return random.pick(ESCAPES);
  if (kind < 16 && random.chance(0.15)) return random.pick(ODD);
  if (depth === 0) return random.pick(['a', 'b', 'x']);
  const open = random.pick([
    '(',
    '(',
    '(?:',
    '(?:',
    '(?i:',
    '(?-i:',
    '(?s:',
    '(?a:',
    '(?m:',
    '(?x:',
    '(?P<n>',
    '(?=',
    '(?!',
    '(?<=',
    '(?<!',
    '(?i-s:',
  ]);
  return `${open}${alternatives(random, depth - 1)})`;
}

function alternatives(random: Random, depth: number): string {
  const branches = random.chance(0.3) ? 2 + random.below(2) : 1;
  return random
    .many(branches, () =>
      random
        .many(
          random.below(4) + (branches > 1 ? 0 : 1),
          () => atom(random, depth) + (random.chance(0.3) ? random.pick(REPEATS) : ''),
        )
        .join(''),
    )
    .join('|');
}

export function randomPattern(random: Random): string {
  const flags = random.chance(0.3) ? `(?${random.pick(FLAGS)})` : '';
  return flags + alternatives(random, 1 + random.below(3)) + (random.chance(0.3) ? '$' : '');
}

/** The pattern's own characters, read as letters, with their other cases. */
function lettersOf(pattern: string): string[] {
  const own = Array.from(pattern).filter((letter) => !'()[]{}|*+?^$\\'.includes(letter));
  return [
    ...own,
    ...own.map((letter) => letter.toUpperCase()),
    ...own.map((letter) => letter.toLowerCase()),
  ].filter((letter) => Array.from(letter).length === 1 && letter.isWellFormed());
}

export function randomText(random: Random, pattern: string): string {
  const own = lettersOf(pattern);
  const length = random.below(random.chance(0.2) ? 12 : 5);
  return (
    random.many(length, () => random.pick(own.length > 0 && random.chance(0.6) ? own : LETTERS)).join('') +
    (random.chance(0.1) ? '\n' : '')
  );
}
