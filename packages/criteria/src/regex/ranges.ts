// Sorted ranges of code points that do not overlap. Surrogates are no characters of a text and are not counted.

/** The number of code points that text can hold: all but the surrogates. */
export const CODE_POINTS = 0x110000 - 0x800;
const LAST = 0x10ffff;

/** Inclusive. */
export type Range = readonly [number, number];

export class Ranges {
  readonly list: readonly Range[];

  constructor(ranges: readonly Range[]) {
    const list: [number, number][] = [];
    for (const [low, high] of ranges.toSorted(([a], [b]) => a - b)) {
      const last = list.at(-1);
      if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
      else list.push([low, high]);
    }
    this.list = list;
  }

  has(code: number): boolean {
    let low = 0;
    let high = this.list.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [from, to] = this.list[middle] ?? [0, -1];
      if (code < from) high = middle - 1;
      else if (code > to) low = middle + 1;
      else return true;
    }
    return false;
  }

  complement(): Ranges {
    const gaps: Range[] = [];
    let next = 0;
    for (const [low, high] of this.list) {
      if (low > next) gaps.push([next, low - 1]);
      next = high + 1;
    }
    if (next <= LAST) gaps.push([next, LAST]);
    return new Ranges(gaps);
  }

  get size(): number {
    let size = 0;
    for (const [low, high] of this.list) {
      const surrogates = Math.max(0, Math.min(high, 0xdfff) - Math.max(low, 0xd800) + 1);
      size += high - low + 1 - surrogates;
    }
    return size;
  }
}
