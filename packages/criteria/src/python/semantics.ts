// How Python compares, measures and hashes the values that JSON can hold: equality across int, float and bool, order
// within numbers, strings (by code point) and lists, and the TypeErrors in between. Not here: texts (text.ts), sets (set.ts).
import { Breakdown } from '../error.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from '../value.ts';

/** A Python tuple; it differs from a list in its text and in being hashable. */
export class Tuple extends Array<Value> {}

function asNumber(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return undefined;
}

/** `a == b`, where 1, 1.0 and True are equal. */
export function equals(a: Value, b: Value): boolean {
  if (typeof a === 'string' || typeof b === 'string' || a === null || b === null) return a === b;
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, i) => equals(item, b[i] ?? null));
  }
  if (isMap(a)) {
    if (!isMap(b) || a.size !== b.size) return false;
    for (const [key, member] of a) {
      const other = b.get(key);
      if (other === undefined || !equals(member, other)) return false;
    }
    return true;
  }
  const x = asNumber(a);
  const y = asNumber(b);
  // Neither is NaN, so numbers that are neither below nor above each other are equal, whatever their kinds.
  return x !== undefined && y !== undefined && !(x < y) && !(x > y);
}

/** The same, except that booleans equal booleans only: the strict dialect's equality. */
export function equalsStrictly(a: Value, b: Value): boolean {
  if (typeof a === 'boolean' || typeof b === 'boolean') return a === b;
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, i) => equalsStrictly(item, b[i] ?? null));
  }
  if (isMap(a)) {
    return (
      isMap(b) &&
      a.size === b.size &&
      [...a].every(([key, member]) => b.has(key) && equalsStrictly(member, b.get(key) ?? null))
    );
  }
  return equals(a, b);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above every single unit.
    const xHigh = (x & 0xf800) === 0xd800;
    const yHigh = (y & 0xf800) === 0xd800;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Sign of `a` against `b`, or undefined where Python raises TypeError. */
export function order(a: Value, b: Value): number | undefined {
  if (typeof a === 'string') return typeof b === 'string' ? compareText(a, b) : undefined;
  if (isList(a)) {
    if (!isList(b)) return undefined;
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
      const x = a[i] ?? null;
      const y = b[i] ?? null;
      if (!equals(x, y)) return order(x, y);
    }
    return a.length - b.length;
  }
  const x = asNumber(a);
  const y = asNumber(b);
  if (x === undefined || y === undefined) return undefined;
  return x < y ? -1 : x > y ? 1 : 0;
}

export function truthy(value: Value | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') return value !== '';
  return isMap(value) ? value.size > 0 : value.length > 0;
}

export function isIterable(value: Value): value is string | readonly Value[] | ValueMap {
  return typeof value === 'string' || isList(value) || isMap(value);
}

/** `len(value)`; a string counts code points. */
export function length(value: string | readonly Value[] | ValueMap): number {
  if (isMap(value)) return value.size;
  if (isList(value)) return value.length;
  let count = value.length;
  for (let i = 0; i < value.length; i++) if ((value.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}

/** What iterating gives: code points, items, keys. */
export function members(value: string | readonly Value[] | ValueMap): Value[] {
  if (typeof value === 'string') return Array.from(value);
  return isMap(value) ? [...value.keys()] : [...value];
}

export function isHashable(value: Value): boolean {
  if (value instanceof Tuple) return value.every(isHashable);
  return !isList(value) && !isMap(value);
}

/** The value as a dictionary key: True and 1.0 are the key 1. @throws Breakdown TypeError for lists and dictionaries */
export function keyOf(value: Value): ValueKey {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (isList(value) || isMap(value)) throw new Breakdown('TypeError');
  return value;
}

/**
 * The key of a dictionary that equals `item`, in the form that it has there: `rename: 1.0` makes a key that is a float, and
 * that 1 finds. @throws Breakdown TypeError for lists and dictionaries
 */
export function findKey(map: ReadonlyMap<ValueKey, unknown>, item: Value): ValueKey | undefined {
  const key = keyOf(item);
  if (map.has(key)) return key;
  const float = typeof key === 'bigint' ? Number(key) : Number.NaN;
  return Number.isFinite(float) && BigInt(float) === key && map.has(float) ? float : undefined;
}

/** `dictionary.get(key)`. */
export function getMember<T>(map: ReadonlyMap<ValueKey, T>, key: ValueKey): T | undefined {
  if (typeof key === 'string') return map.get(key);
  const found = findKey(map, key);
  return found === undefined ? undefined : map.get(found);
}

/** `dictionary[item] = member`: a key that is there keeps its form, a new one has that of `item`. @throws Breakdown TypeError */
export function setMember<T>(map: Map<ValueKey, T>, item: Value, member: T): void {
  map.set(findKey(map, item) ?? (typeof item === 'number' ? item : keyOf(item)), member);
}

/** `item in container`. @throws Breakdown TypeError */
export function contains(container: Value | undefined, item: Value): boolean {
  if (isMap(container)) return findKey(container, item) !== undefined;
  if (isList(container)) return container.some((other) => equals(other, item));
  if (typeof container === 'string' && typeof item === 'string') return container.includes(item);
  throw new Breakdown('TypeError');
}
