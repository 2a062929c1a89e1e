// The gate that a report passes before it may leave a room: strict JSON, size, depth, criteria, leak budget; what leaves
// is the canonical form, not the text that came. What is said of a refusal names no value and no foreign key.
import type { Bytes } from '@sealroom/bytes';
import type { Criteria } from './criteria.ts';
import { CriteriaError } from './error.ts';
import { reportBits } from './leak.ts';
import { type RedactedError, redactedMessages, redactErrors } from './redact.ts';
import { validate } from './validate.ts';
import { canonicalValueBytes, readValue, type Value } from './value.ts';

export type GateCode = 'gate/not-json' | 'gate/too-large' | 'gate/too-deep' | 'gate/criteria' | 'gate/bits';

export interface GateInput {
  /** Parsed in the strict mode. */
  readonly criteria: Criteria;
  /** The report as it came. */
  readonly text?: string | Uint8Array;
  /** Or as {@link readValue} read it. */
  readonly value?: Value;
  /** Bytes of the canonical form. */
  readonly maxBytes: number;
  /** Bits that this report may still take; see leak.ts. */
  readonly maxBits: number;
}

export type GateResult =
  | { readonly ok: true; readonly canonical: Bytes; readonly bits: number }
  | {
      readonly ok: false;
      readonly code: GateCode;
      readonly errors: readonly RedactedError[];
      /** The same as texts by path, for `/api/v1/validate`. */
      readonly messages: Readonly<Record<string, readonly string[]>>;
    };

/** Text may be longer than its canonical form: white space, escapes, long numbers. */
const SPARE_LENGTH = 2 ** 16;

function refuse(code: GateCode): GateResult {
  return { ok: false, code, errors: [], messages: {} };
}

function codeOf(error: CriteriaError): GateCode {
  if (error.code === 'value/too-deep') return 'gate/too-deep';
  return error.code === 'value/too-large' ? 'gate/too-large' : 'gate/not-json';
}

/**
 * Decides about one report. Nothing but `canonical` may leave, and `bits` are to be debited before it does.
 * @throws CriteriaError criteria/options for criteria that were not parsed in the strict mode, or input without a report
 */
export function gateReport(input: GateInput): GateResult {
  const { criteria, text, maxBytes, maxBits } = input;
  if (criteria.mode !== 'strict') {
    throw new CriteriaError('criteria/options', 'The gate takes criteria parsed in the strict mode only.');
  }
  let value = input.value;
  let canonical: Bytes;
  try {
    if (text !== undefined) value = readValue(text, { maxLength: 4 * maxBytes + SPARE_LENGTH });
    if (value === undefined) throw new CriteriaError('criteria/options', 'The gate needs a text or a value.');
    canonical = canonicalValueBytes(value);
  } catch (cause) {
    if (!(cause instanceof CriteriaError) || cause.code === 'criteria/options') throw cause;
    return refuse(codeOf(cause));
  }
  if (canonical.length > maxBytes) return refuse('gate/too-large');
  const result = validate(criteria, value);
  if (result.outcome !== 'valid') {
    const list = result.outcome === 'invalid' ? result.errorList : [];
    return {
      ok: false,
      code: 'gate/criteria',
      errors: redactErrors(list, criteria),
      messages: redactedMessages(list, criteria),
    };
  }
  const bits = reportBits(criteria, value);
  return bits > maxBits ? refuse('gate/bits') : { ok: true, canonical, bits };
}
