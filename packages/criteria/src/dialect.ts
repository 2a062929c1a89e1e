// The rules that documents are held against.
import { Breakdown } from './error.ts';
import { normalise } from './normalise.ts';
import { NESTED_RULES } from './rules/nested.ts';
import { PLAIN_RULES } from './rules/plain.ts';
import type { Dialect, Rule } from './scope.ts';
import { isList } from './value.ts';

/** Checks by code cannot stand in JSON; a list of none can, and Cerberus stops at what else got by its checks. */
const checkWith: Rule = (scope, constraint, field, value) => {
  if (!isList(constraint)) throw new Breakdown(typeof constraint === 'string' ? 'RuntimeError' : 'TypeError');
  for (const check of constraint) checkWith(scope, check, field, value);
  return undefined;
};

export const DOCUMENT_DIALECT: Dialect = {
  rules: new Map<string, Rule>([...PLAIN_RULES, ...NESTED_RULES, ['check_with', checkWith]]),
  checks: new Map(),
  normalise,
};
