// How much a valid report can tell: an upper bound, in bits, on the logarithm of the number of different reports that the
// strict mode lets pass, counted in canonical form. 0 bits: only one report is possible. Infinity: no bound is known.
//
// For a field with rules r, with values counted as 2^bits and ⊕ the logarithm of a sum, a ⊕ b = log2(2^a + 2^b):
//   fields of a mapping  Σ over fields of b(r), and of b(r) ⊕ 0 where the field may be absent
//   type                 ⊕ over the types named (all of them if none is; numbers only if min or max is a number)
//   boolean              1
//   integer              log2(⌊max⌋ - ⌈min⌉ + 1), bounds missing: ±(2^53-1), beyond which no canonical form exists
//   float, number        log2 of the number of doubles from min to max: about 62 bits for 0 to 1
//   string               least of: the strings up to maxlength over the characters that regex names (1,112,064 without
//                        one), log2 Σ A^k; and what regex can spell, counted along its tree
//   list                 items: Σ b(item); else log2 Σ over lengths k from minlength to maxlength of 2^(k b(schema))
//   dict                 schema: as fields; else log2 Σ over sizes k of 2^(k (b(keysrules) + b(valuesrules)))
//   allowed              scalars: log2 of the number of values; for lists it bounds an item, for mappings the keys
//   nullable: true       ⊕ 0
//   empty: true          ⊕ 0 for each type that has an empty value, which escapes length, items, allowed and regex
//   anyof, oneof         at most ⊕ over definitions; allof: at most the least definition
//   the other rules      only take reports away, and are not counted
// Sums are of doubles, whose rounding errors stay far below a thousandth of a bit.
// In the compatible mode other things pass too (unknown keys under *of rules, what cannot be compared): Infinity.
import type { Criteria } from './criteria.ts';
import { CriteriaError } from './error.ts';
import { isHashable, keyOf } from './python/semantics.ts';
import { sizeOfSet } from './regex/charset.ts';
import { type Node, parseRegex, width } from './regex/parse.ts';
import { CODE_POINTS } from './regex/ranges.ts';
import { canonicalValueBytes, isList, isMap, type Value, type ValueMap } from './value.ts';
import { definesFields } from './walk.ts';

const NONE = Number.NEGATIVE_INFINITY;
const UNBOUNDED = Number.POSITIVE_INFINITY;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** log2(2^a + 2^b). */
function either(a: number, b: number): number {
  const high = Math.max(a, b);
  if (!Number.isFinite(high)) return high;
  return high + Math.log2(1 + 2 ** (Math.min(a, b) - high));
}

/** log2 of the number of sequences of `low` to `high` parts of `bits` each. */
export function sequenceBits(bits: number, low: number, high: number): number {
  if (high < low) return NONE;
  if (high === 0 || bits === NONE) return low === 0 ? 0 : NONE;
  if (bits === UNBOUNDED || high === UNBOUNDED) return UNBOUNDED;
  if (bits === 0) return Math.log2(high - low + 1);
  // A geometric sum: 2^(high bits) (1 - q^(n)) / (1 - q) with q = 2^-bits.
  const q = 2 ** -bits;
  if (q === 1) return high * bits + Math.log2(high - low + 1);
  return high * bits + Math.log2((1 - q ** (high - low + 1)) / (1 - q));
}

/** Position of a double among all, counted from zero. */
function ordinal(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const magnitude = view.getBigUint64(0);
  return value < 0 ? -magnitude : magnitude;
}

function asNumber(value: Value | undefined): number | undefined {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined;
}

function countBits(count: number | bigint): number {
  return count > 0 ? Math.log2(Number(count)) : NONE;
}

function numberBits(rules: ValueMap, integer: boolean): number {
  const low = asNumber(rules.get('min')) ?? UNBOUNDED * -1;
  const high = asNumber(rules.get('max')) ?? UNBOUNDED;
  if (integer) {
    const from = Math.ceil(Math.max(low, -MAX_SAFE));
    const to = Math.floor(Math.min(high, MAX_SAFE));
    return countBits(to - from + 1);
  }
  const from = Math.max(low, -Number.MAX_VALUE);
  const to = Math.min(high, Number.MAX_VALUE);
  return from > to ? NONE : countBits(ordinal(to) - ordinal(from) + 1n);
}

