// The rules that documents are held against.
import { Breakdown } from './error.ts';
import { normalise } from './normalise.ts';
import { NESTED_RULES } from './rules/nested.ts';
import { PLAIN_RULES } from './rules/plain.ts';
import type { Dialect, Rule } from './scope.ts';
import { isList, type Value } from './value.ts';

/** Checks by code cannot stand in JSON; a list of none can, and Cerberus stops at what else got by its checks. */
function runChecks(checks: Value): void {
  if (!isList(checks)) throw new Breakdown(typeof checks === 'string' ? 'RuntimeError' : 'TypeError');
  for (const check of checks) runChecks(check);
}

const checkWith: Rule = (_scope, constraint) => {
  runChecks(constraint);
  return undefined;
};

export const DOCUMENT_DIALECT: Dialect = {
  rules: new Map<string, Rule>([...PLAIN_RULES, ...NESTED_RULES, ['check_with', checkWith]]),
  checks: new Map(),
  normalise,
};
