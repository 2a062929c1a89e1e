// Reads criteria. Compatible: what Cerberus 1.3.x takes, if its patterns can be matched in linear time. Strict, for the
// gate of a room: besides, nothing that changes the document, nothing that lets unknown keys pass, and only constraints
// that can hold or fail. Whether criteria are wise is lint.ts; what they let out is leak.ts.
import { defineSchema, SchemaRefused } from './definition.ts';
import { Breakdown, CriteriaError, type Reason } from './error.ts';
import { truthy } from './python/semantics.ts';
import { compileRegex, type Regex, runRegex } from './regex/match.ts';
import type { Session } from './scope.ts';
import type { ErrorTree } from './tree.ts';
import { isMap, readValue, type Value, type ValueMap } from './value.ts';
import { type RuleSet, ruleSets, schemaKind } from './walk.ts';

export type Mode = 'strict' | 'compat';

/** Criteria that were read and checked. Only {@link parseCriteria} makes them; they are not changed afterwards. */
export interface Criteria {
  readonly mode: Mode;
  /** Definitions by field, short forms written out. */
  readonly schema: ValueMap;
  /** The criteria are `null`: in the compatible mode that will do where an option gives rules for unknown fields. */
  readonly missing: boolean;
  /** Patterns that the criteria hold, compiled; in the compatible mode malformed ones are left out. */
  readonly patterns: ReadonlyMap<string, Regex>;
  /** What was met and accepted while the criteria were read, for the rules that options add. */
  readonly accepted: Set<string>;
}

/** What Cerberus says where it has no schema. */
export const SCHEMA_MISSING = 'validation schema missing';

/** Characters of criteria. */
export const MAX_CRITERIA_LENGTH = 2 ** 20;

const CHANGING = [
  'coerce',
  'default',
  'default_setter',
  'purge_unknown',
  'readonly',
  'rename',
  'rename_handler',
];
const FLAGS = ['empty', 'nullable', 'require_all', 'required'];

/** The expression that Cerberus compiles: it ends at the end, unless it says so itself (also as `\$`). */
export function anchored(pattern: string, mode: Mode): string {
  return mode === 'strict' || pattern.endsWith('$') ? pattern : `${pattern}$`;
}

function compilePatterns(schema: ValueMap, mode: Mode, reasons: Reason[]): Map<string, Regex> {
  const patterns = new Map<string, Regex>();
  for (const { rules, path } of ruleSets(schema)) {
    const pattern = rules.get('regex');
    if (typeof pattern !== 'string' || patterns.has(pattern)) continue;
    try {
      patterns.set(pattern, compileRegex(anchored(pattern, mode)));
    } catch (cause) {
      if (!(cause instanceof CriteriaError)) throw cause;
      // Python notices a malformed pattern only when a value meets it.
      if (mode === 'compat' && cause.code === 'regex/malformed') continue;
      reasons.push({
        code: 'regex',
        path: [...path, 'regex'],
        message: cause.message,
        detail: cause.code,
      });
    }
  }
  return patterns;
}

function isNumber(value: Value): boolean {
  return typeof value === 'bigint' || typeof value === 'number';
}

function strictReasons({ rules, path }: RuleSet): Reason[] {
  const reasons: Reason[] = [];
  for (const rule of CHANGING) {
    if (!rules.has(rule)) continue;
    const message = `The rule ${rule} changes documents; a report is checked as it is. Leave it out.`;
    reasons.push({ code: 'normalising-rule', path: [...path, rule], message });
  }
  if (truthy(rules.get('allow_unknown'))) {
    const message =
      'The rule allow_unknown lets anything out under names that nobody agreed on. Name the fields.';
    reasons.push({ code: 'allows-unknown', path: [...path, 'allow_unknown'], message });
  }
  if (schemaKind(rules) === 'either') {
    const message =
      '`schema` could name fields or rules for list items; add the type, dict or list, beside it.';
    reasons.push({ code: 'constraint', path: [...path, 'schema'], message });
  }
  for (const rule of FLAGS) {
    const flag = rules.get(rule);
    if (flag === undefined || typeof flag === 'boolean') continue;
    reasons.push({ code: 'constraint', path: [...path, rule], message: `${rule} is true or false.` });
  }
  for (const rule of ['min', 'max']) {
    const bound = rules.get(rule);
    if (bound === undefined || isNumber(bound) || typeof bound === 'string') continue;
    reasons.push({ code: 'constraint', path: [...path, rule], message: `${rule} takes a number.` });
  }
  for (const rule of ['minlength', 'maxlength']) {
    const bound = rules.get(rule);
    if (bound === undefined || (typeof bound === 'bigint' && bound >= 0n)) continue;
    reasons.push({
      code: 'constraint',
      path: [...path, rule],
      message: `${rule} takes an integer from 0 up.`,
    });
  }
  return reasons;
}

