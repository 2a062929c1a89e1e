// The HTTP status of what the record refuses, so that a signer hears the same from hub, ledger and vault.
const STATUS: Readonly<{ [code: string]: number }> = {
  'statement/malformed': 400,
  'statement/unknown-type': 400,
  'statement/wrong-subject': 400,
  'statement/wrong-ledger': 400,
  'contract/malformed': 400,
  'contract/parameters': 400,
  'bytes/bad-base64url': 400,
  'bytes/bad-digest': 400,
  'statement/unknown-key': 403,
  'statement/key-not-valid': 403,
  'statement/wrong-signer': 403,
  'statement/bad-signature': 403,
  'statement/repeated': 409,
  'statement/wrong-state': 409,
};

/** Undefined for a code that is not the record's: a service has its own for those. */
export function recordStatus(code: string): number | undefined {
  return Object.hasOwn(STATUS, code) ? STATUS[code] : undefined;
}
