// Targets for the regular expressions of criteria: any text as a pattern, and patterns of the part on which Python and
// JavaScript agree, written by the input's bytes.
import { utf8Decode } from '@sealroom/bytes';
import { parseCriteria, validate } from '@sealroom/criteria';
import { compileRegex, runRegex } from '../../packages/criteria/src/regex/match.ts';
import { parseRegex } from '../../packages/criteria/src/regex/parse.ts';
import { expect, judge, type Outcome, type Target } from '../engine/target.ts';
import { criteria } from './codes.ts';
import { texts } from './genuine.ts';

const REFUSALS = criteria('regex/malformed', 'regex/unsupported', 'regex/too-large');

function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** Pattern, newline, text. Steps may not outgrow the product of both sizes. */
export const anyRegex: Target = {
  name: 'criteria.compileRegex',
  covers: ['criteria/compileRegex', 'criteria/runRegex', 'criteria/parseRegex'],
  form: 'text',
  seeds: texts(
    '[a-z]+@[a-z]+\\.com\njoe@example.com',
    '(a|b)*c{2,3}?$\nababcc',
    '(?i)stra\u00dfe|K\nSTRASSE',
    '(?<=ab)c(?!d)\nabc',
    '(?x) a # note\n b',
    '^\\d{4}-\\d{2}-\\d{2}$\n2026-11-22',
    '(?P<year>\\d+)\\Z\n12',
    '[^\\W\\d_]\\b\\B[\\x41-\\u00ff]\nA',
    '(?:a?){30}a{30}\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '(a+)+$\naaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
  ),
  words: [
    '(?',
    '(?:',
    '(?i)',
    '(?<=',
    '(?!',
    '{1,5}',
    '{0}',
    '*?',
    '[^',
    '\\b',
    '\\Z',
    '\\N{',
    '(?P<a>',
    '\\1',
    '|',
    '\\U0010ffff',
    '$',
    '(?-i:',
  ],
  run: (input) => {
    let text: string;
    try {
      text = utf8Decode(input);
    } catch {
      text = Buffer.from(input).toString('latin1');
    }
    const cut = text.indexOf('\n');
    const pattern = cut < 0 ? text : text.slice(0, cut);
    const subject = cut < 0 ? '' : text.slice(cut + 1);
    return judge(
      REFUSALS,
      () => compileRegex(pattern),
      (regex) => {
        parseRegex(pattern);
        const bound = regex.size * (lengthOf(subject) + 1);
        for (const whole of [false, true]) {
          const found = runRegex(regex, subject, { whole, limit: 5_000_000 });
          expect(
            found === undefined || found.steps <= bound,
            'slow',
            'It takes more steps than pattern times text.',
          );
          expect(found !== undefined || bound > 5_000_000, 'slow', 'It passed a limit that it cannot reach.');
        }
        return `${regex.size} ${regex.looks.length}`;
      },
    );
  },
};

const LETTERS = 'aabc01_ .';

/** A pattern of the common part, and its text, out of bytes. */
class Grammar {
  readonly #input: Uint8Array;
  #at = 0;
  #left = 24;
  constructor(input: Uint8Array) {
    this.#input = input;
  }
  next(count: number): number {
    return (this.#input[this.#at++] ?? 0) % count;
  }
  letter(): string {
    const letter = LETTERS[this.next(LETTERS.length)] ?? 'a';
    return letter === '.' ? '\\.' : letter;
  }
  set(): string {
    const items = Array.from({ length: 1 + this.next(3) }, () => {
      const from = 'abc'[this.next(3)] ?? 'a';
      return this.next(3) === 0
        ? `${from}-${'cde'[this.next(3)] ?? 'e'}`
        : (['\\d', '\\s', '_', from][this.next(4)] ?? from);
    });
    return `[${this.next(4) === 0 ? '^' : ''}${items.join('')}]`;
  }
  /**
   * `once`: within what is repeated, nothing is repeated again and little can go two ways; RegExp would need exponential
   * time.
   */
  item(depth: number, once: boolean): string {
    this.#left--;
    const turn = this.next(depth > 3 || this.#left < 0 ? 5 : 9);
    if (turn < 3) return this.letter();
    if (turn === 3) return this.set();
    if (turn === 4) return '[^\\n]';
    if (turn === 5) return `(?${['=', '!'][this.next(2)] ?? '='}${this.either(depth + 1, once)})`;
    return `(?:${this.either(depth + 1, once)})`;
  }
  repeated(depth: number, once: boolean): string {
    const bare = depth > 1 ? ['', '{1}'] : ['', '?', '{1}'];
    const repeats = once ? bare : ['', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '??'];
    const repeat = repeats[this.next(repeats.length)] ?? '';
    const item = this.item(depth, once || repeat !== '');
    return item.startsWith('(?=') || item.startsWith('(?!') ? item : item + repeat;
  }
  sequence(depth: number, once: boolean): string {
    return Array.from({ length: this.next(4) + (depth === 0 ? 1 : 0) }, () =>
      this.repeated(depth, once),
    ).join('');
  }
  either(depth: number, once = false): string {
    const two = this.next(3) === 0 && !(once && depth > 1);
    const items = Array.from({ length: two ? 2 : 1 }, () => this.sequence(depth, once));
    return items.join('|');
  }
  text(): string {
    return Array.from({ length: this.next(7) }, () => LETTERS[this.next(LETTERS.length)] ?? 'a').join('');
  }
}

export const commonRegex: Target = {
  name: 'criteria.runRegex',
  covers: ['criteria/runRegex'],
  form: 'bytes',
  seeds: [
    Uint8Array.from({ length: 24 }, (_, i) => (i * 37) & 255),
    Uint8Array.from({ length: 40 }, (_, i) => (i * 91 + 7) & 255),
  ],
  run: (input): Outcome => {
    const grammar = new Grammar(input.subarray(0, 200));
    const pattern = grammar.either(0);
    const [own, sticky, whole] = [
      compileRegex(pattern),
      new RegExp(pattern, 'uy'),
      new RegExp(`^(?:${pattern})$`, 'u'),
    ];
    for (let i = 0; i < 3; i++) {
      const text = grammar.text();
      sticky.lastIndex = 0;
      const [start, full] = [runRegex(own, text), runRegex(own, text, { whole: true })];
      expect(
        start?.matched === sticky.test(text),
        'disagreement',
        `RegExp matches otherwise at the start: /${pattern}/ on ${JSON.stringify(text)}`,
      );
      expect(
        full?.matched === whole.test(text),
        'disagreement',
        `RegExp matches otherwise as a whole: /${pattern}/ on ${JSON.stringify(text)}`,
      );
    }
    // As criteria: the strict mode matches whole texts.
    const schema = JSON.stringify({ x: { type: 'string', regex: pattern } });
    const text = grammar.text();
    const outcome = validate(parseCriteria(schema), new Map([['x', text]])).outcome;
    expect(
      (outcome === 'valid') === whole.test(text),
      'disagreement',
      `Criteria decide otherwise: /${pattern}/ on ${JSON.stringify(text)}`,
    );
    return { accepted: outcome === 'valid', note: `${outcome} ${own.size}` };
  },
};
