/** What went wrong while reading untrusted bytes or text. */
export type BytesErrorCode =
  | 'bytes/bad-hex'
  | 'bytes/bad-base64url'
  | 'bytes/bad-digest'
  | 'bytes/bad-utf8'
  | 'bytes/truncated'
  | 'bytes/trailing'
  | 'json/malformed'
  | 'json/duplicate-key'
  | 'json/number-range'
  | 'json/lone-surrogate'
  | 'json/too-deep'
  | 'json/not-canonical'
  | 'json/unsupported';

/** The one error class of this package; `code` is stable, the message is for people. */
export class BytesError extends Error {
  readonly code: BytesErrorCode;
  constructor(code: BytesErrorCode, message: string) {
    super(message);
    this.name = 'BytesError';
    this.code = code;
  }
}
