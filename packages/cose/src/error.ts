export type CoseErrorCode =
  | 'cose/malformed'
  | 'cose/not-deterministic'
  | 'cose/bad-key'
  | 'cose/unsupported-algorithm'
  | 'cose/bad-header'
  | 'cose/bad-signature'
  | 'cose/wrong-key';

/** The one error class of this package; `code` is stable, the message is for people. */
export class CoseError extends Error {
  readonly code: CoseErrorCode;
  constructor(code: CoseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CoseError';
    this.code = code;
  }
}
