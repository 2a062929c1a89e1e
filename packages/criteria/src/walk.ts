// Goes through criteria and gives each set of rules with its place.
import { ALL_RULES } from './definition-rules.ts';
import { isList, isMap, type Value, type ValueMap } from './value.ts';

export type CriteriaPath = readonly (string | number)[];

export interface RuleSet {
  readonly rules: ValueMap;
  readonly path: CriteriaPath;
}

export const OF_RULES = ['allof', 'anyof', 'noneof', 'oneof'] as const;

/** The types that rules name; none where they take every type. */
export function typeNames(rules: ValueMap): readonly string[] {
  const type = rules.get('type');
  if (typeof type === 'string' && type !== '') return [type];
  return isList(type) ? type.map(String) : [];
}

/**
 * What the argument of `schema` is: fields of a mapping, rules for the items of a list, or (`either`) one or the other as
 * the value has it, where the type allows both and its members could be fields as well as rules.
 */
export function schemaKind(rules: ValueMap): 'none' | 'fields' | 'items' | 'either' {
  const schema = rules.get('schema');
  if (!isMap(schema)) return 'none';
  const types = typeNames(rules);
  const may = (type: string) => types.length === 0 || types.includes(type) || types.includes('container');
  const shape = [...schema.values()].every(isMap) ? 'fields' : 'items';
  if (may('list') !== may('dict')) return may('list') ? 'items' : 'fields';
  if (!may('list') || shape === 'items') return shape;
  return schema.size > 0 && [...schema.keys()].every((name) => ALL_RULES.has(name)) ? 'either' : 'fields';
}

/** Whether the argument of `schema` defines fields of a mapping; else it is the rules of a list's items. */
export function definesFields(rules: ValueMap): boolean {
  const kind = schemaKind(rules);
  return kind === 'fields' || kind === 'either';
}

function* belowRules(value: Value | undefined, path: CriteriaPath): Generator<RuleSet> {
  if (!isMap(value)) return;
  yield { rules: value, path };
  const schema = value.get('schema');
  const kind = schemaKind(value);
  if (isMap(schema) && kind !== 'items') yield* ruleSets(schema, [...path, 'schema']);
  if (isMap(schema) && kind !== 'fields') yield* belowRules(schema, [...path, 'schema']);
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
