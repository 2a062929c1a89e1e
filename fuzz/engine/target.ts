// What a campaign runs: a decoder with its seeds and with what must hold of it. A target throws a Violation when it does not.
import type { Form } from './mutate.ts';

/** What must hold; the name of the property that did not. */
export type Oracle =
  /** Something other than the package's own error with a code of its union was thrown. */
  | 'foreign-error'
  /** What was accepted does not encode back to the same bytes. */
  | 'round-trip'
  /** Something was accepted that nobody signed or sealed. */
  | 'false-accept'
  /** Two readers of one input understand it differently. */
  | 'disagreement'
  /** More steps or time than the input's size explains. */
  | 'slow'
  | 'memory'
  | 'hang';

export class Violation extends Error {
  readonly oracle: Oracle;
  constructor(oracle: Oracle, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Violation';
    this.oracle = oracle;
  }
}

/** `note` tells outcomes apart: an input with a note that is new stays in the corpus. */
export type Outcome = { readonly accepted: boolean; readonly note: string };

export type Target = {
  /** Such as `seal.openBytes`. */
  readonly name: string;
  /** The decoders that it runs, as `<package or app>/<function>`; decoders.ts compares them with the sources. */
  readonly covers: readonly string[];
  readonly form: Form;
  readonly seeds: readonly Uint8Array[];
  /** Words that the format knows. */
  readonly words?: readonly string[];
  readonly run: (input: Uint8Array) => Outcome | Promise<Outcome>;
  /** Executions a turn, 32 unless told; few for what is dear (RSA, PBKDF2). */
  readonly turn?: number;
  /** Processor milliseconds that one execution may take, 1000 unless told. */
  readonly slowMs?: number;
};

export type Family = {
  readonly name: string;
  readonly targets: readonly Target[];
};

type Coded = Error & { readonly code: string };
// Any class of errors with a code.
type CodedClass = abstract new (...args: never[]) => Coded;

/** The refusals that a decoder documents: error class and codes. */
export type Refusals = readonly (readonly [CodedClass, readonly string[]])[];

/** A message without what varies from input to input. */
function shape(message: string): string {
  return message
    .slice(0, 300)
    .replaceAll(/"(?:[^"\\]|\\.)*"?/g, '"')
    .replaceAll(/[0-9]+/g, '#');
}

export function described(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  const code = 'code' in error ? ` ${String(error.code)}` : '';
  return `${error.name}${code}: ${error.message.slice(0, 300)}`;
}

/** The refusal's note, or a Violation when the error is not one that the decoder documents. */
export function refused(error: unknown, refusals: Refusals): Outcome {
  if (error instanceof Violation) throw error;
  for (const [kind, codes] of refusals) {
    if (error instanceof kind && codes.includes(error.code))
      return { accepted: false, note: `${error.code} ${shape(error.message)}` };
  }
  throw new Violation('foreign-error', `It threw what it does not document: ${described(error)}`, {
    cause: error,
  });
}

/** Runs a decoder: a note for what it refuses, `accept` on what it gives. */
export function judge<T>(refusals: Refusals, decode: () => T, accept: (value: T) => string | void): Outcome {
  let value: T;
  try {
    value = decode();
  } catch (error) {
    return refused(error, refusals);
  }
  return { accepted: true, note: `accepted ${accept(value) ?? ''}` };
}

export async function judgeAsync<T>(
  refusals: Refusals,
  decode: () => Promise<T>,
  accept: (value: T) => string | void | Promise<string | void>,
): Promise<Outcome> {
  let value: T;
  try {
    value = await decode();
  } catch (error) {
    return refused(error, refusals);
  }
  return { accepted: true, note: `accepted ${(await accept(value)) ?? ''}` };
}

export function expect(holds: boolean, oracle: Oracle, message: string): void {
  if (!holds) throw new Violation(oracle, message);
}
