export type ProviderErrorCode =
  /** This machine has nothing that proves itself. */
  | 'provider/none'
  /** What should be there is not, or may not be opened. */
  | 'provider/unavailable'
  /** Others used the same interface at the same time, again and again. */
  | 'provider/busy'
  /** The platform refused. */
  | 'provider/refused'
  /** The platform answered something that it never should. */
  | 'provider/malformed'
  | 'provider/too-large';

/** Why no evidence came; `code` is stable, the message is for the machine's operator. */
export class ProviderError extends Error {
  readonly code: ProviderErrorCode;
  constructor(code: ProviderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderError';
    this.code = code;
  }
}
