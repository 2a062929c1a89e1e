// Choices that a seed repeats. Not for secrets.
import { createHash } from 'node:crypto';

export type Choices = {
  /** A number from 0 up to 1. */
  number(): number;
  one<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
};

export function choicesOf(seed: string): Choices {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0);
  // mulberry32
  const number = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const one = <Item>(items: readonly Item[]): Item => {
    const item = items[Math.floor(number() * items.length)];
    if (item === undefined) throw new Error('There is nothing to choose from.');
    return item;
  };
  const shuffled = <Item>(items: readonly Item[]): Item[] =>
    items
      .map((item) => ({ item, at: number() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item);
  return { number, one, shuffled };
}
