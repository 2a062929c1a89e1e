/** Why files or folders could not be sealed or opened on this machine; what is wrong with sealed bytes is a `SealError`. */
export type SealingErrorCode =
  | 'sealing/output-exists'
  | 'sealing/bad-output'
  | 'sealing/no-input'
  | 'sealing/odd-file'
  | 'sealing/empty-folder'
  | 'sealing/changed'
  | 'sealing/missing-file'
  | 'sealing/not-sealed'
  | 'sealing/cancelled'
  | 'sealing/io';

/** The one error class of this folder; `code` is stable, the message is for people. */
export class SealingError extends Error {
  readonly code: SealingErrorCode;
  constructor(code: SealingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SealingError';
    this.code = code;
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** True for the system's "no such file" and "a part of the path is no folder". */
export function isMissing(error: unknown): boolean {
  return isErrno(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** The system's errors as ours; other errors as they are. */
export function explain(error: unknown): unknown {
  if (!isErrno(error)) return error;
  const where = error.path === undefined ? '' : ` at ${JSON.stringify(error.path)}`;
  const advice = error.code === 'ENOSPC' ? 'the disk is full; make room and start again' : error.code;
  return new SealingError('sealing/io', `Reading or writing failed${where}: ${advice}.`, { cause: error });
}
