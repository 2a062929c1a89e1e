// Text as Intel's service writes it: times, hexadecimal in either case, and members of JSON as they stand.
import { type Bytes, hexDecode } from '@sealroom/bytes';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Milliseconds since 1970 of a time in UTC to the second; undefined for anything else. */
export function timeOf(text: string): number | undefined {
  const at = TIME.test(text) ? Date.parse(text) : Number.NaN;
  const same = Number.isFinite(at) && new Date(at).toISOString() === `${text.slice(0, -1)}.000Z`;
  return same ? at : undefined;
}

/** Hexadecimal in either case; undefined for anything else. */
export function hexBytes(text: unknown): Bytes | undefined {
  if (typeof text !== 'string' || !/^(?:[0-9a-fA-F]{2})+$/.test(text)) return undefined;
  return hexDecode(text.toLowerCase());
}

/** Where a string that begins at `at` ends. */
function afterString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

function afterValue(text: string, at: number): number {
  let depth = 0;
  for (let end = at; end < text.length; ) {
    const sign = text[end];
    if (depth === 0 && (sign === ',' || sign === '}')) return end;
    if (sign === '"') {
      end = afterString(text, end);
      continue;
    }
    if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    end += 1;
  }
  return text.length;
}

/** The exact texts of the members of an object. The text must be JSON without duplicate members, as the strict reader finds. */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (let at = text.indexOf('{') + 1; at < text.length; ) {
    const start = text.indexOf('"', at);
    if (start < 0) break;
    const end = afterString(text, start);
    const value = text.indexOf(':', end) + 1;
    const after = afterValue(text, value);
    members.set(String(JSON.parse(text.slice(start, end))), text.slice(value, after).trim());
    at = after + 1;
  }
  return members;
}
