export { ContractError, type ContractErrorCode, RELEASE_CODES, type ReleaseCode } from './error.ts';
export {
  buildManifest,
  commitmentBytes,
  encodeManifest,
  type Manifest,
  parametersDigest,
  releaseInfo,
  roomBinding,
  type RoomKeys,
  type VaultNonce,
} from './manifest.ts';
export {
  checkParameters,
  parameterName,
  parameterType,
  type ParameterType,
  parameterValue,
  type ParameterValue,
} from './parameters.ts';
export {
  createMessage,
  type Message,
  type MessageName,
  type MessageOf,
  messageSignerUnverified,
  messageUnverified,
  verifyMessage,
} from './message.ts';
export {
  encodeReceipt,
  parseReceipt,
  type PlacedStatement,
  placeStatements,
  type ReceiptFile,
  selectReceiptStatements,
} from './receipt-file.ts';
export type { Attestation, Judge } from './receipt-evidence.ts';
export type { Basis, KeySource, ReaderKeys } from './receipt-keys.ts';
export { pathText, verifyReceipt, type VerifiedReceipt } from './receipt.ts';
export {
  decideRelease,
  type Reason,
  type ReleaseDecision,
  type ReleaseQuestion,
  type ServedAsset,
  type VaultPolicy,
} from './release.ts';
export { type AttestPolicy, type AttestWorld, EVIDENCE_CODES } from './release-evidence.ts';
export { type KeySetWord, keySetWords } from './key-set-words.ts';
export { collateralPieces, joinPieces, packCollateral } from './receipt-collateral.ts';
export { runsSpent } from './quota.ts';
export { encodeTrust, parseTrust, type Trust } from './trust.ts';
export { admitStatement, applyStatement, createRecord, subjectSalt } from './record.ts';
export { contractStands, mayUse, stewardsOf } from './record-state.ts';
export type {
  Admitted,
  ArtifactKind,
  ArtifactState,
  ContractState,
  Denial,
  KeyEntry,
  LedgerRecord,
  OrganisationState,
  Reservation,
  RunState,
  Signature,
} from './record-types.ts';
export {
  createStatement,
  freshSalt,
  isOfType,
  readStatement,
  signPayload,
  type Statement,
} from './statement.ts';
export {
  isStatementType,
  type PayloadOf,
  roomKeysSchema,
  type SignerKind,
  STATEMENTS,
  type StatementType,
  subjectOf,
} from './statement-table.ts';
export {
  type Contract,
  contractDigest,
  contractSalt,
  contractSchema,
  CUSTODIES,
  type Custody,
  encodeContract,
  type Isolation,
  ISOLATIONS,
  isolationSuffices,
  parseContract,
  type Role,
  ROLES,
  SENSITIVITIES,
  type Sensitivity,
  type Use,
  USES,
  vaultOf,
} from './terms.ts';
export {
  bytesText,
  count,
  digest,
  evidenceSchema,
  identifier,
  keyText,
  line,
  lines,
  platformName,
  salt,
  shortText,
  technology,
  time,
  url,
} from './fields.ts';
