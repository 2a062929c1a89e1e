// Rules that open a level below: sub-documents and list items (`schema`), tuples (`items`), free keys and values
// (`keysrules`, `valuesrules`) and the *of rules. Each files what it finds below as one violation of its field.
import { Breakdown } from '../error.ts';
import { isIterable, members } from '../python/semantics.ts';
import { type Rule, rulesOf, SchemaKindMismatch, SchemaMissing, type Scope } from '../scope.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from '../value.ts';
import { ERROR_KINDS, type ErrorKind, type Violation, withoutStep } from '../violation.ts';

/** Takes steps out of the criteria paths, counted from the level's own path, where Cerberus made up keys on the way. */
export function dropSteps(scope: Scope, violations: readonly Violation[], steps: readonly number[]): void {
  for (const violation of violations) {
    for (const step of steps.toSorted((a, b) => b - a)) {
      violation.schemaPath = withoutStep(violation.schemaPath, scope.schemaPath.length + step);
    }
    if (violation.children !== undefined) dropSteps(scope, violation.children, steps);
  }
}

/** A list, or what else counts as one, as a mapping from positions. */
export function byPosition(items: readonly Value[]): ValueMap {
  return new Map(items.map((item, position) => [BigInt(position), item]));
}

/** One definition for every key. */
export function forEachKey(keys: Iterable<ValueKey>, definition: Value): ValueMap {
  const schema: ValueMap = new Map();
  for (const key of keys) schema.set(key, definition);
  return schema;
}

function ownRules(scope: Scope, field: ValueKey): ValueMap {
  const rules = rulesOf(scope.definitionOf(field));
  if (rules === null) throw new Breakdown('AttributeError');
  return rules;
}

function checkItems(scope: Scope, definition: Value, field: ValueKey, value: readonly Value[]): void {
  const document = byPosition(value);
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'schema'],
    schema: forEachKey(document.keys(), definition),
  });
  if (child.validate(document, { update: scope.update })) return;
  dropSteps(scope, child.violations, [2]);
  scope.reportGroup(field, ERROR_KINDS.SEQUENCE_SCHEMA, child.violations);
}

function checkMapping(scope: Scope, schemaOfValue: Value, field: ValueKey, value: ValueMap): void {
  const rules = ownRules(scope, field);
  const allowUnknown = rules.get('allow_unknown') ?? scope.options.allowUnknown;
  // Rules for list items that got here may hold a "schema" that is none: to Cerberus it is missing.
  if (!isMap(schemaOfValue) && !isMap(allowUnknown)) throw new SchemaMissing();
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'schema'],
    schema: isMap(schemaOfValue) ? schemaOfValue : new Map(),
    allowUnknown,
    requireAll: rules.get('require_all') ?? scope.options.requireAll,
  });
  try {
    if (child.validate(value, { update: scope.update })) return;
  } catch (cause) {
    if (cause instanceof SchemaKindMismatch) scope.report(field, ERROR_KINDS.BAD_TYPE_FOR_SCHEMA);
    throw cause;
  }
  scope.reportGroup(field, ERROR_KINDS.MAPPING_SCHEMA, child.violations);
}

const schema: Rule = (scope, constraint, field, value) => {
  if (constraint === null) return undefined;
  if (isList(value)) checkItems(scope, constraint, field, value);
  else if (isMap(value)) checkMapping(scope, constraint, field, value);
  return undefined;
};

const items: Rule = (scope, constraint, field, value) => {
  if (!isIterable(value) || !isList(constraint)) throw new Breakdown('TypeError');
  const found = members(value);
  if (constraint.length !== found.length) {
    scope.report(field, ERROR_KINDS.ITEMS_LENGTH, BigInt(constraint.length), BigInt(found.length));
    return undefined;
  }
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'items'],
    schema: byPosition(constraint),
  });
  if (!child.validate(byPosition(found), { update: scope.update })) {
    scope.reportGroup(field, ERROR_KINDS.BAD_ITEMS, child.violations);
  }
  return undefined;
};

const keysrules: Rule = (scope, constraint, field, value) => {
  if (!isMap(value)) return undefined;
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'keysrules'],
    schema: forEachKey(value.keys(), constraint),
  });
  if (child.validate(new Map([...value.keys()].map((key) => [key, key])))) return undefined;
  dropSteps(scope, child.violations, [2, 4]);
  scope.reportGroup(field, ERROR_KINDS.KEYSRULES, child.violations);
  return undefined;
};

const valuesrules: Rule = (scope, constraint, field, value) => {
  if (!isMap(value)) return undefined;
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'valuesrules'],
    schema: forEachKey(value.keys(), constraint),
  });
  if (child.validate(value, { update: scope.update })) return undefined;
  dropSteps(scope, child.violations, [2]);
  scope.reportGroup(field, ERROR_KINDS.VALUESRULES, child.violations);
  return undefined;
};

/**
 * Holds the whole mapping against each definition of the field, which inherits the field's type. Cerberus lets unknown
 * fields pass in there, and by inheritance also deeper down; the strict mode only lets pass the siblings of the field.
 */
function definitionsThatHold(scope: Scope, operator: string, definitions: Value, field: ValueKey) {
  if (!isList(definitions)) throw new Breakdown('TypeError');
  const own = ownRules(scope, field);
  const violations: Violation[] = [];
  let valid = 0;
  for (const [index, definition] of definitions.entries()) {
    if (!isMap(definition)) throw new Breakdown('AttributeError');
    const rules: ValueMap = new Map(definition);
    for (const rule of ['allow_unknown', 'type']) {
      const inherited = own.get(rule);
      if (!rules.has(rule) && inherited !== undefined) rules.set(rule, inherited);
    }
    if (!rules.has('allow_unknown')) rules.set('allow_unknown', scope.options.allowUnknown);
    const child = scope.child({
      schemaCrumb: [field, operator, BigInt(index)],
      schema: new Map([[field, rules]]),
      ...(scope.session.strict ? { ignoreSiblings: true } : { allowUnknown: true }),
    });
    if (child.validate(scope.document, { update: scope.update })) {
      valid++;
      continue;
    }
    dropSteps(scope, child.violations, [3]);
    violations.push(...child.violations);
  }
  return { valid, total: definitions.length, violations };
}

function logical(
  operator: string,
  kind: ErrorKind,
  fails: (counts: { valid: number; total: number }) => boolean,
): Rule {
  return (scope, constraint, field) => {
    const { violations, ...counts } = definitionsThatHold(scope, operator, constraint, field);
    if (fails(counts)) scope.reportGroup(field, kind, violations);
    return undefined;
  };
}

export const NESTED_RULES: readonly (readonly [string, Rule])[] = [
  ['schema', schema],
  ['items', items],
  ['keysrules', keysrules],
  ['valuesrules', valuesrules],
  ['anyof', logical('anyof', ERROR_KINDS.ANYOF, ({ valid }) => valid < 1)],
  ['allof', logical('allof', ERROR_KINDS.ALLOF, ({ valid, total }) => valid < total)],
  ['noneof', logical('noneof', ERROR_KINDS.NONEOF, ({ valid }) => valid > 0)],
  ['oneof', logical('oneof', ERROR_KINDS.ONEOF, ({ valid }) => valid !== 1)],
];
