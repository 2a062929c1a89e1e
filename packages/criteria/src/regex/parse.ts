// Python's regular expressions (the re module of 3.11) as a tree. What a linear-time match cannot express is refused by
// name: references to groups, conditions, atomic groups and possessive repeats. Also refused: \N{name}.
import { CriteriaError } from '../error.ts';
import { type Atom, classEscape, type Flags, literalSet, Source, setOf } from './source.ts';
import type { CharacterSet } from './charset.ts';

export type Node =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'concat'; readonly items: readonly Node[] }
  | { readonly kind: 'either'; readonly items: readonly Node[] }
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'at'; readonly place: Place }
  | { readonly kind: 'look'; readonly behind: boolean; readonly negated: boolean; readonly item: Node };

export type Place =
  | 'start'
  | 'end'
  | 'line-start'
  | 'line-end'
  | 'end-or-last-newline'
  | 'boundary'
  | 'ascii-boundary'
  | 'no-boundary'
  | 'no-ascii-boundary';

const MAX_REPEAT = 4294967295;
const MAX_DEPTH = 100;
const NOTHING: Node = { kind: 'concat', items: [] };

const malformed = (why: string): CriteriaError =>
  new CriteriaError('regex/malformed', `The regular expression is malformed: ${why}.`);
const unsupported = (what: string): CriteriaError =>
  new CriteriaError(
    'regex/unsupported',
    `${what} cannot be matched in linear time; write the pattern without.`,
  );

class Parser {
  readonly #source: Source;
  #groups = 0;
  readonly #names = new Set<string>();
  #depth = 0;

  constructor(pattern: string) {
    this.#source = new Source(pattern);
  }

  whole(): Node {
    let flags: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };
    // `(?x)` at the start changes how the text before it is read: once it is found, reading starts over.
    for (;;) {
      const found = this.#globalFlags(flags);
      if (JSON.stringify(found) === JSON.stringify(flags)) break;
      flags = found;
    }
    const node = this.#alternatives(flags, true);
    if (!this.#source.done) throw malformed('a parenthesis closes what was not opened');
    return node;
  }

