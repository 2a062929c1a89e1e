// Criteria at random: all rules that JSON can write, nested, most of them as Cerberus wants them and some spoilt.
import { isList, isMap, type Value, type ValueKey, type ValueMap } from '@sealroom/criteria';
import { randomPattern } from './patterns.ts';
import type { Random } from './random.ts';

export const FIELDS = [
  'a',
  'b',
  'c',
  'value',
  'n',
  'CI',
  '0',
  '1',
  '',
  'a.b',
  '^a',
  'é',
  '\u{1f600}',
  '__proto__',
  'constructor',
  'type',
  'schema',
  'a b',
];
const COMMON_FIELDS = FIELDS.slice(0, 5);
const TYPES = [
  'boolean',
  'integer',
  'float',
  'number',
  'string',
  'list',
  'dict',
  'container',
  'binary',
  'date',
  'datetime',
  'set',
];
const OF_RULES = ['anyof', 'allof', 'oneof', 'noneof'];

export const SCALARS: readonly Value[] = [
  null,
  true,
  false,
  0n,
  1n,
  2n,
  3n,
  -1n,
  -7n,
  10n,
  0,
  1,
  -0,
  0.5,
  1.5,
  -0.5,
  3,
  1e16,
  1e-7,
  1e22,
  1e308,
  5e-324,
  2n ** 53n,
  2n ** 53n + 1n,
  9007199254740992,
  -(2n ** 64n),
  10n ** 40n,
  2n ** 61n - 1n,
  2 ** 61,
  '',
  'a',
  'b',
  'ab',
  'abc',
  'A',
  'a\n',
  'a\nb',
  ' ',
  '0',
  '1',
  'é',
  'ß',
  '\u{1f600}',
  '\uffff',
  "it's",
  '"',
  '\\',
  'a'.repeat(12),
  '\u0000',
  '\u007f',
  '\u00ad',
  '\u2028',
  'None',
  'True',
];
const NUMBERS = SCALARS.filter((value) => typeof value === 'bigint' || typeof value === 'number');
const PATTERNS = [
  'a',
  'a|b',
  '^a$',
  'a\\$',
  '[ab]+',
  '\\d+',
  '(?i)A',
  '.*',
  'a\\Z',
  '',
  '(',
  'é?',
  '\\w+$',
  '[^a]',
  '(a|b)*c?',
];

export function randomValue(random: Random, depth = 2): Value {
  const kind = depth === 0 ? 0 : random.below(10);
  if (kind < 7) return random.pick(SCALARS);
  if (kind < 9) return random.many(random.below(4), () => randomValue(random, depth - 1));
  return new Map(
    random.many(random.below(3), () => [random.pick(FIELDS), randomValue(random, depth - 1)] as const),
  );
}

const field = (random: Random): string => random.pick(random.chance(0.8) ? COMMON_FIELDS : FIELDS);
const small = (random: Random): Value => BigInt(random.below(4));
const flag = (random: Random): Value => random.chance(0.5);
const scalars = (random: Random): Value =>
  random.chance(0.03)
    ? random.many(random.below(40), () => BigInt(random.below(2000) - 500))
    : random.many(random.below(5), () => random.pick(SCALARS));
const typeName = (random: Random): string => random.pick(random.chance(0.85) ? TYPES.slice(0, 8) : TYPES);

function typeOf(random: Random): Value {
  return random.chance(0.75)
    ? typeName(random)
    : random.many(random.below(3) + (random.chance(0.9) ? 1 : 0), () => typeName(random));
}

function pathTo(random: Random): string {
  const path = random.chance(0.6) ? field(random) : `${field(random)}.${field(random)}`;
  return random.chance(0.3) ? random.pick(['^', '^^']) + path : path;
}

function dependencies(random: Random): Value {
  const kind = random.below(4);
  if (kind < 2) return kind === 0 ? pathTo(random) : random.many(random.below(3), () => pathTo(random));
  const pairs = random.many(
    random.below(3),
    () => [pathTo(random), random.chance(0.7) ? scalars(random) : randomValue(random, 1)] as const,
  );
  return new Map<ValueKey, Value>(pairs);
}

type Maker = (random: Random, depth: number) => Value;
const ruleSetsOf: Maker = (random, depth) =>
  random.many(random.below(4), () => randomRules(random, depth - 1));

