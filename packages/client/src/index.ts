export { type Authenticate, call, type CallInput, type Fetch, type Service } from './call.ts';
export { ClientError, type ClientErrorCode } from './error.ts';
export { fingerprintGroups, fingerprintWords } from './fingerprint.ts';
export { type AcceptedNode, draftContract, type OfferParts, type OfferTerms } from './offer.ts';
export {
  checkBeforeSigning,
  checkRunRequest,
  type ContractReview,
  type KnownPins,
  type PinCheck,
  type ReviewedParty,
  reviewContract,
} from './review.ts';
export {
  identitiesOf,
  type PinnedLedger,
  type Recorded,
  statementsOf,
  type VaultOfOrganisation,
  vaultsOf,
  verifyAppended,
  verifyRecorded,
  type VerifiedRecord,
} from './verified-record.ts';
