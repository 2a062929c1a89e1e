import { constants } from 'node:fs';

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
  | 'sealing/bad-partial'
  | 'sealing/busy'
  | 'sealing/not-bkenc'
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

/** Opens nothing through a link; without O_NONBLOCK the opening of a named pipe would wait for a writer. */
export const INPUT_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function notRegular(path: string): SealingError {
  return new SealingError(
    'sealing/odd-file',
    `${JSON.stringify(path)} is no regular file (a link, folder, pipe or device); leave it out or copy its content.`,
  );
}

/** Why a file did not open with {@link INPUT_FLAGS}. */
export function inputError(error: unknown, path: string): unknown {
  if (isMissing(error))
    return new SealingError('sealing/no-input', `There is no file ${JSON.stringify(path)}.`);
  // A link answers ELOOP to O_NOFOLLOW, a socket ENXIO.
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ELOOP' || code === 'ENXIO' ? notRegular(path) : error;
}

export function changed(path: string): SealingError {
  return new SealingError(
    'sealing/changed',
    `${JSON.stringify(path)} changed while it was read; start again.`,
  );
}
