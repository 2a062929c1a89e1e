// The errors of this package.

/** What went wrong while reading values or criteria. */
export type CriteriaErrorCode =
  | 'criteria/unusable'
  | 'criteria/options'
  | 'value/malformed'
  | 'value/duplicate-key'
  | 'value/number-range'
  | 'value/lone-surrogate'
  | 'value/too-deep'
  | 'value/too-large'
  | 'regex/unsupported'
  | 'regex/malformed'
  | 'regex/too-large';

/** The one error class of this package; `code` is stable, `reasons` say what each part of the criteria lacks. */
export class CriteriaError extends Error {
  readonly code: CriteriaErrorCode;
  readonly reasons: readonly Reason[];
  constructor(code: CriteriaErrorCode, message: string, reasons: readonly Reason[] = []) {
    super(message);
    this.name = 'CriteriaError';
    this.code = code;
    this.reasons = reasons;
  }
}

/**
 * Why criteria cannot be used. `schema-error`: Cerberus refuses them (`detail` is its error tree); `breakdown`: Cerberus
 * itself stops with a Python exception, whose name `detail` gives; the others are this package's own.
 */
export interface Reason {
  readonly code:
    | 'schema-error'
    | 'breakdown'
    | 'regex'
    | 'normalising-rule'
    | 'allows-unknown'
    | 'constraint'
    | 'too-large'
    | 'not-json';
  /** Where in the criteria, as keys and list positions from the root. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly detail?: unknown;
}

/**
 * Stands where Python would raise: `kind` is the name of the Python exception. It never leaves the package: `validate`
 * turns it into the outcome `breakdown`, `parseCriteria` into unusable criteria.
 */
export class Breakdown extends Error {
  readonly kind: string;
  constructor(kind: string) {
    super(`Cerberus stops with ${kind} here.`);
    this.name = 'Breakdown';
    this.kind = kind;
  }
}
