/** Why sealed bytes, a key, a path or an inventory was not accepted. */
export type SealErrorCode =
  | 'seal/bad-key'
  | 'seal/bad-kek'
  | 'seal/kek-too-small'
  | 'seal/unwrap-failed'
  | 'seal/too-large'
  | 'seal/bad-header'
  | 'seal/truncated'
  | 'seal/extended'
  | 'seal/empty-segment'
  | 'seal/not-authentic'
  | 'seal/bad-leaves'
  | 'seal/leaf-mismatch'
  | 'seal/bad-range'
  | 'seal/bad-path'
  | 'seal/bad-inventory'
  | 'seal/wrong-key'
  | 'seal/wrong-asset'
  | 'seal/zero-salt'
  | 'seal/repeated-salt'
  | 'seal/bad-recipient'
  | 'seal/hpke-failed'
  | 'seal/output-too-large'
  | 'seal/bad-padding'
  | 'seal/bad-envelope'
  | 'seal/not-recipient'
  | 'seal/bkenc-malformed';

/** The one error class of this package; `code` is stable, the message is for people. */
export class SealError extends Error {
  readonly code: SealErrorCode;
  constructor(code: SealErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SealError';
    this.code = code;
  }
}
