// A regular expression as a program of states, and a run that carries all reachable states along the text at once: its
// steps are at most the product of both sizes, whatever the pattern (Thompson 1968). What a pattern looks for ahead or
// behind is found for all places beforehand, by a run in the opposite or the same direction; so there is no backtracking.
import { CriteriaError } from '../error.ts';
import { type CharacterSet, inCategory, inSet } from './charset.ts';
import { type Node, type Place, parseRegex } from './parse.ts';

type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  | { readonly op: 'split'; readonly to: number[] }
  | { readonly op: 'at'; readonly place: Place }
  | { readonly op: 'look'; readonly index: number; readonly negated: boolean }
  | { readonly op: 'accept' };

interface Program {
  readonly code: readonly Instruction[];
  /** 1 reads to the right, -1 to the left. */
  readonly direction: 1 | -1;
}

export interface Regex {
  readonly main: Program;
  /** What is looked for around a place; inner ones first. */
  readonly looks: readonly Program[];
  /** Instructions in all programs. */
  readonly size: number;
}

/** Instructions in all programs of a pattern. */
export const MAX_PROGRAM = 10_000;

class Compiler {
  readonly looks: Program[] = [];
  size = 0;

  program(node: Node, direction: 1 | -1): Program {
    const code: Instruction[] = [];
    this.#emit(node, code, direction);
    this.#push(code, { op: 'accept' });
    return { code, direction };
  }

  #push(code: Instruction[], instruction: Instruction): void {
    if (++this.size > MAX_PROGRAM) {
      throw new CriteriaError('regex/too-large', 'The regular expression is too large; use smaller repeats.');
    }
    code.push(instruction);
  }

  #split(code: Instruction[], ...to: number[]): number[] {
    this.#push(code, { op: 'split', to });
    return to;
  }

  #emit(node: Node, code: Instruction[], direction: 1 | -1): void {
    switch (node.kind) {
      case 'set':
        this.#push(code, { op: 'set', set: node.set });
        return;
      case 'at':
        this.#push(code, { op: 'at', place: node.place });
        return;
      case 'concat':
        for (const item of direction === 1 ? node.items : node.items.toReversed())
          this.#emit(item, code, direction);
        return;
      case 'either':
        this.#either(node.items, code, direction);
        return;
      case 'repeat':
        this.#repeat(node.item, node.min, node.max, code, direction);
        return;
      case 'look': {
        const program = this.program(node.item, node.behind ? 1 : -1);
        const index = this.looks.push(program) - 1;
        this.#push(code, { op: 'look', index, negated: node.negated });
      }
    }
  }

  #either(items: readonly Node[], code: Instruction[], direction: 1 | -1): void {
    const entries = this.#split(code);
    const exits: number[][] = [];
    for (const item of items) {
      entries.push(code.length);
      this.#emit(item, code, direction);
      exits.push(this.#split(code));
    }
    for (const exit of exits) exit.push(code.length);
  }

  #repeat(item: Node, min: number, max: number, code: Instruction[], direction: 1 | -1): void {
    for (let i = 0; i < min; i++) {
      const before = code.length;
      this.#emit(item, code, direction);
      // A repeat of what takes no instructions would otherwise count up to its bound for nothing.
      if (code.length === before) return;
    }
    if (max === Number.POSITIVE_INFINITY) {
      const start = code.length;
      const entry = this.#split(code, start + 1);
      this.#emit(item, code, direction);
      this.#split(code, start);
      entry.push(code.length);
      return;
    }
    const exits: number[][] = [];
    for (let i = min; i < max; i++) {
      const before = code.length;
      exits.push(this.#split(code, before + 1));
      this.#emit(item, code, direction);
      if (code.length === before + 1) break;
    }
    for (const exit of exits) exit.push(code.length);
  }
}

/** @throws CriteriaError regex/malformed, regex/unsupported, regex/too-large */
export function compileRegex(pattern: string): Regex {
  const compiler = new Compiler();
  const main = compiler.program(parseRegex(pattern), 1);
  return { main, looks: compiler.looks, size: compiler.size };
}

const NEWLINE = 10;

function isWord(code: number | undefined, ascii: boolean): boolean {
  return code !== undefined && inCategory('word', code, ascii);
}

