// What the ledger refuses, and the status of each code on the wire.
import { recordStatus } from '@sealroom/api';

export type LedgerErrorCode =
  | 'ledger/storage-failed'
  | 'ledger/disk-lost'
  | 'ledger/stopping'
  | 'ledger/busy'
  | 'ledger/no-checkpoint'
  | 'ledger/tiles-do-not-match'
  | 'ledger/statement-missing'
  | 'ledger/replay-refused'
  | 'ledger/key-missing'
  | 'ledger/half-tls'
  | 'ledger/unknown-entry'
  | 'ledger/unknown-statement'
  | 'ledger/unknown-tile'
  | 'ledger/size-ahead'
  | 'ledger/empty'
  | 'ledger/witness-ahead'
  | 'ledger/witness-conflict'
  | 'ledger/witness-refused';

/** The one error class of this app; `code` is stable, the message is for people. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode;
  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LedgerError';
    this.code = code;
  }
}

const STATUS: Readonly<Record<string, number>> = {
  'ledger/storage-failed': 503,
  'ledger/disk-lost': 503,
  'ledger/stopping': 503,
  'ledger/busy': 503,
  'ledger/unknown-entry': 404,
  'ledger/unknown-statement': 404,
  'ledger/unknown-tile': 404,
  'ledger/size-ahead': 409,
  'ledger/empty': 409,
  'tlog/bad-size': 400,
  'tlog/bad-index': 400,
  'tlog/malformed-tile-path': 404,
};

/** The HTTP status of a code; undefined for what is not the caller's to know. */
export function statusOf(code: string): number | undefined {
  return Object.hasOwn(STATUS, code) ? STATUS[code] : recordStatus(code);
}
