// A lossless reader of JSON. Integers and floats stay apart, as Python keeps them: an integer is a bigint, a float is a
// number, so 1 and 1.0 differ and no integer is rounded. Objects are Maps in the order of the text: no key is special.
// Refused: duplicate keys, NaN and Infinity, floats that overflow, lone surrogates, too much depth, size or length.
import { type Bytes, BytesError, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { CriteriaError, type CriteriaErrorCode } from './error.ts';
import { floatText } from './python/float.ts';

/** Keys are strings in JSON; list positions and a renamed field may be another hashable in Cerberus. */
export type ValueKey = string | bigint | number | null;
export type ValueMap = Map<ValueKey, Value>;
/** bigint: an integer. number: a float, always finite. */
export type Value = null | boolean | string | bigint | number | readonly Value[] | ValueMap;

export interface ReadLimits {
  /** Levels of nesting; 64 unless told. */
  readonly maxDepth?: number;
  /** UTF-16 units of text; 16 Mi unless told. */
  readonly maxLength?: number;
  /** Values in the whole document, keys not counted; 1 Mi unless told. */
  readonly maxValues?: number;
}

// Python refuses to convert longer ones (sys.int_info.default_max_str_digits), and conversion is slower than linear.
const MAX_INTEGER_DIGITS = 4300;
const MAX_SAFE = 2n ** 53n - 1n;

export function isMap(value: unknown): value is ValueMap {
  return value instanceof Map;
}

export function isList(value: unknown): value is readonly Value[] {
  return Array.isArray(value);
}

class ValueReader {
  readonly #text: string;
  readonly #maxDepth: number;
  #valuesLeft: number;
  #at = 0;

  constructor(text: string, limits: ReadLimits) {
    this.#text = text;
    this.#maxDepth = limits.maxDepth ?? 64;
    this.#valuesLeft = limits.maxValues ?? 2 ** 20;
  }

  document(): Value {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#malformed();
    return value;
  }

  #fail(code: CriteriaErrorCode, message: string): CriteriaError {
    return new CriteriaError(code, `${message} (at character ${this.#at}).`);
  }

  #malformed(): CriteriaError {
    const rest = this.#text.slice(this.#at, this.#at + 9);
    const why = this.#text.startsWith('\ufeff')
      ? '; it starts with a byte order mark: save it without'
      : /^-?(?:NaN|Infinity)/u.test(rest)
        ? '; it has no NaN and no Infinity: leave the value out, or use null'
        : rest === ''
          ? '; it ends too early'
          : '';
    return this.#fail('value/malformed', `The text is not JSON${why}`);
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #take(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #value(depth: number): Value {
    if (--this.#valuesLeft < 0) throw this.#fail('value/too-large', 'The document holds too many values');
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(this.#deeper(depth));
      case '[':
        return this.#array(this.#deeper(depth));
      case '"':
        return this.#string();
      default:
        break;
    }
    if (this.#take('true')) return true;
    if (this.#take('false')) return false;
    if (this.#take('null')) return null;
    return this.#number();
  }

  #deeper(depth: number): number {
    this.#at++;
    if (depth >= this.#maxDepth) {
      throw this.#fail('value/too-deep', `JSON is nested more than ${this.#maxDepth} levels deep`);
    }
    return depth + 1;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    for (;;) {
      const unit = this.#text.charCodeAt(end);
      if (unit === 0x22) break;
      if (Number.isNaN(unit)) throw this.#malformed();
      end += unit === 0x5c ? 2 : 1;
    }
    if (this.#text[start] !== '"') throw this.#malformed();
    let value: string;
    try {
      value = String(JSON.parse(this.#text.slice(start, end + 1)));
    } catch {
      throw this.#malformed();
    }
    if (!value.isWellFormed()) {
      throw this.#fail('value/lone-surrogate', 'A string holds half of a surrogate pair');
    }
    this.#at = end + 1;
    return value;
  }

  #number(): bigint | number {
    const pattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw this.#malformed();
    const [lexeme, fraction, exponent] = found;
    if (fraction === undefined && exponent === undefined) {
      if (lexeme.length > MAX_INTEGER_DIGITS) {
        throw this.#fail('value/number-range', `An integer has more than ${MAX_INTEGER_DIGITS} digits`);
      }
      this.#at += lexeme.length;
      return BigInt(lexeme);
    }
    const value = Number(lexeme);
    if (!Number.isFinite(value)) throw this.#fail('value/number-range', 'A number is too large for a float');
    this.#at += lexeme.length;
    return value;
  }

  #array(depth: number): readonly Value[] {
    const out: Value[] = [];
    if (this.#take(']')) return out;
    do out.push(this.#value(depth));
    while (this.#take(','));
    if (!this.#take(']')) throw this.#malformed();
    return out;
  }

  #object(depth: number): ValueMap {
    const out: ValueMap = new Map();
    if (this.#take('}')) return out;
    do {
      this.#space();
      const key = this.#string();
      if (!this.#take(':')) throw this.#malformed();
      if (out.has(key)) throw this.#fail('value/duplicate-key', 'An object names the same member twice');
      out.set(key, this.#value(depth));
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#malformed();
    return out;
  }
}

/**
 * Reads one JSON document.
 * @throws CriteriaError value/malformed (also for bytes that are not UTF-8, and a byte order mark), value/duplicate-key,
 *   value/number-range, value/lone-surrogate, value/too-deep, value/too-large
 */
export function readValue(input: string | Uint8Array, limits: ReadLimits = {}): Value {
  const maxLength = limits.maxLength ?? 2 ** 24;
  if (input.length > maxLength) {
    throw new CriteriaError('value/too-large', `The document is longer than ${maxLength}; make it smaller.`);
  }
  let text: string;
  try {
    text = typeof input === 'string' ? input : utf8Decode(input);
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new CriteriaError('value/malformed', 'The document is not UTF-8 text.');
  }
  return new ValueReader(text, limits).document();
}

function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new CriteriaError('value/lone-surrogate', 'A string holds half of a surrogate pair.');
}

/**
 * The value behind a plain JavaScript one. Integer-valued numbers become integers (JavaScript cannot tell 1 from 1.0):
 * to keep floats, read the text with {@link readValue}.
 * @throws CriteriaError value/malformed, value/number-range, value/lone-surrogate, value/too-deep
 */
export function fromPlain(plain: unknown, depth = 0): Value {
  if (depth > 64) throw new CriteriaError('value/too-deep', 'JSON is nested more than 64 levels deep.');
  if (plain === null || typeof plain === 'boolean' || typeof plain === 'bigint') return plain;
  if (typeof plain === 'string') {
    return wellFormed(plain);
  }
  if (typeof plain === 'number') {
    if (!Number.isFinite(plain))
      throw new CriteriaError('value/number-range', 'NaN and Infinity are not JSON.');
    return Number.isSafeInteger(plain) ? BigInt(plain) : plain;
  }
  if (Array.isArray(plain)) return plain.map((item) => fromPlain(item, depth + 1));
  if (typeof plain === 'object') {
    const out: ValueMap = new Map();
    for (const [key, member] of Object.entries(plain)) {
      if (member !== undefined) out.set(wellFormed(key), fromPlain(member, depth + 1));
    }
    return out;
  }
  throw new CriteriaError('value/malformed', `A ${typeof plain} has no JSON form.`);
}

/** Whether two values are the same JSON: key order aside, integers and floats apart. */
export function sameValue(a: Value, b: Value): boolean {
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i] ?? null));
  }
  if (isMap(a)) {
    if (!isMap(b) || a.size !== b.size) return false;
    for (const [key, member] of a) {
      const other = b.get(key);
      if (other === undefined || !sameValue(member, other)) return false;
    }
    return true;
  }
  return Object.is(a, b);
}

/** Keys that are no texts come from `rename`; written as Python's json module does. */
function keyText(key: ValueKey): string {
  if (typeof key === 'number') return floatText(key);
  return key === null ? 'null' : String(key);
}

function write(value: Value, canonical: boolean): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') {
    if (canonical && (value > MAX_SAFE || value < -MAX_SAFE)) {
      throw new CriteriaError('value/number-range', 'An integer is outside ±(2^53-1); send it as a string.');
    }
    return String(value);
  }
  if (typeof value === 'number') {
    const text = JSON.stringify(value);
    return canonical || !/^-?[0-9]+$/.test(text) ? text : `${Object.is(value, -0) ? '-0' : text}.0`;
  }
  if (isList(value)) return `[${value.map((item) => write(item, canonical)).join(',')}]`;
  const members = [...value].map(([key, member]) => ({ key: keyText(key), member }));
  // Array.prototype.sort compares UTF-16 code units, which is the order RFC 8785 section 3.2.3 asks for.
  if (canonical) members.sort((a, b) => (a.key < b.key ? -1 : 1));
  return `{${members.map(({ key, member }) => `${JSON.stringify(key)}:${write(member, canonical)}`).join(',')}}`;
}

/**
 * RFC 8785 text: keys sorted, numbers in JavaScript's shortest form (the float 1.0 becomes 1).
 * @throws CriteriaError value/number-range for an integer that a double cannot hold for certain, ±(2^53-1)
 */
export function canonicalText(value: Value): string {
  return write(value, true);
}

/** UTF-8 bytes of {@link canonicalText}. */
export function canonicalValueBytes(value: Value): Bytes {
  return utf8Encode(canonicalText(value));
}

/** JSON text that {@link readValue} reads back to the same value: order kept, integers whole, floats with a fraction. */
export function writeValue(value: Value): string {
  return write(value, false);
}
