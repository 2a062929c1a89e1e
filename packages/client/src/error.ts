export type ClientErrorCode =
  | 'client/unreachable'
  | 'client/bad-answer'
  | 'client/refused'
  | 'client/too-large'
  | 'client/not-proved'
  | 'client/unpinned'
  | 'client/mismatch';

/**
 * The one error class of this package. For a service's refusal, `problem` is its code (such as `statement/wrong-state`)
 * and `status` the HTTP status; unreachable services may be tried again.
 */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly problem: string | undefined;
  readonly status: number | undefined;
  constructor(
    code: ClientErrorCode,
    message: string,
    { problem, status, cause }: { problem?: string; status?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = 'ClientError';
    this.code = code;
    this.problem = problem;
    this.status = status;
  }
}