const RULES: readonly (readonly [number, string, Maker])[] = [
  [3, 'required', flag],
  [3, 'nullable', flag],
  [2, 'empty', flag],
  [1, 'readonly', flag],
  [1, 'require_all', flag],
  [3, 'min', (random) => (random.chance(0.8) ? random.pick(NUMBERS) : randomValue(random, 1))],
  [3, 'max', (random) => (random.chance(0.8) ? random.pick(NUMBERS) : randomValue(random, 1))],
  [2, 'minlength', small],
  [2, 'maxlength', small],
  [3, 'allowed', (random) => (random.chance(0.85) ? scalars(random) : randomValue(random))],
  [2, 'forbidden', (random) => (random.chance(0.85) ? scalars(random) : randomValue(random))],
  [2, 'contains', (random) => (random.chance(0.6) ? scalars(random) : randomValue(random, 1))],
  [3, 'regex', (random) => (random.chance(0.6) ? random.pick(PATTERNS) : randomPattern(random))],
  [2, 'dependencies', dependencies],
  [
    2,
    'excludes',
    (random) => (random.chance(0.6) ? field(random) : random.many(random.below(3), () => field(random))),
  ],
  [2, 'default', (random) => randomValue(random, 1)],
  [1, 'rename', (random) => (random.chance(0.8) ? field(random) : random.pick(SCALARS))],
  [1, 'purge_unknown', flag],
  [1, 'meta', (random) => randomValue(random, 1)],
  [0.2, 'coerce', (random) => random.pick<Value>([[], 'a', null, [null]])],
  [0.2, 'check_with', (random) => random.pick<Value>([[], 'a', null, ''])],
  [0.1, 'default_setter', (random) => random.pick(SCALARS)],
  [0.1, 'rename_handler', (random) => random.pick<Value>([[], 'a'])],
];
const NESTED: readonly (readonly [number, string, Maker])[] = [
  [
    4,
    'schema',
    (random, depth) =>
      random.chance(0.55) ? randomSchema(random, depth - 1) : randomRules(random, depth - 1),
  ],
  [2, 'items', ruleSetsOf],
  [1.5, 'keysrules', (random, depth) => randomRules(random, depth - 1)],
  [1.5, 'valuesrules', (random, depth) => randomRules(random, depth - 1)],
  [
    1,
    'allow_unknown',
    (random, depth) => (random.chance(0.6) ? flag(random) : randomRules(random, depth - 1)),
  ],
  ...OF_RULES.map((rule) => [0.8, rule, ruleSetsOf] as const),
  [0.3, 'keyschema', (random, depth) => randomRules(random, depth - 1)],
  [0.3, 'valueschema', (random, depth) => randomRules(random, depth - 1)],
];

function pickRule(
  random: Random,
  from: readonly (readonly [number, string, Maker])[],
): readonly [string, Maker] {
  let at = random.next() * from.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, name, make] of from) {
    at -= weight;
    if (at < 0) return [name, make];
  }
  throw new RangeError('There is no rule.');
}

/** `anyof_type: [a, b]` for `anyof: [{type: a}, {type: b}]`. */
function shortForm(random: Random, depth: number): readonly [string, Value] {
  const [rule, make] = pickRule(random, depth > 0 && random.chance(0.3) ? NESTED : RULES);
  const type = random.chance(0.3);
  return [
    `${random.pick(OF_RULES)}_${type ? 'type' : rule}`,
    random.many(random.below(3), () => (type ? typeOf(random) : make(random, depth - 1))),
  ];
}

/** Now and then an argument of another kind, or the name of something that no registry holds. */
function argument(random: Random, make: Maker, depth: number): Value {
  if (random.chance(0.02)) return randomValue(random, 1);
  return random.chance(0.003) ? random.pick(['a', 'name']) : make(random, depth);
}

export function randomRules(random: Random, depth: number): ValueMap {
  const rules: (readonly [string, Value])[] = [];
  if (random.chance(0.7)) rules.push(['type', typeOf(random)]);
  for (let i = random.below(4); i > 0; i--) {
    const [name, make] = pickRule(random, RULES);
    rules.push([name, argument(random, make, depth)]);
  }
  if (depth > 0 && random.chance(0.6)) {
    const [name, make] = pickRule(random, NESTED);
    rules.push([name, argument(random, make, depth)]);
    if (random.chance(0.5) && !rules.some(([rule]) => rule === 'type'))
      rules.push(['type', random.pick(['dict', 'list'])]);
  }
  if (random.chance(0.08)) rules.push(shortForm(random, depth));
  // The order of rules is the order of checks.
  return new Map(
    rules
      .map((rule) => [random.next(), rule] as const)
      .sort(([a], [b]) => a - b)
      .map(([, rule]) => rule),
  );
}

export function randomSchema(random: Random, depth: number): ValueMap {
  return new Map(
    random.many(1 + random.below(3), () => [field(random), randomRules(random, depth)] as const),
  );
}

/** Replaces, renames or drops one thing somewhere inside. */
export function spoil(random: Random, value: Value): Value {
  if ((isMap(value) && value.size > 0) || (isList(value) && value.length > 0)) {
    if (!random.chance(0.25)) {
      if (isList(value)) return value.with(random.below(value.length), spoil(random, random.pick(value)));
      const keys = [...value.keys()];
      const key = random.pick(keys);
      const member = value.get(key) ?? null;
      const entries = [...value].filter(([name]) => name !== key);
      const kind = random.below(8);
      if (kind === 0) return new Map(entries);
      if (kind === 1)
        return new Map([...entries, [`${String(key)}${random.pick(['s', ' ', '_x'])}`, member]]);
      if (kind === 2) return new Map([...entries, [String(key).replaceAll('_', ' '), member]]);
      return new Map([...value].map(([name, inner]) => [name, name === key ? spoil(random, member) : inner]));
    }
  }
  return randomValue(random, 1);
}
