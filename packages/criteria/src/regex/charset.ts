// Sets of code points with Python's meaning: \d, \w and \s by Unicode or ASCII, and its matching without regard to case
// (a character matches if it, its lower or its upper form is in the set, or one of the few that Python treats alike; a
// category is asked about the lower form). The Unicode tables are the JavaScript engine's, which may be newer than Python's.

import { CODE_POINTS, Ranges } from './ranges.ts';

export type Category = 'digit' | 'space' | 'word';

export interface CharacterSet {
  /** Inclusive code points. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly categories: readonly { readonly category: Category; readonly negated: boolean }[];
  readonly negated: boolean;
  readonly ignoreCase: boolean;
  /** The ASCII meaning of categories and case. */
  readonly ascii: boolean;
}

const DIGIT = /\p{Nd}/u;
const WORD = /[\p{L}\p{N}_]/u;
// Python's str.isspace above ASCII: bidirectional WS, B and S, and the space separators.
const SPACE = /[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;

export function inCategory(category: Category, code: number, ascii: boolean): boolean {
  if (code < 0x80) {
    const digit = code >= 0x30 && code <= 0x39;
    if (category === 'digit') return digit;
    if (category === 'space') {
      return code === 0x20 || (code >= 9 && code <= 13) || (!ascii && code >= 0x1c && code <= 0x1f);
    }
    const letter = code | 0x20;
    return digit || code === 0x5f || (letter >= 0x61 && letter <= 0x7a);
  }
  if (ascii) return false;
  const pattern = category === 'digit' ? DIGIT : category === 'space' ? SPACE : WORD;
  return pattern.test(String.fromCodePoint(code));
}

/** Characters that share an upper form although neither is the lower form of the other (CPython's _casefix). */
const ALIKE =
  `69 131, 73 17f, b5 3bc, 345 3b9 1fbe, 390 1fd3, 3b0 1fe3, 3b2 3d0, 3b5 3f5, 3b8 3d1, 3ba 3f0, 3c0 3d6,
  3c1 3f1, 3c2 3c3, 3c6 3d5, 432 1c80, 434 1c81, 43e 1c82, 441 1c83, 442 1c84 1c85, 44a 1c86, 463 1c87, 1c88 a64b,
  1e61 1e9b, fb05 fb06`
    .split(',')
    .map((group) =>
      group
        .trim()
        .split(' ')
        .map((code) => Number.parseInt(code, 16)),
    );
const ALIKE_OF = new Map(ALIKE.flatMap((group) => group.map((code) => [code, group] as const)));

/** The simple lower form: of a form of several characters, Python takes the first. */
function lower(code: number, ascii: boolean): number {
  if (ascii) return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
  return String.fromCodePoint(code).toLowerCase().codePointAt(0) ?? code;
}

/** The last code point with a lower form of its own, in the script Adlam. */
const LAST_CASED = 0x1e943;
const byLower = new Map<number, number[]>();

/** The characters that have a given lower form; found on first use. */
function formsByLower(): ReadonlyMap<number, readonly number[]> {
  if (byLower.size > 0) return byLower;
  for (let code = 0x41; code <= LAST_CASED; code++) {
    const small = lower(code, false);
    if (small === code) continue;
    const list = byLower.get(small);
    if (list === undefined) byLower.set(small, [code]);
    else list.push(code);
  }
  return byLower;
}

/** All characters whose lower form, or a form alike, is that of `code`. */
function caseForms(code: number, ascii: boolean): readonly number[] {
  if (ascii) {
    const small = lower(code, true);
    return small >= 0x61 && small <= 0x7a ? [small, small - 0x20] : [code];
  }
  const small = lower(code, false);
  const forms = new Set([code]);
  for (const form of ALIKE_OF.get(small) ?? [small]) {
    forms.add(form);
    for (const other of formsByLower().get(form) ?? []) forms.add(other);
  }
  return [...forms];
}

let casedOnes: readonly number[] = [];

/** The characters that have another case, in order. */
function casedCodes(): readonly number[] {
  if (casedOnes.length > 0) return casedOnes;
  const codes = new Set(ALIKE_OF.keys());
  for (const [small, others] of formsByLower()) for (const code of [small, ...others]) codes.add(code);
  casedOnes = [...codes].sort((a, b) => a - b);
  return casedOnes;
}

/** The position of the first element that is not below `code`. */
function firstFrom(sorted: ArrayLike<number>, code: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < code) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether case matters at all: as in Python, only if a character or a range that the set names has cases. */
function hasCases({ ranges, ascii }: CharacterSet): boolean {
  return ranges.some(([low, high]) => {
    // What lies beyond the BMP Python takes for cased without a look.
    if (high > 0xffff) return true;
    if (ascii) return (low <= 0x5a && high >= 0x41) || (low <= 0x7a && high >= 0x61);
    return (casedCodes()[firstFrom(casedCodes(), low)] ?? Number.POSITIVE_INFINITY) <= high;
  });
}

const MEMORY = 1024;

/** A set prepared for questions: their cost does not grow with the number of its ranges. */
class Prepared {
  readonly set: CharacterSet;
  readonly ranges: Ranges;
  readonly folded: boolean;
  readonly #answers = new Map<number, boolean>();

  constructor(set: CharacterSet) {
    this.set = set;
    this.ranges = new Ranges(set.ranges);
    this.folded = set.ignoreCase && hasCases(set);
  }

  has(code: number): boolean {
    const known = this.#answers.get(code);
    if (known !== undefined) return known;
    if (this.#answers.size >= MEMORY) this.#answers.clear();
    const answer = this.#find(code) !== this.set.negated;
    this.#answers.set(code, answer);
    return answer;
  }

  #find(code: number): boolean {
    const { ascii, categories } = this.set;
    const inRanges = this.folded
      ? caseForms(code, ascii).some((form) => this.ranges.has(form))
      : this.ranges.has(code);
    if (inRanges) return true;
    const asked = this.folded ? lower(code, ascii) : code;
    return categories.some(({ category, negated }) => inCategory(category, asked, ascii) !== negated);
  }
}

const prepared = new WeakMap<CharacterSet, Prepared>();

function prepare(set: CharacterSet): Prepared {
  const known = prepared.get(set) ?? new Prepared(set);
  prepared.set(set, known);
  return known;
}

export function inSet(set: CharacterSet, code: number): boolean {
  return prepare(set).has(code);
}

const categoryRanges = new Map<string, Ranges>();

function rangesOf(category: Category, ascii: boolean): Ranges {
  const key = `${category} ${ascii}`;
  const known = categoryRanges.get(key);
  if (known !== undefined) return known;
  const found: [number, number][] = [];
  for (let code = 0; code < 0x110000; code++) {
    if (!inCategory(category, code, ascii)) continue;
    const last = found.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else found.push([code, code]);
  }
  const made = new Ranges(found);
  categoryRanges.set(key, made);
  return made;
}

/** How many code points the set holds; an upper bound where case is ignored in more than a few. */
export function sizeOfSet(set: CharacterSet): number {
  const { ranges, folded } = prepare(set);
  const parts = set.categories.map(({ category, negated }) => {
    const of = rangesOf(category, set.ascii);
    return negated ? of.complement() : of;
  });
  const size = new Ranges([...ranges.list, ...parts.flatMap((part) => part.list)]).size;
  if (set.negated) return CODE_POINTS - size;
  if (!folded) return size;
  if (parts.length > 0 || size > MEMORY) return Math.min(CODE_POINTS, size + casedCodes().length);
  const forms = new Set<number>();
  for (const [low, high] of ranges.list) {
    for (let code = low; code <= high; code++) {
      for (const form of caseForms(code, set.ascii)) forms.add(form);
    }
  }
  return forms.size;
}