function holdsAt(place: Place, text: readonly number[], at: number): boolean {
  switch (place) {
    case 'start':
      return at === 0;
    case 'end':
      return at === text.length;
    case 'line-start':
      return at === 0 || text[at - 1] === NEWLINE;
    case 'line-end':
      return at === text.length || text[at] === NEWLINE;
    case 'end-or-last-newline':
      return at === text.length || (at === text.length - 1 && text[at] === NEWLINE);
    // Python 3.11 finds no boundary, and no absence of one, in an empty text.
    case 'boundary':
      return text.length > 0 && isWord(text[at - 1], false) !== isWord(text[at], false);
    case 'ascii-boundary':
      return text.length > 0 && isWord(text[at - 1], true) !== isWord(text[at], true);
    case 'no-boundary':
      return text.length > 0 && isWord(text[at - 1], false) === isWord(text[at], false);
    case 'no-ascii-boundary':
      return text.length > 0 && isWord(text[at - 1], true) === isWord(text[at], true);
  }
}

interface Run {
  readonly text: readonly number[];
  /** For each thing looked for, the places where it is. */
  readonly found: Uint8Array[];
  steps: number;
  readonly limit: number;
}

/** The states reachable at one place, each visited once. */
class States {
  readonly #program: Program;
  readonly #run: Run;
  /** The place of the last visit to each state, so that nothing need be cleared between places. */
  readonly #seen: Uint32Array;
  #stamp = 1;
  readonly waiting: number[] = [];
  accepted = false;

  constructor(program: Program, run: Run) {
    this.#program = program;
    this.#run = run;
    this.#seen = new Uint32Array(program.code.length);
  }

  clear(): void {
    this.#stamp++;
    this.waiting.length = 0;
    this.accepted = false;
  }

  add(start: number, at: number): void {
    const stack = [start];
    for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
      const instruction = this.#program.code[state];
      if (instruction === undefined || this.#seen[state] === this.#stamp) continue;
      this.#seen[state] = this.#stamp;
      this.#run.steps++;
      if (instruction.op === 'set') this.waiting.push(state);
      else if (instruction.op === 'accept') this.accepted = true;
      else if (instruction.op === 'split') stack.push(...instruction.to);
      else if (this.#passes(instruction, at)) stack.push(state + 1);
    }
  }

  #passes(instruction: Instruction & { readonly op: 'at' | 'look' }, at: number): boolean {
    if (instruction.op === 'at') return holdsAt(instruction.place, this.#run.text, at);
    return (this.#run.found[instruction.index]?.[at] === 1) !== instruction.negated;
  }
}

/** Carries the states over the text; `visit` sees each place with the answer whether the program accepts there. */
function walk(
  program: Program,
  run: Run,
  startAnywhere: boolean,
  visit: (at: number, accepted: boolean) => boolean,
): void {
  const { text } = run;
  let here = new States(program, run);
  let ahead = new States(program, run);
  const last = program.direction === 1 ? text.length : 0;
  let at = text.length - last;
  here.add(0, at);
  for (;;) {
    if (visit(at, here.accepted) || at === last || run.steps > run.limit) return;
    const code = text[program.direction === 1 ? at : at - 1] ?? 0;
    at += program.direction;
    ahead.clear();
    for (const state of here.waiting) {
      const instruction = program.code[state];
      if (instruction?.op === 'set' && inSet(instruction.set, code)) ahead.add(state + 1, at);
    }
    if (startAnywhere) ahead.add(0, at);
    else if (ahead.waiting.length === 0 && !ahead.accepted) return;
    [here, ahead] = [ahead, here];
  }
}

/**
 * Whether the regex matches `text` from its start (Python's `re.match`), or as a whole (`re.fullmatch`), and in how many
 * steps; undefined if the limit was passed before the answer was found.
 */
export function runRegex(
  regex: Regex,
  text: string,
  { whole = false, limit = Number.POSITIVE_INFINITY } = {},
): { readonly matched: boolean; readonly steps: number } | undefined {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const run: Run = { text: codes, found: [], steps: 0, limit };
  for (const look of regex.looks) {
    if (run.steps > limit) return undefined;
    const places = new Uint8Array(codes.length + 1);
    walk(look, run, true, (at, accepted) => {
      if (accepted) places[at] = 1;
      return false;
    });
    run.found.push(places);
  }
  let matched = false;
  walk(regex.main, run, false, (at, accepted) => {
    matched = accepted && (!whole || at === codes.length);
    return matched;
  });
  return run.steps > limit ? undefined : { matched, steps: run.steps };
}
