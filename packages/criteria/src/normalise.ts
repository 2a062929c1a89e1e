// Normalisation: what Cerberus changes in a document before it checks it, in its order. Rename, purge what is unknown,
// purge what is read-only, object to what is read-only, put in defaults, then the same in sub-documents and lists.
// Only the compatible mode does this; rules that need code (coerce, default_setter, rename_handler) are not JSON.
import { Breakdown } from './error.ts';
import { equals, findKey, getMember, setMember, truthy } from './python/semantics.ts';
import { byPosition, dropSteps, forEachKey } from './rules/nested.ts';
import { rulesOf, SchemaKindMismatch, type Scope } from './scope.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from './value.ts';

/** Definitions by field; null where there are no rules but a reference to none. */
type Definitions = ReadonlyMap<ValueKey, ValueMap | null>;

function rename(mapping: ValueMap, definitions: Definitions): void {
  for (const field of Array.from(mapping.keys())) {
    const rules = getMember(definitions, field);
    if (rules === undefined) continue;
    if (rules === null) throw new Breakdown('TypeError');
    const name = rules.get('rename');
    if (name === undefined) continue;
    const value = mapping.get(field);
    if (value === undefined) throw new Breakdown('KeyError');
    setMember(mapping, name, value);
    mapping.delete(field);
  }
}

function purgeReadonly(mapping: ValueMap, definitions: Definitions): void {
  for (const field of Array.from(mapping.keys())) {
    const rules = getMember(definitions, field);
    if (rules === null) throw new Breakdown('AttributeError');
    if (truthy(rules?.get('readonly'))) mapping.delete(field);
  }
}

function checkReadonly(scope: Scope, mapping: ValueMap, definitions: Definitions): void {
  const check = scope.session.dialect.rules.get('readonly');
  for (const [field, rules] of definitions) {
    const value = getMember(mapping, field);
    if (value === undefined) continue;
    if (rules === null) throw new Breakdown('AttributeError');
    if (truthy(rules.get('readonly'))) check?.(scope, rules.get('readonly') ?? null, field, value);
  }
}

function fillDefaults(mapping: ValueMap, definitions: Definitions): void {
  const gaps: (ValueMap | null)[] = [];
  const fields: ValueKey[] = [];
  for (const [field, rules] of definitions) {
    const value = getMember(mapping, field);
    if (value !== undefined && value !== null) continue;
    if (value === null) {
      if (rules === null) throw new Breakdown('AttributeError');
      if (truthy(rules.get('nullable'))) continue;
    }
    gaps.push(rules);
    fields.push(field);
  }
  if (gaps.includes(null)) throw new SchemaKindMismatch();
  for (const [index, rules] of gaps.entries()) {
    const value = rules?.get('default');
    const field = fields[index];
    if (value !== undefined && field !== undefined)
      setMember(mapping, field, isMap(value) ? new Map(value) : value);
  }
}

function normaliseKeys(
  scope: Scope,
  field: ValueKey,
  mapping: ValueMap,
  value: ValueMap,
  rules: Value,
): void {
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'keysrules'],
    schema: forEachKey(value.keys(), rules),
  });
  const result = child.normalise(new Map([...value.keys()].map((key) => [key, key])));
  if (child.violations.length > 0) {
    dropSteps(scope, child.violations, [2, 4]);
    scope.adopt(child.violations);
  }
  const changed: ValueMap = new Map(value);
  for (const [key, made] of result) {
    if (equals(key, made)) continue;
    const moved = getMember(changed, key);
    if (moved === undefined) throw new Breakdown('KeyError');
    const replaces = findKey(changed, made) !== undefined;
    setMember(changed, made, moved);
    if (!replaces) changed.delete(key);
  }
  mapping.set(field, changed);
}

function normaliseValues(
  scope: Scope,
  field: ValueKey,
  mapping: ValueMap,
  value: ValueMap,
  rules: Value,
): void {
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'valuesrules'],
    schema: forEachKey(value.keys(), rules),
  });
  mapping.set(field, child.normalise(value));
  if (child.violations.length === 0) return;
  dropSteps(scope, child.violations, [2]);
  scope.adopt(child.violations);
}

