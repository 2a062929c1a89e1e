// The text of a pattern while it is read, and what stands for one character in it.
import { CriteriaError } from '../error.ts';
import type { Category, CharacterSet } from './charset.ts';

export interface Flags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
}

/** A range of characters, or a category of them. */
export type Atom =
  | { readonly from: number; readonly to: number }
  | { readonly category: Category; readonly negated: boolean };

export class Source {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.at >= this.#text.length;
  }

  /** The next character, empty at the end. */
  get peek(): string {
    const code = this.#text.codePointAt(this.at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  next(): string {
    const character = this.peek;
    this.at += character.length;
    return character;
  }

  startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.at);
  }

  take(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.at += text.length;
    return true;
  }

  /** What a sticky expression finds here. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** Passes white space or a comment of a verbose pattern; false if there is none. */
  skipVerbose(): boolean {
    // A backslash hides the end of the line.
    return this.match(/[ \t\n\r\v\f]+|#(?:\\[^]|[^\n\\])*(?:\n|$)/y) !== undefined;
  }
}

/**
 * A capital letter beyond U+FFFF, where case is ignored: beside other characters Python compares its small form with the
 * capital, so that it matches nothing; alone it matches both.
 */
function isMisread(atom: Atom, flags: Flags): boolean {
  if (!('from' in atom) || atom.from !== atom.to || atom.from < 0x10000) return false;
  const character = String.fromCodePoint(atom.from);
  return flags.ignoreCase && !flags.ascii && character.toLowerCase() !== character;
}

export function setOf(atoms: readonly Atom[], flags: Flags): CharacterSet {
  if (atoms.some((atom) => isMisread(atom, flags))) {
    throw new CriteriaError(
      'regex/unsupported',
      'Python reads a capital letter beyond U+FFFF in two ways where case is ignored; write the small letter.',
    );
  }
  const ranges: [number, number][] = [];
  const categories: { category: Category; negated: boolean }[] = [];
  for (const atom of atoms) {
    if ('from' in atom) ranges.push([atom.from, atom.to]);
    else categories.push(atom);
  }
  return { ranges, categories, negated: false, ignoreCase: flags.ignoreCase, ascii: flags.ascii };
}

export function literalSet(character: string, flags: Flags): CharacterSet {
  const code = character.codePointAt(0) ?? 0;
  return setOf([{ from: code, to: code }], flags);
}

const CATEGORIES: ReadonlyMap<string, Category> = new Map([
  ['d', 'digit'],
  ['s', 'space'],
  ['w', 'word'],
]);
const CONTROLS = new Map([
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
const HEX = [/x[0-9a-fA-F]{2}/y, /u[0-9a-fA-F]{4}/y, /U[0-9a-fA-F]{8}/y];

/**
 * The character or category after a backslash. `inClass`: between brackets, where `\b` is a backspace and digits are
 * octal. `bad` for what Python refuses, `named` for `\N{…}`.
 */
export function classEscape(source: Source, inClass: boolean): Atom | 'bad' | 'named' {
  const single = (code: number): Atom => ({ from: code, to: code });
  const letter = source.peek;
  if (letter === '') return 'bad';
  for (const pattern of HEX) {
    const found = source.match(pattern);
    const code = found === undefined ? 0 : Number.parseInt(found.slice(1), 16);
    if (code > 0x10ffff) return 'bad';
    if (found !== undefined) return single(code);
  }
  const octal = source.match(inClass ? /[0-7]{1,3}/y : /0[0-7]{0,2}/y);
  if (octal !== undefined) {
    const code = Number.parseInt(octal, 8);
    return code > 0o377 ? 'bad' : single(code);
  }
  source.next();
  const category = CATEGORIES.get(letter.toLowerCase());
  if (category !== undefined) return { category, negated: letter !== letter.toLowerCase() };
  const control = CONTROLS.get(letter);
  if (control !== undefined && (letter !== 'b' || inClass)) return single(control);
  if (letter === 'N') return 'named';
  return /[a-zA-Z]/.test(letter) ? 'bad' : single(letter.codePointAt(0) ?? 0);
}
