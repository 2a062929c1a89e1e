// Documents at random that come near to what criteria ask for, so that many rules are reached, and options.
import { isList, isMap, type Value, type ValueKey, type ValueMap } from '@sealroom/criteria';
import { FIELDS, randomRules, randomSchema, randomValue, SCALARS, spoil } from './criteria.ts';
import { randomText } from './patterns.ts';
import { Random } from './random.ts';

export interface Case {
  readonly schema: Value;
  readonly options: ValueMap;
  readonly documents: readonly Value[];
}

function scalarOf(random: Random, type: Value | undefined): Value {
  const kinds: Record<string, (value: Value) => boolean> = {
    boolean: (value) => typeof value === 'boolean',
    integer: (value) => typeof value === 'bigint',
    float: (value) => typeof value === 'number',
    number: (value) => typeof value === 'bigint' || typeof value === 'number',
    string: (value) => typeof value === 'string',
  };
  const fits = typeof type === 'string' ? kinds[type] : undefined;
  return random.pick(fits === undefined ? SCALARS : SCALARS.filter(fits));
}

function mappingFor(random: Random, rules: ValueMap): Value {
  const schema = rules.get('schema');
  if (isMap(schema)) return documentFor(random, schema);
  const keys = rules.get('keysrules');
  const values = rules.get('valuesrules');
  return new Map(
    random.many(random.below(4), () => {
      const key = isMap(keys) && random.chance(0.5) ? valueFor(random, keys) : random.pick(FIELDS);
      return [
        typeof key === 'string' ? key : 'a',
        isMap(values) ? valueFor(random, values) : randomValue(random, 1),
      ] as const;
    }),
  );
}

function listFor(random: Random, rules: ValueMap): Value {
  const items = rules.get('items');
  if (isList(items) && random.chance(0.8)) return items.map((item) => valueFor(random, item));
  const schema = rules.get('schema');
  const allowed = rules.get('allowed');
  // Long ones, because Python sorts more than 63 errors in another way than fewer.
  return random.many(random.chance(0.02) ? 60 + random.below(60) : random.below(4), () => {
    if (isMap(schema) && random.chance(0.8)) return valueFor(random, schema);
    return isList(allowed) && allowed.length > 0 && random.chance(0.7)
      ? random.pick(allowed)
      : randomValue(random, 1);
  });
}

/** A value that may well meet the rules. */
function valueFor(random: Random, rules: Value | undefined): Value {
  if (!isMap(rules) || random.chance(0.12)) return randomValue(random);
  for (const operator of ['anyof', 'allof', 'oneof']) {
    const definitions = rules.get(operator);
    if (isList(definitions) && definitions.length > 0 && random.chance(0.5)) {
      const definition = random.pick(definitions);
      if (isMap(definition))
        return valueFor(random, new Map([...rules, ...definition].filter(([rule]) => rule !== operator)));
    }
  }
  const written = rules.get('type');
  const type = isList(written) && written.length > 0 ? random.pick(written) : written;
  const regex = rules.get('regex');
  if (typeof regex === 'string' && random.chance(0.7)) return randomText(random, regex);
  const allowed = rules.get('allowed');
  if (type !== 'list' && type !== 'dict' && isList(allowed) && allowed.length > 0 && random.chance(0.7))
    return random.pick(allowed);
  for (const bound of ['min', 'max'])
    if (rules.has(bound) && random.chance(0.2)) return rules.get(bound) ?? null;
  if (
    type === 'list' ||
    (type === 'container' && random.chance(0.5)) ||
    (type === undefined && rules.has('items'))
  )
    return listFor(random, rules);
  if (type === 'dict' || type === 'container' || (type === undefined && rules.has('schema'))) {
    return random.chance(0.85) ? mappingFor(random, rules) : listFor(random, rules);
  }
  return scalarOf(random, type);
}

function documentFor(random: Random, schema: ValueMap): ValueMap {
  const entries: (readonly [ValueKey, Value])[] = [];
  for (const [field, rules] of schema)
    if (random.chance(0.85)) entries.push([field, valueFor(random, rules)]);
  if (random.chance(0.2)) entries.push([random.pick(FIELDS), randomValue(random)]);
  return new Map(random.chance(0.3) ? entries.reverse() : entries);
}

function optionsFor(random: Random): ValueMap {
  const options: ValueMap = new Map();
  const flags = {
    require_all: 0.1,
    purge_unknown: 0.1,
    purge_readonly: 0.06,
    ignore_none_values: 0.1,
    update: 0.06,
  };
  for (const [name, probability] of Object.entries(flags))
    if (random.chance(probability)) options.set(name, random.chance(0.9));
  if (random.chance(0.15))
    options.set('allow_unknown', random.chance(0.5) ? random.chance(0.8) : randomRules(random, 1));
  if (random.chance(0.15)) options.set('normalize', false);
  return options;
}

/** The case of a seed; the same seed gives the same case. */
export function randomCase(seed: number, documents: number): Case {
  const random = new Random(seed);
  const sound = randomSchema(random, random.below(4));
  const spoilt = random.chance(0.12) ? spoil(random, sound) : sound;
  const pairs = isMap(spoilt) && random.chance(0.01);
  const schema = pairs ? [...spoilt].map(([key, rules]) => [key, rules]) : spoilt;
  const fitted = () =>
    isMap(spoilt) && random.chance(0.97) ? documentFor(random, spoilt) : randomValue(random);
  return { schema, options: optionsFor(random), documents: random.many(documents, fitted) };
}
