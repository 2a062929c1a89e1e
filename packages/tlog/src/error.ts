/** What is wrong with a proof, a note, a tile or a receipt. */
export type TlogErrorCode =
  | 'tlog/bad-size'
  | 'tlog/bad-index'
  | 'tlog/bad-proof-length'
  | 'tlog/bad-hash'
  | 'tlog/root-mismatch'
  | 'tlog/malformed-note'
  | 'tlog/malformed-key'
  | 'tlog/unsupported-key'
  | 'tlog/unknown-signer'
  | 'tlog/unknown-signature-line'
  | 'tlog/bad-signature'
  | 'tlog/malformed-checkpoint'
  | 'tlog/wrong-origin'
  | 'tlog/malformed-cosignature'
  | 'tlog/missing-witness'
  | 'tlog/malformed-tile'
  | 'tlog/malformed-tile-path'
  | 'tlog/malformed-bundle'
  | 'tlog/malformed-entry'
  | 'tlog/malformed-proof'
  | 'tlog/malformed-request'
  | 'tlog/malformed-receipt'
  | 'tlog/unsupported-tree';

/** The one error class of this package; `code` is stable, the message is for people. */
export class TlogError extends Error {
  readonly code: TlogErrorCode;
  constructor(code: TlogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TlogError';
    this.code = code;
  }
}
