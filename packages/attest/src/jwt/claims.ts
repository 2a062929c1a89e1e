// Claims out of a token's payload by their JSON types. A claim that is absent or of another type is undefined, and whoever
// needs it fails its check; nothing is converted.
import type { Bytes, Json, JsonObject } from '@sealroom/bytes';
import { hexDecode, utf8Encode } from '@sealroom/bytes';
import { isObject } from './parse.ts';

export function textAt(object: JsonObject | undefined, name: string): string | undefined {
  const value = memberOf(object, name);
  return typeof value === 'string' ? value : undefined;
}

export function numberAt(object: JsonObject | undefined, name: string): number | undefined {
  const value = memberOf(object, name);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

export function flagAt(object: JsonObject | undefined, name: string): boolean | undefined {
  const value = memberOf(object, name);
  return typeof value === 'boolean' ? value : undefined;
}

export function objectAt(object: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = memberOf(object, name);
  return isObject(value) ? value : undefined;
}

/** A list of texts; undefined when anything else stands in it. */
export function textsAt(object: JsonObject | undefined, name: string): readonly string[] | undefined {
  const value = memberOf(object, name);
  if (!Array.isArray(value)) return undefined;
  const items = value as readonly Json[];
  return items.every((item) => typeof item === 'string') ? items : undefined;
}

export function memberOf(object: JsonObject | undefined, name: string): Json | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The bytes that a text of a token binds: those that 64 lower-case hexadecimal digits name, else the text's own; zeros for none. */
export function boundBytes(text: string | undefined): Bytes {
  if (text === undefined) return new Uint8Array(32);
  return /^[0-9a-f]{64}$/.test(text) ? hexDecode(text) : utf8Encode(text);
}

/** Bytes of a hexadecimal claim of this length. */
export function hexAt(object: JsonObject | undefined, name: string, length: number): Bytes | undefined {
  const text = textAt(object, name)?.toLowerCase();
  return text?.length === 2 * length && /^[0-9a-f]*$/.test(text) ? hexDecode(text) : undefined;
}

const LONGEST = 200;

/**
 * Every claim of the top level and of objects in it, by its path, for display. A service signs what its client gave it too: an
 * object whose path is long is shown as text, so that a long name before many others costs no more than the token is long.
 */
export function displayed(object: JsonObject, before = ''): Record<string, string | number | boolean> {
  const out: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(object)) {
    const path = `${before}${name}`;
    if (isObject(value) && path.length <= LONGEST) Object.assign(out, displayed(value, `${path}.`));
    else if (typeof value === 'number' || typeof value === 'boolean') out[path] = value;
    else out[path] = (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, LONGEST);
  }
  return out;
}
