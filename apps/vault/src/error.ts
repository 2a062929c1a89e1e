// The vault's refusals and the HTTP status of each. What a room may learn is one code, `vault/refused`.
import { Refusal } from '@sealroom/host';

export type VaultCode =
  | 'vault/refused'
  | 'vault/not-served'
  | 'vault/unknown-identity'
  | 'vault/stale-message'
  | 'vault/digest-mismatch'
  | 'vault/unwrap-failed'
  | 'vault/wrong-statement'
  | 'vault/root-key'
  | 'vault/key-file'
  | 'vault/half-tls'
  | 'vault/collateral'
  | 'record/unreachable'
  | 'record/forked'
  | 'record/rolled-back'
  | 'record/withheld';

const STATUS: Readonly<Record<VaultCode, number>> = {
  'vault/refused': 403,
  'vault/not-served': 403,
  'vault/unknown-identity': 403,
  'vault/stale-message': 403,
  'vault/digest-mismatch': 409,
  'vault/unwrap-failed': 400,
  'vault/wrong-statement': 400,
  'vault/root-key': 500,
  'vault/key-file': 500,
  'vault/half-tls': 500,
  'vault/collateral': 500,
  'record/unreachable': 503,
  'record/forked': 503,
  'record/rolled-back': 503,
  'record/withheld': 503,
};

export function refuse(
  code: VaultCode,
  message: string,
  options: { readonly cause?: unknown } = {},
): Refusal<VaultCode> {
  return new Refusal(code, message, { status: STATUS[code], ...options });
}

/** The one answer to a room whose keys are not released, whatever the reason. */
export function refusedRoom(): Refusal<VaultCode> {
  return refuse(
    'vault/refused',
    'The vault does not release. Its owner can read the reasons; a room cannot.',
  );
}
