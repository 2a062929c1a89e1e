export type AttestErrorCode =
  | 'attest/malformed'
  | 'attest/too-large'
  | 'attest/unknown-technology'
  | 'attest/untrusted-signer'
  | 'attest/bad-signature'
  | 'attest/bad-certificate'
  | 'attest/bad-crl'
  | 'attest/bad-ocsp'
  | 'attest/bad-manifest'
  | 'attest/bad-collateral'
  | 'attest/stale-collateral'
  | 'attest/bad-policy'
  | 'attest/no-evidence';

/** The one error class of this package; `code` is stable, the message is for people. */
export class AttestError extends Error {
  readonly code: AttestErrorCode;
  constructor(code: AttestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AttestError';
    this.code = code;
  }
}
