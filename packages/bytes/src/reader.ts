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

  /** The next `length` bytes, as a copy. */
  take(length: number): Bytes {
    if (!Number.isInteger(length) || length < 0 || length > this.remaining) {
      throw new BytesError('bytes/truncated', `The input ends ${length - this.remaining} bytes too early.`);
    }
    const out = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return new Uint8Array(out);
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
    return this.take(length).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }

  /** @throws bytes/trailing when anything is left. */
  end(): void {
    if (this.remaining > 0)
      throw new BytesError('bytes/trailing', `${this.remaining} bytes follow the end of the value.`);
  }
}