  /** Reads `(?i)` and the like at the start, and goes back to it. */
  #globalFlags(flags: Flags): Flags {
    const start = this.#source.at;
    let found = flags;
    for (;;) {
      if (found.verbose) this.#source.skipVerbose();
      const group = this.#source.match(/\(\?([aiLmsux]+)\)/y);
      if (group === undefined) break;
      found = addFlags(found, group.slice(2, -1));
    }
    this.#source.at = start;
    return found;
  }

  #alternatives(flags: Flags, first: boolean): Node {
    if (++this.#depth > MAX_DEPTH) throw unsupported('A pattern with so many levels of groups');
    const items = [this.#sequence(flags, first)];
    while (this.#source.take('|')) items.push(this.#sequence(flags, false));
    this.#depth--;
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'either', items };
  }

  #sequence(flags: Flags, first: boolean): Node {
    const items: { node: Node; repeat: boolean }[] = [];
    const source = this.#source;
    for (;;) {
      if (flags.verbose && source.skipVerbose()) continue;
      if (source.done || source.peek === '|' || source.peek === ')') break;
      const bounds = this.#bounds();
      if (bounds !== undefined) {
        const last = items.pop();
        if (last === undefined || last.node.kind === 'at') throw malformed('there is nothing to repeat');
        if (last.repeat) throw malformed('a repeat is repeated');
        if (source.take('+')) throw unsupported('A possessive repeat');
        source.take('?');
        items.push({ node: { kind: 'repeat', item: last.node, ...bounds }, repeat: true });
        continue;
      }
      const node = this.#item(flags, first && items.length === 0);
      if (node !== undefined) items.push({ node, repeat: false });
    }
    return { kind: 'concat', items: items.map(({ node }) => node) };
  }

  #bounds(): { min: number; max: number } | undefined {
    const source = this.#source;
    if (source.take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (source.take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (source.take('?')) return { min: 0, max: 1 };
    if (source.peek !== '{' || source.startsWith('{}')) return undefined;
    const written = source.match(/\{([0-9]*)(?:,([0-9]*))?\}/y);
    if (written === undefined) return undefined;
    const [low = '', high] = written.slice(1, -1).split(',');
    const min = low === '' ? 0 : Number(low);
    const upper = high ?? low;
    const max = upper === '' ? Number.POSITIVE_INFINITY : Number(upper);
    if (min >= MAX_REPEAT || (max >= MAX_REPEAT && upper !== '')) throw malformed('a repeat is too large');
    if (max < min) throw malformed('the bounds of a repeat are the wrong way round');
    return { min, max };
  }

  #item(flags: Flags, first: boolean): Node | undefined {
    const source = this.#source;
    const character = source.next();
    switch (character) {
      case '.': {
        const newline = flags.dotAll ? [] : ([[10, 10]] as const);
        return {
          kind: 'set',
          set: { ...setOf([], flags), ranges: newline, negated: true, ignoreCase: false },
        };
      }
      case '^':
        return { kind: 'at', place: flags.multiline ? 'line-start' : 'start' };
      case '$':
        return { kind: 'at', place: flags.multiline ? 'line-end' : 'end-or-last-newline' };
      case '[':
        return { kind: 'set', set: this.#class(flags) };
      case '(':
        return this.#group(flags, first);
      case '\\':
        return this.#escape(flags);
      default:
        return { kind: 'set', set: literalSet(character, flags) };
    }
  }

  #escape(flags: Flags): Node {
    const source = this.#source;
    const places: Record<string, Place> = {
      A: 'start',
      Z: 'end',
      b: flags.ascii ? 'ascii-boundary' : 'boundary',
      B: flags.ascii ? 'no-ascii-boundary' : 'no-boundary',
    };
    const place = Object.hasOwn(places, source.peek) ? places[source.peek] : undefined;
    if (place !== undefined) {
      source.next();
      return { kind: 'at', place };
    }
    if (/[1-9]/.test(source.peek)) return this.#reference(flags);
    return { kind: 'set', set: setOf([this.#atom()], flags) };
  }

  #atom(): Atom {
    const atom = classEscape(this.#source, false);
    if (atom === 'bad') throw malformed('an escape means nothing');
    if (atom === 'named') throw unsupported('A character by name');
    return atom;
  }

  /** `\1` is a reference, `\101` an octal character. */
  #reference(flags: Flags): Node {
    const octal = this.#source.match(/[1-7][0-7]{2}/y);
    if (octal === undefined) {
      const number = Number(this.#source.match(/[1-9][0-9]?/y));
      throw number <= this.#groups
        ? unsupported('A reference to a group')
        : malformed('a reference names no group');
    }
    const code = Number.parseInt(octal, 8);
    if (code > 0o377) throw malformed('an octal escape is too large');
    return { kind: 'set', set: setOf([{ from: code, to: code }], flags) };
  }

  #class(flags: Flags): CharacterSet {
    const source = this.#source;
    const negated = source.take('^');
    const atoms: Atom[] = [];
    for (let first = true; first || source.peek !== ']'; first = false) {
      const from = this.#classAtom();
      if (source.peek !== '-' || source.startsWith('-]')) {
        atoms.push(from);
        continue;
      }
      source.next();
      const to = this.#classAtom();
      if (!('from' in from) || !('from' in to) || to.from < from.from) throw malformed('a range is no range');
      atoms.push({ from: from.from, to: to.to });
    }
    source.next();
    return { ...setOf(atoms, flags), negated };
  }

  #classAtom(): Atom {
    const source = this.#source;
    if (source.done) throw malformed('a set of characters does not end');
    const character = source.next();
    if (character !== '\\') {
      const code = character.codePointAt(0) ?? 0;
      return { from: code, to: code };
    }
    const atom = classEscape(source, true);
    if (atom === 'bad') throw malformed('an escape means nothing');
    if (atom === 'named') throw unsupported('A character by name');
    return atom;
  }

  #group(flags: Flags, first: boolean): Node | undefined {
    const source = this.#source;
    if (!source.take('?')) return this.#closed(flags, true);
    if (source.take(':')) return this.#closed(flags, false);
    if (source.take('#')) {
      if (source.match(/(?:\\[^]|[^)\\])*\)/y) === undefined) throw malformed('a comment does not end');
      return undefined;
    }
    if (source.take('=')) return this.#look(flags, false, false);
    if (source.take('!')) return this.#look(flags, false, true);
    if (source.take('<=')) return this.#look(flags, true, false);
    if (source.take('<!')) return this.#look(flags, true, true);
    if (source.take('>')) throw unsupported('An atomic group');
    if (source.take('(')) throw unsupported('A condition');
    if (source.take('P')) return this.#named(flags);
    return this.#flagGroup(flags, first);
  }

  #named(flags: Flags): Node {
    const source = this.#source;
    if (source.take('=')) throw unsupported('A reference to a group');
    const name = source.match(/<[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}\p{Pc}]*>/uy);
    if (name === undefined) throw malformed('the name of a group is no name');
    if (this.#names.has(name)) throw malformed('two groups have one name');
    this.#names.add(name);
    return this.#closed(flags, true);
  }

  #closed(flags: Flags, captures: boolean): Node {
    if (captures) this.#groups++;
    const node = this.#alternatives(flags, false);
    if (!this.#source.take(')')) throw malformed('a group does not end');
    // A group is no place, so that repeating `(?:^)` is allowed although repeating `^` is not.
    return node.kind === 'at' ? { kind: 'concat', items: [node] } : node;
  }

  #look(flags: Flags, behind: boolean, negated: boolean): Node {
    const item = this.#closed(flags, false);
    if (behind) {
      const [low, high] = width(item);
      if (low !== high) throw malformed('what is looked for behind has no fixed width');
    }
    return { kind: 'look', behind, negated, item };
  }

  #flagGroup(flags: Flags, first: boolean): Node | undefined {
    const written = this.#source.match(/[aiLmsux]*(?:-[imsx]+)?[:)]/y);
    if (written === undefined) throw malformed('an extension is unknown');
    const [added = '', removed] = written.slice(0, -1).split('-');
    if (written.endsWith(')')) {
      if (removed !== undefined || added === '') throw malformed('an extension is unknown');
      if (!first) throw malformed('flags for the whole pattern stand inside it');
      return undefined;
    }
    if (/[aLu].*[aLu]/.test(added)) throw malformed('flags contradict each other');
    if (Array.from(added).some((flag) => removed?.includes(flag) === true))
      throw malformed('a flag is set and unset');
    return this.#closed(addFlags(flags, added, removed), false);
  }
}

