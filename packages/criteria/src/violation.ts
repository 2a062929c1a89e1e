// What a validation found: the codes and names of Cerberus, the paths, and the order in which Cerberus lists them.
import { Breakdown } from './error.ts';
import { order } from './python/semantics.ts';
import { type Shown, repr } from './python/text.ts';
import type { ValueKey } from './value.ts';

/** A key of the document, or (in errors about criteria) a tuple of them. */
export type PathStep = ValueKey | readonly PathStep[];
export type Path = readonly PathStep[];

/** A table row: number, name and rule of an error. */
export interface ErrorKind {
  readonly code: number;
  readonly name: string;
  readonly rule: string | null;
}

const kind = (code: number, name: string, rule: string | null): ErrorKind => ({ code, name, rule });

export const ERROR_KINDS = {
  CUSTOM: kind(0x00, 'CUSTOM', null),
  REQUIRED_FIELD: kind(0x02, 'REQUIRED_FIELD', 'required'),
  UNKNOWN_FIELD: kind(0x03, 'UNKNOWN_FIELD', null),
  DEPENDENCIES_FIELD: kind(0x04, 'DEPENDENCIES_FIELD', 'dependencies'),
  DEPENDENCIES_FIELD_VALUE: kind(0x05, 'DEPENDENCIES_FIELD_VALUE', 'dependencies'),
  EXCLUDES_FIELD: kind(0x06, 'EXCLUDES_FIELD', 'excludes'),
  EMPTY_NOT_ALLOWED: kind(0x22, 'EMPTY_NOT_ALLOWED', 'empty'),
  NOT_NULLABLE: kind(0x23, 'NOT_NULLABLE', 'nullable'),
  BAD_TYPE: kind(0x24, 'BAD_TYPE', 'type'),
  BAD_TYPE_FOR_SCHEMA: kind(0x25, 'BAD_TYPE_FOR_SCHEMA', 'schema'),
  ITEMS_LENGTH: kind(0x26, 'ITEMS_LENGTH', 'items'),
  MIN_LENGTH: kind(0x27, 'MIN_LENGTH', 'minlength'),
  MAX_LENGTH: kind(0x28, 'MAX_LENGTH', 'maxlength'),
  REGEX_MISMATCH: kind(0x41, 'REGEX_MISMATCH', 'regex'),
  MIN_VALUE: kind(0x42, 'MIN_VALUE', 'min'),
  MAX_VALUE: kind(0x43, 'MAX_VALUE', 'max'),
  UNALLOWED_VALUE: kind(0x44, 'UNALLOWED_VALUE', 'allowed'),
  UNALLOWED_VALUES: kind(0x45, 'UNALLOWED_VALUES', 'allowed'),
  FORBIDDEN_VALUE: kind(0x46, 'FORBIDDEN_VALUE', 'forbidden'),
  FORBIDDEN_VALUES: kind(0x47, 'FORBIDDEN_VALUES', 'forbidden'),
  MISSING_MEMBERS: kind(0x48, 'MISSING_MEMBERS', 'contains'),
  READONLY_FIELD: kind(0x63, 'READONLY_FIELD', 'readonly'),
  MAPPING_SCHEMA: kind(0x81, 'MAPPING_SCHEMA', 'schema'),
  SEQUENCE_SCHEMA: kind(0x82, 'SEQUENCE_SCHEMA', 'schema'),
  KEYSRULES: kind(0x83, 'KEYSRULES', 'keysrules'),
  VALUESRULES: kind(0x84, 'VALUESRULES', 'valuesrules'),
  BAD_ITEMS: kind(0x8f, 'BAD_ITEMS', 'items'),
  NONEOF: kind(0x91, 'NONEOF', 'noneof'),
  ONEOF: kind(0x92, 'ONEOF', 'oneof'),
  ANYOF: kind(0x93, 'ANYOF', 'anyof'),
  ALLOF: kind(0x94, 'ALLOF', 'allof'),
} as const satisfies Record<string, ErrorKind>;

export interface Violation {
  documentPath: Path;
  /** The text `__require_all__` where the demand comes from that option: Cerberus puts a string for the path there. */
  schemaPath: Path | string;
  readonly kind: ErrorKind;
  readonly constraint: Shown;
  readonly value: Shown;
  readonly info: readonly Shown[];
  /** The errors of a group: sub-documents, list items, the definitions of an *of rule. */
  readonly children: readonly Violation[] | undefined;
}

export function isLogical(violation: Violation): boolean {
  return (violation.kind.code & 0x10) !== 0;
}

/** The machine form of a violation. List positions are numbers. */
export interface ValidationError {
  readonly documentPath: readonly (string | number)[];
  readonly schemaPath: readonly (string | number)[] | string;
  readonly code: number;
  readonly name: string;
  readonly rule: string | null;
  readonly children?: readonly ValidationError[];
}

/** Python's text of a step that JSON cannot name. */
export function stepText(step: PathStep): string {
  if (typeof step === 'string') return step;
  if (isTuple(step)) return `(${step.map((s) => (isTuple(s) ? stepText(s) : repr(s))).join(', ')})`;
  return step === null ? 'None' : repr(step);
}

