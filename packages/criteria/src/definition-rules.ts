// Which rules criteria may use and what their arguments must look like, itself written in the language of criteria, as
// Cerberus does. Rules that need code take only what JSON can say of code: nothing, or an empty list.
import { Tuple } from './python/semantics.ts';
import { fromPlain, isMap, type ValueMap } from './value.ts';

function rule(plain: Readonly<Record<string, unknown>>): ValueMap {
  const value = fromPlain(plain);
  return isMap(value) ? value : new Map();
}

const NO_NAMES = Tuple.of();
const flag = rule({ type: 'boolean' });
const code = rule({
  oneof: [
    { type: 'callable' },
    { type: 'list', schema: { oneof: [{ type: 'callable' }, { type: 'string', allowed: NO_NAMES }] } },
    { type: 'string', allowed: NO_NAMES },
  ],
});
const oneRuleSet = rule({
  type: ['dict', 'string'],
  check_with: 'bulk_schema',
  forbidden: ['rename', 'rename_handler'],
});

/** The rules that check. Only these stand in the definitions of *of rules. */
export const CHECKING_RULES: ValueMap = new Map([
  ['allof', rule({ type: 'list', logical: 'allof' })],
  [
    'allow_unknown',
    rule({ oneof: [{ type: 'boolean' }, { type: ['dict', 'string'], check_with: 'bulk_schema' }] }),
  ],
  ['allowed', rule({ type: 'container' })],
  ['anyof', rule({ type: 'list', logical: 'anyof' })],
  ['check_with', code],
  ['contains', rule({ empty: false })],
  ['dependencies', rule({ type: Tuple.of('dict', 'hashable', 'list'), check_with: 'dependencies' })],
  ['empty', flag],
  ['excludes', rule({ type: Tuple.of('hashable', 'list'), schema: { type: 'hashable' } })],
  ['forbidden', rule({ type: 'list' })],
  ['items', rule({ type: 'list', check_with: 'items' })],
  ['keysrules', oneRuleSet],
  ['max', rule({ nullable: false })],
  ['maxlength', rule({ type: 'integer' })],
  ['meta', rule({})],
  ['min', rule({ nullable: false })],
  ['minlength', rule({ type: 'integer' })],
  ['noneof', rule({ type: 'list', logical: 'noneof' })],
  ['nullable', flag],
  ['oneof', rule({ type: 'list', logical: 'oneof' })],
  ['readonly', flag],
  ['regex', rule({ type: 'string' })],
  ['require_all', flag],
  ['required', flag],
  [
    'schema',
    rule({ type: ['dict', 'string'], anyof: [{ check_with: 'schema' }, { check_with: 'bulk_schema' }] }),
  ],
  ['type', rule({ type: ['string', 'list'], check_with: 'type' })],
  ['valuesrules', oneRuleSet],
]);

/** All rules: those that check, and those that change the document. */
export const ALL_RULES: ValueMap = new Map([
  ...CHECKING_RULES,
  ['coerce', code],
  ['default', rule({ nullable: true })],
  ['default_setter', rule({ oneof: [{ type: 'callable' }, { type: 'string', allowed: NO_NAMES }] })],
  ['purge_unknown', flag],
  ['rename', rule({ type: 'hashable' })],
  ['rename_handler', code],
]);
