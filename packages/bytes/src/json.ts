// Canonical JSON (RFC 8785) and the strict reader that signed documents go through. Numbers are integers within
// ±(2^53-1) in canonical documents; the strict reader can allow fractions for reports. Not checked here: any schema.
import { type Bytes, utf8Decode, utf8Encode } from './bytes.ts';
import { BytesError } from './error.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

const MAX_DEPTH = 64;

function checkText(text: string): string {
  if (!text.isWellFormed())
    throw new BytesError('json/lone-surrogate', 'A string holds half of a surrogate pair.');
  return text;
}

function serialise(value: unknown, depth: number, fractions: boolean): string {
  if (depth > MAX_DEPTH)
    throw new BytesError('json/too-deep', `JSON is nested more than ${MAX_DEPTH} levels deep.`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(checkText(value));
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || (!fractions && !Number.isSafeInteger(value))) {
      throw new BytesError('json/number-range', 'Numbers in signed JSON are integers within ±(2^53-1).');
    }
    return JSON.stringify(value);
  }
  if (Array.isArray(value))
    return `[${value.map((item) => serialise(item, depth + 1, fractions)).join(',')}]`;
  if (typeof value === 'object') {
    // Array.prototype.sort compares UTF-16 code units, which is the order RFC 8785 section 3.2.3 asks for.
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(checkText(key))}:${serialise(member, depth + 1, fractions)}`);
    return `{${members.join(',')}}`;
  }
  throw new BytesError('json/unsupported', `A ${typeof value} has no JSON form.`);
}

/**
 * RFC 8785 text of a value. Members that are `undefined` are left out.
 * @param fractions allow numbers that are not integers (reports); signed statements never do.
 */
export function canonicalJson(value: unknown, { fractions = false } = {}): string {
  return serialise(value, 0, fractions);
}

/** UTF-8 bytes of {@link canonicalJson}. */
export function canonicalBytes(value: unknown, options: { fractions?: boolean } = {}): Bytes {
  return utf8Encode(canonicalJson(value, options));
}

class JsonReader {
  readonly #text: string;
  readonly #fractions: boolean;
  #at = 0;

  constructor(text: string, fractions: boolean) {
    this.#text = text;
    this.#fractions = fractions;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#malformed();
    return value;
  }

  #malformed(): BytesError {
    return new BytesError('json/malformed', `The text is not JSON (at character ${this.#at}).`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #take(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH)
      throw new BytesError('json/too-deep', `JSON is nested more than ${MAX_DEPTH} levels deep.`);
    if (this.#take('{')) return this.#object(depth);
    if (this.#take('[')) return this.#array(depth);
    if (this.#take('true')) return true;
    if (this.#take('false')) return false;
    if (this.#take('null')) return null;
    if (this.#text[this.#at] === '"') return this.#string();
    return this.#number();
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    if (this.#text[start] !== '"' || end >= this.#text.length) throw this.#malformed();
    this.#at = end + 1;
    try {
      return checkText(String(JSON.parse(this.#text.slice(start, end + 1))));
    } catch (cause) {
      if (cause instanceof BytesError) throw cause;
      throw this.#malformed();
    }
  }

  #number(): number {
    const found = this.#match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (found === undefined) throw this.#malformed();
    const value = Number(found);
    const whole = /^-?[0-9]+$/.test(found);
    // A large float is written in digits alone up to 1e21 (RFC 8785): with fractions, that form of it is one.
    const large =
      whole && !Number.isSafeInteger(value) && !(this.#fractions && JSON.stringify(value) === found);
    if (!Number.isFinite(value) || large || (!whole && !this.#fractions)) {
      throw new BytesError(
        'json/number-range',
        'A number is outside ±(2^53-1) or not an integer; send it as a string.',
      );
    }
    return value;
  }

  #array(depth: number): Json {
    const out: Json[] = [];
    if (this.#take(']')) return out;
    do out.push(this.#value(depth + 1));
    while (this.#take(','));
    if (!this.#take(']')) throw this.#malformed();
    return out;
  }

  #object(depth: number): Json {
    const members = new Map<string, Json>();
    if (this.#take('}')) return {};
    do {
      this.#space();
      const key = this.#string();
      if (!this.#take(':')) throw this.#malformed();
      if (members.has(key))
        throw new BytesError('json/duplicate-key', 'An object names the same member twice.');
      members.set(key, this.#value(depth + 1));
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#malformed();
    return Object.fromEntries(members);
  }
}

/**
 * Reads JSON and refuses what two readers could understand differently: duplicate keys, lone surrogates, integers
 * beyond ±(2^53-1), numbers that overflow, more than 64 levels, a byte order mark.
 * @param fractions allow numbers with a fraction or exponent, and the canonical form of every such number.
 */
export function parseStrictJson(input: string | Uint8Array, { fractions = false } = {}): Json {
  return new JsonReader(typeof input === 'string' ? input : utf8Decode(input), fractions).document();
}

/** Like {@link parseStrictJson}, and refuses (`json/not-canonical`) bytes that are not the canonical form of their value. */
export function parseCanonical(input: string | Uint8Array): Json {
  const text = typeof input === 'string' ? input : utf8Decode(input);
  const value = parseStrictJson(text);
  if (canonicalJson(value) !== text) {
    throw new BytesError('json/not-canonical', 'The JSON is not in canonical form (RFC 8785).');
  }
  return value;
}
