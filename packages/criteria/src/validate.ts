// Holds a document against criteria. Compatible mode: the outcome, the error tree, the error list and the normalised
// document are Cerberus', and where Cerberus stops with an exception the outcome is `breakdown`. Strict mode: valid or
// invalid, nothing is changed, and what cannot be checked is invalid.
import { asUnusable, type Criteria, matcherOf, SCHEMA_MISSING } from './criteria.ts';
import { defineSchema, SchemaRefused } from './definition.ts';
import { DOCUMENT_DIALECT } from './dialect.ts';
import { Breakdown, CriteriaError } from './error.ts';
import { SchemaMissing, Scope, type ScopeOptions, type Session } from './scope.ts';
import { errorTree, type ErrorTree } from './tree.ts';
import { isMap, type Value, type ValueMap } from './value.ts';
import { toValidationError, type ValidationError } from './violation.ts';

/** The options of Cerberus' Validator and its validate(). The strict mode takes `requireAll` only. */
export interface ValidateOptions {
  /** Take unknown fields; rules hold their values to those. */
  readonly allowUnknown?: Value;
  readonly requireAll?: Value;
  readonly purgeUnknown?: boolean;
  readonly purgeReadonly?: boolean;
  /** Treat null as absent. */
  readonly ignoreNoneValues?: boolean;
  /** Do not ask for required fields. */
  readonly update?: boolean;
  /** Default true in the compatible mode. */
  readonly normalize?: boolean;
}

export type Validation =
  | { readonly outcome: 'valid'; readonly document: ValueMap }
  | {
      readonly outcome: 'invalid';
      readonly document: ValueMap;
      /** As `Validator.errors`. It echoes values: redact before it leaves a room. */
      readonly errors: ErrorTree;
      readonly errorList: readonly ValidationError[];
    }
  | { readonly outcome: 'breakdown'; readonly exception: string };

const STEPS = 50_000_000;
const MAX_STRICT_VIOLATIONS = 100;
/** Beyond this many no more errors are listed: each is sorted among the others as Cerberus does it. */
const MAX_COMPAT_VIOLATIONS = 5000;

function scopeOptions(criteria: Criteria, options: ValidateOptions): ScopeOptions {
  if (criteria.mode === 'strict') {
    const { requireAll = false, ...others } = options;
    if (Object.values(others).some((value) => value !== undefined)) {
      throw new CriteriaError(
        'criteria/options',
        'The strict mode takes no option but require_all; the others need the compatible mode.',
      );
    }
    return { ignoreNone: false, allowUnknown: false, requireAll, purgeUnknown: false, purgeReadonly: false };
  }
  const allowUnknown = options.allowUnknown ?? false;
  return {
    ignoreNone: options.ignoreNoneValues ?? false,
    allowUnknown: typeof allowUnknown === 'boolean' ? allowUnknown : unknownRules(criteria, allowUnknown),
    requireAll: options.requireAll ?? false,
    purgeUnknown: options.purgeUnknown ?? false,
    purgeReadonly: options.purgeReadonly ?? false,
  };
}

/** Rules for unknown fields are criteria too. @throws CriteriaError criteria/unusable */
function unknownRules(criteria: Criteria, rules: Value): Value {
  try {
    return defineSchema(new Map([['allow_unknown', rules]]), criteria.accepted).get('allow_unknown') ?? null;
  } catch (cause) {
    throw asUnusable(cause);
  }
}

function invalid(scope: Scope): Validation {
  return {
    outcome: 'invalid',
    document: scope.document,
    errors: errorTree(scope.violations),
    errorList: scope.violations.map(toValidationError),
  };
}

/** Name of the one error of a document that could not be checked to the end (strict mode). */
export const NOT_CHECKABLE = 'NOT_CHECKABLE';

/**
 * @throws CriteriaError criteria/options; criteria/unusable for rules of unknown fields that are none, and (compatible mode)
 * where Cerberus refuses its schema only in view of a document
 */
export function validate(criteria: Criteria, document: Value, options: ValidateOptions = {}): Validation {
  const strict = criteria.mode === 'strict';
  const session: Session = {
    dialect: DOCUMENT_DIALECT,
    strict,
    maxViolations: strict ? MAX_STRICT_VIOLATIONS : MAX_COMPAT_VIOLATIONS,
    match: matcherOf(criteria),
    stepsLeft: STEPS,
    root: undefined,
  };
  const given = scopeOptions(criteria, options);
  if (criteria.missing && !isMap(given.allowUnknown)) throw asUnusable(new SchemaRefused(SCHEMA_MISSING));
  const scope = new Scope(session, given, criteria.schema);
  const normalise = !strict && (options.normalize ?? true);
  try {
    const valid = scope.validate(document, { update: options.update ?? false, normalise });
    return valid ? { outcome: 'valid', document: scope.document } : invalid(scope);
  } catch (cause) {
    if (!(cause instanceof Breakdown)) throw cause;
    if (!strict && cause instanceof SchemaMissing) throw asUnusable(new SchemaRefused(SCHEMA_MISSING));
    if (!strict) return { outcome: 'breakdown', exception: cause.kind };
    return {
      outcome: 'invalid',
      document: isMap(document) ? document : new Map(),
      errors: {},
      errorList: [{ documentPath: [], schemaPath: [], code: 0, name: NOT_CHECKABLE, rule: null }],
    };
  }
}
