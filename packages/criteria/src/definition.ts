// Checks that criteria are criteria: a validation of the document that they are, against definition-rules.ts, with the
// checks that those name. Like Cerberus it accepts at once what it met and accepted before, and a reference to a name
// that no registry holds is an error at its first occurrence only.
import { ALL_RULES, CHECKING_RULES } from './definition-rules.ts';
import { Breakdown } from './error.ts';
import { copyOf, expand } from './expand.ts';
import { isHashable, keyOf, members } from './python/semantics.ts';
import { str } from './python/text.ts';
import { NESTED_RULES } from './rules/nested.ts';
import { PLAIN_RULES, TYPE_NAMES } from './rules/plain.ts';
import { type Dialect, type NamedCheck, type Rule, Scope, type Session } from './scope.ts';
import { errorTree, type ErrorTree, SCHEMA_MESSAGES } from './tree.ts';
import { isList, isMap, type Value, type ValueMap } from './value.ts';
import { ERROR_KINDS } from './violation.ts';

/** Criteria that Cerberus refuses (its SchemaError), with what it says. */
export class SchemaRefused extends Error {
  readonly errors: ErrorTree | string;
  constructor(errors: ErrorTree | string) {
    super('Cerberus refuses these criteria.');
    this.name = 'SchemaRefused';
    this.errors = errors;
  }
}

function scalarKey(value: Value): string {
  const key = keyOf(value);
  return typeof key === 'string' ? `s${JSON.stringify(key)}` : `n${String(key)}`;
}

/** A text that is the same for what Cerberus takes for the same rules: 1, 1.0 and True; "ab" and ["a", "b"]. */
function identity(mapping: ValueMap): string {
  const parts: string[] = [];
  for (const [key, value] of mapping) {
    let text: string;
    if (isMap(value)) text = identity(value);
    else if (isList(value) || typeof value === 'string') {
      text = `(${members(value)
        .map((item) => (isMap(item) ? identity(item) : scalarKey(item)))
        .join()})`;
    } else text = scalarKey(value);
    parts.push(`${scalarKey(key)}:${text}`);
  }
  return `{${parts.sort().join()}}`;
}

/** The values of unknown rules' fields: rule sets. The schema at the top is empty, so every field is "unknown". */
const RULE_SET_OF_A_FIELD: ValueMap = new Map<string, Value>([
  ['allow_unknown', false],
  ['schema', ALL_RULES],
  ['type', 'dict'],
]);

/** What one check of criteria remembers. `accepted` may have met more: it lives as long as its criteria. */
interface Memory {
  readonly accepted: Set<string>;
  readonly schemaReferences: Set<string>;
  readonly ruleReferences: Set<string>;
}

function ruleSetCheck({ accepted, ruleReferences }: Memory): NamedCheck {
  return (scope, field, value) => {
    if (typeof value === 'string') {
      if (ruleReferences.has(value)) return;
      ruleReferences.add(value);
      scope.report(field, ERROR_KINDS.CUSTOM, `Rules set definition ${value} not found.`);
      return;
    }
    const key = identity(new Map([['turing', value]]));
    if (accepted.has(key)) return;
    const child = scope.child({ documentCrumb: field, allowUnknown: false, schema: ALL_RULES });
    if (child.validate(value)) accepted.add(key);
    else scope.adopt(child.violations);
  };
}

function schemaCheck({ accepted, schemaReferences }: Memory): NamedCheck {
  return (scope, field, value) => {
    if (typeof value === 'string') {
      if (schemaReferences.has(value)) return;
      schemaReferences.add(value);
      const path = [...scope.documentPath, field];
      scope.report(path, ERROR_KINDS.CUSTOM, `Schema definition ${value} not found.`);
      return;
    }
    if (!isMap(value)) throw new Breakdown('AttributeError');
    const key = identity(value);
    if (accepted.has(key)) return;
    const child = scope.child({
      documentCrumb: field,
      allowUnknown: RULE_SET_OF_A_FIELD,
      schema: new Map(),
    });
    const resolved: ValueMap = new Map();
    for (const [name, rules] of value) resolved.set(name, typeof rules === 'string' ? null : rules);
    if (child.validate(resolved)) accepted.add(key);
    else scope.adopt(child.violations);
  };
}

function logicalRule({ accepted }: Memory): Rule {
  return (scope, operator, field, value) => {
    if (typeof operator !== 'string') throw new Breakdown('TypeError');
    // Null comes here: it escapes the check of its type.
    if (!isList(value)) {
      scope.report(field, ERROR_KINDS.BAD_TYPE);
      return undefined;
    }
    const child = scope.child({ documentCrumb: operator, allowUnknown: false, schema: CHECKING_RULES });
    for (const constraints of value) {
      const key = identity(new Map([['turing', constraints]]));
      if (accepted.has(key)) continue;
      if (child.validate(constraints)) accepted.add(key);
      else scope.adopt(child.violations);
    }
    return undefined;
  };
}

