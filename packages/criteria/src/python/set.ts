// Python sets of JSON scalars, for the messages that print one. CPython prints a set in the order of its hash table; for
// numbers that order is fixed and Cerberus' messages show it, so it is worked out here. The hashes of strings and None
// change from process to process: they are put in after the numbers they meet, in order of insertion.
import { keyOf } from './semantics.ts';
import { isList, isMap, type Value, type ValueKey } from '../value.ts';

const HASH_BITS = 61n;
const MODULUS = 2n ** HASH_BITS - 1n;

function integerHash(value: bigint): bigint {
  const magnitude = (value < 0n ? -value : value) % MODULUS;
  const hash = value < 0n ? -magnitude : magnitude;
  return hash === -1n ? -2n : hash;
}

/** A fraction is numerator times the inverse of a power of two, modulo 2^61-1, where 2^61 is 1. */
function fractionHash(value: number): bigint {
  let magnitude = Math.abs(value);
  let shift = 0n;
  while (!Number.isInteger(magnitude)) {
    magnitude *= 2;
    shift++;
  }
  const inverse = 2n ** ((HASH_BITS - (shift % HASH_BITS)) % HASH_BITS);
  return integerHash(((BigInt(magnitude) % MODULUS) * inverse * (value < 0 ? -1n : 1n)) % MODULUS);
}

function hashOf(key: ValueKey): bigint {
  if (typeof key === 'bigint') return integerHash(key);
  if (typeof key === 'number') return fractionHash(key);
  return 0n;
}

interface Slot {
  readonly hash: bigint;
  readonly item: Value;
}

const LINEAR_PROBES = 9;

function place(table: (Slot | undefined)[], slot: Slot): void {
  const mask = BigInt(table.length - 1);
  let perturb = BigInt.asUintN(64, slot.hash);
  let index = perturb & mask;
  for (;;) {
    const start = Number(index);
    const probes = start + LINEAR_PROBES <= Number(mask) ? LINEAR_PROBES : 0;
    for (let at = start; at <= start + probes; at++) {
      if (table[at] === undefined) {
        table[at] = slot;
        return;
      }
    }
    perturb >>= 5n;
    index = (index * 5n + 1n + perturb) & mask;
  }
}

function emptyTable(size: number): (Slot | undefined)[] {
  return Array.from({ length: size }, () => undefined);
}

/** A set with CPython's table: it grows fourfold when three fifths are in use. */
export class NumberSet {
  readonly #keys = new Set<ValueKey>();
  #table: (Slot | undefined)[] = emptyTable(8);

  /** @throws Breakdown TypeError for a list or dictionary among the items */
  constructor(items: Iterable<Value>) {
    for (const item of items) this.#add(item);
  }

  #add(item: Value): void {
    const key = keyOf(item);
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    place(this.#table, { hash: hashOf(key), item });
    if (this.#keys.size * 5 < (this.#table.length - 1) * 3) return;
    const wanted = this.#keys.size > 50000 ? this.#keys.size * 2 : this.#keys.size * 4;
    let size = 8;
    while (size <= wanted) size *= 2;
    const old = this.#table;
    this.#table = emptyTable(size);
    for (const slot of old) if (slot !== undefined) place(this.#table, slot);
  }

  get size(): number {
    return this.#keys.size;
  }

  has(item: Value): boolean {
    return !isList(item) && !isMap(item) && this.#keys.has(keyOf(item));
  }

  items(): Value[] {
    return this.#table.filter((slot) => slot !== undefined).map((slot) => slot.item);
  }

  /** `this & other`: the items are those of the smaller set. */
  intersection(other: NumberSet): NumberSet {
    const [walked, asked] = other.size > this.size ? [this, other] : [other, this];
    return new NumberSet(walked.items().filter((item) => asked.has(item)));
  }

  /** `this - other`. Of a set four times as large as the other, CPython makes a copy and takes the others out. */
  difference(other: NumberSet): NumberSet {
    const copies = Math.floor(this.size / 4) > other.size;
    const left = (copies ? this.#copiedItems() : this.items()).filter((item) => !other.has(item));
    const result = new NumberSet(copies ? [] : left);
    if (copies) {
      // What was taken out leaves its place empty; the order stays.
      for (const item of left) result.#keys.add(keyOf(item));
      result.#table = left.map((item) => ({ hash: hashOf(keyOf(item)), item }));
    }
    return result;
  }

  /** The items in the order of a copy, whose table may be smaller than the one that grew. */
  #copiedItems(): Value[] {
    let size = 8;
    if (this.size * 5 >= (size - 1) * 3) while (size <= this.size * 2) size *= 2;
    if (size === this.#table.length) return this.items();
    const table = emptyTable(size);
    for (const slot of this.#table) if (slot !== undefined) place(table, slot);
    return table.filter((slot) => slot !== undefined).map((slot) => slot.item);
  }
}
