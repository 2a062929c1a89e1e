import type { Bytes } from './bytes.ts';
import { BytesError } from './error.ts';

/** Reads fixed-length fields in order; every read past the end throws `bytes/truncated`. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** The place of the next `length` bytes, which are read with this. */
  #skip(length: number): number {
    if (!Number.isInteger(length) || length < 0 || length > this.remaining) {
      throw new BytesError('bytes/truncated', `The input ends ${length - this.remaining} bytes too early.`);
    }
    const start = this.#at;
    this.#at += length;
    return start;
  }

  /** The next `length` bytes, as a copy. */
  take(length: number): Bytes {
    const start = this.#skip(length);
    const out = new Uint8Array(length);
    out.set(this.#bytes.subarray(start, start + length));
    return out;
  }

  uint8(): number {
    return this.take(1)[0] ?? 0;
  }

  /** Big-endian unsigned integer of 1 to 6 bytes. */
  uintBE(length: number): number {
    return this.take(length).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** Little-endian unsigned integer of 1 to 6 bytes. */
  uintLE(length: number): number {
    const start = this.#skip(length);
    let sum = 0;
    for (let i = length - 1; i >= 0; i--) sum = sum * 256 + (this.#bytes[start + i] ?? 0);
    return sum;
  }

  /** @throws bytes/trailing when anything is left. */
  end(): void {
    if (this.remaining > 0)
      throw new BytesError('bytes/trailing', `${this.remaining} bytes follow the end of the value.`);
  }
}