function definitionDialect(accepted: Set<string>): Dialect {
  const memory: Memory = { accepted, schemaReferences: new Set(), ruleReferences: new Set() };
  const ruleSet = ruleSetCheck(memory);
  const items: NamedCheck = (scope, field, value) => {
    if (!isList(value)) throw new Breakdown('TypeError');
    for (const [index, rules] of value.entries()) ruleSet(scope, [field, BigInt(index)], rules);
  };
  const checks = new Map<string, NamedCheck>([
    ['bulk_schema', ruleSet],
    ['schema', schemaCheck(memory)],
    ['dependencies', checkDependencies],
    ['type', checkTypes],
    ['items', items],
  ]);
  const rules = new Map<string, Rule>([
    ...PLAIN_RULES,
    ...NESTED_RULES,
    ['logical', logicalRule(memory)],
    ['check_with', checkWith],
  ]);
  return { rules, checks, normalise: () => undefined };
}

const checkWith: Rule = (scope, constraint, field, value) => {
  const check = typeof constraint === 'string' ? scope.session.dialect.checks.get(constraint) : undefined;
  if (check === undefined) throw new Breakdown('RuntimeError');
  check(scope, field, value);
  return undefined;
};

const checkDependencies: NamedCheck = (scope, field, value) => {
  if (isMap(value)) {
    const child = scope.child({
      documentCrumb: field,
      schema: new Map([['valuesrules', new Map([['type', 'list']])]]),
      allowUnknown: true,
    });
    if (!child.validate(value)) scope.adopt(child.violations);
  } else if (isList(value) && !value.every(isHashable)) {
    const path = [...scope.documentPath, field];
    scope.report(path, ERROR_KINDS.CUSTOM, 'All dependencies must be a hashable type.');
  }
};

const checkTypes: NamedCheck = (scope, field, value) => {
  const names = new Map((isList(value) ? value : [value]).map((name) => [keyOf(name), name]));
  const unknown = [...names.values()].filter(
    (name) => typeof name !== 'string' || !TYPE_NAMES.includes(name),
  );
  if (unknown.length === 0) return;
  if (!unknown.every((name) => typeof name === 'string')) throw new Breakdown('TypeError');
  scope.report(field, ERROR_KINDS.CUSTOM, `Unsupported types: ${unknown.join(', ')}`);
};

/** `dict(value)` of something that is no mapping. */
function mappingFrom(value: Value): ValueMap {
  const refused = new SchemaRefused(`schema definition for field '${str(value)}' must be a dict`);
  if (!isList(value) && value !== '') throw refused;
  const out: ValueMap = new Map();
  for (const item of isList(value) ? value : []) {
    if (typeof item !== 'string' && !isList(item) && !isMap(item)) throw refused;
    const pair = members(item);
    const [key, member] = pair;
    if (pair.length !== 2 || key === undefined || member === undefined || !isHashable(key)) throw refused;
    out.set(keyOf(key), member);
  }
  return out;
}

/** Rules may be written with spaces for underscores, at the top only. */
function withUnderscores(schema: ValueMap): ValueMap {
  const out: ValueMap = new Map();
  for (const [field, rules] of schema) {
    if (typeof rules === 'string') {
      out.set(field, rules);
      continue;
    }
    if (!isMap(rules)) throw new Breakdown('AttributeError');
    const named: ValueMap = new Map();
    for (const [rule, constraint] of rules) named.set(String(rule).replaceAll(' ', '_'), constraint);
    out.set(field, named);
  }
  return out;
}

/** Errors that are kept of criteria. Each is sorted among the others as Cerberus does it, which takes long for thousands. */
const MAX_VIOLATIONS = 1000;

/** Steps that one check of criteria may take. Real ones take thousands. */
const STEPS = 20_000_000;

/**
 * Criteria, expanded and checked. The argument is not changed.
 * @throws SchemaRefused where Cerberus raises SchemaError, Breakdown where it raises anything else
 */
export function defineSchema(raw: Value, accepted: Set<string> = new Set()): ValueMap {
  const copy = copyOf(raw);
  const schema = expand(isMap(copy) ? copy : mappingFrom(copy));
  const key = identity(schema);
  if (accepted.has(key)) return schema;
  const session: Session = {
    dialect: definitionDialect(accepted),
    strict: false,
    maxViolations: MAX_VIOLATIONS,
    match: () => ({ matched: true, steps: 0 }),
    stepsLeft: STEPS,
    root: undefined,
  };
  const options = {
    ignoreNone: false,
    allowUnknown: RULE_SET_OF_A_FIELD,
    requireAll: false,
    purgeUnknown: false,
    purgeReadonly: false,
  };
  const scope = new Scope(session, options, new Map());
  if (!scope.validate(withUnderscores(schema))) {
    throw new SchemaRefused(errorTree(scope.violations, SCHEMA_MESSAGES));
  }
  accepted.add(key);
  return schema;
}
