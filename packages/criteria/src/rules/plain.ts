// Rules on one value: its type, size, order, membership and pattern; and those between fields of one mapping
// (dependencies, excludes). Semantics of Cerberus 1.3.x, with the differences of the strict mode named where they are.
import { Breakdown } from '../error.ts';
import {
  contains,
  equals,
  equalsStrictly,
  findKey,
  isHashable,
  isIterable,
  keyOf,
  length,
  members,
  order,
  Tuple,
  truthy,
} from '../python/semantics.ts';
import { NumberSet } from '../python/set.ts';
import { str } from '../python/text.ts';
import type { Rule, Scope } from '../scope.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from '../value.ts';
import { ERROR_KINDS, type Path } from '../violation.ts';

const isInteger = (value: Value): boolean => typeof value === 'bigint' || typeof value === 'boolean';
const isFloat = (value: Value): boolean => typeof value === 'number' || isInteger(value);

/** Types by name. Python's bool is an int, so `integer` and `float` take it, while `number` leaves it out. */
const TYPES = new Map<string, (value: Value) => boolean>([
  ['binary', () => false],
  ['boolean', (value) => typeof value === 'boolean'],
  ['container', (value) => isList(value) || isMap(value)],
  ['date', () => false],
  ['datetime', () => false],
  ['dict', isMap],
  ['float', isFloat],
  ['integer', isInteger],
  ['list', isList],
  ['number', (value) => isFloat(value) && typeof value !== 'boolean'],
  ['set', () => false],
  ['string', (value) => typeof value === 'string'],
  // These two are for the language of criteria itself.
  ['callable', () => false],
  ['hashable', isHashable],
]);

/** The names that criteria may use. */
export const TYPE_NAMES: readonly string[] = [...TYPES.keys()].slice(0, -2);

const NUMERIC = new Set(['float', 'integer', 'number']);

function hasType(name: Value, value: Value, strict: boolean): boolean {
  // Names that are none come here by rules for list items that a mapping meets.
  if (typeof name !== 'string') throw new Breakdown(isHashable(name) ? 'AttributeError' : 'TypeError');
  const test = TYPES.get(name);
  if (test === undefined) throw new Breakdown('RuntimeError');
  if (strict && typeof value === 'boolean' && NUMERIC.has(name)) return false;
  return test(value);
}

const type: Rule = (scope, constraint, field, value) => {
  if (!truthy(constraint)) return undefined;
  if (!isIterable(constraint)) throw new Breakdown('TypeError');
  const names = typeof constraint === 'string' ? [constraint] : members(constraint);
  if (names.some((name) => hasType(name, value, scope.session.strict))) return undefined;
  scope.report(field, ERROR_KINDS.BAD_TYPE);
  scope.drop();
  return undefined;
};

/** Rules that do not apply to null. */
const NOT_FOR_NULL = (
  'allof allowed anyof empty forbidden items keysrules min max minlength maxlength ' +
  'noneof oneof regex schema type valuesrules'
).split(' ');

const nullable: Rule = (scope, constraint, field, value) => {
  if (value !== null) return undefined;
  if (!truthy(constraint)) scope.report(field, ERROR_KINDS.NOT_NULLABLE);
  scope.drop(...NOT_FOR_NULL);
  return undefined;
};

const readonly: Rule = (scope, constraint, field) => {
  if (!truthy(constraint)) return undefined;
  if (!scope.normalised) {
    scope.report(field, ERROR_KINDS.READONLY_FIELD);
    return undefined;
  }
  const path: Path = [...scope.documentPath, field];
  for (const { kind, documentPath } of scope.everyViolation()) {
    if (kind === ERROR_KINDS.READONLY_FIELD && startsWith(documentPath, path, path.length)) {
      scope.drop();
      break;
    }
  }
  return undefined;
};

function startsWith(path: Path, prefix: Path, exactLength?: number): boolean {
  if (exactLength !== undefined && path.length !== exactLength) return false;
  return path.length >= prefix.length && prefix.every((step, i) => path[i] === step);
}