/** Upper bounds on what a pattern spells, and on the characters it uses. */
function regexBits(node: Node): { bits: number; alphabet: number } {
  switch (node.kind) {
    case 'set': {
      const size = sizeOfSet(node.set);
      return { bits: countBits(size), alphabet: size };
    }
    case 'at':
    case 'look':
      return { bits: 0, alphabet: 0 };
    case 'repeat': {
      const { bits, alphabet } = regexBits(node.item);
      return { bits: sequenceBits(bits, node.min, node.max), alphabet };
    }
    case 'concat':
    case 'either': {
      const parts = node.items.map(regexBits);
      const bits =
        node.kind === 'either'
          ? parts.reduce((sum, part) => either(sum, part.bits), NONE)
          : parts.some((part) => part.bits === NONE)
            ? NONE
            : parts.reduce((sum, part) => sum + part.bits, 0);
      return { bits, alphabet: parts.reduce((sum, part) => sum + part.alphabet, 0) };
    }
  }
}

interface Lengths {
  readonly low: number;
  readonly high: number;
}

function lengthsOf(rules: ValueMap): Lengths {
  return { low: asNumber(rules.get('minlength')) ?? 0, high: asNumber(rules.get('maxlength')) ?? UNBOUNDED };
}

/** Criteria for the compatible mode may hold malformed patterns, which bound nothing. */
function readPattern(pattern: string): Node | undefined {
  try {
    return parseRegex(pattern);
  } catch (cause) {
    if (cause instanceof CriteriaError) return undefined;
    throw cause;
  }
}

function stringBits(rules: ValueMap): number {
  const { low, high } = lengthsOf(rules);
  const pattern = rules.get('regex');
  const node = typeof pattern === 'string' ? readPattern(pattern) : undefined;
  if (node === undefined) return sequenceBits(Math.log2(CODE_POINTS), low, high);
  const { bits, alphabet } = regexBits(node);
  const letters = countBits(Math.min(alphabet, CODE_POINTS));
  return Math.min(bits, sequenceBits(letters, low, Math.min(high, width(node)[1])));
}

function sum(parts: readonly number[]): number {
  return parts.includes(NONE) ? NONE : parts.reduce((total, part) => total + part, 0);
}

function listBits(rules: ValueMap): number {
  const { low, high } = lengthsOf(rules);
  const items = rules.get('items');
  if (isList(items)) return sum(items.map((item) => (isMap(item) ? rulesBits(item) : UNBOUNDED)));
  const schema = rules.get('schema');
  let item = isMap(schema) && !definesFields(rules) ? rulesBits(schema) : UNBOUNDED;
  const allowed = allowedCount(rules);
  if (allowed !== undefined) item = Math.min(item, countBits(allowed));
  return sequenceBits(item, low, high);
}

function dictBits(rules: ValueMap): number {
  const { low, high } = lengthsOf(rules);
  const schema = rules.get('schema');
  const keys = rules.get('keysrules');
  const values = rules.get('valuesrules');
  const keyBits = isMap(keys) ? rulesBits(keys) : UNBOUNDED;
  const valueBits = isMap(values) ? rulesBits(values) : UNBOUNDED;
  const bounds = [sequenceBits(sum([keyBits, valueBits]), low, high)];
  if (isMap(schema) && definesFields(rules)) bounds.push(fieldsBits(schema));
  const allowed = allowedCount(rules);
  if (allowed !== undefined) bounds.push(allowed === 0 ? 0 : allowed * either(0, valueBits));
  return Math.min(...bounds);
}

function allowedValues(rules: ValueMap): readonly Value[] | undefined {
  const allowed = rules.get('allowed');
  if (isMap(allowed)) return [...allowed.keys()];
  return isList(allowed) ? allowed : undefined;
}

function allowedCount(rules: ValueMap): number | undefined {
  const allowed = allowedValues(rules);
  if (allowed === undefined) return undefined;
  const scalars = allowed
    .filter(isHashable)
    .map((value) => (typeof value === 'boolean' ? value : keyOf(value)));
  return new Set(scalars).size + (allowed.length - scalars.length);
}

