// What stands in evidence, for people and as JSON; nobody has checked who signed it. For people, long bytes are shown by their
// length and beginning and certificates by a line each: the JSON has all of them.
import { printable } from '../error.ts';
import { facts, timeText } from '../terminal/text.ts';

const LONGEST = 400;
const LONGEST_BYTES = 96;
const BEGINNING = 16;
/** Beyond year 9999 a time cannot be written as others are. */
const LATEST = Date.UTC(9999, 11, 31);

/** Members that are times, in milliseconds as parsers give them, and those of tokens (RFC 7519), in seconds. */
const MILLISECONDS = new Set(['notBefore', 'notAfter', 'timestamp', 'thisUpdate', 'nextUpdate']);
const SECONDS = new Set(['exp', 'iat', 'nbf']);
/** The bit that says DEBUG: TDX’s TDATTRIBUTES, SGX’s ATTRIBUTES (Intel SDM volume 3D, section 36.7.1). */
const DEBUG = new Map([
  ['tdAttributes', 1],
  ['attributes', 2],
]);

/** One line, whoever wrote it. */
export function line(value: unknown): string {
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(
    '\n',
    '\uFFFD',
  );
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Any parsed value as JSON: bytes in hexadecimal, large integers as text, maps as objects. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function bytesLine(name: string, bytes: Uint8Array): string {
  const debug = DEBUG.get(name) ?? 0;
  if (((bytes[0] ?? 0) & debug) !== 0) return `${hex(bytes)} (DEBUG: the host can look inside)`;
  if (bytes.length > 1 && bytes.every((byte) => byte === 0)) return `zeros (${bytes.length} bytes)`;
  if (bytes.length <= LONGEST_BYTES) return hex(bytes);
  return `${bytes.length} bytes, beginning ${hex(bytes.subarray(0, BEGINNING))}…`;
}

function timeLine(milliseconds: number): string | undefined {
  const known = Math.abs(milliseconds) <= LATEST;
  return known ? timeText(new Date(milliseconds).toISOString()) : undefined;
}

function numberLine(name: string, value: number): string {
  if (MILLISECONDS.has(name)) return timeLine(value) ?? String(value);
  const time = SECONDS.has(name) ? timeLine(value * 1000) : undefined;
  return time === undefined ? String(value) : `${value} (${time})`;
}

type Certified = {
  readonly serial: string;
  readonly subjectNames: ReadonlyMap<string, string>;
  readonly notBefore: number;
  readonly notAfter: number;
};

function isCertificate(value: object): value is Certified {
  return 'tbs' in value && 'subjectNames' in value && 'serial' in value;
}

function certificateLine({ serial, subjectNames, notBefore, notAfter }: Certified): string {
  const [from, until] = [notBefore, notAfter].map((time) => timeLine(time) ?? String(time));
  const names = [...subjectNames.values()].join(', ') || 'no name';
  return line(`certificate of ${names}; serial ${serial}; from ${from} until ${until}`);
}

function rowsOf(value: unknown, path: string, name = ''): [string, string][] {
  if (value instanceof Uint8Array) return [[line(path), bytesLine(name, value)]];
  if (typeof value === 'number') return [[line(path), numberLine(name, value)]];
  if (typeof value !== 'object' || value === null) return [[line(path), line(plain(value) ?? 'none')]];
  if (isCertificate(value)) return [[line(path), certificateLine(value)]];
  const list = Array.isArray(value) || value instanceof Set ? [...value] : undefined;
  const simple = list?.every((item) => typeof item !== 'object') === true;
  // Also the names are of whoever made the file.
  if (simple || path.length > LONGEST) return [[line(path), line(plain(value))]];
  const entries: [string, unknown][] =
    value instanceof Map
      ? [...value].map(([key, item]) => [String(key), item])
      : Object.entries(list ?? value);
  return entries.flatMap(([key, item]) => rowsOf(item, path === '' ? key : `${path}.${key}`, key));
}

/** What stands in evidence; nobody has checked who signed it. */
export function describedText(title: string, parsed: unknown): string {
  return `${title}\nNot authenticated: this is what the file says.\n\n${facts(rowsOf(parsed, ''))}`;
}
