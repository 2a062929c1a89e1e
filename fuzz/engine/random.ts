// Numbers that look random and come again from the same seed (sfc32 by Chris Doty-Humphrey). For test inputs only: nothing
// secret may be made with it.

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param stream another sequence under the same seed, such as one for each family */
  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = stream >>> 0;
    for (let i = 0; i < 15; i++) this.word();
  }

  /** 32 bits. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** An integer from 0 up to `count`, exclusive; 0 when there is none. */
  below(count: number): number {
    return Math.floor((this.word() / 2 ** 32) * count);
  }

  /** True once in `count` times. */
  once(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  /** A length up to `most`, small ones more often. */
  length(most: number): number {
    return this.below(Math.min(most, 2 ** (1 + this.below(Math.ceil(Math.log2(most + 1)) || 1))) + 1);
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.word() & 255;
    return out;
  }
}