function normaliseSubDocument(scope: Scope, field: ValueKey, mapping: ValueMap, rules: ValueMap): void {
  const { allowUnknown, purgeUnknown, requireAll } = scope.options;
  const from = rules.size === 0 && isMap(allowUnknown) ? allowUnknown : rules;
  const child = scope.child({
    documentCrumb: field,
    schemaCrumb: [field, 'schema'],
    schema: from.get('schema') ?? new Map(),
    allowUnknown: from.get('allow_unknown') ?? allowUnknown,
    purgeUnknown: from.get('purge_unknown') ?? purgeUnknown,
    requireAll: from.get('require_all') ?? requireAll,
  });
  try {
    mapping.set(field, child.normalise(mapping.get(field) ?? null));
  } catch (cause) {
    if (!(cause instanceof SchemaKindMismatch)) throw cause;
    return;
  }
  if (child.violations.length > 0) scope.adopt(child.violations);
}

function normaliseList(
  scope: Scope,
  field: ValueKey,
  mapping: ValueMap,
  value: readonly Value[],
  rule: 'schema' | 'items',
  schema: ValueMap,
): void {
  const child = scope.child({ documentCrumb: field, schemaCrumb: [field, rule], schema });
  mapping.set(field, [...child.normalise(byPosition(value)).values()]);
  if (child.violations.length === 0) return;
  dropSteps(scope, child.violations, [2]);
  scope.adopt(child.violations);
}

function normaliseContainer(scope: Scope, field: ValueKey, mapping: ValueMap, rules: ValueMap): void {
  const value = mapping.get(field);
  if (value === undefined) return;
  if (isList(value)) {
    const definition = rules.get('schema');
    const items = rules.get('items');
    if (definition !== undefined) {
      const keys = byPosition(value).keys();
      normaliseList(scope, field, mapping, value, 'schema', forEachKey(keys, definition));
    } else if (isList(items) && items.length === value.length) {
      normaliseList(scope, field, mapping, value, 'items', byPosition(items));
    }
  }
  if (!isMap(value)) return;
  const keysRules = rules.get('keysrules');
  if (keysRules !== undefined) normaliseKeys(scope, field, mapping, value, keysRules);
  const valuesRules = rules.get('valuesrules');
  const afterKeys = mapping.get(field);
  if (valuesRules !== undefined && isMap(afterKeys)) {
    normaliseValues(scope, field, mapping, afterKeys, valuesRules);
  }
  const nested = ['allow_unknown', 'purge_unknown', 'schema'].some((rule) => rules.has(rule));
  if (nested || isMap(scope.options.allowUnknown)) normaliseSubDocument(scope, field, mapping, rules);
}

/** Changes `mapping` as the definitions say; violations (of read-only fields) are filed with the scope. @throws Breakdown */
export function normalise(scope: Scope, mapping: ValueMap, schema: Value): void {
  if (!isMap(schema)) throw new Breakdown('AttributeError');
  const definitions = new Map<ValueKey, ValueMap | null>();
  for (const [field, definition] of schema) definitions.set(field, rulesOf(definition));
  rename(mapping, definitions);
  if (truthy(scope.options.purgeUnknown) && !truthy(scope.options.allowUnknown)) {
    for (const field of Array.from(mapping.keys()))
      if (findKey(definitions, field) === undefined) mapping.delete(field);
  }
  if (scope.options.purgeReadonly) purgeReadonly(mapping, definitions);
  checkReadonly(scope, mapping, definitions);
  fillDefaults(mapping, definitions);
  for (const field of Array.from(mapping.keys())) {
    const rules = getMember(definitions, field);
    if (rules === null) throw new Breakdown('TypeError');
    normaliseContainer(scope, field, mapping, rules ?? new Map());
  }
  scope.normalised = true;
}
