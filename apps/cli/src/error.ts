// How a command fails: one error class, the exit codes, and the one formatter for every error of the system.
import { CommanderError } from 'commander';

/** Exit codes; `docs/cli.md` lists them. */
export const EXIT = { ok: 0, refused: 1, usage: 2, consistent: 3, unreachable: 4 } as const;

export type CliErrorCode =
  | 'cli/usage'
  | 'cli/no-terminal'
  | 'cli/cancelled'
  | 'cli/no-file'
  | 'cli/bad-file'
  | 'cli/file-exists'
  | 'cli/locked'
  | 'cli/no-identity'
  | 'cli/no-hub'
  | 'cli/no-ledger-pin'
  | 'cli/ledger-changed'
  | 'cli/vault-key'
  | 'cli/not-found'
  | 'cli/ambiguous'
  | 'cli/pins'
  | 'cli/refused'
  | 'cli/not-proved'
  | 'cli/receipt-mismatch';

/** The one error class of this app; `next` tells the reader what to do. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly exit: number;
  readonly next: string | undefined;
  constructor(
    code: CliErrorCode,
    message: string,
    { exit = EXIT.usage, next, cause }: { exit?: number; next?: string; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = 'CliError';
    this.code = code;
    this.exit = exit;
    this.next = next;
  }
}

export type Failure = {
  readonly code: string;
  readonly message: string;
  readonly next: string | undefined;
  readonly exit: number;
};

const UNUSABLE =
  /^(?:attest|sealing|package|trust|cose\/bad-key|seal\/(?:bad-key|bad-path|bad-kek|kek-too-small)|http\/insecure|bytes)/;
const UNREACHABLE = /^(?:fetch\/|blob\/failed|client\/unreachable|hub\/ledger-unreachable)/;

function stringOf(error: object, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

/** Why a connection failed, from the innermost cause that says so. */
function certificateRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    /CERT|SELF_SIGNED|VERIFY|ERR_TLS/.test(stringOf(error, 'code') ?? '') || certificateRefused(error.cause)
  );
}

const UNKNOWN_AUTHORITY =
  'Its certificate is by no authority known here, or for another name. If the operator gave you the authority’s certificate: sealroom hub connect URL --ca FILE';

function exitOf(code: string): number {
  if (UNREACHABLE.test(code)) return EXIT.unreachable;
  return UNUSABLE.test(code) ? EXIT.usage : EXIT.refused;
}

/** Control characters could repaint a terminal; what a service or a file says is shown without them. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these characters are what is taken out
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');
}

/** Any error as code, words and exit code. Errors of all packages carry a `code` such as `seal/truncated`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError)
    return { code: error.code, message: error.message, next: error.next, exit: error.exit };
  if (error instanceof CommanderError) {
    const bare = error.code === 'commander.help' ? 'The command is not complete.' : error.message;
    const message = bare.replace(/^error: /, '');
    return {
      code: 'cli/usage',
      message,
      next: 'Add --help to see what the command takes.',
      exit: EXIT.usage,
    };
  }
  if (!(error instanceof Error))
    return { code: 'cli/unexpected', message: String(error), next: undefined, exit: EXIT.refused };
  const own = stringOf(error, 'code') ?? '';
  // A service's own code says more than that it refused.
  const code = stringOf(error, 'problem') ?? own;
  if (/^[a-z-]+\/[a-z0-9-]+$/.test(code))
    return {
      code,
      message: error.message,
      next: certificateRefused(error) ? UNKNOWN_AUTHORITY : undefined,
      exit: exitOf(code),
    };
  if (stringOf(error, 'syscall') !== undefined && own !== '') {
    const where = stringOf(error, 'path');
    const message = `Reading or writing failed${where === undefined ? '' : ` at ${where}`} (${own}).`;
    return { code: 'cli/io', message, next: undefined, exit: EXIT.usage };
  }
  const next = 'This is a defect of sealroom; add --debug for the details to report.';
  return { code: 'cli/unexpected', message: error.message, next, exit: EXIT.refused };
}

/** For people: what happened, what was done before, what to do next. */
export function failureText(failure: Failure, done: readonly string[]): string {
  const lines = [`error: ${printable(failure.message)} [${failure.code}]`];
  // Whether a request that was not answered arrived is not known.
  if (done.length === 0 && failure.exit !== EXIT.unreachable) lines.push('  Nothing was changed.');
  else lines.push(...done.map((what) => `  Done before this: ${printable(what)}`));
  if (failure.next !== undefined) lines.push(`  Next: ${printable(failure.next)}`);
  return `${lines.join('\n')}\n`;
}

/** For scripts. */
export function failureJson(failure: Failure, done: readonly string[]): unknown {
  const { code, message, next } = failure;
  return { ok: false, code, message, ...(next === undefined ? {} : { next }), done };
}
