// Mutations of JSON as a tree. The tree keeps texts rather than values, so that it can hold what JSON.parse would lose: a
// member twice, a number in an odd form, half a surrogate pair. Strings that hold base64url, JSON or CBOR are changed inside.
import { base64urlDecode, base64urlEncode, BytesError } from '@sealroom/bytes';
import type { Random } from './random.ts';

export type JsonNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly Member[] };
type Member = { readonly key: string; readonly value: JsonNode };

const textOf = (text: string): JsonNode => ({ kind: 'text', text });

/** Trees are walked by recursion; what is deeper is changed by its bytes. */
const DEEPEST = 500;

/** The tree of a parsed value; keys are JSON texts, quotes included. @throws RangeError when it is too deep for a tree */
function toNode(value: unknown, depth = 0): JsonNode {
  if (depth > DEEPEST) throw new RangeError('too deep');
  if (Array.isArray(value)) return { kind: 'array', items: value.map((item) => toNode(item, depth + 1)) };
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, item]) => ({
      key: JSON.stringify(key),
      value: toNode(item, depth + 1),
    }));
    return { kind: 'object', members };
  }
  return textOf(JSON.stringify(value));
}

const SPACES = ['', '', '', ' ', '\n', '\t', '\r\n', '  ', '\u00a0', '\ufeff'];

/** @param odd where white space may stand */
export function writeNode(node: JsonNode, odd?: Random): string {
  const gap = (): string => (odd && odd.once(6) ? (odd.pick(SPACES) ?? '') : '');
  switch (node.kind) {
    case 'text':
      return gap() + node.text + gap();
    case 'array':
      return `[${node.items.map((item) => writeNode(item, odd)).join(',')}${gap()}]`;
    case 'object':
      return `{${node.members
        .map(({ key, value }) => `${gap()}${key}${gap()}:${writeNode(value, odd)}`)
        .join(',')}${gap()}}`;
  }
}

/** Members in the order of RFC 8785, everywhere. */
export function sortNode(node: JsonNode): JsonNode {
  if (node.kind === 'array') return { kind: 'array', items: node.items.map(sortNode) };
  if (node.kind === 'text') return node;
  const members = node.members.map(({ key, value }) => ({ key, value: sortNode(value) }));
  return {
    kind: 'object',
    members: members.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)),
  };
}

const NUMBERS =
  '0 -0 1 -1 0.0 1.0 -1.5 1e0 1E+2 1e400 -1e400 5e-324 01 +1 .5 1. 9007199254740991 9007199254740992 -9007199254740992 18446744073709551616 1e308 0.1e1 NaN Infinity 0x10 1_000'.split(
    ' ',
  );
const WORDS = ['true', 'false', 'null', 'True', '""', '[]', '{}', '[[]]', '{"":0}', '"\\u0000"', 'nul', ''];
const STRINGS = [
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud83d\\ude00"',
  '"\ud800"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"a\\u0301"',
  '"\u00e9"',
  '"\\/"',
  '"\\x41"',
  '"\\u12"',
  '"\u0007"',
  '"sha256:"',
  '"../x"',
  '"inventory.sealed"',
  '"2026-02-30T00:00:00Z"',
  '"https://a@b:99999/"',
];

function freshText(random: Random): string {
  const lists = [NUMBERS, WORDS, STRINGS];
  return random.pick(random.pick(lists) ?? WORDS) ?? 'null';
}

function nest(random: Random, inner: string): string {
  const depth = random.pick([1, 2, 60, 63, 64, 65, 66, 300, 20_000]) ?? 1;
  const object = random.once(3);
  return object
    ? `{"a":`.repeat(depth) + inner + '}'.repeat(depth)
    : '['.repeat(depth) + inner + ']'.repeat(depth);
}

function changedDigits(random: Random, text: string): string {
  const at = random.below(text.length);
  const digit = String(random.below(10));
  return text.slice(0, at) + digit + text.slice(at + random.below(2));
}

/** A string's content changed; bytes in base64url through `inside`. */
function changeString(random: Random, text: string, inside: (bytes: Uint8Array) => Uint8Array): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return freshText(random);
  }
  if (typeof value !== 'string') return changedDigits(random, text);
  if (value.length > 20 && random.below(4) > 0) {
    try {
      return JSON.stringify(base64urlEncode(inside(base64urlDecode(value))));
    } catch (error) {
      if (!(error instanceof BytesError)) throw error;
    }
  }
  const at = random.below(value.length + 1);
  const letter = String.fromCharCode(random.once(3) ? random.below(0x10000) : 32 + random.below(95));
  const changes = [
    () => value.slice(0, at) + letter + value.slice(at + 1),
    () => value.slice(0, at) + letter + value.slice(at),
    () => value.slice(0, at) + value.slice(at + 1),
    () => value.slice(0, at),
    () => value + value,
    () => value.toUpperCase(),
    () => value.normalize('NFD'),
  ];
  return JSON.stringify((random.pick(changes) ?? (() => value))());
}

