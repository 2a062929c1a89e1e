export { type Appraisal, appraiseEvidence, isDistrusted, isReason, type Submodule } from './appraise.ts';
export {
  type Collateral,
  type CollateralFile,
  joinCollateral,
  NO_COLLATERAL,
  readCollateral,
  selectCollateral,
} from './collateral.ts';
export { type KeySet, type KeySetOrigin, LONGEST_KEY_SET_MS, readKeySet } from './jwt/key-set.ts';
export { deviceNonce } from './devices.ts';
export { type GpuEntry } from './nvidia-gpu/entry.ts';
export { type NrasEntry } from './nvidia-nras/entry.ts';
export { type GpuEvidence, type GpuReport, parseGpuEvidence, parseGpuReport } from './nvidia-gpu/parse.ts';
export { type Manifest, parseManifest } from './nvidia-gpu/manifest.ts';
export { type Roots, vendorRoots } from './roots/roots.ts';
export { AttestError, type AttestErrorCode } from './error.ts';
export { readEvidenceFile } from './evidence-file.ts';
export {
  type Result,
  resultOf,
  type Status,
  type SubmoduleResult,
  type TrustVector,
} from './result.ts';
export { pinnedPolicy } from './pinned.ts';
export { parsePolicy, type Policy, policyDigest, policySchema, roomPolicy } from './policy.ts';
export { parseSimulatedEvidence, type SimulatedReport } from './simulated/parse.ts';
export { verifySimulated } from './simulated/verify.ts';
export { type QuoteInfo, parseQuoteInfo, parseTpmKey, parseTpmSignature } from './tpm/structures.ts';
export { AK_VENDORS, type AkVendor, readAkCertificates, verifyAkChain } from './tpm/ak-chain.ts';
export {
  demandsOf,
  detectTechnologies,
  type DeviceDemand,
  type Entry,
  entrySchema,
  MOST_DEVICES,
  namesOwnKeys,
  type PolicyEntry,
  technologyOf,
} from './technology.ts';
export {
  type AnyEvidence,
  type Binding,
  type Category,
  type Check,
  type Claims,
  type CollateralUse,
  type Context,
  DEVICE_TECHNOLOGIES,
  type DeviceEvidence,
  type DeviceTechnology,
  type Evidence,
  ROOM_TECHNOLOGIES,
  type RoomTechnology,
  type Technology,
} from './types.ts';