function isTuple(step: PathStep): step is readonly PathStep[] {
  return Array.isArray(step);
}

function plainPath(path: Path): (string | number)[] {
  return path.map((step) => (typeof step === 'bigint' ? Number(step) : stepText(step)));
}

export function toValidationError(violation: Violation): ValidationError {
  const { code, name, rule } = violation.kind;
  return {
    documentPath: plainPath(violation.documentPath),
    schemaPath:
      typeof violation.schemaPath === 'string' ? violation.schemaPath : plainPath(violation.schemaPath),
    code,
    name,
    rule,
    ...(violation.children === undefined ? {} : { children: violation.children.map(toValidationError) }),
  };
}

/** One step of a path; of a text, one letter. */
export function stepAt(path: Path | string, index: number): PathStep | undefined {
  return typeof path === 'string' ? path[index] : path[index];
}

/** A path without one of its steps; a text loses a letter, as Python's slicing has it. */
export function withoutStep(path: Path | string, index: number): Path | string {
  return typeof path === 'string'
    ? path.slice(0, index) + path.slice(index + 1)
    : path.toSpliced(index, index < path.length ? 1 : 0);
}

function sameStep(a: PathStep | undefined, b: PathStep | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (isTuple(a)) return isTuple(b) && a.length === b.length && a.every((step, i) => sameStep(step, b[i]));
  // A float among the keys equals the integer of its value.
  return (
    a === b ||
    (typeof a === 'number' && typeof b === 'bigint' && !(a < b) && !(a > b)) ||
    (typeof a === 'bigint' && typeof b === 'number' && sameStep(b, a))
  );
}

function sort(step: PathStep): 'number' | 'string' | 'tuple' | 'other' {
  if (typeof step === 'bigint') return 'number';
  if (typeof step === 'string') return 'string';
  return isTuple(step) ? 'tuple' : 'other';
}

/** Whether Cerberus sorts path `a` before `b`. It says yes of equal paths, and of either of two steps of unlike kinds. */
function pathBefore(a: Path | string, b: Path | string): boolean {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = stepAt(a, i);
    const y = stepAt(b, i);
    if (x === undefined || y === undefined || sameStep(x, y)) continue;
    const kindOfX = sort(x);
    if (kindOfX !== 'other' && kindOfX !== sort(y)) return true;
    if (isTuple(x) && isTuple(y)) return pathBefore(x, y);
    // A key that is a float, or None: Python compares the one with numbers and the other with nothing.
    const comparable = kindOfX !== 'other' || (typeof x === 'number' && typeof y !== 'string');
    if (!comparable || x === null || y === null) throw new Breakdown('TypeError');
    return (order(x, y) ?? 0) < 0;
  }
  return a.length === shared;
}

function pathsEqual(a: Path | string, b: Path | string): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && a.every((step, i) => sameStep(step, b[i]));
}

function before(a: Violation, b: Violation): boolean {
  return pathsEqual(a.documentPath, b.documentPath)
    ? pathBefore(a.schemaPath, b.schemaPath)
    : pathBefore(a.documentPath, b.documentPath);
}

/** Whether a path holds a float or None, of which Python compares only some with others: then it matters which it compares. */
function isPartlyComparable({ documentPath, schemaPath }: Violation): boolean {
  const odd = (step: PathStep): boolean => typeof step === 'number' || step === null;
  return documentPath.some(odd) || (typeof schemaPath !== 'string' && schemaPath.some(odd));
}

/**
 * Inserts into a sorted list without ties; false, with the list as it was, if the violation ties with one of it or cannot
 * be compared with all.
 */
export function insertViolation(list: Violation[], violation: Violation): boolean {
  if (isPartlyComparable(violation)) return false;
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other !== undefined && before(violation, other)) high = middle;
    else low = middle + 1;
  }
  const previous = list[low - 1];
  const next = list[low];
  if (previous !== undefined && !before(previous, violation)) return false;
  if (next !== undefined && before(next, violation)) return false;
  list.splice(low, 0, violation);
  return true;
}

/**
 * Sorts in place as CPython sorts a short list: a leading run, reversed if it descends, then binary insertion. The order
 * shows in messages, because "before" holds both ways for equal paths.
 */
export function sortViolations(list: Violation[]): void {
  const at = (index: number): Violation => {
    const found = list[index];
    if (found === undefined) throw new RangeError('An index is outside the list.');
    return found;
  };
  if (list.length < 2) return;
  let run = 2;
  const descending = before(at(1), at(0));
  while (run < list.length && before(at(run), at(run - 1)) === descending) run++;
  if (descending) list.splice(0, run, ...list.slice(0, run).reverse());
  for (; run < list.length; run++) {
    const pivot = at(run);
    let low = 0;
    let high = run;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(pivot, at(middle))) high = middle;
      else low = middle + 1;
    }
    list.splice(run, 1);
    list.splice(low, 0, pivot);
  }
}
