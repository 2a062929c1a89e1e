export { checkCriteriaFile, readOptions, type CheckOptions, type CheckResult } from './check.ts';
export { parseCriteria, type Criteria, type CriteriaSource, type Mode } from './criteria.ts';
export { CriteriaError, type CriteriaErrorCode, type Reason } from './error.ts';
export { gateReport, type GateCode, type GateInput, type GateResult } from './gate.ts';
export { compileRegex, type Regex, runRegex } from './regex/match.ts';
export { leakBudget, reportBits } from './leak.ts';
export { lintCriteria, type Finding, type LintCode, type Severity } from './lint.ts';
export { redactedMessages, redactErrors, type RedactedError } from './redact.ts';
export type { ErrorNode, ErrorTree } from './tree.ts';
export { unboxReport, unboxRules } from './unbox.ts';
export { validate, type ValidateOptions, type Validation } from './validate.ts';
export {
  canonicalText,
  canonicalValueBytes,
  fromPlain,
  isList,
  isMap,
  type ReadLimits,
  readValue,
  sameValue,
  type Value,
  type ValueKey,
  type ValueMap,
  writeValue,
} from './value.ts';
export type { ValidationError } from './violation.ts';
