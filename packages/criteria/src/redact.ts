// Errors as they may be told outside: a rule and a path, and of the path only what stands in the criteria. Values, keys
// that the criteria do not name and positions in lists of any length never appear.
import type { Criteria } from './criteria.ts';
import type { ValidationError } from './violation.ts';
import { isList, isMap, type ValueMap } from './value.ts';
import { definesFields, OF_RULES } from './walk.ts';

/** `path` uses `*` for whatever the criteria do not name. */
export interface RedactedError {
  readonly path: readonly (string | number)[];
  /** The name of Cerberus' error, such as `MAX_VALUE`. */
  readonly code: string;
  readonly rule: string | null;
}

const HIDDEN = '*';

/** A place in criteria: definitions by field, or the rules that hold for a value. */
type Place = { readonly fields: ValueMap } | { readonly rules: ValueMap };

/** The rules and those of their *of definitions, any of which may hold for the value. */
function* alternatives(rules: ValueMap): Generator<ValueMap> {
  yield rules;
  for (const operator of OF_RULES) {
    const definitions = rules.get(operator);
    if (!isList(definitions)) continue;
    for (const definition of definitions) if (isMap(definition)) yield* alternatives(definition);
  }
}

function stepInto(place: Place, step: string | number): { name: string | number; place: Place }[] {
  if ('fields' in place) {
    const rules = place.fields.get(String(step));
    return isMap(rules) ? [{ name: String(step), place: { rules } }] : [];
  }
  const found: { name: string | number; place: Place }[] = [];
  const add = (name: string | number, rules: unknown): void => {
    if (isMap(rules)) found.push({ name, place: { rules } });
  };
  for (const rules of alternatives(place.rules)) {
    const schema = rules.get('schema');
    const items = rules.get('items');
    if (isMap(schema) && definesFields(rules)) found.push(...stepInto({ fields: schema }, step));
    else if (typeof step === 'number') add(HIDDEN, schema);
    if (isList(items) && typeof step === 'number') add(step, items[step]);
    add(HIDDEN, rules.get('valuesrules'));
    add(HIDDEN, rules.get('keysrules'));
  }
  return found;
}

/** The part of a document's path that the criteria name. */
function redactPath(criteria: Criteria, path: readonly (string | number)[]): (string | number)[] {
  let places: Place[] = [{ fields: criteria.schema }];
  const out: (string | number)[] = [];
  for (const step of path) {
    const next = places.flatMap((place) => stepInto(place, step));
    const named = next.find(({ name }) => name !== HIDDEN);
    out.push(named?.name ?? HIDDEN);
    if (next.length === 0) break;
    places = next.map(({ place }) => place);
  }
  return out;
}

function* leaves(errors: readonly ValidationError[]): Generator<ValidationError> {
  for (const error of errors) {
    // The definitions of an *of rule would tell how near a value came to each; the rule is enough.
    if (error.children === undefined || (error.code & 0x10) !== 0) yield error;
    else yield* leaves(error.children);
  }
}

/** Errors without values, each once, in the order of their first occurrence. */
export function redactErrors(
  errors: readonly ValidationError[],
  criteria: Criteria,
): readonly RedactedError[] {
  const out = new Map<string, RedactedError>();
  for (const { documentPath, name, rule } of leaves(errors)) {
    const error = { path: redactPath(criteria, documentPath), code: name, rule };
    out.set(JSON.stringify(error), error);
  }
  return [...out.values()];
}

const TEXTS = new Map<string, string>([
  ['REQUIRED_FIELD', 'required field'],
  ['UNKNOWN_FIELD', 'unknown field'],
  ['DEPENDENCIES_FIELD', 'another field that it depends on is missing'],
  ['DEPENDENCIES_FIELD_VALUE', 'another field that it depends on has another value'],
  ['EXCLUDES_FIELD', 'must not be present together with another field'],
  ['EMPTY_NOT_ALLOWED', 'empty values not allowed'],
  ['NOT_NULLABLE', 'null value not allowed'],
  ['BAD_TYPE', 'is not of the type that the criteria ask for'],
  ['BAD_TYPE_FOR_SCHEMA', 'is not of the type that the criteria ask for'],
  ['ITEMS_LENGTH', 'has another number of items than the criteria ask for'],
  ['MIN_LENGTH', 'is shorter than minlength'],
  ['MAX_LENGTH', 'is longer than maxlength'],
  ['REGEX_MISMATCH', 'does not match the regex'],
  ['MIN_VALUE', 'is below min, or cannot be compared'],
  ['MAX_VALUE', 'is above max, or cannot be compared'],
  ['UNALLOWED_VALUE', 'is not among the allowed values'],
  ['UNALLOWED_VALUES', 'holds what is not among the allowed values'],
  ['FORBIDDEN_VALUE', 'is among the forbidden values'],
  ['FORBIDDEN_VALUES', 'holds what is among the forbidden values'],
  ['MISSING_MEMBERS', 'lacks members that it must contain'],
  ['NONEOF', 'a definition holds that must not (noneof)'],
  ['ONEOF', 'not exactly one definition holds (oneof)'],
  ['ANYOF', 'no definition holds (anyof)'],
  ['ALLOF', 'a definition does not hold (allof)'],
]);

/**
 * The `message` of the Enclave API's `/api/v1/validate`: texts by path, dots between the steps, without any value of the
 * report. An error of the report as a whole stands under `*`.
 */
export function redactedMessages(
  errors: readonly ValidationError[],
  criteria: Criteria,
): Readonly<Record<string, readonly string[]>> {
  const out = new Map<string, string[]>();
  for (const { path, code } of redactErrors(errors, criteria)) {
    const key = path.length === 0 ? HIDDEN : path.join('.');
    const text = TEXTS.get(code) ?? 'cannot be checked against the criteria';
    const texts = out.get(key) ?? [];
    if (!texts.includes(text)) texts.push(text);
    out.set(key, texts);
  }
  return Object.fromEntries(out);
}
