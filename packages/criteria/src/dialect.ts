// The rules that documents are held against.
import { Breakdown } from './error.ts';
import { normalise } from './normalise.ts';
import { truthy } from './python/semantics.ts';
import { NESTED_RULES } from './rules/nested.ts';
import { PLAIN_RULES } from './rules/plain.ts';
import type { Dialect, Rule } from './scope.ts';

/** Checks by code cannot stand in JSON; an empty list of them can. */
const checkWith: Rule = (_scope, constraint) => {
  if (truthy(constraint)) throw new Breakdown('RuntimeError');
  return undefined;
};

export const DOCUMENT_DIALECT: Dialect = {
  rules: new Map<string, Rule>([...PLAIN_RULES, ...NESTED_RULES, ['check_with', checkWith]]),
  checks: new Map(),
  normalise,
};
