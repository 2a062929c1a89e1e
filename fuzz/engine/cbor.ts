// Mutations of CBOR (RFC 8949) as a tree. A reader of its own, so that forms the project refuses can be written: long
// lengths, indefinite ones, odd tags, maps out of order. Byte strings that hold CBOR or JSON are changed inside.
import { concat, utf8Encode } from '@sealroom/bytes';
import type { Random } from './random.ts';

type Node =
  | { readonly kind: 'head'; readonly major: 0 | 1 | 7; readonly value: bigint; readonly info: number }
  | { readonly kind: 'string'; readonly major: 2 | 3; readonly bytes: Uint8Array }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly pairs: readonly (readonly [Node, Node])[] }
  | { readonly kind: 'tag'; readonly tag: bigint; readonly item: Node };

class Malformed extends Error {}

class CborReader {
  readonly #bytes: Uint8Array;
  at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  #take(length: number): Uint8Array {
    if (this.at + length > this.#bytes.length) throw new Malformed();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
  value(depth: number): Node {
    const first = this.#take(1)[0] ?? 0;
    const [major, info] = [first >> 5, first & 31];
    if (info > 27 || depth > 40) throw new Malformed();
    let value = BigInt(info);
    if (info >= 24) {
      value = 0n;
      for (const byte of this.#take(2 ** (info - 24))) value = (value << 8n) | BigInt(byte);
    }
    if (major === 0 || major === 1 || major === 7) return { kind: 'head', major, value, info };
    if (major === 6) return { kind: 'tag', tag: value, item: this.value(depth + 1) };
    if (value > BigInt(this.#bytes.length)) throw new Malformed();
    const length = Number(value);
    if (major === 2 || major === 3) return { kind: 'string', major, bytes: this.#take(length) };
    const read = () => this.value(depth + 1);
    if (major === 4) return { kind: 'list', items: Array.from({ length }, read) };
    return { kind: 'map', pairs: Array.from({ length }, () => [read(), read()] as const) };
  }
}

function treeOf(bytes: Uint8Array): Node | undefined {
  const reader = new CborReader(bytes);
  try {
    const node = reader.value(0);
    return reader.at === bytes.length ? node : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Whether bytes are one CBOR list, map or tag, which a byte string inside a message may hold. */
function holdsCbor(bytes: Uint8Array): boolean {
  return bytes.length > 1 && (bytes[0] ?? 0) >> 5 >= 4 && treeOf(bytes) !== undefined;
}

/** `odd`: lengths longer than needed, now and then. */
function head(major: number, value: bigint, odd?: Random): Uint8Array {
  let width = value < 24n ? 0 : value < 0x100n ? 1 : value < 0x10000n ? 2 : value < 0x100000000n ? 4 : 8;
  if (odd?.once(8)) width = Math.max(width, odd.pick([1, 2, 4, 8]) ?? 1);
  if (width === 0) return Uint8Array.of((major << 5) | Number(value));
  const out = new Uint8Array(1 + width);
  out[0] = (major << 5) | (24 + Math.log2(width));
  for (let i = 0; i < width; i++) out[width - i] = Number((value >> BigInt(8 * i)) & 255n);
  return out;
}

const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

function write(node: Node, sorted: boolean, odd?: Random): Uint8Array {
  switch (node.kind) {
    case 'head': {
      if (node.major !== 7 || node.info < 25) return head(node.major, node.value, odd);
      const out = new Uint8Array(1 + 2 ** (node.info - 24));
      out[0] = 0xe0 | node.info;
      for (let i = 0; i < out.length - 1; i++)
        out[out.length - 1 - i] = Number((node.value >> BigInt(8 * i)) & 255n);
      return out;
    }
    case 'string': {
      if (odd?.once(10)) {
        const half = node.bytes.length >> 1;
        const parts = [node.bytes.subarray(0, half), node.bytes.subarray(half)];
        const chunks = parts.flatMap((part) => [head(node.major, BigInt(part.length)), part]);
        return concat(Uint8Array.of((node.major << 5) | 31), ...chunks, Uint8Array.of(255));
      }
      return concat(head(node.major, BigInt(node.bytes.length), odd), node.bytes);
    }
    case 'list': {
      const items = node.items.map((item) => write(item, sorted, odd));
      if (odd?.once(10)) return concat(Uint8Array.of(0x9f), ...items, Uint8Array.of(255));
      return concat(head(4, BigInt(items.length), odd), ...items);
    }
    case 'map': {
      const pairs = node.pairs.map(
        ([key, value]) => [write(key, sorted, odd), write(value, sorted, odd)] as const,
      );
      if (sorted) pairs.sort(([a], [b]) => compare(a, b));
      if (odd?.once(10)) return concat(Uint8Array.of(0xbf), ...pairs.flat(), Uint8Array.of(255));
      return concat(head(5, BigInt(pairs.length), odd), ...pairs.flat());
    }
    case 'tag':
      return concat(head(6, node.tag, odd), write(node.item, sorted, odd));
  }
}

const LABELS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  6n,
  8n,
  15n,
  16n,
  17n,
  18n,
  19n,
  61n,
  96n,
  97n,
  98n,
  394n,
  395n,
  396n,
];
const NUMBERS = [
  ...LABELS,
  7n,
  23n,
  24n,
  255n,
  256n,
  65_535n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 64n - 1n,
];

function fresh(random: Random): Node {
  const number = random.pick(NUMBERS) ?? 0n;
  const made: readonly (() => Node)[] = [
    () => ({ kind: 'head', major: 0, value: number, info: 0 }),
    () => ({ kind: 'head', major: 1, value: number, info: 0 }),
    () => ({ kind: 'head', major: 7, value: BigInt(random.pick([20, 21, 22, 23, 16, 31]) ?? 22), info: 0 }),
    () => ({ kind: 'head', major: 7, value: BigInt(random.below(256)), info: 24 }),
    () => ({
      kind: 'head',
      major: 7,
      value: random.pick([0n, 0x3c00n, 0x7c00n, 0x7e00n, 0x8000n]) ?? 0n,
      info: 25,
    }),
    () => ({ kind: 'head', major: 7, value: BigInt(random.word()), info: 26 }),
    () => ({
      kind: 'head',
      major: 7,
      value: (BigInt(random.word()) << 32n) | BigInt(random.word()),
      info: 27,
    }),
    () => ({
      kind: 'string',
      major: 2,
      bytes: random.bytes(random.pick([0, 1, 16, 31, 32, 33, 64, 72]) ?? 0),
    }),
    () => ({
      kind: 'string',
      major: 3,
      bytes: utf8Encode(random.pick(['', 'size', '__proto__', 'é', 'a']) ?? ''),
    }),
    () => ({ kind: 'string', major: 3, bytes: random.bytes(3) }),
    () => ({ kind: 'list', items: [] }),
    () => ({ kind: 'map', pairs: [] }),
  ];
  return (random.pick(made) ?? (() => ({ kind: 'list', items: [] }) as Node))();
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  if (node.kind === 'list') for (const item of node.items) yield* nodesOf(item);
  if (node.kind === 'tag') yield* nodesOf(node.item);
  if (node.kind === 'map') for (const pair of node.pairs) for (const item of pair) yield* nodesOf(item);
}

function anyOf(random: Random, tree: Node): Node {
  let chosen = tree;
  let seen = 0;
  for (const node of nodesOf(tree)) if (random.once(++seen)) chosen = node;
  return chosen;
}

export type Inner = {
  /** Changes bytes that hold no CBOR. */
  readonly plain: (bytes: Uint8Array) => Uint8Array;
};

type Context = { readonly random: Random; readonly other: Node; readonly inner: Inner };

function changeBytes({ random, inner }: Context, node: Extract<Node, { kind: 'string' }>): Node {
  const { bytes } = node;
  if (node.major === 2 && holdsCbor(bytes) && random.below(8) > 0) {
    return { ...node, bytes: mutateCbor(random, bytes, bytes, inner) ?? bytes };
  }
  return { ...node, bytes: inner.plain(bytes) };
}

function changeNode(context: Context, node: Node): Node {
  const { random, other } = context;
  const turn = random.below(10);
  if (turn === 0) return fresh(random);
  if (turn === 1) return anyOf(random, other);
  if (turn === 2 && random.once(3)) return { kind: 'tag', tag: random.pick(LABELS) ?? 18n, item: node };
  switch (node.kind) {
    case 'head': {
      const change = random.once(2) ? BigInt(1 + random.below(3)) : (random.pick(NUMBERS) ?? 0n);
      return {
        ...node,
        value: random.once(2) ? node.value + change : node.value > change ? node.value - change : 0n,
      };
    }
    case 'string':
      return changeBytes(context, node);
    case 'tag':
      return random.once(2) ? node.item : { ...node, tag: random.pick(LABELS) ?? 18n };
    case 'list': {
      const { items } = node;
      const at = random.below(items.length);
      const own = items[at] ?? fresh(random);
      const changes = [
        items.toSpliced(at, 1),
        items.toSpliced(at, 0, own),
        items.toSpliced(at, 0, anyOf(random, other)),
        items.toReversed(),
        items.concat(Array.from({ length: random.length(80) }, () => own)),
      ];
      return { kind: 'list', items: random.pick(changes) ?? items };
    }
    case 'map': {
      const { pairs } = node;
      const at = random.below(pairs.length);
      const [key, value] = pairs[at] ?? [fresh(random), fresh(random)];
      const changes = [
        pairs.toSpliced(at, 1),
        pairs.toSpliced(at, 0, [key, value]),
        pairs.toSpliced(at, 1, [fresh(random), value]),
        pairs.toSpliced(at, 1, [key, anyOf(random, other)]),
        pairs.toSpliced(at, 0, [fresh(random), fresh(random)]),
        pairs.toReversed(),
      ];
      return { kind: 'map', pairs: random.pick(changes) ?? pairs };
    }
  }
}

function changeAt(context: Context, node: Node, target: { left: number }): Node {
  if (target.left-- === 0) return changeNode(context, node);
  const below = (item: Node): Node => changeAt(context, item, target);
  if (node.kind === 'list') return { kind: 'list', items: node.items.map(below) };
  if (node.kind === 'tag') return { ...node, item: below(node.item) };
  if (node.kind === 'map')
    return { kind: 'map', pairs: node.pairs.map(([key, value]) => [below(key), below(value)]) };
  return node;
}

/** CBOR changed in some places; undefined when the bytes are not CBOR. */
export function mutateCbor(
  random: Random,
  bytes: Uint8Array,
  other: Uint8Array,
  inner: Inner,
): Uint8Array | undefined {
  let tree = treeOf(bytes);
  if (tree === undefined) return undefined;
  const context: Context = { random, other: treeOf(other) ?? tree, inner };
  for (let left = 1 + random.length(2); left > 0; left--) {
    let count = 0;
    for (const _ of nodesOf(tree)) count++;
    tree = changeAt(context, tree, { left: random.below(count) });
  }
  const out = write(tree, random.below(12) > 0, random.once(8) ? random : undefined);
  return out;
}

const TAGS = new Set([16n, 17n, 18n, 61n, 96n, 97n, 98n]);
const DEEPEST_PLAIN = 16;

/** Whether every reader of deterministic CBOR must take this value: no floats, odd simple values or tags, nothing twice. */
function isPlain(node: Node, depth = 0): boolean {
  if (depth > DEEPEST_PLAIN) return false;
  switch (node.kind) {
    case 'head':
      return node.major !== 7 || (node.info >= 20 && node.info <= 22);
    case 'string':
      return isText(node);
    case 'list':
      return node.items.every((item) => isPlain(item, depth + 1));
    case 'tag':
      return TAGS.has(node.tag) && isPlain(node.item, depth + 1);
    case 'map': {
      const keys = node.pairs.map(([key]) => Buffer.from(write(key, true)).toString('hex'));
      const simple = node.pairs.every(([key]) => key.kind === 'head' || key.kind === 'string');
      return (
        simple &&
        new Set(keys).size === keys.length &&
        node.pairs.every((pair) => pair.every((item) => isPlain(item, depth + 1)))
      );
    }
  }
}

function isText(node: Extract<Node, { kind: 'string' }>): boolean {
  if (node.major === 2) return true;
  const text = Buffer.from(node.bytes).toString('utf8');
  return Buffer.compare(Buffer.from(text), node.bytes) === 0;
}

/**
 * A second reader's judgement: `plain` for what everyone must accept, `not-canonical` for what nobody may, `unclear` else.
 */
export function canonicalCbor(bytes: Uint8Array): 'plain' | 'not-canonical' | 'unclear' {
  const node = treeOf(bytes);
  if (node === undefined) return bytes.length === 0 ? 'not-canonical' : 'unclear';
  if (compare(write(node, true), bytes) !== 0) return 'not-canonical';
  return isPlain(node) ? 'plain' : 'unclear';
}
