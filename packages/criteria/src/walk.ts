// Goes through criteria and gives each set of rules with its place.
import { isList, isMap, type Value, type ValueMap } from './value.ts';

export type CriteriaPath = readonly (string | number)[];

export interface RuleSet {
  readonly rules: ValueMap;
  readonly path: CriteriaPath;
}

export const OF_RULES = ['allof', 'anyof', 'noneof', 'oneof'] as const;

/** Whether the argument of `schema` defines fields of a mapping; else it is the rules of a list's items. */
export function definesFields(rules: ValueMap): boolean {
  const schema = rules.get('schema');
  if (!isMap(schema)) return false;
  const type = rules.get('type');
  if (type === 'dict') return true;
  if (type === 'list') return false;
  return [...schema.values()].every(isMap);
}

function* belowRules(value: Value | undefined, path: CriteriaPath): Generator<RuleSet> {
  if (!isMap(value)) return;
  yield { rules: value, path };
  const schema = value.get('schema');
  if (isMap(schema)) {
    if (definesFields(value)) yield* ruleSets(schema, [...path, 'schema']);
    else yield* belowRules(schema, [...path, 'schema']);
  }
  for (const rule of ['keysrules', 'valuesrules', 'allow_unknown'])
    yield* belowRules(value.get(rule), [...path, rule]);
  for (const rule of ['items', ...OF_RULES]) {
    const definitions = value.get(rule);
    if (!isList(definitions)) continue;
    for (const [index, definition] of definitions.entries())
      yield* belowRules(definition, [...path, rule, index]);
  }
}

/** All rule sets of a schema, outer ones first. */
export function* ruleSets(schema: ValueMap, path: CriteriaPath = []): Generator<RuleSet> {
  for (const [field, rules] of schema) yield* belowRules(rules, [...path, String(field)]);
}
