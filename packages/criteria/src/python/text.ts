// The texts that Python makes of JSON values, str() and repr(), as they stand in Cerberus' messages.
import { isList, isMap, type Value } from '../value.ts';
import { floatText } from './float.ts';
import { Tuple } from './semantics.ts';
import { NumberSet } from './set.ts';

/** A value, or a set of them, in a message. */
export type Shown = Value | NumberSet;

const ESCAPES = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escapeCharacter(character: string): string {
  const known = ESCAPES.get(character);
  if (known !== undefined) return known;
  if (character === ' ' || !/[\p{C}\p{Z}]/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const character of text) out += character === quote ? `\\${quote}` : escapeCharacter(character);
  return quote + out + quote;
}

export function repr(value: Shown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'string') return stringRepr(value);
  if (value instanceof NumberSet) return `{${value.items().map(repr).join(', ')}}`;
  if (value instanceof Tuple) return `(${value.map(repr).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (isList(value)) return `[${value.map(repr).join(', ')}]`;
  if (isMap(value)) {
    return `{${[...value].map(([key, member]) => `${repr(key)}: ${repr(member)}`).join(', ')}}`;
  }
  return '';
}

/** `str(value)`, which is also what a message's braces give. */
export function str(value: Shown): string {
  return typeof value === 'string' ? value : repr(value);
}
