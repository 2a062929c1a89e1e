// What the hub refuses, and the status of each code on the wire. Codes of the record (`statement/…`) go through as they
// are, so that a signer hears the same from hub, ledger and vault.
import { Refusal } from '@sealroom/host';

const STATUS = {
  'hub/no-session': 401,
  'hub/unknown-identity': 401,
  'hub/challenge': 401,
  'hub/registration-code': 403,
  'hub/foreign-statement': 403,
  'hub/wrong-role': 403,
  'hub/wrong-type': 400,
  'hub/not-found': 404,
  'hub/not-a-participant': 400,
  'hub/digest-mismatch': 400,
  'hub/missing-part': 400,
  'hub/too-large': 413,
  'hub/version': 409,
  'hub/repeated': 409,
  'hub/unknown-asset': 409,
  'hub/contract-mismatch': 400,
  'hub/not-unique': 409,
  'hub/run-in-progress': 409,
  'hub/store-not-allowed': 403,
  'hub/unknown-room': 403,
  'hub/out-of-order': 409,
  'hub/unknown-node': 401,
  'hub/node-request': 401,
  'hub/node-code': 403,
  'hub/ledger-unreachable': 503,
  'hub/ledger-answer': 502,
  'hub/ledger-unwitnessed': 503,
  'hub/end-unsettled': 503,
  'hub/output-missing': 500,
  'hub/record-broken': 500,
  'hub/half-tls': 500,
} as const;

export type HubCode = keyof typeof STATUS;

/** A refusal of the hub; the message tells the caller what to do next. */
export function refuse(code: HubCode, message: string, options?: { cause?: unknown }): Refusal<HubCode> {
  return new Refusal(code, message, { status: STATUS[code], ...options });
}

/** One answer for what does not exist and for what the caller may not know of. */
export function notFound(what: string): Refusal<HubCode> {
  return refuse('hub/not-found', `There is no such ${what} among those you take part in.`);
}
