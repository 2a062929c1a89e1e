// What this project says of criteria and a document in the compatible mode, held against what Cerberus said. The form of
// what Cerberus said is that of the conformance vectors: outcome, errors, error_list, document, schema_errors, exception.
import {
  CriteriaError,
  type Criteria,
  isList,
  isMap,
  parseCriteria,
  readOptions,
  readValue,
  sameValue,
  validate,
  type ValidationError,
  type Value,
  type ValueMap,
  writeValue,
} from '@sealroom/criteria';

/** Plain JSON with sorted keys, integers as numbers, for comparison. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, plain(inner)]),
  );
}

function machineForm(errors: readonly ValidationError[]): unknown[] {
  return errors.map(({ documentPath, schemaPath, children, ...rest }) => ({
    ...rest,
    document_path: documentPath,
    schema_path: schemaPath,
    ...(children === undefined ? {} : { children: machineForm(children) }),
  }));
}

/** What this project says. `refused` has the code where it refuses what Cerberus might take. */
export interface Said {
  readonly outcome: 'valid' | 'invalid' | 'schema_error' | 'exception' | 'refused';
  readonly detail?: unknown;
  readonly document?: Value;
  readonly list?: unknown;
}

function saidOfRefusal(cause: unknown): Said {
  if (!(cause instanceof CriteriaError)) throw cause;
  const [reason] = cause.reasons;
  if (reason?.code === 'breakdown') return { outcome: 'exception', detail: reason.detail };
  if (reason?.code === 'schema-error') return { outcome: 'schema_error', detail: reason.detail };
  return { outcome: 'refused', detail: reason?.detail ?? reason?.code ?? cause.code };
}

function saidOf(criteria: Criteria, options: string, document: Value): Said {
  try {
    const result = validate(criteria, document, readOptions(options));
    if (result.outcome === 'breakdown') return { outcome: 'exception', detail: result.exception };
    if (result.outcome === 'valid') return { outcome: 'valid', document: result.document };
    const { errors, errorList } = result;
    return { outcome: 'invalid', document: result.document, detail: errors, list: machineForm(errorList) };
  } catch (cause) {
    return saidOfRefusal(cause);
  }
}

/** One answer a document; `before`: criteria that were met earlier with the same memory, as a process of Cerberus keeps one. */
export function judge(
  schema: Value,
  options: Value,
  documents: readonly Value[],
  before: readonly Value[] = [],
): readonly Said[] {
  const text = writeValue(schema);
  const accepted = new Set<string>();
  let criteria: Criteria;
  try {
    for (const earlier of before) parseCriteria(writeValue(earlier), { mode: 'compat', accepted });
    criteria = parseCriteria(text, { mode: 'compat', accepted });
  } catch (cause) {
    const said = saidOfRefusal(cause);
    return documents.map(() => said);
  }
  const written = writeValue(options);
  return documents.map((document) => saidOf(criteria, written, document));
}

function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The outcome of an answer of Cerberus. */
export function outcomeOf(answer: Value): string {
  return isMap(answer) ? text(answer.get('outcome')) : '';
}

const member = (map: ValueMap, key: string): Value => map.get(key) ?? null;

/** Whether keys of the document, 1 and "1", are one text: `rename` can make such. */
function hasAmbiguousKeys(document: Value): boolean {
  if (isMap(document)) {
    return document.has('keys that JSON cannot tell apart') || [...document.values()].some(hasAmbiguousKeys);
  }
  return isList(document) && document.some(hasAmbiguousKeys);
}

/** Whether two documents are the same, order of members included. */
function sameDocument(got: Value, expected: Value): boolean {
  let read: Value;
  try {
    // Keys that are no strings (`rename` can make them) become texts, as they do in the expectation.
    read = readValue(writeValue(got));
  } catch {
    return hasAmbiguousKeys(expected);
  }
  return sameValue(read, expected);
}

/** Messages that show a Python set with texts or None in it, whose order changes with the hash seed. */
const WITH_A_SET = /^(missing members \{.*\}|unallowed values \[.*\]|Unsupported types: .*)$/su;

/** The same messages, the characters of a set in any order; a set of numbers alone has one order. */
function withoutOrder(value: unknown): unknown {
  if (typeof value === 'string' && WITH_A_SET.test(value) && /['"]|None|Unsupported/u.test(value)) {
    return Array.from(value).sort().join('');
  }
  if (Array.isArray(value)) return value.map(withoutOrder);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutOrder(inner)]));
}

/** For a reader; integers and floats look alike. */
export function saidText(said: Said): string {
  return JSON.stringify(plain(said));
}

/** What differs between what was said here and what Cerberus said; undefined if nothing does. */
export function difference(said: Said, expected: Value): string | undefined {
  if (!isMap(expected)) throw new TypeError('An expectation is an object.');
  const same = (a: unknown, b: unknown) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));
  const sameSets = (a: unknown, b: unknown) => same(withoutOrder(plain(a)), withoutOrder(plain(b)));
  const outcome = outcomeOf(expected);
  if (said.outcome !== outcome) return `outcome ${said.outcome} for ${outcome}`;
  if (outcome === 'exception') {
    return said.detail === expected.get('exception')
      ? undefined
      : `exception ${String(said.detail)} for ${text(expected.get('exception'))}`;
  }
  if (outcome === 'schema_error') {
    return sameSets(said.detail, expected.get('schema_errors')) ? undefined : 'schema errors';
  }
  if (!sameDocument(said.document ?? null, member(expected, 'document'))) return 'document';
  if (outcome === 'valid') return undefined;
  if (!same(said.list, expected.get('error_list'))) return 'error list';
  // Where keys of different kinds are one text, so are branches of the tree; the error list told them apart.
  if (hasAmbiguousKeys(member(expected, 'document')) || hasAmbiguousKeys(member(expected, 'errors')))
    return undefined;
  return sameSets(said.detail, expected.get('errors')) ? undefined : 'errors';
}
