// One wrong value at a time in an otherwise right body: what a server must answer with a refusal, never with a fault.
import type { Json, JsonObject } from '@sealroom/bytes';

const VALUES: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  'AAAA',
  '\u0000',
  '../../etc/passwd',
  'sha256:' + '0'.repeat(64),
  'A'.repeat(70_000),
  [],
  {},
  [[[[]]]],
];

/** `put` is what stands at `where` now; undefined where nothing was put there. */
export type Mutation = { readonly where: string; readonly value: Json; readonly put?: Json };

/** Copies of `value` with one member (at any depth) replaced, doubled in a list, left out, or added. */
export function* mutations(value: Json, where = 'body'): Generator<Mutation> {
  if (where !== 'body') for (const other of VALUES) yield { where, value: other, put: other };
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    yield { where: `${where} doubled`, value: [...items, ...items] };
    const [first] = items;
    if (first === undefined) return;
    for (const inner of mutations(first, `${where}[0]`))
      yield { ...inner, value: [inner.value, ...items.slice(1)] };
  } else if (typeof value === 'object' && value !== null) {
    const members = value as JsonObject;
    yield { where: `${where} with more`, value: { ...members, isAdmin: true } };
    for (const [name, member] of Object.entries(members)) {
      const { [name]: _, ...rest } = members;
      yield { where: `${where} without ${name}`, value: rest };
      for (const inner of mutations(member, `${where}.${name}`))
        yield { ...inner, value: { ...members, [name]: inner.value } };
    }
  } else if (typeof value === 'string' && value.length > 1) {
    const middle = value.length >> 1;
    const letter = value[middle] === 'A' ? 'B' : 'A';
    yield { where: `${where} altered`, value: value.slice(0, middle) + letter + value.slice(middle + 1) };
    yield { where: `${where} cut`, value: value.slice(0, -1) };
  }
}
