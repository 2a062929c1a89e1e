// Reports from R: its JSON writer (jsonlite) makes a list of length 1 of every scalar, and of a data frame's only row. Where
// the criteria ask for one value and the report has such a list, this takes the value out, once: what lies in it is not
// opened again as the same value. What is checked and leaves is the report so changed, so that both spellings of a report are
// one output, and no report passes that the criteria would not let pass without this.
// Left as they are: values for which the criteria allow a list too, or name no type.
import type { Criteria } from './criteria.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from './value.ts';
import { definesFields } from './walk.ts';

const SINGLE_TYPES = new Set(['boolean', 'integer', 'float', 'number', 'string', 'dict']);
/** Rules of which the argument is one scalar. Others take a list as well, and mean the same by one of length 1. */
const SCALAR_RULES = new Set<ValueKey>([
  'allow_unknown',
  'empty',
  'max',
  'maxlength',
  'min',
  'minlength',
  'nullable',
  'purge_unknown',
  'readonly',
  'regex',
  'require_all',
  'required',
]);
/** Rules of which the argument is values, not rules. */
const VALUE_RULES = new Set<ValueKey>([
  'allowed',
  'contains',
  'default',
  'dependencies',
  'excludes',
  'forbidden',
]);

/** Whether the rules ask for one value, never a list: by their type, or by all alternatives of which one must hold. */
function asksForOne(rules: ValueMap): boolean {
  const type = rules.get('type');
  if (type !== undefined) {
    const types = isList(type) ? type : [type];
    return types.length > 0 && types.every((name) => typeof name === 'string' && SINGLE_TYPES.has(name));
  }
  return ['anyof', 'oneof'].some((operator) => {
    const definitions = rules.get(operator);
    return (
      isList(definitions) &&
      definitions.length > 0 &&
      definitions.every((definition) => isMap(definition) && asksForOne(definition))
    );
  });
}

function unboxMap(value: ValueMap, rules: ValueMap): Value {
  const schema = rules.get('schema');
  const definitions = isMap(schema) && definesFields(rules) ? schema : undefined;
  const others = rules.get('valuesrules');
  return new Map(
    [...value].map(([key, member]) => [key, unboxValue(member, definitions?.get(key) ?? others)]),
  );
}

function unboxList(value: readonly Value[], rules: ValueMap): Value {
  const items = rules.get('items');
  if (isList(items)) return value.map((item, index) => unboxValue(item, items[index]));
  const schema = rules.get('schema');
  return isMap(schema) && !definesFields(rules) ? value.map((item) => unboxValue(item, schema)) : value;
}

function unboxValue(value: Value, rules: Value | undefined): Value {
  if (!isMap(rules)) return value;
  if (isMap(value)) return unboxMap(value, rules);
  if (!isList(value)) return value;
  if (!asksForOne(rules)) return unboxList(value, rules);
  const [only = null] = value;
  if (value.length !== 1) return value;
  return isMap(only) ? unboxMap(only, rules) : only;
}

/** The report with values out of their lists of length 1, where the criteria ask for one value. */
export function unboxReport(criteria: Criteria, report: Value): Value {
  // A report is a mapping; R writes a data frame of one row as a list of one.
  const [only] = isList(report) && report.length === 1 ? report : [report];
  if (!isMap(only)) return report;
  return new Map([...only].map(([key, value]) => [key, unboxValue(value, criteria.schema.get(key))]));
}

/**
 * Criteria as R writes them, `{"min":[0]}`, with the arguments of rules out of their lists of length 1 where a rule takes a
 * scalar; anything else is given back as it is, usable or not.
 */
export function unboxRules(value: Value): Value {
  if (isList(value)) return value.map(unboxRules);
  if (!isMap(value)) return value;
  return new Map(
    [...value].map(([key, member]) => {
      if (VALUE_RULES.has(key) && !isMap(member)) return [key, member];
      const [only = null, ...more] = isList(member) ? member : [];
      const boxed = SCALAR_RULES.has(key) && isList(member) && member.length > 0 && more.length === 0;
      return [key, boxed && !isList(only) && !isMap(only) ? only : unboxRules(member)];
    }),
  );
}
