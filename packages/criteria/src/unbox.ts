// Reports from R: its JSON writer makes lists of length 1 of scalars. Where the criteria ask for a scalar and the report
// has such a list, this takes the scalar out. What is checked and leaves is the report so changed.
import type { Criteria } from './criteria.ts';
import { isList, isMap, type Value, type ValueMap } from './value.ts';
import { definesFields } from './walk.ts';

const SCALAR_TYPES = new Set(['boolean', 'integer', 'float', 'number', 'string']);

function isScalar(rules: ValueMap): boolean {
  const type = rules.get('type');
  const types = isList(type) ? type : [type ?? null];
  return types.length > 0 && types.every((name) => typeof name === 'string' && SCALAR_TYPES.has(name));
}

function unboxValue(value: Value, rules: Value | undefined): Value {
  if (!isMap(rules)) return value;
  if (isList(value) && value.length === 1 && isScalar(rules)) return value[0] ?? null;
  const schema = rules.get('schema');
  if (isMap(value)) {
    const definitions = isMap(schema) && definesFields(rules) ? schema : undefined;
    const others = rules.get('valuesrules');
    return new Map(
      [...value].map(([key, member]) => [key, unboxValue(member, definitions?.get(key) ?? others)]),
    );
  }
  if (isList(value) && isMap(schema) && !definesFields(rules)) {
    return value.map((item) => unboxValue(item, schema));
  }
  return value;
}

/** The report with scalars out of their lists of length 1, where the criteria ask for scalars by `type`. */
export function unboxScalars(criteria: Criteria, report: Value): Value {
  if (!isMap(report)) return report;
  return new Map([...report].map(([key, value]) => [key, unboxValue(value, criteria.schema.get(key))]));
}