type Context = {
  readonly random: Random;
  readonly other: JsonNode;
  readonly inside: (bytes: Uint8Array) => Uint8Array;
};

/** A node and all below it; inputs nest deeper than calls can. */
function* nodesOf(root: JsonNode): Generator<JsonNode> {
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    const children =
      node.kind === 'array' ? node.items : node.kind === 'object' ? node.members.map((m) => m.value) : [];
    for (const child of children.toReversed()) waiting.push(child);
  }
}

function anyOf(random: Random, tree: JsonNode): JsonNode {
  let chosen = tree;
  let seen = 0;
  for (const node of nodesOf(tree)) if (random.once(++seen)) chosen = node;
  return chosen;
}

function changeArray(context: Context, items: readonly JsonNode[]): JsonNode {
  const { random, other } = context;
  const at = random.below(items.length);
  const own = items[at];
  const changes = [
    () => items.toSpliced(at, 1),
    () => (own ? items.toSpliced(at, 0, own) : items),
    () => items.toSpliced(at, 0, anyOf(random, other)),
    () => items.toReversed(),
    () => (own ? [...items, ...Array.from({ length: random.length(300) }, () => own)] : items),
    () => [],
  ];
  return { kind: 'array', items: (random.pick(changes) ?? (() => items))() };
}

function changeObject(context: Context, members: readonly Member[]): JsonNode {
  const { random, other, inside } = context;
  const at = random.below(members.length);
  const own = members[at];
  const foreign = anyOf(random, other);
  const named = foreign.kind === 'object' ? random.pick(foreign.members) : undefined;
  const changes = [
    () => members.toSpliced(at, 1),
    () => (own ? members.toSpliced(at, 0, own) : members),
    () => (own ? members.with(at, { ...own, key: changeString(random, own.key, inside) }) : members),
    () => members.toSpliced(at, 0, named ?? { key: '"extra"', value: foreign }),
    () => (own ? members.with(at, { ...own, value: foreign }) : members),
    () => [...members, { key: random.pick(STRINGS) ?? '"x"', value: textOf(freshText(random)) }],
    () => members.toReversed(),
  ];
  return { kind: 'object', members: (random.pick(changes) ?? (() => members))() };
}

function changeNode(context: Context, node: JsonNode): JsonNode {
  const { random, other, inside } = context;
  const turn = random.below(12);
  if (turn === 0) return textOf(freshText(random));
  if (turn === 1) return anyOf(random, other);
  if (turn === 2 && random.once(4)) return textOf(nest(random, writeNode(node)));
  if (node.kind === 'array') return changeArray(context, node.items);
  if (node.kind === 'object') return changeObject(context, node.members);
  if (/^[-0-9]/.test(node.text) && random.once(2)) return textOf(random.pick(NUMBERS) ?? '0');
  return textOf(changeString(random, node.text, inside));
}

/** Changes the node that stands at `target` in the order of {@link nodesOf}. */
function changeAt(context: Context, node: JsonNode, target: { left: number }): JsonNode {
  if (target.left-- === 0) return changeNode(context, node);
  if (node.kind === 'array')
    return { kind: 'array', items: node.items.map((item) => changeAt(context, item, target)) };
  if (node.kind === 'text') return node;
  const members = node.members.map(({ key, value }) => ({ key, value: changeAt(context, value, target) }));
  return { kind: 'object', members };
}

function treeOf(text: string): JsonNode | undefined {
  try {
    return toNode(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * JSON text changed in some places; undefined when the text is not JSON.
 * @param inside changes bytes that stand in strings as base64url
 */
export function mutateJson(
  random: Random,
  text: string,
  other: string,
  inside: (bytes: Uint8Array) => Uint8Array,
): string | undefined {
  let tree = treeOf(text);
  if (tree === undefined) return undefined;
  const context: Context = { random, other: treeOf(other) ?? tree, inside };
  for (let left = 1 + random.length(3); left > 0; left--) {
    let count = 0;
    for (const _ of nodesOf(tree)) count++;
    tree = changeAt(context, tree, { left: random.below(count) });
  }
  if (random.once(12)) return writeNode(tree, random);
  return writeNode(random.once(20) ? tree : sortNode(tree));
}
