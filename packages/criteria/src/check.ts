// `sealroom criteria check`: one report held against one set of criteria, both as texts, with an exit code.
import { type Criteria, type Mode, parseCriteria } from './criteria.ts';
import { CriteriaError, type Reason } from './error.ts';
import { validate, type Validation, type ValidateOptions } from './validate.ts';
import { fromPlain, isMap, readValue, type Value } from './value.ts';

export interface CheckOptions {
  /** As Cerberus does it; without, as a room's gate does. */
  readonly compat?: boolean;
  /** Cerberus' options by its names (`allow_unknown`, `require_all`, …, `normalize`), as JSON text or a plain object. */
  readonly options?: string | Readonly<Record<string, unknown>>;
}

/** exit 0: valid. 1: invalid. 2: unusable criteria or options, or an input on which Cerberus itself breaks down. */
export type CheckResult =
  | { readonly exit: 0 | 1 | 2; readonly validation: Validation }
  | {
      readonly exit: 1 | 2;
      readonly code: string;
      readonly message: string;
      readonly reasons: readonly Reason[];
    };

const FLAGS = new Map<string, keyof ValidateOptions>([
  ['purge_unknown', 'purgeUnknown'],
  ['purge_readonly', 'purgeReadonly'],
  ['ignore_none_values', 'ignoreNoneValues'],
  ['update', 'update'],
  ['normalize', 'normalize'],
]);

/**
 * Cerberus' options as this package takes them.
 * @throws CriteriaError criteria/options, or value/… for a text that is not JSON
 */
export function readOptions(source: string | Readonly<Record<string, unknown>>): ValidateOptions {
  const given: Value = typeof source === 'string' ? readValue(source) : fromPlain(source);
  if (!isMap(given)) throw new CriteriaError('criteria/options', 'Options are a JSON object.');
  const out: { -readonly [K in keyof ValidateOptions]: ValidateOptions[K] } = {};
  for (const [name, value] of given) {
    const flag = typeof name === 'string' ? FLAGS.get(name) : undefined;
    if (name === 'allow_unknown') out.allowUnknown = value;
    else if (name === 'require_all') out.requireAll = value;
    else if (flag === undefined) {
      const known = ['allow_unknown', 'require_all', ...FLAGS.keys()].join(', ');
      throw new CriteriaError('criteria/options', `An option is unknown; there are ${known}.`);
    } else if (typeof value !== 'boolean') {
      throw new CriteriaError('criteria/options', `The option ${String(name)} is true or false.`);
    } else Object.assign(out, { [flag]: value });
  }
  return out;
}

function failure(exit: 1 | 2, cause: unknown, what = ''): CheckResult {
  if (!(cause instanceof CriteriaError)) throw cause;
  const message =
    what !== '' && cause.code.startsWith('value/') ? `${what}: ${cause.message}` : cause.message;
  return { exit, code: cause.code, message, reasons: cause.reasons };
}

/** Checks texts. A report that is no strict JSON is invalid to the gate, and no input that Cerberus could take. */
export function checkCriteriaFile(
  criteriaText: string | Uint8Array,
  reportText: string | Uint8Array,
  { compat = false, options = {} }: CheckOptions = {},
): CheckResult {
  const mode: Mode = compat ? 'compat' : 'strict';
  let criteria: Criteria;
  let read: ValidateOptions;
  let report: Value;
  try {
    criteria = parseCriteria(criteriaText, { mode });
    read = readOptions(options);
  } catch (cause) {
    return failure(2, cause, 'The options');
  }
  try {
    report = readValue(reportText);
  } catch (cause) {
    return failure(compat ? 2 : 1, cause, 'The report');
  }
  try {
    const validation = validate(criteria, report, read);
    return {
      exit: validation.outcome === 'valid' ? 0 : validation.outcome === 'invalid' ? 1 : 2,
      validation,
    };
  } catch (cause) {
    return failure(2, cause);
  }
}
