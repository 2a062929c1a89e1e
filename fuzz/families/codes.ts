// The refusals that decoders document, by class and code.
import { AttestError, type AttestErrorCode } from '@sealroom/attest';
import { BytesError, type BytesErrorCode } from '@sealroom/bytes';
import { ContractError, type ContractErrorCode } from '@sealroom/contract';
import { CoseError, type CoseErrorCode } from '@sealroom/cose';
import { CriteriaError, type CriteriaErrorCode } from '@sealroom/criteria';
import { SealError, type SealErrorCode } from '@sealroom/seal';
import { TlogError, type TlogErrorCode } from '@sealroom/tlog';
import type { Refusals } from '../engine/target.ts';

export const bytes = (...codes: readonly BytesErrorCode[]): Refusals => [[BytesError, codes]];
export const cose = (...codes: readonly CoseErrorCode[]): Refusals => [[CoseError, codes]];
export const seal = (...codes: readonly SealErrorCode[]): Refusals => [[SealError, codes]];
export const tlog = (...codes: readonly TlogErrorCode[]): Refusals => [[TlogError, codes]];
export const contract = (...codes: readonly ContractErrorCode[]): Refusals => [[ContractError, codes]];
export const attest = (...codes: readonly AttestErrorCode[]): Refusals => [[AttestError, codes]];
export const criteria = (...codes: readonly CriteriaErrorCode[]): Refusals => [[CriteriaError, codes]];

export const STRICT_JSON: readonly BytesErrorCode[] = [
  'bytes/bad-utf8',
  'json/malformed',
  'json/duplicate-key',
  'json/number-range',
  'json/lone-surrogate',
  'json/too-deep',
];
/** What a store of collateral refuses files with. */
export const PIECE_CODES: readonly AttestErrorCode[] = [
  'attest/too-large',
  'attest/bad-collateral',
  'attest/stale-collateral',
  'attest/malformed',
  'attest/bad-certificate',
  'attest/bad-crl',
  'attest/bad-manifest',
];
export const READ_STATEMENT: readonly ContractErrorCode[] = [
  'statement/malformed',
  'statement/unknown-type',
  'statement/wrong-subject',
  'contract/malformed',
];
export const ADMIT_STATEMENT: readonly ContractErrorCode[] = [
  ...READ_STATEMENT,
  'statement/unknown-key',
  'statement/key-not-valid',
  'statement/wrong-signer',
  'statement/bad-signature',
  'statement/wrong-ledger',
  'statement/repeated',
  'statement/wrong-state',
];
