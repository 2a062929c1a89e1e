// Sets of code points with Python's meaning: \d, \w and \s by Unicode or ASCII, and its matching without regard to case
// (a character matches if it, its lower or its upper form is in the set, or one of the few that Python treats alike; a
// category is asked about the lower form). The Unicode tables are the JavaScript engine's, which may be newer than Python's.

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

/** The number of code points that text can hold: all but the surrogates. */
export const CODE_POINTS = 0x110000 - 0x800;

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

/** Whether a character has another case. */
function isCased(code: number, ascii: boolean): boolean {
  if (ascii) return code < 0x80 && /[a-z]/i.test(String.fromCharCode(code));
  return caseForms(code, false).length > 1;
}

const cased = new WeakMap<CharacterSet, boolean>();

/** Whether case matters at all: as in Python, only if a character or a range that the set names has cases. */
function hasCases(set: CharacterSet): boolean {
  const known = cased.get(set);
  if (known !== undefined) return known;
  const found = set.ranges.some(([low, high]) => {
    // What lies beyond the BMP Python takes for cased without a look.
    if (high > 0xffff) return true;
    for (let code = low; code <= high; code++) if (isCased(code, set.ascii)) return true;
    return false;
  });
  cased.set(set, found);
  return found;
}

function inRanges(set: CharacterSet, code: number): boolean {
  for (const [low, high] of set.ranges) if (code >= low && code <= high) return true;
  return false;
}

function inCategories(set: CharacterSet, code: number): boolean {
  return set.categories.some(({ category, negated }) => inCategory(category, code, set.ascii) !== negated);
}

export function inSet(set: CharacterSet, code: number): boolean {
  const folded = set.ignoreCase && hasCases(set);
  const found = folded
    ? caseForms(code, set.ascii).some((form) => inRanges(set, form)) ||
      inCategories(set, lower(code, set.ascii))
    : inRanges(set, code) || inCategories(set, code);
  return found !== set.negated;
}

const sizes = new Map<string, number>();

/** How many code points the set holds, counted once per set; an upper bound where case is ignored. */
export function sizeOfSet(set: CharacterSet): number {
  const key = JSON.stringify(set);
  const known = sizes.get(key);
  if (known !== undefined) return known;
  let size = 0;
  if (set.categories.length === 0 && set.ranges.length === 1 && !set.ignoreCase) {
    const [low, high] = set.ranges[0] ?? [0, 0];
    size = set.negated ? CODE_POINTS : high - low + 1;
  } else {
    for (let code = 0; code < 0x110000; code++) {
      if ((code < 0xd800 || code > 0xdfff) && inSet(set, code)) size++;
    }
  }
  if (sizes.size > 256) sizes.clear();
  sizes.set(key, size);
  return size;
}