function addFlags(flags: Flags, added: string, removed = ''): Flags {
  if (added.includes('L')) throw malformed('the flag L is for bytes');
  const set = (letter: string, before: boolean): boolean =>
    added.includes(letter) || (before && !removed.includes(letter));
  if (added.includes('a') && added.includes('u')) throw malformed('flags contradict each other');
  return {
    ignoreCase: set('i', flags.ignoreCase),
    multiline: set('m', flags.multiline),
    dotAll: set('s', flags.dotAll),
    verbose: set('x', flags.verbose),
    ascii: added.includes('a') || (flags.ascii && !added.includes('u')),
  };
}

/** The fewest and the most characters that a node takes. */
export function width(node: Node): readonly [number, number] {
  switch (node.kind) {
    case 'set':
      return [1, 1];
    case 'at':
    case 'look':
      return [0, 0];
    case 'concat':
      return node.items.map(width).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    case 'either': {
      return node.items
        .map(width)
        .reduce(([a, b], [c, d]) => [Math.min(a, c), Math.max(b, d)], [Number.POSITIVE_INFINITY, 0]);
    }
    case 'repeat': {
      const [low, high] = width(node.item);
      return [low * node.min, high === 0 || node.max === 0 ? 0 : high * node.max];
    }
  }
}

/** @throws CriteriaError regex/malformed where Python refuses the pattern, regex/unsupported where this engine does */
export function parseRegex(pattern: string): Node {
  return pattern === '' ? NOTHING : new Parser(pattern).whole();
}