const empty: Rule = (scope, constraint, field, value) => {
  if (!isIterable(value) || length(value) > 0) return undefined;
  scope.drop('allowed', 'forbidden', 'items', 'minlength', 'maxlength', 'regex', 'check_with');
  if (!truthy(constraint)) scope.report(field, ERROR_KINDS.EMPTY_NOT_ALLOWED);
  return undefined;
};

const scalarSets = [new WeakMap<readonly Value[], Set<Value>>(), new WeakMap<readonly Value[], Set<Value>>()];

function scalarKey(value: Value, strict: boolean): Value {
  return strict && typeof value === 'boolean' ? value : keyOf(value);
}

/** The scalars of a list as keys, made once for each list of criteria. */
function scalarsOf(list: readonly Value[], strict: boolean): ReadonlySet<Value> {
  const known = scalarSets[strict ? 1 : 0];
  const found = known?.get(list);
  if (found !== undefined) return found;
  const made = new Set(list.filter(isHashable).map((item) => scalarKey(item, strict)));
  known?.set(list, made);
  return made;
}

function isIn(scope: Scope, container: Value, item: Value): boolean {
  if (!isList(container)) return contains(container, item);
  const { strict } = scope.session;
  if (isHashable(item)) return scalarsOf(container, strict).has(scalarKey(item, strict));
  return container.some((other) => (strict ? equalsStrictly(other, item) : equals(other, item)));
}

const allowed: Rule = (scope, constraint, field, value) => {
  if (isIterable(value) && typeof value !== 'string') {
    const unallowed = members(value).filter((item) => !isIn(scope, constraint, item));
    if (unallowed.length > 0) scope.report(field, ERROR_KINDS.UNALLOWED_VALUES, Tuple.from(unallowed));
  } else if (!isIn(scope, constraint, value)) {
    scope.report(field, ERROR_KINDS.UNALLOWED_VALUE, value);
  }
  return undefined;
};

const forbidden: Rule = (scope, constraint, field, value) => {
  if (!isList(constraint)) throw new Breakdown('TypeError');
  if (!isList(value)) {
    if (isIn(scope, constraint, value)) scope.report(field, ERROR_KINDS.FORBIDDEN_VALUE, value);
    return undefined;
  }
  if (scope.session.strict) {
    const found = value.filter((item) => isIn(scope, constraint, item));
    if (found.length > 0) scope.report(field, ERROR_KINDS.FORBIDDEN_VALUES, found);
    return undefined;
  }
  const found = new NumberSet(value).intersection(new NumberSet(constraint));
  if (found.size > 0) scope.report(field, ERROR_KINDS.FORBIDDEN_VALUES, found.items());
  return undefined;
};

const containsRule: Rule = (scope, constraint, field, value) => {
  if (!isIterable(value)) return undefined;
  const expected =
    isIterable(constraint) && typeof constraint !== 'string' ? members(constraint) : [constraint];
  if (scope.session.strict) {
    const present = members(value);
    const missing = expected.filter((item) => !present.some((other) => equalsStrictly(other, item)));
    if (missing.length > 0) scope.report(field, ERROR_KINDS.MISSING_MEMBERS, missing);
    return undefined;
  }
  const missing = new NumberSet(expected).difference(new NumberSet(members(value)));
  // Cerberus shows a copy of an error, and a copied set may have another order.
  if (missing.size > 0) scope.report(field, ERROR_KINDS.MISSING_MEMBERS, new NumberSet(missing.items()));
  return undefined;
};

/** Cerberus lets pass what Python cannot compare; the strict mode does not, and takes booleans for no numbers. */
function compared(scope: Scope, value: Value, bound: Value): number | undefined {
  if (scope.session.strict && typeof value === 'boolean') return undefined;
  return order(value, bound);
}

const min: Rule = (scope, constraint, field, value) => {
  const sign = compared(scope, value, constraint);
  if (sign === undefined ? scope.session.strict : sign < 0) scope.report(field, ERROR_KINDS.MIN_VALUE);
  return undefined;
};

const max: Rule = (scope, constraint, field, value) => {
  const sign = compared(scope, value, constraint);
  if (sign === undefined ? scope.session.strict : sign > 0) scope.report(field, ERROR_KINDS.MAX_VALUE);
  return undefined;
};