function unusable(reasons: readonly Reason[]): CriteriaError {
  const first = reasons[0]?.message ?? '';
  return new CriteriaError('criteria/unusable', `The criteria cannot be used. ${first}`, reasons);
}

/** The first message of a tree and where it stands, quoted. */
function firstError(errors: ErrorTree | string, path: readonly string[] = []): string {
  if (typeof errors === 'string') return JSON.stringify(errors);
  for (const [field, nodes] of Object.entries(errors)) {
    const here = [...path, field];
    for (const node of nodes) {
      if (typeof node === 'string') return `${JSON.stringify(node)} at ${JSON.stringify(here.join('.'))}`;
      const below = firstError(node, here);
      if (below !== '') return below;
    }
  }
  return '';
}

/** Turns what reading criteria may raise into unusable criteria. */
export function asUnusable(cause: unknown): CriteriaError {
  if (cause instanceof SchemaRefused) {
    const message = `They are no Cerberus schema: ${firstError(cause.errors)}.`;
    return unusable([{ code: 'schema-error', path: [], message, detail: cause.errors }]);
  }
  if (cause instanceof Breakdown) {
    const message = `Cerberus itself breaks down on them (${cause.kind}).`;
    return unusable([{ code: 'breakdown', path: [], message, detail: cause.kind }]);
  }
  if (cause instanceof CriteriaError && cause.code !== 'criteria/unusable') {
    return unusable([{ code: 'not-json', path: [], message: cause.message, detail: cause.code }]);
  }
  if (cause instanceof Error) return cause as CriteriaError;
  throw cause;
}

/** Where the argument is JSON text, use its bytes or string; a value that was read before is told by its type. */
export type CriteriaSource = string | Uint8Array | ValueMap;

export interface ParseOptions {
  readonly mode?: Mode;
  /**
   * What was accepted before, to which is added. Cerberus keeps such a memory for each process, and takes what it met
   * before without a look; so what it says of criteria can depend on others. Without, it is a fresh process that speaks.
   */
  readonly accepted?: Set<string>;
}

/**
 * Criteria from their JSON text, or from a value that {@link readValue} gave.
 * @throws CriteriaError criteria/unusable, with the reasons
 */
export function parseCriteria(
  source: CriteriaSource,
  { mode = 'strict', accepted = new Set() }: ParseOptions = {},
): Criteria {
  const reasons: Reason[] = [];
  let missing: boolean;
  let schema: ValueMap;
  let patterns: Map<string, Regex>;
  try {
    const value = isMap(source) ? source : readValue(source, { maxLength: MAX_CRITERIA_LENGTH });
    missing = value === null;
    if (missing && mode === 'strict') throw new SchemaRefused(SCHEMA_MISSING);
    schema = missing ? new Map() : defineSchema(value, accepted);
    patterns = compilePatterns(schema, mode, reasons);
  } catch (cause) {
    throw asUnusable(cause);
  }
  if (mode === 'strict') for (const set of ruleSets(schema)) reasons.push(...strictReasons(set));
  if (reasons.length > 0) throw unusable(reasons);
  return { mode, schema, missing, patterns, accepted };
}

/** Patterns that were malformed when the criteria were read, and those of rules that options add. */
function compileLate(pattern: string, mode: Mode): Regex {
  try {
    return compileRegex(anchored(pattern, mode));
  } catch (cause) {
    if (!(cause instanceof CriteriaError)) throw cause;
    throw cause.code === 'regex/malformed' ? new Breakdown('error') : asUnusable(cause);
  }
}

/** Matches whole texts in the strict mode, as Cerberus does in the compatible one. */
export function matcherOf(criteria: Criteria): Session['match'] {
  return (pattern, text, limit) => {
    const regex = criteria.patterns.get(pattern) ?? compileLate(pattern, criteria.mode);
    const result = runRegex(regex, text, { whole: criteria.mode === 'strict', limit });
    if (result === undefined) throw new Breakdown('StepLimit');
    return result;
  };
}
