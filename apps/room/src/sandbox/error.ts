/** Why an algorithm could not be run. What the algorithm itself did is never an error but a result. */
export type SandboxErrorCode =
  | 'sandbox/unavailable'
  | 'sandbox/unsupported-processor'
  | 'sandbox/bad-limits'
  | 'sandbox/bad-workdir'
  | 'sandbox/bad-command'
  | 'sandbox/bad-file'
  | 'sandbox/bad-package'
  | 'sandbox/no-room'
  | 'sandbox/start-failed'
  | 'sandbox/forwarder-lost'
  | 'sandbox/survivors';

/** The one error class of the sandbox; `code` is stable, the message is for people. */
export class SandboxError extends Error {
  readonly code: SandboxErrorCode;
  constructor(code: SandboxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SandboxError';
    this.code = code;
  }
}
