/** Codes of the release decision, in the order of protocol.md section 7. */
export const RELEASE_CODES = [
  'release/nonce',
  'release/run-unknown',
  'release/evidence',
  'release/revocation',
  'release/technology',
  'release/debug',
  'release/tcb',
  'release/configuration',
  'release/device',
  'release/device-evidence',
  'release/device-revocation',
  'release/device-tcb',
  'release/device-configuration',
  'release/device-code',
  'release/device-binding',
  'release/device-platform',
  'release/code',
  'release/run-binding',
  'release/room-binding',
  'release/platform',
  'release/contract-digest',
  'release/contract-signature',
  'release/contract-window',
  'release/contract-suspended',
  'release/contract-revoked',
  'release/key-not-valid',
  'release/request-signer',
  'release/approval-missing',
  'release/approval-signer',
  'release/run-ended',
  'release/dataset',
  'release/algorithm',
  'release/criteria',
  'release/image',
  'release/parameters',
  'release/resources',
  'release/sensitivity',
  'release/commitment',
  'release/manifest',
  'release/quota',
  'release/attempts',
  'release/not-served',
  'release/policy',
  'release/record-stale',
] as const;

export type ReleaseCode = (typeof RELEASE_CODES)[number];

export type ContractErrorCode =
  | 'statement/malformed'
  | 'statement/unknown-type'
  | 'statement/unknown-key'
  | 'statement/key-not-valid'
  | 'statement/wrong-signer'
  | 'statement/bad-signature'
  | 'statement/wrong-ledger'
  | 'statement/wrong-subject'
  | 'statement/repeated'
  | 'statement/wrong-state'
  | 'contract/malformed'
  | 'contract/parameters'
  | 'receipt/malformed'
  | 'receipt/checkpoint'
  | 'receipt/inclusion'
  | 'receipt/statement'
  | 'receipt/unused'
  | 'receipt/incomplete'
  | 'receipt/manifest'
  | 'receipt/challenge'
  | 'receipt/evidence'
  | 'receipt/collateral'
  | 'receipt/answer'
  | 'receipt/room'
  | 'receipt/contract'
  | 'receipt/outcome'
  | 'receipt/pins-ledger'
  | 'receipt/pins-organisation'
  | 'receipt/pins-simulator'
  | 'receipt/pins-hardware'
  | 'receipt/pins-key-set'
  | 'trust/malformed'
  | ReleaseCode;

/** The one error class of this package; `code` is stable, the message is for people. */
export class ContractError extends Error {
  readonly code: ContractErrorCode;
  constructor(code: ContractErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ContractError';
    this.code = code;
  }
}
