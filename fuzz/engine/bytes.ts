// Mutations that know nothing of a format: bits, bytes, chunks, lengths, words of a dictionary, pieces of other inputs.
import { concat } from '@sealroom/bytes';
import type { Random } from './random.ts';

const INTERESTING = [0, 1, 7, 8, 15, 16, 23, 24, 27, 31, 32, 63, 64, 127, 128, 192, 224, 240, 247, 254, 255];

export type ByteSources = {
  /** Words that the format knows. */
  readonly words: readonly Uint8Array[];
  /** Another input of the same target, to cut pieces from. */
  readonly other: Uint8Array;
};

type Mutation = (random: Random, input: Uint8Array, sources: ByteSources) => Uint8Array;

function insert(input: Uint8Array, at: number, piece: Uint8Array, dropped = 0): Uint8Array {
  return concat(input.subarray(0, at), piece, input.subarray(at + dropped));
}

function cut(random: Random, from: Uint8Array, most = 64): Uint8Array {
  const start = random.below(from.length);
  return from.subarray(start, start + 1 + random.length(most));
}

/** A big- or little-endian number somewhere is made a little or much larger or smaller. */
function nudgeNumber(random: Random, input: Uint8Array): Uint8Array {
  const width = random.pick([1, 2, 4, 8]) ?? 1;
  if (input.length < width) return input;
  const at = random.below(input.length - width + 1);
  const out = new Uint8Array(input);
  const order = Array.from({ length: width }, (_, i) => at + i);
  if (random.once(2)) order.reverse();
  const change = random.once(2) ? 1 + random.below(16) : random.word();
  const sign = random.once(2) ? 1 : -1;
  let carry = sign * change;
  for (const place of order.toReversed()) {
    const sum = (out[place] ?? 0) + carry;
    out[place] = sum & 255;
    carry = Math.floor(sum / 256);
  }
  return out;
}

const MUTATIONS: readonly Mutation[] = [
  (random, input) => {
    const out = new Uint8Array(input);
    const at = random.below(out.length);
    out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
    return out;
  },
  (random, input) => {
    const out = new Uint8Array(input);
    out[random.below(out.length)] = random.once(2) ? random.word() & 255 : (random.pick(INTERESTING) ?? 0);
    return out;
  },
  (random, input) => input.subarray(0, random.below(input.length + 1)),
  (random, input) => input.subarray(random.length(input.length)),
  (random, input) => insert(input, random.below(input.length + 1), new Uint8Array(), 1 + random.length(32)),
  (random, input) => insert(input, random.below(input.length + 1), random.bytes(1 + random.length(16))),
  (random, input) =>
    insert(
      input,
      random.below(input.length + 1),
      new Uint8Array(1 + random.length(64)).fill(random.once(2) ? 0 : random.word() & 255),
    ),
  (random, input) => insert(input, random.below(input.length + 1), cut(random, input)),
  (random, input, { other }) => insert(input, random.below(input.length + 1), cut(random, other)),
  (random, input, { other }) => {
    const piece = cut(random, other);
    return insert(input, random.below(input.length + 1), piece, piece.length);
  },
  // Crossing over: the head of one and the tail of another.
  (random, input, { other }) =>
    concat(input.subarray(0, random.below(input.length + 1)), other.subarray(random.below(other.length + 1))),
  (random, input, { words }) =>
    insert(input, random.below(input.length + 1), random.pick(words) ?? random.bytes(2)),
  (random, input, { words }) => {
    const word = random.pick(words) ?? random.bytes(2);
    return insert(input, random.below(input.length + 1), word, word.length);
  },
  nudgeNumber,
  // Two pieces change places.
  (random, input) => {
    const [a, b] = [random.below(input.length + 1), random.below(input.length + 1)].toSorted((x, y) => x - y);
    const [start = 0, middle = 0] = [a, b];
    const end = Math.min(input.length, middle + 1 + random.length(32));
    return concat(
      input.subarray(0, start),
      input.subarray(middle, end),
      input.subarray(start, middle),
      input.subarray(end),
    );
  },
];

export function mutateBytes(random: Random, input: Uint8Array, sources: ByteSources): Uint8Array {
  let out = input;
  for (let left = 1 + random.length(4); left > 0; left--) {
    const mutation = random.pick(MUTATIONS);
    if (mutation) out = mutation(random, out, sources);
  }
  return out;
}

/** A piece of the input many times over: what is not linear shows itself. */
export function inflate(random: Random, input: Uint8Array, size: number): Uint8Array {
  const piece = cut(random, input.length === 0 ? random.bytes(1) : input, 32);
  const times = Math.floor(size / piece.length);
  const repeated = new Uint8Array(piece.length * times);
  for (let i = 0; i < times; i++) repeated.set(piece, i * piece.length);
  return insert(input, random.below(input.length + 1), repeated);
}