const minlength: Rule = (scope, constraint, field, value) => {
  if (!isIterable(value)) return undefined;
  const size = BigInt(length(value));
  if ((order(size, constraint) ?? 0) < 0) scope.report(field, ERROR_KINDS.MIN_LENGTH, size);
  return undefined;
};

const maxlength: Rule = (scope, constraint, field, value) => {
  if (!isIterable(value)) return undefined;
  const size = BigInt(length(value));
  if ((order(size, constraint) ?? 0) > 0) scope.report(field, ERROR_KINDS.MAX_LENGTH, size);
  return undefined;
};

const regex: Rule = (scope, constraint, field, value) => {
  if (typeof value !== 'string') return undefined;
  if (typeof constraint !== 'string') throw new Breakdown('AttributeError');
  const { matched, steps } = scope.session.match(constraint, value, scope.session.stepsLeft);
  scope.spend(steps);
  if (!matched) scope.report(field, ERROR_KINDS.REGEX_MISMATCH);
  return undefined;
};

/** The field at a dotted path and its value; `^` starts at the root, `^^` at a field of this mapping whose name has one. */
function lookUp(scope: Scope, path: Value): { name: ValueKey; value: Value } | undefined {
  if (typeof path !== 'string') throw new Breakdown('AttributeError');
  const fromRoot = path.startsWith('^') && !path.startsWith('^^');
  let context: Value = fromRoot ? (scope.session.root ?? new Map()) : scope.document;
  const parts = (path.startsWith('^') ? path.slice(1) : path).split('.');
  for (const part of parts) {
    if (!contains(context, part)) return undefined;
    if (!isMap(context)) throw new Breakdown('AttributeError');
    context = context.get(part) ?? null;
  }
  return { name: parts.at(-1) ?? null, value: context };
}

function dependOnFields(scope: Scope, wanted: readonly Value[], field: ValueKey): void {
  for (const name of wanted) {
    if (lookUp(scope, name) === undefined) scope.report(field, ERROR_KINDS.DEPENDENCIES_FIELD, name);
  }
}

function dependOnValues(scope: Scope, wanted: ValueMap, field: ValueKey): void {
  const missed: ValueMap = new Map();
  for (const [name, values] of wanted) {
    const found = lookUp(scope, name)?.value ?? null;
    if (!isIn(scope, isList(values) ? values : [values], found)) missed.set(name, found);
  }
  if (missed.size > 0) scope.report(field, ERROR_KINDS.DEPENDENCIES_FIELD_VALUE, missed);
}

const dependencies: Rule = (scope, constraint, field) => {
  if (isMap(constraint)) dependOnValues(scope, constraint, field);
  else dependOnFields(scope, isList(constraint) ? constraint : [constraint], field);
  // Cerberus looks for the error by its path in the criteria, but among paths of the document.
  const path: Path = [...scope.schemaPath, field, 'dependencies'];
  for (const { documentPath } of scope.everyViolation()) if (startsWith(documentPath, path)) return true;
  return undefined;
};

const excludes: Rule = (scope, constraint, field) => {
  const others = isList(constraint) ? constraint : isMap(constraint) ? members(constraint) : [constraint];
  // Where this field is required, one of it and its rivals is enough. Whether they are required is not asked.
  if (scope.isRequired(field)) {
    for (const key of [field, ...others.map(keyOf)]) {
      if (scope.definitionOf(key) !== undefined) scope.unrequired.add(key);
    }
  }
  if (!others.some((other) => findKey(scope.document, other) !== undefined)) return undefined;
  scope.report(field, ERROR_KINDS.EXCLUDES_FIELD, others.map((other) => `'${str(other)}'`).join(', '));
  return undefined;
};

export const PLAIN_RULES: ReadonlyMap<string, Rule> = new Map([
  ['allowed', allowed],
  ['contains', containsRule],
  ['dependencies', dependencies],
  ['empty', empty],
  ['excludes', excludes],
  ['forbidden', forbidden],
  ['max', max],
  ['maxlength', maxlength],
  ['min', min],
  ['minlength', minlength],
  ['nullable', nullable],
  ['readonly', readonly],
  ['regex', regex],
  ['type', type],
]);
