// Short forms in criteria, written out: `anyof_type: [a, b]` becomes `anyof: [{type: a}, {type: b}]`, and old names of
// rules become the new ones. Malformed criteria stay half expanded where Cerberus leaves them so; its checks come after.
import { Breakdown } from './error.ts';
import { contains, isIterable, members } from './python/semantics.ts';
import { isList, isMap, type Value, type ValueMap } from './value.ts';

const OF_RULES = ['allof', 'anyof', 'items', 'noneof', 'oneof'];
const RULE_SETS = ['keysrules', 'valuesrules', 'keyschema', 'valueschema'];
const RENAMED = [
  ['keyschema', 'keysrules'],
  ['validator', 'check_with'],
  ['valueschema', 'valuesrules'],
] as const;

/** A copy that can be changed without changing the original. */
export function copyOf(value: Value): Value {
  if (isMap(value)) return new Map([...value].map(([key, member]) => [key, copyOf(member)]));
  return isList(value) ? value.map(copyOf) : value;
}

function expandShortcuts(schema: ValueMap): void {
  for (const rules of schema.values()) {
    if (!isIterable(rules)) throw new Breakdown('TypeError');
    for (const name of members(rules)) {
      const parts = typeof name === 'string' ? /^(allof|anyof|noneof|oneof)_(.*)$/su.exec(name) : null;
      const [, operator, rule] = parts ?? [];
      if (typeof name !== 'string' || operator === undefined || rule === undefined) continue;
      if (!isMap(rules)) throw new Breakdown('AttributeError');
      const values = rules.get(name) ?? null;
      rules.set(operator, []);
      if (!isIterable(values)) throw new Breakdown('TypeError');
      rules.set(
        operator,
        members(values).map((value): ValueMap => new Map([[rule, value]])),
      );
      rules.delete(name);
    }
  }
}

function expandOne(rules: Value): Value {
  return expand(new Map([[0n, rules]])).get(0n) ?? null;
}

/** The argument of a rule if the rules have it. @throws Breakdown where Python cannot look */
function argument(rules: Value, rule: string): Value | undefined {
  if (!contains(rules, rule)) return undefined;
  if (!isMap(rules)) throw new Breakdown('TypeError');
  return rules.get(rule);
}

function expandBelow(rules: Value): void {
  if (isMap(rules)) {
    const schema = rules.get('schema');
    if (schema !== undefined) {
      if (!isMap(schema)) throw new Breakdown('AttributeError');
      rules.set('schema', [...schema.values()].every(isMap) ? expand(schema) : expandOne(schema));
    }
  }
  for (const rule of RULE_SETS) {
    const definition = argument(rules, rule);
    if (definition !== undefined && isMap(rules)) rules.set(rule, expandOne(definition));
  }
  for (const rule of OF_RULES) {
    const definitions = argument(rules, rule);
    if (definitions === undefined || !isMap(rules)) continue;
    if (typeof definitions !== 'string' && !isList(definitions)) continue;
    rules.set(rule, members(definitions).map(expandOne));
  }
}

function renameDeprecated(schema: ValueMap): void {
  for (const rules of schema.values()) {
    if (typeof rules === 'string') continue;
    for (const [old, current] of RENAMED) {
      const definition = argument(rules, old);
      if (definition === undefined || !isMap(rules)) continue;
      if (rules.has(current)) throw new Breakdown('RuntimeError');
      rules.set(current, definition);
      rules.delete(old);
    }
  }
}

/** Expands in place and gives the same map back. @throws Breakdown for rules that are neither a mapping, list nor string */
export function expand(schema: ValueMap): ValueMap {
  try {
    expandShortcuts(schema);
    for (const rules of schema.values()) expandBelow(rules);
  } catch (cause) {
    if (!(cause instanceof Breakdown)) throw cause;
  }
  renameDeprecated(schema);
  return schema;
}