const SCALARS = new Map<string, (rules: ValueMap) => number>([
  ['boolean', () => 1],
  ['integer', (rules) => numberBits(rules, true)],
  ['float', (rules) => numberBits(rules, false)],
  ['number', (rules) => numberBits(rules, false)],
  ['string', stringBits],
]);

function typeBits(type: string, rules: ValueMap): number {
  const scalar = SCALARS.get(type);
  if (scalar !== undefined) {
    const allowed = allowedCount(rules);
    return Math.min(scalar(rules), allowed === undefined ? UNBOUNDED : countBits(allowed));
  }
  if (type === 'list') return listBits(rules);
  if (type === 'dict') return dictBits(rules);
  if (type === 'container') return either(listBits(rules), dictBits(rules));
  return NONE;
}

function typesOf(rules: ValueMap): readonly string[] {
  const type = rules.get('type');
  if (typeof type === 'string' && type !== '') return [type];
  if (isList(type) && type.length > 0) return type.map(String);
  const numeric = [rules.get('min'), rules.get('max')].some((bound) => asNumber(bound) !== undefined);
  return numeric ? ['number'] : ['boolean', 'number', 'string', 'list', 'dict'];
}

/** The bound of each definition of an *of rule, which inherits the field's type. */
function definitionBits(rules: ValueMap, operator: string): readonly number[] {
  const definitions = rules.get(operator);
  if (!isList(definitions)) return [];
  const type = rules.get('type');
  return definitions.map((definition) => {
    if (!isMap(definition)) return UNBOUNDED;
    return rulesBits(
      type === undefined || definition.has('type') ? definition : new Map([...definition, ['type', type]]),
    );
  });
}

/** Empty values by type: `empty: true` lets them pass, whatever length, items, allowed and regex say. */
const EMPTY_ONES = new Map([
  ['string', 1],
  ['list', 1],
  ['dict', 1],
  ['container', 2],
]);

const bounds = new WeakMap<ValueMap, number>();

/** The bound for one value under its rules. */
export function rulesBits(rules: ValueMap): number {
  // Each set of rules is counted once, however many types ask for it: else the cost doubles at each level.
  const known = bounds.get(rules) ?? countRules(rules);
  bounds.set(rules, known);
  return known;
}

function countRules(rules: ValueMap): number {
  let bits = NONE;
  for (const type of new Set(typesOf(rules))) {
    bits = either(bits, typeBits(type, rules));
    if (rules.get('empty') === true) bits = either(bits, countBits(EMPTY_ONES.get(type) ?? 0));
  }
  for (const operator of ['anyof', 'oneof']) {
    if (rules.has(operator)) bits = Math.min(bits, definitionBits(rules, operator).reduce(either, NONE));
  }
  bits = Math.min(bits, ...definitionBits(rules, 'allof'));
  return rules.get('nullable') === true ? either(bits, 0) : bits;
}

/** The bound for a mapping whose fields are defined. */
export function fieldsBits(schema: ValueMap): number {
  const definitions = [...schema.values()].filter(isMap);
  // A field that excludes another may make that one's absence right although it is required.
  const exclusive = definitions.some((rules) => rules.has('excludes'));
  return sum(
    definitions.map((rules) => {
      const bits = rulesBits(rules);
      return rules.get('required') === true && !exclusive ? bits : either(bits, 0);
    }),
  );
}

const budgets = new WeakMap<Criteria, number>();

/**
 * An upper bound, in bits, on what a report that these criteria let pass can carry; Infinity if there is none, and always
 * in the compatible mode. 0 also where no report can pass.
 */
export function leakBudget(criteria: Criteria): number {
  if (criteria.mode !== 'strict') return UNBOUNDED;
  const known = budgets.get(criteria) ?? Math.max(0, fieldsBits(criteria.schema));
  budgets.set(criteria, known);
  return known;
}

/**
 * The debit for a report that leaves, in whole bits: the budget of its criteria, or the bits of its canonical form if
 * those are fewer.
 * @throws CriteriaError value/number-range for integers that have no canonical form
 */
export function reportBits(criteria: Criteria, report: Value): number {
  return Math.ceil(Math.min(leakBudget(criteria), 8 * canonicalValueBytes(report).length));
}
